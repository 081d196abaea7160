"""Similarity and shot changes: against definitions, and on signals with known changes."""

import re

import pytest
import torch

from vidlab.video.analysis import (
    compare_changes,
    frame_distances,
    self_similarity,
    shot_changes,
)


def random_rows(count=7, size=5, seed=0):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("centre", [False, True])
def test_similarity_is_the_cosine(centre):
    rows = random_rows() + 2
    found = self_similarity(rows, centre=centre)
    used = rows - rows.mean(0) if centre else rows
    want = torch.nn.functional.cosine_similarity(used[:, None], used[None], dim=2)
    torch.testing.assert_close(found, want, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.diagonal(), torch.ones(7))
    distances = frame_distances(rows, centre=centre)
    assert distances[0] == 0
    torch.testing.assert_close(distances[1:], 1 - want.diagonal(1), atol=1e-5, rtol=0)


def test_rows_of_nothing():
    rows = torch.tensor([[0.0, 0], [0, 0], [1, 2], [0, 0]])
    assert self_similarity(rows)[0].tolist() == [0, 0, 0, 0]
    assert frame_distances(rows).tolist() == [0, 0, 1, 1]


def test_a_still_video_does_not_change_when_centred():
    still = torch.rand(1, 50, generator=torch.Generator().manual_seed(1)).repeat(9, 1)
    assert frame_distances(still, centre=True).tolist() == [0] * 9
    assert self_similarity(still, centre=True).abs().max() == 0


def test_near_equal_rows_are_told_apart():
    rows = torch.ones(2, 100)
    rows[1, 0] += 1e-3
    assert 0 < frame_distances(rows)[1] < 1e-6


def signal(length=60, cuts=(), noise=0.02, seed=0):
    """Small random steps, and large ones at the cuts."""
    steps = noise * torch.rand(length, generator=torch.Generator().manual_seed(seed))
    for cut in cuts:
        steps[cut] = 0.5
    return steps


def test_cuts_are_found_where_they_are():
    found = shot_changes(signal(cuts=(10, 30, 59)))
    assert found.frames.tolist() == [10, 30, 59]
    assert shot_changes(signal()).frames.tolist() == []
    assert shot_changes(signal(cuts=(0,))).frames.tolist() == []  # nothing is before it


def test_the_threshold_is_the_papers():
    steps = signal(cuts=(20,))
    found = shot_changes(steps, window=3, ratio=2.5, floor=0.01)
    steps[0] = 0
    for t in range(60):
        near = [steps[s].item() for s in range(max(t - 3, 0), min(t + 4, 60)) if s != t]
        assert found.threshold[t].item() == pytest.approx(max(2.5 * max(near), 0.01))
    assert found.distances is steps
    assert found.frames.tolist() == [t for t in range(1, 60) if steps[t] >= found.threshold[t]]


def test_motion_raises_the_threshold():
    steps = signal()
    steps[20:30] = 0.3  # something large passes
    assert shot_changes(steps).frames.tolist() == []
    steps[25] = 0.95
    assert shot_changes(steps).frames.tolist() == [25]
    assert shot_changes(steps, ratio=4).frames.tolist() == []


def test_what_it_does_not_find():
    assert shot_changes(signal(cuts=(20, 21))).frames.tolist() == []  # a flash
    assert shot_changes(signal(cuts=(20, 26)), window=8).frames.tolist() == []
    assert shot_changes(signal(cuts=(20, 26)), window=5).frames.tolist() == [20, 26]
    small = signal(noise=0.0)
    small[20] = 0.04
    assert shot_changes(small).frames.tolist() == []  # below the floor
    assert shot_changes(small, floor=0.0).frames.tolist() == [20]
    assert shot_changes(torch.zeros(5), floor=0.0).frames.tolist() == []


@pytest.mark.parametrize("length", [1, 2, 5])
def test_very_short_videos(length):
    assert shot_changes(torch.zeros(length)).threshold.shape == (length,)


def test_pairs_are_counted_once():
    assert compare_changes([10, 30], [30, 10]).hits == 2
    assert compare_changes([11, 12], [10, 12], tolerance=1).hits == 2
    one = compare_changes(torch.tensor([10, 11]), [10], tolerance=1)
    assert (one.hits, one.precision, one.recall) == (1, 0.5, 1.0)
    none = compare_changes([], [5])
    assert (none.precision, none.recall) == (1.0, 0.0)
    assert compare_changes([5], []).recall == 1.0
    assert compare_changes([9], [10]).hits == 0


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: self_similarity(torch.zeros(3)), "features have shape (3,); expected (T, D)"),
        (lambda: frame_distances(torch.zeros(0, 3)), "features have shape (0, 3)"),
        (
            lambda: self_similarity(torch.tensor([[1.0], [float("nan")]])),
            "features are not finite in frame 1",
        ),
        (lambda: shot_changes(torch.zeros(2, 2)), "distances have shape (2, 2)"),
        (lambda: shot_changes(torch.tensor([0.0, float("inf")])), "not finite at frame 1"),
        (lambda: shot_changes(torch.zeros(3), window=0), "window is 0"),
        (lambda: shot_changes(torch.zeros(3), ratio=1.0), "ratio is 1.0"),
        (lambda: shot_changes(torch.zeros(3), floor=-1.0), "floor is -1.0"),
        (lambda: compare_changes([1], [1], -1), "tolerance is -1"),
    ],
)
def test_bad_input(call, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        call()
