"""The examples in Python, as a user runs them."""
import pathlib
import subprocess
import sys

SEARCH = pathlib.Path(__file__).resolve().parents[2] / "examples" / "search.py"


def search(*args):
    return subprocess.run([sys.executable, SEARCH, *args], capture_output=True, text=True, timeout=120)


def test_search_finds_the_passage(tmp_path):
    words = ["river", "engine", "violin", "glacier", "pepper", "satellite"]
    for i in range(300):
        (tmp_path / f"{i:03}.txt").write_text(f"passage {i} about {words[i % 6]} and {words[i // 6 % 6]}\n" * 3)
    (tmp_path / "needle.txt").write_text("the lighthouse keeper repairs an antique barometer\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    result = search("-q", "antique barometer of the lighthouse", "--every", "0.001", "--top", "2", str(tmp_path))
    assert result.returncode == 0, result.stderr
    last = result.stdout.partition("all is read\n")[2].splitlines()
    assert last[0].endswith("of 301 passages") and "needle.txt:1" in last[1] and len(last) == 3
    assert "binary: skipped" in result.stderr


def test_search_by_default():
    result = search()
    assert result.returncode == 0 and "all is read" in result.stdout, result.stderr
