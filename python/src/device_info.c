/* What is known about a device, as a dict. */
#include "core.h"

static PyObject *info_value(hr_state *st, mlx_device_info info, const char *key) {
  bool is_text = false;
  const char *text = NULL;
  size_t number = 0;
  if (mlx_device_info_is_string(&is_text, info, key)) return hr_raise(st);
  if (is_text) return mlx_device_info_get_string(&text, info, key) ? hr_raise(st) : PyUnicode_FromString(text);
  return mlx_device_info_get_size(&number, info, key) ? hr_raise(st) : PyLong_FromSize_t(number);
}

static bool fill(hr_state *st, PyObject *dict, mlx_device_info info, mlx_vector_string keys) {
  for (size_t i = 0; i < mlx_vector_string_size(keys); i++) {
    char *key = NULL;
    if (mlx_vector_string_get(&key, keys, i)) return hr_raise(st);
    PyObject *value = info_value(st, info, key);
    int failed = !value || PyDict_SetItemString(dict, key, value) < 0;
    Py_XDECREF(value);
    if (failed) return false;
  }
  return true;
}

PyObject *hr_op_device_info(PyObject *module, PyObject *object) {
  hr_state *st = hr_state_of_module(module);
  if (!Py_IS_TYPE(object, st->types[HR_TYPE_DEVICE]))
    return PyErr_SetString(PyExc_TypeError, "device_info(): a Device is needed"), NULL;
  const hr_py_device *own = (hr_py_device *)object;
  mlx_device device = mlx_device_new_type(own->type, own->index);
  mlx_device_info info = mlx_device_info_new();
  mlx_vector_string keys = mlx_vector_string_new();
  PyObject *dict = PyDict_New();
  int failed = mlx_device_info_get(&info, device) || mlx_device_info_get_keys(&keys, info);
  if (failed) hr_raise(st);
  if (dict && (failed || !fill(st, dict, info, keys))) Py_CLEAR(dict);
  mlx_vector_string_free(keys);
  mlx_device_info_free(info);
  mlx_device_free(device);
  return dict;
}
