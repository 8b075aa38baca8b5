"""The texts of python/docs: what help() shows of functions, classes, methods and attributes.

A file begins with what it is about, up to the first empty line. `: WORD = sentence` defines a sentence that the file's
texts use as {WORD}; `= NAME` begins a text, which ends with examples.
"""
import re
import sys
import textwrap

from capi_table import ROOT
from python_table import ALIASES

FOLDER = ROOT / "python" / "docs"


def _expand(text, words, where):
    def word(match):
        if match[1] not in words:
            raise SystemExit(f"{where}: {{{match[1]}}} is not defined")
        return _expand(words[match[1]], words, where)

    return re.sub(r"(?<![\w{])\{(\w+)\}", word, text)


def _read(path):
    """{name: (paragraph, examples)} of a file."""
    words, texts, name = {}, {}, None
    for line in path.read_text().splitlines():
        if line.startswith(": ") and name is None:
            word, _, text = line[2:].partition(" = ")
            words[word] = text
        elif line.startswith("= "):
            name = line[2:]
            texts[name] = ([], [])
        elif name is not None:
            about, examples = texts[name]
            (examples if examples or line.startswith(">>>") else about).append(line)
    return {n: (_expand(" ".join(about).strip(), words, f"{path}: {n}"), "\n".join(examples).strip())
            for n, (about, examples) in texts.items()}


def read():
    """{name: text} of all names, wrapped."""
    found = {}
    for path in sorted(FOLDER.glob("*.txt")):
        for name, text in _read(path).items():
            if name in found:
                raise SystemExit(f"{path}: {name} has a text already")
            found[name] = text
    for name, same in ALIASES.items():
        found.setdefault(name, (f"Another name of {same}(). {found[same][0]}", found[same][1]))
    texts = {}
    for name, (about, examples) in found.items():
        about = about or found[name.rpartition(".")[2]][0]
        parts = [textwrap.fill(about, 100, break_long_words=False, break_on_hyphens=False), examples]
        texts[name] = "\n\n".join(p for p in parts if p)
    return texts


def c_text(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def header(docs, signatures):
    """Macros for the tables of python/src: HR_DOC_array_shape and so on. `signatures` are {name: "name(...)"}."""
    out = ["/* Written by tools/gen-python from python/docs: texts for help(). */"]
    for name, text in docs.items():
        whole = f"{signatures[name]}\n--\n\n{text}" if name in signatures else text
        out.append(f"#define HR_DOC_{name.replace('.', '_')} {c_text(whole)}")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    sys.stdout.write("\n".join(f"{n}\n{textwrap.indent(t, '  ')}" for n, t in read().items()))
