"""Short-time Fourier transforms."""
from headrace import _core as mx
from headrace._compose import _need, _on

_NORMS = ("backward", "ortho", "forward")
_WIDE = (mx.float32, mx.complex64)


def _plan(op, n_fft, hop_length, win_length, window, norm):
    """The distance of frames, and the window at the middle of n_fft elements (None: all ones)."""
    if n_fft <= 0:
        raise ValueError(f"{op}: n_fft is {n_fft}, which is not positive")
    hop = n_fft // 4 if hop_length is None else hop_length
    if hop <= 0:
        raise ValueError(f"{op}: hop_length is {hop}, which is not positive")
    if norm not in _NORMS:
        raise ValueError(f"{op}: norm is {norm!r}, which is none of {_NORMS}")
    if window is not None and window.ndim != 1:
        raise ValueError(f"{op}: the window has {window.ndim} axes instead of one")
    length = n_fft if win_length is None else win_length
    length = length if window is None else window.size
    if length > n_fft:
        raise ValueError(f"{op}: the window has {length} elements, more than n_fft, which is {n_fft}")
    if window is None and length == n_fft:
        return hop, None
    left = (n_fft - length) // 2
    return hop, mx.pad(mx.ones((length,)) if window is None else window, (left, n_fft - length - left))


def stft(x, n_fft=2048, hop_length=None, win_length=None, window=None, center=True, pad_mode="reflect", norm="backward",
         onesided=None, stream=None):
    """The short-time Fourier transform: transforms of overlapping frames of the last axis, (..., n_freq, n_frames).

    Frames of n_fft elements begin every hop_length elements (n_fft // 4) and are multiplied by `window`, an array of
    one axis, which stands in their middle with zeros around it; without one it is win_length (n_fft) ones. With
    `center` n_fft // 2 elements are put before and behind `x` first, as pad() does in `pad_mode`, so that frame t has
    element t * hop_length in its middle. `onesided` leaves the negative frequencies out: n_fft // 2 + 1 frequencies,
    the default unless `x` is complex. The result is complex64. Raises ValueError for arguments that fit no frame.

    >>> mx.fft.stft(mx.ones((2, 32)), n_fft=8).shape
    (2, 5, 17)
    """
    _need("stft", x)
    if x.ndim == 0:
        raise ValueError("stft: a scalar has no axis to transform")

    def run():
        hop, wide = _plan("stft", n_fft, hop_length, win_length, window, norm)
        a = x if x.dtype in _WIDE else mx.astype(x, mx.float32)
        if center:
            a = mx.pad(a, [(0, 0)] * (a.ndim - 1) + [(n_fft // 2, n_fft // 2)], mode=pad_mode)
        length = a.shape[-1]
        if length < n_fft:
            raise ValueError(f"stft: {length} elements are less than n_fft, which is {n_fft}")
        rows = mx.contiguous(a)
        strides = [1]
        for n in reversed(a.shape[1:]):
            strides.insert(0, strides[0] * n)
        count = 1 + (length - n_fft) // hop
        frames = mx.as_strided(rows, (*a.shape[:-1], count, n_fft), (*strides[:-1], hop, 1))
        frames = frames if wide is None else mx.multiply(frames, wide)
        real = frames.dtype == mx.float32
        if onesided is None and real or onesided and real:
            out = mx.fft.rfft(frames, norm=norm)
        else:
            out = mx.fft.fft(frames, norm=norm)
            out = out[..., :n_fft // 2 + 1] if onesided else out
        return mx.swapaxes(out, -1, -2)

    return _on(stream, run)


def _overlap_add(frames, hop):
    """The sums of (..., n_frames, n) with hop between their beginnings: (..., n + hop * (n_frames - 1))."""
    count, n = frames.shape[-2:]
    place = mx.add(mx.multiply(mx.arange(count)[:, None], hop), mx.arange(n))
    total = mx.zeros((*frames.shape[:-2], n + hop * (count - 1)), frames.dtype)
    return total.at[..., place].add(frames)


def istft(stft_matrix, n_fft=None, hop_length=None, win_length=None, window=None, center=True, norm="backward",
          onesided=None, length=None, stream=None):
    """The signal whose stft() is `stft_matrix`, (..., n_freq, n_frames), float32.

    Frames are transformed back, multiplied by the window and added up, and divided by the sum of the squared windows
    where that is not zero. Arguments are those of stft(); `onesided` is True by default, and n_fft is taken from
    n_freq, as even if it is one-sided. `length` cuts the result or fills it with zeros. Raises ValueError for fewer
    than two axes and for arguments that stft() refuses.

    >>> x = mx.arange(32.0)
    >>> mx.allclose(mx.fft.istft(mx.fft.stft(x, n_fft=8)), x, atol=1e-4).item()
    True
    """
    _need("istft", stft_matrix)
    a, half = stft_matrix, onesided is None or onesided
    if a.ndim < 2:
        raise ValueError(f"istft: an array of {a.ndim} axes has no frequencies and frames")
    n = n_fft if n_fft is not None else 2 * (a.shape[-2] - 1) if half else a.shape[-2]

    def run():
        hop, wide = _plan("istft", n, hop_length, win_length, window, norm)
        if 0 in a.shape:
            raise ValueError(f"istft: an array of shape {a.shape} has no frames")
        columns = mx.swapaxes(mx.astype(a, mx.complex64), -1, -2)
        frames = mx.fft.irfft(columns, n, norm=norm) if half else mx.real(mx.fft.ifft(columns, n, norm=norm))
        wide = mx.ones((n,)) if wide is None else mx.astype(wide, mx.float32)
        weight = _overlap_add(mx.broadcast_to(mx.square(wide), (a.shape[-1], n)), hop)
        out = mx.divide(_overlap_add(mx.multiply(frames, wide), hop), mx.where(mx.greater(weight, 1e-11), weight, 1))
        edge = n // 2 if center else 0
        if length is None:
            return out[..., edge:max(out.shape[-1] - edge, edge)]
        out = out[..., edge:edge + max(length, 0)]
        return mx.pad(out, [(0, 0)] * (out.ndim - 1) + [(0, max(length, 0) - out.shape[-1])])

    return _on(stream, run)


FUNCTIONS = {"stft": stft, "istft": istft}
