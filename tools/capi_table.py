"""The table src/capi/mlx-c.tsv, as the generators read it."""
import pathlib
import re
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "src" / "capi" / "mlx-c.tsv"


@dataclass
class Param:
    """One parameter: `type` without its name, with one space before a `*`; `empty` if it may be empty."""

    type: str
    name: str
    text: str
    empty: bool


@dataclass
class Row:
    """A line of the table. `kind` is function, file, type or family."""

    kind: str
    header: str
    returns: str
    name: str
    text: str
    doc: str
    params: list = field(default_factory=list)


def split_params(text):
    """Cuts at the commas that are in no parentheses."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    parts.append(text[start:])
    return [p.strip() for p in parts]


def c_style(text):
    """`mlx_array* res` to `mlx_array *res`."""
    text = re.sub(r"(\w)(\*+) ?(?=\w)", r"\1 \2", text)
    return re.sub(r"(\w)(\*+)(?=[,)])", r"\1 \2", text)


def parse_param(text):
    empty = text.endswith("[may be empty]")
    text = c_style(text.removesuffix("[may be empty]").strip())
    if "(*" in text:  # a function pointer: the name stands inside
        name = re.search(r"\(\*(\w+)\)", text).group(1)
        return Param(text.replace(name, "", 1), name, text, empty)
    match = re.fullmatch(r"(.*?[ *])(\w+)", text)
    if not match:
        return Param(text, "", text, empty)  # `...`
    return Param(match.group(1).strip(), match.group(2), text, empty)


def rows():
    for number, line in enumerate(TABLE.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        cells = line.split("\t")
        if len(cells) != 5:
            raise SystemExit(f"{TABLE}:{number}: {len(cells)} columns instead of 5")
        header, returns, name, text, doc = cells
        if returns.startswith("@"):
            yield Row(returns[1:], header, "", name, text, doc)
            continue
        params = [] if text == "void" else [parse_param(p) for p in split_params(text)]
        yield Row("function", header, c_style(returns + " x")[:-1].strip(), name, text, doc, params)
