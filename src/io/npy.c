#include "io/npy.h"

#include <limits.h>
#include <stdio.h>

#include "base/memory.h"
#include "io/bytes.h"

enum { MAGIC_BYTES = 6, LONGEST_HEADER = 1 << 20 };
static const char magic[] = "\x93NUMPY";

/* --- the header's literal --- */

/* A place in the text; `at` is what is left of it, and a 0 stands at its end. */
typedef struct cursor {
  const hr_source *source;
  const char *text, *at;
} cursor;

static hr_status bad(const cursor *c, const char *what) {
  char quote[HR_QUOTE];
  return hr_source_fail(c->source, "%s at character %td of the npy header, before \"%s\"", what, c->at - c->text,
                        hr_quote(quote, c->at, strnlen(c->at, 20)));
}

static void skip_spaces(cursor *c) {
  while (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r') c->at++;
}

static bool take(cursor *c, char ch) {
  skip_spaces(c);
  if (*c->at != ch) return false;
  c->at++;
  return true;
}

/* A string in either kind of quotes, without escapes: none of the words that may stand here needs any. */
static hr_status take_string(cursor *c, char *out, size_t bytes) {
  skip_spaces(c);
  char quote = *c->at;
  const char *end = quote == '\'' || quote == '"' ? strchr(c->at + 1, quote) : NULL;
  if (!end) return bad(c, "a string is missing");
  size_t length = (size_t)(end - c->at - 1);
  if (length >= bytes) return bad(c, "unknown word");
  memcpy(out, c->at + 1, length);
  out[length] = 0;
  c->at = end + 1;
  return HR_OK;
}

/* Python 2 wrote long numbers with an L behind them. */
static hr_status take_length(cursor *c, int *out) {
  int64_t value = 0;
  skip_spaces(c);
  if (*c->at < '0' || *c->at > '9') return bad(c, "a length is missing");
  while (*c->at >= '0' && *c->at <= '9') {
    value = 10 * value + (*c->at - '0');
    if (value > INT_MAX) return bad(c, "a length is above 2147483647");
    c->at++;
  }
  if (*c->at == 'L') c->at++;
  *out = (int)value;
  return HR_OK;
}

static hr_status take_shape(cursor *c, int *shape, int *ndim) {
  bool comma = true;
  *ndim = 0;
  if (!take(c, '(')) return bad(c, "the shape is no tuple");
  while (!take(c, ')')) {
    if (!comma) return bad(c, "a comma is missing");
    if (*ndim == HR_MAX_NDIM) return bad(c, "the array has more than 32 axes");
    hr_status status = take_length(c, &shape[(*ndim)++]);
    if (status != HR_OK) return status;
    comma = take(c, ',');
  }
  return *ndim == 1 && !comma ? bad(c, "the shape is no tuple") : HR_OK;
}

static hr_status take_bool(cursor *c, bool *out) {
  skip_spaces(c);
  *out = !strncmp(c->at, "True", 4);
  if (!*out && strncmp(c->at, "False", 5) != 0) return bad(c, "fortran_order is neither True nor False");
  c->at += *out ? 4 : 5;
  return HR_OK;
}

/* "<f4": byte order, kind, bytes. '=' is the order of whoever wrote it: little-endian as far as can be known. */
static hr_status take_descr(cursor *c, hr_dtype *dtype, bool *big_endian) {
  static const struct {
    char name[4];
    hr_dtype dtype;
  } known[] = {{"b1", HR_BOOL},    {"u1", HR_UINT8},   {"u2", HR_UINT16},   {"u4", HR_UINT32},   {"u8", HR_UINT64},
               {"i1", HR_INT8},    {"i2", HR_INT16},   {"i4", HR_INT32},    {"i8", HR_INT64},    {"f2", HR_FLOAT16},
               {"f4", HR_FLOAT32}, {"f8", HR_FLOAT64}, {"V2", HR_BFLOAT16}, {"c8", HR_COMPLEX64}};
  char word[32], quote[HR_QUOTE];
  skip_spaces(c);
  if (*c->at == '[' || *c->at == '(')
    return hr_source_refuse(c->source, HR_UNSUPPORTED, "arrays of records cannot be loaded (dtype %s)",
                            hr_quote(quote, c->at, strnlen(c->at, 40)));
  hr_status status = take_string(c, word, sizeof word);
  if (status != HR_OK) return status;
  bool ordered = *word && strchr("<>|=", *word);
  *big_endian = *word == '>';
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (!strcmp(word + ordered, known[i].name)) return *dtype = known[i].dtype, HR_OK;
  return hr_source_refuse(c->source, HR_UNSUPPORTED, "elements of NumPy's type '%s' cannot be loaded",
                          hr_quote(quote, word, strlen(word)));
}

typedef struct fields {
  hr_dtype dtype;
  bool big_endian, fortran;
  int shape[HR_MAX_NDIM], ndim;
} fields;

enum { HAS_DESCR = 1, HAS_ORDER = 2, HAS_SHAPE = 4, HAS_ALL = 7 };

static hr_status take_field(cursor *c, fields *f, int *seen) {
  char key[16];
  hr_status status = take_string(c, key, sizeof key);
  if (status != HR_OK) return status;
  int which = !strcmp(key, "descr")           ? HAS_DESCR
              : !strcmp(key, "fortran_order") ? HAS_ORDER
              : !strcmp(key, "shape")         ? HAS_SHAPE
                                              : 0;
  if (!which) return bad(c, "unknown key");
  if (*seen & which) return bad(c, "key given twice");
  *seen |= which;
  if (!take(c, ':')) return bad(c, "a colon is missing");
  if (which == HAS_DESCR) return take_descr(c, &f->dtype, &f->big_endian);
  return which == HAS_ORDER ? take_bool(c, &f->fortran) : take_shape(c, f->shape, &f->ndim);
}

static hr_status parse_literal(fields *f, cursor *c) {
  int seen = 0;
  bool comma = true;
  if (!take(c, '{')) return bad(c, "a brace is missing");
  while (!take(c, '}')) {
    if (!comma) return bad(c, "a comma is missing");
    hr_status status = take_field(c, f, &seen);
    if (status != HR_OK) return status;
    comma = take(c, ',');
  }
  skip_spaces(c);
  if (*c->at) return bad(c, "unknown text");
  return seen == HAS_ALL ? HR_OK : bad(c, "descr, fortran_order or shape is missing");
}

/* --- the header --- */

/* Length and place of the literal. */
static hr_status find_literal(hr_source *source, uint64_t *length, uint64_t *at) {
  uint8_t head[12];
  hr_status status = hr_source_read(source, head, 10, 0, "the head of an npy file");
  if (status != HR_OK) return status;
  if (memcmp(head, magic, MAGIC_BYTES) != 0)
    return hr_source_fail(source, "this is no npy file (its magic is missing)");
  int major = head[6], minor = head[7];
  if (major < 1 || major > 3 || minor != 0)
    return hr_source_refuse(source, HR_UNSUPPORTED, "version %d.%d of the npy format is unknown", major, minor);
  *at = major == 1 ? 10 : 12;
  status = hr_source_read(source, head, *at, 0, "the head of an npy file");
  if (status != HR_OK) return status;
  *length = major == 1 ? hr_get_u16(head + 8) : hr_get_u32(head + 8);
  if (*length > LONGEST_HEADER)
    return hr_source_fail(source, "an npy header of %llu bytes is too long", (unsigned long long)*length);
  return hr_source_need(source, *length, *at, "the npy header");
}

static hr_status set_layout(hr_load_plan *out, const fields *f, const hr_source *source) {
  hr_status status = hr_layout_set(&out->layout, f->shape, f->ndim, f->dtype);
  if (status != HR_OK) return hr_fail_prefix(status, "%s: ", source->label);
  if (!f->fortran || out->layout.size == 0) return HR_OK;
  int64_t strides[HR_MAX_NDIM], run = 1;
  for (int i = 0; i < f->ndim; i++) {
    strides[i] = run;
    run *= f->shape[i];
  }
  return hr_layout_set_strided(&out->layout, f->shape, strides, 0, f->ndim, f->dtype);
}

hr_status hr_npy_parse(hr_load_plan *out, hr_source *source) {
  fields f = {0};
  uint64_t length = 0, at = 0;
  char *text = NULL;
  hr_status status;
  HR_TRY(find_literal(source, &length, &at));
  text = hr_alloc(length + 1);
  if (!text) HR_TRY(hr_fail(HR_OUT_OF_MEMORY, "no memory for an npy header of %llu bytes", (unsigned long long)length));
  HR_TRY(hr_source_read(source, text, length, at, "the npy header"));
  text[length] = 0;
  cursor c = {source, text, text};
  if (strlen(text) != length) HR_TRY(hr_source_fail(source, "the npy header has a zero byte"));
  HR_TRY(parse_literal(&f, &c));
  HR_TRY(set_layout(out, &f, source));
  out->offset = at + length;
  out->big_endian = f.big_endian;
  HR_TRY(hr_source_need(source, (uint64_t)out->layout.size * hr_dtype_bytes[f.dtype], out->offset, "the array"));
done:
  hr_free(text);
  return status;
}

/* --- loading --- */

typedef struct loading {
  hr_array **out;
  hr_stream *stream;
  uint64_t end; /* of the array in the source */
} loading;

static hr_status load_source(hr_source *source, void *arg) {
  loading *l = arg;
  hr_load_plan plan;
  hr_status status = hr_npy_parse(&plan, source);
  if (status != HR_OK) return status;
  l->end = plan.offset + (uint64_t)plan.layout.size * hr_dtype_bytes[plan.layout.dtype];
  return hr_load_array(l->out, source, &plan, NULL, l->stream);
}

hr_status hr_load(hr_array **out, const char *file, hr_stream *s) {
  loading l = {out, s, 0};
  *out = NULL;
  return hr_source_with_path(file, load_source, &l);
}

hr_status hr_load_reader(hr_array **out, hr_io_file *reader, hr_stream *s) {
  loading l = {out, s, 0};
  *out = NULL;
  return hr_source_with_reader(reader, load_source, &l, &l.end);
}
