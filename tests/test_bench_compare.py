"""`make bench-compare OLD.json NEW.json` lists what became slower than the noise."""
import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def row(name, samples, better="less", limits=None):
    return {"name": name, "unit": "ns", "better": better, "samples": samples, "limits": limits or [0] * len(samples),
            "limit": limits[0] if limits else 0}


STEADY, NOISY = [100, 101, 99, 100, 100], [80, 120, 100, 130, 70]
OLD = [row("a/same", STEADY), row("a/slower", STEADY), row("a/faster", STEADY), row("a/noise", NOISY), row("a/gone", STEADY),
       row("a/rate", STEADY, "more"), row("a/limit", STEADY, "less", STEADY), row("a/failed", STEADY)]
NEW = [row("a/same", STEADY), row("a/slower", [x * 1.2 for x in STEADY]), row("a/faster", [x / 1.2 for x in STEADY]),
       row("a/noise", [x * 1.2 for x in NOISY]), row("a/new", STEADY), row("a/rate", [x / 1.2 for x in STEADY], "more"),
       row("a/limit", [2 * x for x in STEADY], "less", [2 * x for x in STEADY]), row("a/failed", [None])]
CALLS = {"names": ["{old}", "{new}"], "variables": ["OLD={old}", "NEW={new}"]}


def compare(folder, call, old, new):
    """The exit status and, by the first word of a line, the rows that were listed."""
    paths = {"old": folder / "old.json", "new": folder / "new.json"}
    for path, rows in zip(paths.values(), (old, new)):
        path.write_text(json.dumps({"rows": rows}))
    command = ["make", "--no-print-directory", "-C", ROOT, "bench-compare", *(word.format(**paths) for word in CALLS[call])]
    done = subprocess.run(command, text=True, capture_output=True)
    listed = {}
    for line in done.stdout.splitlines():
        words = line.replace(":", " ").split()
        listed.setdefault(words[0], set()).add(words[1])
    return done.returncode, listed


@pytest.mark.parametrize("call", CALLS)
def test_lists_what_changed(tmp_path, call):
    status, listed = compare(tmp_path, call, OLD, NEW)
    assert status != 0
    assert listed["slower"] == {"a/slower", "a/rate", "a/failed"}
    assert (listed["faster"], listed["new"], listed["gone"]) == ({"a/faster"}, {"a/new"}, {"a/gone"})


def test_succeeds_when_nothing_is_slower(tmp_path):
    status, listed = compare(tmp_path, "names", OLD, OLD)
    assert status == 0 and "slower" not in listed
