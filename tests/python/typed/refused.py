"""Lines that a type checker has to refuse: those with a comment."""
import headrace.core as mx

x = mx.array([1.0, 2.0])
mx.add(x)  # refused
mx.sum(x, axes=0)  # refused
mx.zeros((2,), "float32")  # refused
x.shape = (2,)  # refused
y: int = x.sum()  # refused
mx.reshape(a=x, shape=(1, 2))  # refused
mx.no_such_name  # refused
mx.fft.fft(x, norm=2)  # refused
mx.stream("cpu")  # refused
mx.concatenate(3)  # refused
mx.pad(x, 1, mode="mirror")  # refused
x.at[0].power(2)  # refused
mx.grad(x)  # refused
