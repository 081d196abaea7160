"""benchmarks/gpu.sh: one line without a GPU; with one, a lab that fails costs itself only."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu.sh"
# Stands in for Python on a machine with a GPU: it notes what it is asked and makes empty runs.
INTERPRETER = """\
#!/bin/sh
echo "$*" >> "$LOG"
case "$*" in
  *"-m vidlab run good "*) for last; do :; done
    while [ "$1" != --out ]; do shift; done
    mkdir -p "$2/good/20260101" "$2/good/20260102"
    echo old > "$2/good/20260101/record.json"; echo new > "$2/good/20260102/record.json" ;;
  *"-m vidlab run bad "*) exit 1 ;;
esac
"""


def run(tmp_path, **environment):
    return subprocess.run(
        ["bash", SCRIPT, tmp_path / "records"],
        env=os.environ | {key: str(value) for key, value in environment.items()},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_it_is_one_line(tmp_path):
    done = run(tmp_path, PYTHON=sys.executable)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("gpu.sh: no GPU")
    assert done.stdout.count("\n") == 1
    assert not (tmp_path / "records").exists()


@pytest.fixture
def stand_in(tmp_path):
    path = tmp_path / "python"
    path.write_text(INTERPRETER)
    path.chmod(0o755)
    return {"PYTHON": path, "LOG": tmp_path / "asked"}


def test_tests_kernels_and_labs_are_run(tmp_path, stand_in):
    done = run(tmp_path, LABS="bad good", **stand_in)
    assert done.returncode == 1
    assert "bad did not finish" in done.stdout
    assert (tmp_path / "records" / "good.json").read_text() == "new\n"
    asked = (tmp_path / "asked").read_text()
    for part in ("-m gpu", "gpu_kernels.py", "run good --profile full --device cuda"):
        assert part in asked


def test_what_does_not_fit_is_left_out_and_said(tmp_path, stand_in):
    done = run(tmp_path, LABS="good", MINUTES=0, **stand_in)
    assert done.returncode == 0
    assert "no time left for good" in done.stdout
    assert not list((tmp_path / "records").iterdir())
