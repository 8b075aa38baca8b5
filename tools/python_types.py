"""What tools/python_stubs.py cannot tell from the signatures: types of attributes, results that the signatures leave
open, and whole stubs. Names are those of mlx.core."""

ATTRIBUTES = {
    "Device.type": "DeviceType", "Dtype.size": "int", "PrintOptions.precision": "int", "Stream.device": "Device",
    "ThreadLocalStream.device": "Device", "array.T": "array", "array.at": "ArrayAt", "array.dtype": "Dtype",
    "array.imag": "array", "array.itemsize": "int", "array.mT": "array", "array.nbytes": "int", "array.ndim": "int",
    "array.real": "array", "array.shape": "tuple[int, ...]", "array.size": "int", "finfo.bits": "int",
    "finfo.dtype": "Dtype", "finfo.eps": "float", "finfo.max": "float", "finfo.min": "float",
    "finfo.smallest_normal": "float", "iinfo.dtype": "Dtype", "iinfo.max": "int", "iinfo.min": "int",
}

# Members that the signatures do not list.
OPERATORS = {
    "array": """
def __hash__(self) -> int: ...
def __await__(self) -> Generator[Any, None, array]: ...
def __buffer__(self, flags: int, /) -> memoryview: ...
def __delitem__(self, arg: Any, /) -> None: ...
def __rlshift__(self, other: _ArrayLike) -> array: ...
def __rrshift__(self, other: _ArrayLike) -> array: ...
def __rand__(self, other: _ArrayLike) -> array: ...
def __ror__(self, other: _ArrayLike) -> array: ...
def __rxor__(self, other: _ArrayLike) -> array: ...
def __rmatmul__(self, other: array) -> array: ...
def __reduce__(self) -> tuple[Any, ...]: ...
""",
    "Stream": """
@property
def index(self) -> int: ...
def __hash__(self) -> int: ...
def __await__(self) -> Generator[Any, None, None]: ...
""",
    "ArrayLike": "def __mlx__array__(self) -> array: ...",
    "Device": "def __hash__(self) -> int: ...",
    "iinfo": """
@property
def bits(self) -> int: ...
""",
}

RETURNS = {
    "array.__init__": "None", "array.__eq__": "array", "array.__ne__": "array", "array.__iter__": "Iterator[array]",
    "array.item": "Any", "array.__array__": "Any", "array.__dlpack__": "Any",
    "array.__dlpack_device__": "tuple[int, int]", "async_eval": "None", "broadcast_arrays": "list[array]",
    "broadcast_shapes": "tuple[int, ...]", "divmod": "list[array]",
    "einsum_path": "tuple[list[tuple[int, ...]], str]", "fast.cuda_kernel": "Any", "fast.metal_kernel": "Any",
    "load": "Any", "quantize": "list[array]", "save_gguf": "None", "savez": "None", "savez_compressed": "None",
    "split": "list[array]", "unique": "Any",
}

# Stubs of more than one signature, and of classes that are enumerations or scopes; under "MODULE." what else it has.
STUBS = {
    "DeviceType": """
class DeviceType(enum.Enum):
    cpu = 0
    gpu = 1
""",
    "DtypeCategory": """
class DtypeCategory(enum.Enum):
    complexfloating = 0
    floating = 1
    inexact = 2
    signedinteger = 3
    unsignedinteger = 4
    integer = 5
    number = 6
    generic = 7
""",
    "depends": """
@overload
def depends(inputs: array, dependencies: array | Sequence[array]) -> array: ...
@overload
def depends(inputs: Sequence[array], dependencies: array | Sequence[array]) -> list[array]: ...
""",
    "arange": """
@overload
def arange(start: int | float, stop: int | float | None, step: int | float | None = None, dtype: Dtype | None = None, *,
           stream: _StreamOrDevice = None) -> array: ...
@overload
def arange(stop: int | float, *, step: int | float | None = None, dtype: Dtype | None = None,
           stream: _StreamOrDevice = None) -> array: ...
""",
    **{name: f"""
@overload
def {name}(ary: _ArrayLike, /, *, stream: _StreamOrDevice = None) -> array: ...
@overload
def {name}(*arys: _ArrayLike, stream: _StreamOrDevice = None) -> list[array]: ...
""" for name in ("atleast_1d", "atleast_2d", "atleast_3d")},
    "linalg.svd": """
@overload
def svd(a: array, compute_uv: Literal[True] = True, *,
        stream: _StreamOrDevice = None) -> tuple[array, array, array]: ...
@overload
def svd(a: array, compute_uv: Literal[False], *, stream: _StreamOrDevice = None) -> array: ...
""",
    "metal.": "def is_available() -> bool: ...",
    "distributed.": """
class Group:
    def rank(self) -> int: ...
    def size(self) -> int: ...
    def split(self, color: int, key: int = -1) -> Group: ...

def is_available(backend: str = "any") -> bool: ...
def init(strict: bool = False, backend: str = "any", *,
         all_gather_factory: Callable[[int, int], Callable[[bytes, int], bytes]] | None = None) -> Group: ...
""" + "".join(f"""
def {name}(x: _ArrayLike, *, group: Group | None = None, stream: _StreamOrDevice = None) -> array: ...
""" for name in ("all_sum", "all_max", "all_min", "all_gather", "sum_scatter")) + """
def send(x: array, dst: int, *, group: Group | None = None, stream: _StreamOrDevice = None) -> array: ...
def recv(shape: Sequence[int], dtype: Dtype, src: int, *, group: Group | None = None,
         stream: _StreamOrDevice = None) -> array: ...
def recv_like(x: array, src: int, *, group: Group | None = None, stream: _StreamOrDevice = None) -> array: ...
""",
    "random.": "state: Sequence[array]  # one key, the thread's",
    ".": """
class range_error(IndexError, ValueError): ...

class printoptions:
    def __init__(self, precision: int = -1) -> None: ...
    def __enter__(self) -> printoptions: ...
    def __exit__(self, *args: object) -> None: ...
""",
}
