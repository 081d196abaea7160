"""A small seeded sample of the campaign in benchmarks/video_corruption.py, and its own honesty."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("av", reason="the video extra is not installed")
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "video_corruption.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("video_corruption", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["video_corruption"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["video_corruption"]


def test_a_clear_error_or_the_frames_of_pyav(script):
    outcomes = script.campaign(25, seed=7)
    results = Counter(o.outcome for o in outcomes)
    assert not results["frames differ"], [o for o in outcomes if o.differ]
    assert not results["hang"]
    assert len(outcomes) == 26  # and a folder
    # The sample is of use only if files are refused, read whole, and read in part.
    assert min(results[k] for k in ("file refused", "all frames equal")) >= 3
    assert results["some frames refused, others equal"] >= 1
    assert all(o.detail for o in outcomes if o.outcome != "all frames equal")


def test_the_campaign_sees_wrong_frames(script, tmp_path, monkeypatch):
    """A reader that is off by one frame is found out."""
    path = script.sound_clips(tmp_path)["h264.mp4"][0]
    sound = list(script.digests_of_pyav(path).values())
    assert script.run_case("h264.mp4", path, sound, "none", False).outcome == "all frames equal"
    right = script.Video.frames
    monkeypatch.setattr(
        script.Video,
        "frames",
        lambda self, numbers: right(self, [min(n + 1, len(self) - 1) for n in numbers]),
    )
    wrong = script.run_case("h264.mp4", path, sound, "none", False)
    assert (wrong.outcome, wrong.differ) == ("frames differ", 39)
