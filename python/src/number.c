/* Operators. A Python scalar is weak: it takes a dtype from the array beside it (hr_get_pair). */
#include <string.h>

#include "core.h"

typedef int (*unary_op)(mlx_array *, mlx_array, mlx_stream);
typedef int (*binary_op)(mlx_array *, mlx_array, mlx_array, mlx_stream);

/* What an operator answers when the other operand is of no use: None leaves the word to the other type, as MLX does. */
static PyObject *refuse(PyObject *other, const char *what) {
  if (other == Py_None) Py_RETURN_NOTIMPLEMENTED;
  PyErr_Format(PyExc_ValueError, "Cannot perform %s on an array and %.200s", what, Py_TYPE(other)->tp_name);
  return NULL;
}

static bool is_operand(PyObject *object) {
  if (hr_is_array(object) || hr_is_scalar(object)) return true;
  if (object == Py_None || PyList_Check(object) || PyTuple_Check(object) || PyUnicode_Check(object)) return false;
  return PyObject_CheckBuffer(object) || PyObject_HasAttrString(object, "__mlx_array__") ||
         PyObject_HasAttrString(object, "__dlpack__");
}

static PyObject *binary(PyObject *a, PyObject *b, binary_op op, const char *what) {
  PyObject *array = hr_is_array(a) ? a : b, *other = array == a ? b : a, *result = NULL;
  mlx_array res = {0}, left, right;
  hr_call call;
  if (!is_operand(other)) return refuse(other, what);
  hr_call_begin(&call, hr_state_of(array), what);
  if (hr_get_stream(&call, NULL) && hr_get_pair(&call, a, b, &left, &right))
    result = hr_result(call.st, op(&res, left, right, call.stream), res);
  hr_call_end(&call);
  return result;
}

/* The object itself changes: all names for it see the result. What another thread changed meanwhile is not lost. */
static PyObject *in_place(PyObject *self, PyObject *other, PyObject *(*op)(PyObject *, PyObject *)) {
  for (int done = 0; !done;) {
    size_t changes = hr_array_changes(self);
    PyObject *result = op(self, other);
    if (!result || result == Py_NotImplemented) return result;
    done = hr_array_replace_since(self, hr_value(result), changes);
    Py_DECREF(result);
    if (done < 0) return NULL;
  }
  return Py_NewRef(self);
}

static PyObject *unary(PyObject *a, unary_op op) {
  mlx_array res = {0}, value;
  PyObject *result = NULL;
  hr_call call;
  hr_call_begin(&call, hr_state_of(a), "operator");
  if (hr_get_stream(&call, NULL) && hr_get_array(&call, a, "self", &value))
    result = hr_result(call.st, op(&res, value, call.stream), res);
  hr_call_end(&call);
  return result;
}

/* Bits: no floats. The text names the operator. */
static PyObject *bits(PyObject *a, PyObject *b, binary_op op, const char *what) {
  PyObject *both[2] = {a, b};
  for (int i = 0; i < 2; i++) {
    bool is_float = PyFloat_Check(both[i]) || (hr_is_array(both[i]) && hr_is_floating(hr_dtype_of(both[i])));
    if (!is_float) continue;
    PyErr_Format(PyExc_ValueError, "Floating point types not allowed with %s.", what);
    return NULL;
  }
  return binary(a, b, op, what);
}

PyObject *hr_number_add(PyObject *a, PyObject *b) { return binary(a, b, mlx_add, "addition"); }
PyObject *hr_number_subtract(PyObject *a, PyObject *b) { return binary(a, b, mlx_subtract, "subtraction"); }
PyObject *hr_number_multiply(PyObject *a, PyObject *b) { return binary(a, b, mlx_multiply, "multiplication"); }
PyObject *hr_number_divide(PyObject *a, PyObject *b) { return binary(a, b, mlx_divide, "division"); }
PyObject *hr_number_floor_divide(PyObject *a, PyObject *b) { return binary(a, b, mlx_floor_divide, "floor division"); }
PyObject *hr_number_remainder(PyObject *a, PyObject *b) { return binary(a, b, mlx_remainder, "modulus"); }
static PyObject *power(PyObject *a, PyObject *b) { return binary(a, b, mlx_power, "power"); }
PyObject *hr_number_power(PyObject *a, PyObject *b, PyObject *modulus) {
  if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
  return power(a, b);
}
PyObject *hr_number_and(PyObject *a, PyObject *b) { return bits(a, b, mlx_bitwise_and, "bitwise and"); }
PyObject *hr_number_or(PyObject *a, PyObject *b) { return bits(a, b, mlx_bitwise_or, "bitwise or"); }
PyObject *hr_number_xor(PyObject *a, PyObject *b) { return bits(a, b, mlx_bitwise_xor, "bitwise xor"); }
PyObject *hr_number_left_shift(PyObject *a, PyObject *b) { return bits(a, b, mlx_left_shift, "left shift"); }
PyObject *hr_number_right_shift(PyObject *a, PyObject *b) { return bits(a, b, mlx_right_shift, "right shift"); }

PyObject *hr_number_matmul(PyObject *a, PyObject *b) {
  if (hr_is_scalar(a) || hr_is_scalar(b)) Py_RETURN_NOTIMPLEMENTED;
  return binary(a, b, mlx_matmul, "matrix multiplication");
}

PyObject *hr_number_negative(PyObject *a) { return unary(a, mlx_negative); }
PyObject *hr_number_absolute(PyObject *a) { return unary(a, mlx_abs); }
PyObject *hr_number_positive(PyObject *a) { return hr_array_copy(a, NULL); }
PyObject *hr_number_invert(PyObject *a) {
  mlx_dtype dtype = hr_dtype_of(a);
  if (dtype == MLX_BOOL) return unary(a, mlx_logical_not);
  if (hr_is_integer(dtype)) return unary(a, mlx_bitwise_invert);
  PyErr_SetString(PyExc_ValueError, "Floating point types not allowed with bitwise inversion.");
  return NULL;
}

PyObject *hr_number_add_to(PyObject *a, PyObject *b) { return in_place(a, b, hr_number_add); }
PyObject *hr_number_subtract_from(PyObject *a, PyObject *b) { return in_place(a, b, hr_number_subtract); }
PyObject *hr_number_multiply_by(PyObject *a, PyObject *b) { return in_place(a, b, hr_number_multiply); }
PyObject *hr_number_divide_by(PyObject *a, PyObject *b) {
  mlx_dtype dtype = hr_dtype_of(a);
  if (hr_is_floating(dtype) || dtype == MLX_COMPLEX64) return in_place(a, b, hr_number_divide);
  PyErr_SetString(PyExc_ValueError, "In place division cannot cast to non-floating point type.");
  return NULL;
}
PyObject *hr_number_floor_divide_by(PyObject *a, PyObject *b) { return in_place(a, b, hr_number_floor_divide); }
PyObject *hr_number_remainder_by(PyObject *a, PyObject *b) { return in_place(a, b, hr_number_remainder); }
PyObject *hr_number_power_by(PyObject *a, PyObject *b, PyObject *modulus) {
  if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
  return in_place(a, b, power);
}
PyObject *hr_number_and_with(PyObject *a, PyObject *b) { return in_place(a, b, hr_number_and); }
PyObject *hr_number_or_with(PyObject *a, PyObject *b) { return in_place(a, b, hr_number_or); }
PyObject *hr_number_xor_with(PyObject *a, PyObject *b) { return in_place(a, b, hr_number_xor); }
PyObject *hr_number_left_shift_by(PyObject *a, PyObject *b) { return in_place(a, b, hr_number_left_shift); }
PyObject *hr_number_right_shift_by(PyObject *a, PyObject *b) { return in_place(a, b, hr_number_right_shift); }
PyObject *hr_number_matmul_by(PyObject *a, PyObject *b) { return in_place(a, b, hr_number_matmul); }

PyObject *hr_array_compare(PyObject *a, PyObject *b, int op) {
  static const binary_op ops[] = {
      [Py_LT] = mlx_less,      [Py_LE] = mlx_less_equal, [Py_EQ] = mlx_equal,
      [Py_NE] = mlx_not_equal, [Py_GT] = mlx_greater,    [Py_GE] = mlx_greater_equal,
  };
  static const char *const names[] = {
      [Py_LT] = "less than",  [Py_LE] = "less than or equal", [Py_EQ] = "equality",
      [Py_NE] = "inequality", [Py_GT] = "greater than",       [Py_GE] = "greater than or equal",
  };
  if ((op == Py_EQ || op == Py_NE) && b != Py_None && !is_operand(b)) return PyBool_FromLong(op == Py_NE);
  return binary(a, b, ops[op], names[op]);
}
