"""Small labs for batches: good, failing, hanging, greedy ones, by one parameter."""

import pytest

PARAMETERS = """\
profile: str = "quick"          # quick | full · how much to compute
seed: int = 0                   # 0 .. 2147483647 · seed
device: str = "cpu"             # auto | cpu | cuda · where tensors live
output_dir: str = "runs"        # · where run folders are made
data_dir: str | None = None     # · not used
eta: float = 0.4                # 0 .. 1 · share of frames
epochs: int | None = None       # 1 .. 500 · passes
etas: list[float] = [0.0, 0.2]  # 0 .. 1 · each value
mode: str = "good"              # good | fail | hang | greedy | slow | wait · what happens
"""
CELLS = [
    "LAB",
    "## Work",
    "import os, time\n"
    "from pathlib import Path\n"
    "marks = lab.checkpoint_dir / 'marks.txt'\n"
    "marks.write_text((marks.read_text() if marks.exists() else '') + 'x')\n"
    "if mode == 'fail':\n"
    "    raise RuntimeError(f'<b>no luck</b> at eta {eta}')\n"
    "if mode == 'hang':\n"
    "    import signal\n"
    "    signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    "    time.sleep(600)\n"
    "if mode == 'greedy':\n"
    "    kept = bytearray(800 << 20)\n"
    "    time.sleep(600)\n"
    "go = Path(os.environ['VIDLAB_NOTEBOOKS']).parent / 'go'\n"
    "while mode == 'wait' and not go.exists():\n"
    "    time.sleep(0.1)\n"
    "if mode == 'slow' and len(marks.read_text()) == 1:\n"
    "    time.sleep(600)",
    "lab.data(name='none', source='made up')\n"
    "lab.metric('accuracy/ours', eta + 0.01 * seed)\n"
    "lab.metric('accuracy/theirs', 0.5)\n"
    "lab.metric('tries/lab', len(marks.read_text()))\n"
    "lab.claim('better', 'Ours is better', paper=1, observed=eta, holds=eta > 0.5)\n"
    "lab.finish()",
]


@pytest.fixture
def catalogue(tmp_path, monkeypatch, write_lab):
    """A folder with the lab ``tiny``; it is the catalogue of this process and of its children."""
    folder = tmp_path / "labs"
    monkeypatch.setenv("VIDLAB_NOTEBOOKS", str(folder))
    write_lab(folder, CELLS, id="tiny", parameters=PARAMETERS)
    return folder
