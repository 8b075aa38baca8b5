"""python -m headrace info"""
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


def main(argv):
    if argv == ["info"]:
        info()
        return 0
    print("usage: python -m headrace info", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
