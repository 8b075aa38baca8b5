"""Runs every block of code of docs/guide.md and README.md; what it prints stands in the block of text behind it."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import headrace

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(headrace.__file__).parents[2]  # not resolved: the file is a link into the sources
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n(?:```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


def blocks():
    """Of both pages: language, code, and what it prints or None."""
    for page in ("docs/guide.md", "README.md"):
        text = (ROOT / page).read_text()
        for found in BLOCK.finditer(text):
            if found[1] in ("python", "c"):
                line = text.count("\n", 0, found.start()) + 1
                yield pytest.param(found[1], found[2], found[3], id=f"{page}:{line}")


BLOCKS = list(blocks())
PREAMBLE = next(b.values[1] for b in BLOCKS if b.values[0] == "c").partition("int main")[0]


def c_program(code, folder):
    """Compiles the block; one without a main becomes its body."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if not compiler:
        pytest.skip("there is no C compiler")
    source, program = folder / "block.c", folder / "block"
    if "int main(" not in code:
        code = f"int main(void) {{\n{code}return 0;\n}}\n"
    source.write_text(code if "#include" in code else PREAMBLE + code)
    options = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}", "-o", program, source]
    libraries = [f"-L{BUILD}", "-lheadrace", f"-Wl,-rpath,{BUILD}", "-lpthread"]
    done = subprocess.run([compiler, *options, *libraries], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [program]


@pytest.mark.parametrize("language, code, printed", BLOCKS)
def test_block(language, code, printed, tmp_path):
    program = [sys.executable, "-c", code] if language == "python" else c_program(code, tmp_path)
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0 and not done.stderr, done.stderr
    if printed is not None:
        assert done.stdout.split() == printed.split()


def test_both_languages_are_there():
    assert {b.values[0] for b in BLOCKS} == {"python", "c"} and len(BLOCKS) > 15
