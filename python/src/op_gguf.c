/* GGUF files, as headrace/_files.py uses them: _load_gguf(path, stream), _save_gguf(path, arrays, metadata). */
#include "core.h"

static PyObject *arrays_of(hr_state *st, mlx_io_gguf gguf) {
  mlx_vector_string keys = mlx_vector_string_new();
  PyObject *dict = PyDict_New();
  if (mlx_io_gguf_get_keys(&keys, gguf)) {
    hr_raise(st);
    Py_CLEAR(dict);
  }
  for (size_t i = 0; dict && i < mlx_vector_string_size(keys); i++) {
    char *key = NULL;
    mlx_array value = {0};
    int failed = mlx_vector_string_get(&key, keys, i) || mlx_io_gguf_get_array(&value, gguf, key);
    PyObject *item = hr_result(st, failed, value);
    if (!item || PyDict_SetItemString(dict, key, item) < 0) Py_CLEAR(dict);
    Py_XDECREF(item);
  }
  mlx_vector_string_free(keys);
  return dict;
}

static PyObject *texts_of(hr_state *st, mlx_io_gguf gguf, const char *key) {
  mlx_vector_string texts = mlx_vector_string_new();
  PyObject *list = mlx_io_gguf_get_metadata_vector_string(&texts, gguf, key) ? hr_raise(st) : PyList_New(0);
  for (size_t i = 0; list && i < mlx_vector_string_size(texts); i++) {
    char *text = NULL;
    PyObject *item = mlx_vector_string_get(&text, texts, i) ? hr_raise(st) : PyUnicode_FromString(text);
    if (!item || PyList_Append(list, item) < 0) Py_CLEAR(list);
    Py_XDECREF(item);
  }
  mlx_vector_string_free(texts);
  return list;
}

static PyObject *metadata_value(hr_state *st, mlx_io_gguf gguf, const char *key) {
  bool is_array = false, is_text = false;
  if (mlx_io_gguf_has_metadata_array(&is_array, gguf, key) || mlx_io_gguf_has_metadata_string(&is_text, gguf, key))
    return hr_raise(st);
  if (is_array) {
    mlx_array value = {0};
    int failed = mlx_io_gguf_get_metadata_array(&value, gguf, key);
    return hr_result(st, failed, value);
  }
  if (!is_text) return texts_of(st, gguf, key);
  mlx_string text = mlx_string_new();
  PyObject *result =
      mlx_io_gguf_get_metadata_string(&text, gguf, key) ? hr_raise(st) : PyUnicode_FromString(mlx_string_data(text));
  mlx_string_free(text);
  return result;
}

static PyObject *metadata_of(hr_state *st, mlx_io_gguf gguf) {
  mlx_vector_string keys = mlx_vector_string_new();
  PyObject *dict = hr_gguf_metadata_keys(&keys, gguf) ? hr_raise(st) : PyDict_New();
  for (size_t i = 0; dict && i < mlx_vector_string_size(keys); i++) {
    char *key = NULL;
    PyObject *item = mlx_vector_string_get(&key, keys, i) ? hr_raise(st) : metadata_value(st, gguf, key);
    if (!item || PyDict_SetItemString(dict, key, item) < 0) Py_CLEAR(dict);
    Py_XDECREF(item);
  }
  mlx_vector_string_free(keys);
  return dict;
}

static PyObject *both_of(hr_state *st, mlx_io_gguf gguf) {
  PyObject *arrays = arrays_of(st, gguf), *metadata = arrays ? metadata_of(st, gguf) : NULL;
  PyObject *both = metadata ? PyTuple_Pack(2, arrays, metadata) : NULL;
  Py_XDECREF(arrays);
  Py_XDECREF(metadata);
  return both;
}

PyObject *hr_op_load_gguf(PyObject *module, PyObject *args) {
  const char *path;
  PyObject *stream, *both = NULL;
  hr_call call;
  if (!PyArg_ParseTuple(args, "sO:_load_gguf", &path, &stream)) return NULL;
  hr_call_begin(&call, hr_state_of_module(module), "load");
  mlx_io_gguf gguf = mlx_io_gguf_new();
  if (hr_get_stream(&call, stream)) {
    int failed;
    Py_BEGIN_ALLOW_THREADS failed = mlx_load_gguf(&gguf, path, call.stream);
    Py_END_ALLOW_THREADS both = failed ? hr_raise(call.st) : both_of(call.st, gguf);
  }
  mlx_io_gguf_free(gguf);
  hr_call_end(&call);
  return both;
}

static bool set_texts(hr_state *st, mlx_io_gguf gguf, const char *key, PyObject *list) {
  mlx_vector_string texts = mlx_vector_string_new();
  bool good = true;
  for (Py_ssize_t i = 0; good && i < PyList_GET_SIZE(list); i++) {
    const char *text = PyUnicode_Check(PyList_GET_ITEM(list, i)) ? PyUnicode_AsUTF8(PyList_GET_ITEM(list, i)) : NULL;
    good = text && mlx_vector_string_append_value(texts, text) == 0;
  }
  if (good) good = mlx_io_gguf_set_metadata_vector_string(gguf, key, texts) == 0 || hr_raise(st);
  if (!good && !PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "save_gguf: a list of str is needed");
  mlx_vector_string_free(texts);
  return good;
}

static bool set_array(hr_state *st, mlx_io_gguf gguf, const char *key, PyObject *array,
                      int (*set)(mlx_io_gguf, const char *, mlx_array)) {
  mlx_array value;
  if (!hr_array_share(&value, array)) return false;
  int failed = set(gguf, key, value);
  mlx_array_free(value);
  return !failed || hr_raise(st);
}

static bool set_metadata(hr_state *st, mlx_io_gguf gguf, const char *key, PyObject *value) {
  if (PyList_Check(value)) return set_texts(st, gguf, key, value);
  if (hr_is_array(value)) return set_array(st, gguf, key, value, mlx_io_gguf_set_metadata_array);
  const char *text = PyUnicode_Check(value) ? PyUnicode_AsUTF8(value) : NULL;
  if (text) return mlx_io_gguf_set_metadata_string(gguf, key, text) == 0 || hr_raise(st);
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "save_gguf: metadata must be arrays, str or lists of str");
  return false;
}

static bool fill(hr_state *st, mlx_io_gguf gguf, PyObject *dict, bool metadata) {
  PyObject *key, *value;
  Py_ssize_t at = 0;
  while (dict != Py_None && PyDict_Next(dict, &at, &key, &value)) {
    const char *name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : NULL;
    if (!name || (!metadata && !hr_is_array(value))) {
      if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "save_gguf: a dict of str to array is needed");
      return false;
    }
    if (metadata ? !set_metadata(st, gguf, name, value) : !set_array(st, gguf, name, value, mlx_io_gguf_set_array))
      return false;
  }
  return true;
}

PyObject *hr_op_save_gguf(PyObject *module, PyObject *args) {
  const char *path;
  PyObject *arrays, *metadata = Py_None;
  hr_state *st = hr_state_of_module(module);
  int failed = 1;
  if (!PyArg_ParseTuple(args, "sO!|O:_save_gguf", &path, &PyDict_Type, &arrays, &metadata)) return NULL;
  if (metadata != Py_None && !PyDict_Check(metadata))
    return PyErr_SetString(PyExc_TypeError, "save_gguf: the metadata must be a dict"), NULL;
  mlx_io_gguf gguf = mlx_io_gguf_new();
  if (fill(st, gguf, arrays, false) && fill(st, gguf, metadata, true)) {
    Py_BEGIN_ALLOW_THREADS failed = mlx_save_gguf(path, gguf);
    Py_END_ALLOW_THREADS if (failed) hr_raise(st);
  }
  mlx_io_gguf_free(gguf);
  return failed ? NULL : Py_NewRef(Py_None);
}
