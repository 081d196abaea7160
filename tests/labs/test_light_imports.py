"""Looking around must be quick: the heavy packages are loaded when something runs."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "papermill", "matplotlib", "numpy", "nbformat", "nbconvert", "IPython", "sklearn"}


@pytest.mark.parametrize(
    "code",
    [
        "import vidlab",
        "import vidlab.labs.catalogue, vidlab.labs.parameters, vidlab.labs.record",
        "import vidlab.labs.lab",
        "from vidlab.cli import main; main(['--help'])",
        "from vidlab.cli import main; main(['--version'])",
        "from vidlab.cli import main; main(['run', '--help'])",
        "from vidlab.cli import main; main(['list'])",
        "from vidlab.cli import main; main(['list', 'tiny'])",
        "from vidlab.cli import main; main(['run', 'tiny', '--out'])",
    ],
)
def test_nothing_heavy_is_imported(lab_folder, write_lab, code):
    write_lab(lab_folder, [])
    show = f"{code}\nimport sys; print('LOADED', *sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", show], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1].split() == ["LOADED"]
