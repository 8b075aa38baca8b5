/* Files, as headrace/_files.py uses them: _load(format, source, stream) and _save(format, target, content, metadata).
 * A source is a path, or bytes that hold the file; a target a path, or None for bytes as the result. Objects with
 * read() and write() are read and written whole in Python, so that no thread of the library ever calls into it. */
#include <string.h>

#include "core.h"

/* --- files in memory --- */

/* Reading or writing: one thread at a time (F2 of the library), at one position. */
typedef struct memory_file {
  char *data;
  size_t size, capacity, position;
  bool failed;
} memory_file;

static bool is_open(void *file) { return file != NULL; }
static bool good(void *file) { return !((memory_file *)file)->failed; }
static size_t tell(void *file) { return ((memory_file *)file)->position; }

static void seek(void *desc, int64_t offset, int whence) {
  memory_file *f = desc;
  int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (int64_t)f->position : (int64_t)f->size;
  f->failed = f->failed || base + offset < 0;
  if (!f->failed) f->position = (size_t)(base + offset);
}

static void read_at_offset(void *desc, char *data, size_t bytes, size_t offset) {
  memory_file *f = desc;
  size_t there = offset < f->size ? f->size - offset : 0, count = bytes < there ? bytes : there;
  memcpy(data, f->data + (count ? offset : 0), count);
  memset(data + count, 0, bytes - count);
  f->failed = f->failed || count < bytes;
}

static void read_next(void *desc, char *data, size_t bytes) {
  memory_file *f = desc;
  size_t there = f->position < f->size ? f->size - f->position : 0;
  read_at_offset(f, data, bytes, f->position);
  f->position += bytes < there ? bytes : there;
}

static void write_next(void *desc, const char *data, size_t bytes) {
  memory_file *f = desc;
  if (f->failed || bytes > SIZE_MAX / 2 - f->position) {
    f->failed = true;
    return;
  }
  size_t end = f->position + bytes;
  if (end > f->capacity) {
    size_t capacity = 2 * f->capacity > end ? 2 * f->capacity : end;
    char *grown = PyMem_RawRealloc(f->data, capacity);
    f->failed = !grown;
    if (!grown) return;
    f->data = grown;
    f->capacity = capacity;
  }
  memcpy(f->data + f->position, data, bytes);
  f->position = end;
  if (end > f->size) f->size = end;
}

static const char *label(void *file) {
  (void)file;
  return "memory";
}

static void file_free(void *desc) {
  memory_file *f = desc;
  PyMem_RawFree(f->data);
  PyMem_RawFree(f);
}

/* The caller of the C interface keeps a written file until it has its bytes. */
static void keep_file(void *desc) { (void)desc; }

static memory_file *file_of(const char *bytes, Py_ssize_t length) {
  memory_file *f = PyMem_RawCalloc(1, sizeof *f);
  char *data = PyMem_RawMalloc((size_t)length + 1);
  if (!f || !data) {
    PyMem_RawFree(f);
    PyMem_RawFree(data);
    PyErr_NoMemory();
    return NULL;
  }
  if (length) memcpy(data, bytes, (size_t)length);
  *f = (memory_file){.data = data, .size = (size_t)length, .capacity = (size_t)length + 1};
  return f;
}

static const mlx_io_vtable reading = {.is_open = is_open,
                                      .good = good,
                                      .tell = tell,
                                      .seek = seek,
                                      .read = read_next,
                                      .read_at_offset = read_at_offset,
                                      .label = label,
                                      .free = file_free};
static const mlx_io_vtable writing = {.is_open = is_open,
                                      .good = good,
                                      .tell = tell,
                                      .seek = seek,
                                      .write = write_next,
                                      .label = label,
                                      .free = keep_file};

/* --- maps --- */

static PyObject *dict_of_arrays(hr_state *st, mlx_map_string_to_array map) {
  PyObject *dict = PyDict_New();
  mlx_map_string_to_array_iterator it = mlx_map_string_to_array_iterator_new(map);
  const char *key;
  mlx_array value = {0};
  while (dict && mlx_map_string_to_array_iterator_next(&key, &value, it) == 0) {
    PyObject *item = hr_array_wrap(st, value);
    value.ctx = NULL;
    if (!item || PyDict_SetItemString(dict, key, item) < 0) Py_CLEAR(dict);
    Py_XDECREF(item);
  }
  if (value.ctx) mlx_array_free(value);
  mlx_map_string_to_array_iterator_free(it);
  return dict;
}

static PyObject *dict_of_texts(mlx_map_string_to_string map) {
  PyObject *dict = PyDict_New();
  mlx_map_string_to_string_iterator it = mlx_map_string_to_string_iterator_new(map);
  const char *key, *value;
  while (dict && mlx_map_string_to_string_iterator_next(&key, &value, it) == 0) {
    PyObject *item = PyUnicode_DecodeUTF8(value, (Py_ssize_t)strlen(value), "replace");
    if (!item || PyDict_SetItemString(dict, key, item) < 0) Py_CLEAR(dict);
    Py_XDECREF(item);
  }
  mlx_map_string_to_string_iterator_free(it);
  return dict;
}

static bool fill_arrays(hr_state *st, mlx_map_string_to_array map, PyObject *dict) {
  PyObject *key, *value;
  Py_ssize_t at = 0;
  while (PyDict_Next(dict, &at, &key, &value)) {
    const char *name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : NULL;
    if (!name || !hr_is_array(value)) {
      if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "save: a dict of str to array is needed");
      return false;
    }
    mlx_array own;
    if (!hr_array_share(&own, value)) return false;
    int failed = mlx_map_string_to_array_insert(map, name, own);
    mlx_array_free(own);
    if (failed) return hr_raise(st);
  }
  return true;
}

static bool fill_texts(hr_state *st, mlx_map_string_to_string map, PyObject *dict) {
  PyObject *key, *value;
  Py_ssize_t at = 0;
  while (dict != Py_None && PyDict_Next(dict, &at, &key, &value)) {
    if (!PyUnicode_Check(key) || !PyUnicode_Check(value)) {
      PyErr_SetString(PyExc_TypeError, "save: the metadata must be a dict of str to str");
      return false;
    }
    const char *name = PyUnicode_AsUTF8(key), *text = name ? PyUnicode_AsUTF8(value) : NULL;
    if (!text) return false;
    if (mlx_map_string_to_string_insert(map, name, text)) return hr_raise(st);
  }
  return true;
}

/* --- loading --- */

/* One of both: a path (path), or a reader. */
typedef struct source {
  const char *path;
  mlx_io_reader reader;
} source;

static bool open_source(hr_state *st, source *out, PyObject *object) {
  *out = (source){0};
  if (PyUnicode_Check(object)) return (out->path = PyUnicode_AsUTF8(object)) != NULL;
  memory_file *f = file_of(PyBytes_AS_STRING(object), PyBytes_GET_SIZE(object));
  if (!f) return false;
  out->reader = mlx_io_reader_new(f, reading);
  if (out->reader.ctx) return true;
  file_free(f);
  return hr_raise(st);
}

static PyObject *load_npy(hr_call *call, const source *s) {
  mlx_array res = {0};
  int failed;
  Py_BEGIN_ALLOW_THREADS failed =
      s->path ? mlx_load(&res, s->path, call->stream) : mlx_load_reader(&res, s->reader, call->stream);
  Py_END_ALLOW_THREADS return hr_result(call->st, failed, res);
}

static PyObject *load_safetensors(hr_call *call, const source *s) {
  mlx_map_string_to_array arrays = mlx_map_string_to_array_new();
  mlx_map_string_to_string texts = mlx_map_string_to_string_new();
  int failed;
  Py_BEGIN_ALLOW_THREADS failed = s->path ? mlx_load_safetensors(&arrays, &texts, s->path, call->stream)
                                          : mlx_load_safetensors_reader(&arrays, &texts, s->reader, call->stream);
  Py_END_ALLOW_THREADS PyObject *first = failed ? hr_raise(call->st) : dict_of_arrays(call->st, arrays);
  PyObject *second = first ? dict_of_texts(texts) : NULL;
  mlx_map_string_to_array_free(arrays);
  mlx_map_string_to_string_free(texts);
  PyObject *both = second ? PyTuple_Pack(2, first, second) : NULL;
  Py_XDECREF(first);
  Py_XDECREF(second);
  return both;
}

PyObject *hr_op_load(PyObject *module, PyObject *args) {
  const char *format;
  PyObject *object, *stream, *result = NULL;
  source s;
  hr_call call;
  if (!PyArg_ParseTuple(args, "sOO:_load", &format, &object, &stream)) return NULL;
  if (!PyUnicode_Check(object) && !PyBytes_Check(object))
    return PyErr_SetString(PyExc_TypeError, "_load: a str or bytes are needed"), NULL;
  hr_call_begin(&call, hr_state_of_module(module), "load");
  if (hr_get_stream(&call, stream) && open_source(call.st, &s, object)) {
    result = strcmp(format, "npy") == 0 ? load_npy(&call, &s) : load_safetensors(&call, &s);
    if (s.reader.ctx) mlx_io_reader_free(s.reader);
  }
  hr_call_end(&call);
  return result;
}

/* --- saving --- */

typedef struct target {
  const char *path;
  memory_file *file;
  mlx_io_writer writer;
} target;

static bool open_target(hr_state *st, target *out, PyObject *object) {
  *out = (target){0};
  if (object != Py_None) return (out->path = PyUnicode_AsUTF8(object)) != NULL;
  out->file = file_of("", 0);
  if (!out->file) return false;
  out->writer = mlx_io_writer_new(out->file, writing);
  if (out->writer.ctx) return true;
  file_free(out->file);
  return hr_raise(st);
}

static PyObject *close_target(hr_state *st, target *t, bool saved) {
  PyObject *result = NULL;
  if (t->writer.ctx) mlx_io_writer_free(t->writer);
  if (saved && t->file && t->file->failed)
    PyErr_NoMemory();
  else if (saved)
    result = t->file ? PyBytes_FromStringAndSize(t->file->data, (Py_ssize_t)t->file->size) : Py_NewRef(Py_None);
  else
    hr_raise(st);
  if (t->file) file_free(t->file);
  return result;
}

static bool save_npy(hr_state *st, const target *t, PyObject *array) {
  mlx_array value;
  int failed;
  if (!hr_is_array(array)) return PyErr_SetString(PyExc_TypeError, "save: an array is needed"), false;
  if (!hr_array_share(&value, array)) return false;
  Py_BEGIN_ALLOW_THREADS failed = t->path ? mlx_save(t->path, value) : mlx_save_writer(t->writer, value);
  Py_END_ALLOW_THREADS mlx_array_free(value);
  return !failed || hr_raise(st);
}

static bool save_safetensors(hr_state *st, const target *t, PyObject *content, PyObject *metadata) {
  mlx_map_string_to_array arrays = mlx_map_string_to_array_new();
  mlx_map_string_to_string texts = mlx_map_string_to_string_new();
  int failed = 1;
  bool filled = fill_arrays(st, arrays, content) && fill_texts(st, texts, metadata);
  if (filled) {
    Py_BEGIN_ALLOW_THREADS failed =
        t->path ? mlx_save_safetensors(t->path, arrays, texts) : mlx_save_safetensors_writer(t->writer, arrays, texts);
    Py_END_ALLOW_THREADS if (failed) hr_raise(st);
  }
  mlx_map_string_to_array_free(arrays);
  mlx_map_string_to_string_free(texts);
  return !failed;
}

PyObject *hr_op_save(PyObject *module, PyObject *args) {
  const char *format;
  PyObject *object, *content, *metadata = Py_None;
  hr_state *st = hr_state_of_module(module);
  target t;
  if (!PyArg_ParseTuple(args, "sOO|O:_save", &format, &object, &content, &metadata)) return NULL;
  bool npy = strcmp(format, "npy") == 0;
  if ((object != Py_None && !PyUnicode_Check(object)) || (!npy && !PyDict_Check(content)) ||
      (metadata != Py_None && !PyDict_Check(metadata)))
    return PyErr_SetString(PyExc_TypeError, "save: a path and a dict are needed"), NULL;
  if (!open_target(st, &t, object)) return NULL;
  return close_target(st, &t, npy ? save_npy(st, &t, content) : save_safetensors(st, &t, content, metadata));
}
