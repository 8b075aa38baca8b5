"""Runs programs written for MLX on Headrace, and prints what there is.

    python -m headrace info
    python -m headrace script.py ARGS
    python -m headrace -m module ARGS
"""
import os
import runpy
import sys


def info():
    """Prints versions, devices, workers and what the processor can do."""
    import headrace
    import headrace.core as mx

    print(f"headrace {headrace.__version__}, interface of MLX {mx.__version__}")
    print(f"python {sys.version.split()[0]}")
    print(f"workers {mx._threads()}")
    for kind in mx.DeviceType:
        if not mx.is_available(kind):
            print(f"{kind.name}: not available")
            continue
        for index in range(mx.device_count(kind)):
            device = mx.Device(kind, index)
            print(f"{device}:")
            for key, value in sorted(mx.device_info(device).items()):
                print(f"  {key}: {value}")


def run_script(path, args):
    """Runs a file as `python path args` does, with mlx.core being Headrace."""
    import headrace.as_mlx  # noqa: F401

    sys.argv = [path, *args]
    sys.path[0] = os.path.dirname(os.path.abspath(path))
    runpy.run_path(path, run_name="__main__")


def run_module(name, args):
    """The same as `python -m name args`."""
    import headrace.as_mlx  # noqa: F401

    sys.argv = [name, *args]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def main(argv):
    if argv == ["info"]:
        info()
    elif argv and argv[0] == "-m" and len(argv) > 1:
        run_module(argv[1], argv[2:])
    elif argv and not argv[0].startswith("-"):
        run_script(argv[0], argv[1:])
    else:
        print("usage: python -m headrace info | SCRIPT [ARGS] | -m MODULE [ARGS]", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
