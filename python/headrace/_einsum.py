"""The order in which einsum() contracts its operands, as text and as a path."""
import math

from headrace import _core as mx

__all__ = ["einsum_path"]


def _terms(subscripts, operands):
    """Letters of the operands, the lengths of each, and the letters of the result; `...` becomes numbers."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    dots = [a.ndim - len(t.replace("...", "")) for t, a in zip(left.split(","), operands) if "..." in t]
    front = range(max(dots, default=0))

    def labels(term, count):
        head, found, tail = term.partition("...")
        return [*head, *(front[len(front) - count:] if found else ()), *tail]

    terms = [labels(t, a.ndim - len(t.replace("...", ""))) for t, a in zip(left.split(","), operands)]
    lengths = {}
    for term, a in zip(terms, operands):
        for label, n in zip(term, a.shape):
            lengths[label] = max(n, lengths.get(label, 0)) if n else 0
    if arrow:
        out = labels(right, len(front))
    else:
        out = [*front, *sorted(c for c in set(left) - set(".,") if left.count(c) == 1)]
    return [frozenset(t) for t in terms], lengths, frozenset(out)


def _flops(labels, inner, terms, lengths):
    return math.prod(lengths[c] for c in labels) * (max(1, terms - 1) + bool(inner))


def _pair(terms, i, j, out):
    """What remains of the product of two: all its labels, and those that something else needs."""
    both = terms[i] | terms[j]
    others = out.union(*(t for k, t in enumerate(terms) if k not in (i, j)))
    return both, both & others


def einsum_path(subscripts, *operands):
    """An order in which einsum() can take its operands, two at a time: a list of pairs, and a text about its cost.

    A pair are places in the list of operands that are left; their product goes to its end. Pairs with a letter in
    common come first, among them the one whose product is smallest compared with the two, then the one of least work.
    (einsum() itself first sums over the letters that one operand alone has, so its order may be another.) Raises
    ValueError where einsum() does.

    >>> path, text = mx.einsum_path("ij,jk,kl->il", mx.ones((8, 20)), mx.ones((20, 50)), mx.ones((50, 2)))
    >>> path
    [(1, 2), (0, 1)]
    """
    mx.einsum(subscripts, *operands)  # checks the arguments
    terms, lengths, out = _terms(subscripts, operands)
    every = frozenset().union(*terms)
    naive = _flops(every, every - out, len(terms), lengths)
    path, best, widest = [], 0, 0

    def size(labels):
        return math.prod(lengths[c] for c in labels)

    def price(pair):
        both, kept = _pair(terms, *pair, out)
        i, j = pair
        work = _flops(both, both - kept, 2, lengths)
        return terms[i].isdisjoint(terms[j]), size(kept) - size(terms[i]) - size(terms[j]), work, pair

    if len(terms) == 1:
        path, best, widest = [(0,)], naive, len(every)
    while len(terms) > 1:
        i, j = min(((i, j) for i in range(len(terms)) for j in range(i + 1, len(terms))), key=price)
        both, kept = _pair(terms, i, j, out)
        best, widest = best + _flops(both, both - kept, 2, lengths), max(widest, len(both))
        path.append((i, j))
        terms = [t for k, t in enumerate(terms) if k not in (i, j)] + [kept]
    text = (f"  Complete contraction:  {subscripts}\n         Naive scaling:  {len(every)}\n"
            f"     Optimized scaling:  {widest}\n      Naive FLOP count:  {naive}\n  Optimized FLOP count:  {best}\n")
    return path, text
