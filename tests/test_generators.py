"""The generators of the MLX C interface refuse what does not fit the table."""
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOOD = {
    "add": "hr_array **out, hr_array *a, hr_array *b, hr_stream *s",
    "clip": "hr_array **out, hr_array *a, hr_array *a_min, hr_array *a_max, hr_stream *s",
    "split": "hr_array_list *out, hr_array *a, int num_splits, int axis, hr_stream *s",
    "depends": "hr_array_list *out, const hr_array_list *inputs, const hr_array_list *dependencies",
    "random_seed": "uint64_t seed",
    "random_split": "hr_array **out_0, hr_array **out_1, hr_array *key, hr_stream *s",
}


def generate(folder, text, *args):
    header = folder / "family.h"
    header.write_text(text)
    return subprocess.run([sys.executable, ROOT / "tools/gen-capi", *(args or [folder / "out.c"]), header],
                          capture_output=True, text=True)


def test_calls_follow_from_builders(tmp_path):
    text = "\n".join(f"/* hr_status hr_exp(int); */\nhr_status hr_{n}({p}) HR_MUST_USE;" for n, p in GOOD.items())
    done = generate(tmp_path, text + "\nhr_status hr_no_call_of_the_interface(int a);\n")
    assert done.returncode == 0, done.stderr
    out = (tmp_path / "out.c").read_text()
    for name in GOOD:
        assert f"int mlx_{name}(" in out
    assert "mlx_exp" not in out and "no_call" not in out
    assert "hr_array_of(a_min)" in out  # may be empty
    assert 'hr_take_array(&in_b, b, "b")' in out  # may not
    assert "hr_give_arrays(res_0, out_res_0, res_1, out_res_1)" in out


@pytest.mark.parametrize("params", [
    "hr_array **out, hr_array *a, hr_stream *s", "hr_array **out, hr_array *a, hr_array *b",
    "hr_array *out, hr_array *a, hr_array *b, hr_stream *s", "hr_array **out, hr_array *a, const hr_array *b, hr_stream *s",
])
def test_a_builder_that_does_not_fit_is_refused(tmp_path, params):
    done = generate(tmp_path, f"hr_status hr_add({params}) HR_MUST_USE;\n")
    assert done.returncode != 0 and "hr_add takes" in done.stderr
    assert not (tmp_path / "out.c").exists()


def test_headers_are_those_of_the_table():
    done = subprocess.run([sys.executable, ROOT / "tools/gen-headers", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
