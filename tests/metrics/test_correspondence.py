"""Proposals judged by hand, by a single partner or one a frame, alone or several clips at once."""

import dataclasses

import numpy as np
import pytest

from vidlab.metrics.correspondence import each_frame, judged, right_proposals, score

GRID = (2, 2, 3)  # points 0 .. 5 and 6 .. 11


def by_hand():
    truth = np.full(12, -1)
    truth[0], truth[8] = 10, 2
    neighbours = np.full((12, 2), 9)
    neighbours[0] = 6, 10  # (0, 0) is one row and one column off; then right
    neighbours[8] = 3, 5  # two columns off; one row off
    return neighbours, truth


def test_right_proposals_by_hand():
    neighbours, truth = by_hand()
    exact = score(neighbours, truth, GRID)
    assert (exact.points, exact.nearest, exact.found, exact.share) == (2, 0, 0.5, 0.25)
    near = score(neighbours, truth, GRID, slack=1)
    assert (near.nearest, near.found, near.share) == (0.5, 1, 0.75)
    assert exact.chance == pytest.approx(1 / 6)
    assert near.chance == pytest.approx((6 + 4) / 2 / 6)


def test_a_partner_in_each_frame_says_the_same_and_more():
    neighbours, truth = by_hand()
    frames = each_frame(truth, GRID)
    assert score(neighbours, frames, GRID) == score(neighbours, truth, GRID)
    assert (frames >= 0).sum() == 2
    assert frames[0, 1] == 10
    assert frames[8, 0] == 2
    frames[3] = 3, -1  # itself, and nothing in the other frame: not judged
    assert np.flatnonzero(judged(frames, GRID)).tolist() == [0, 8]


def test_the_right_place_in_a_wrong_frame_is_wrong():
    _, truth = by_hand()
    neighbours = np.full((12, 1), 9)
    neighbours[0] = 10 - 6
    assert score(neighbours, truth, GRID).share == 0


def test_clips_are_counted_together():
    random = np.random.default_rng(0)
    neighbours = random.integers(0, 12, (4, 12, 3))
    truth = np.where(random.random((4, 12)) < 0.6, (np.arange(12) // 6 < 1) * 6 + 2, -1)
    whole = score(neighbours, truth, GRID, slack=1)
    alone = [score(*clip, GRID, slack=1) for clip in zip(neighbours, truth, strict=True)]
    points = [one.points for one in alone]
    assert whole.points == sum(points)
    for field in ("nearest", "share", "found", "chance"):
        mean = np.average([getattr(one, field) for one in alone], weights=points)
        assert getattr(whole, field) == pytest.approx(mean)
    assert 0 < whole.nearest < whole.found < 1
    right = right_proposals(neighbours, each_frame(truth, GRID), GRID, 1)
    assert right.shape == neighbours.shape
    assert right[judged(each_frame(truth, GRID), GRID)].mean() == whole.share


def test_nothing_to_judge_is_no_number():
    neighbours, truth = by_hand()
    scores = dataclasses.astuple(score(neighbours, np.full_like(truth, -1), GRID))
    assert scores[0] == 0
    assert np.isnan(scores[1:]).all()


@pytest.mark.parametrize(
    ("neighbours", "truth"), [((1, 12, 2), (1, 11)), ((1, 11, 2), (1, 11)), ((12, 2), (12, 3))]
)
def test_shapes_that_do_not_fit_are_refused(neighbours, truth):
    with pytest.raises(ValueError, match=r"neighbours have shape .*with P = 12"):
        score(np.zeros(neighbours, int), np.zeros(truth, int), GRID)
