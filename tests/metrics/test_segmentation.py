"""Frame accuracy, segmental F1 and boundaries: by hand and by plain loops."""

import math

import numpy as np
import pytest

from vidlab.metrics.segmentation import boundary_error, frame_accuracy, segment_f1, segments


def looped_segments(labels):
    runs = []
    for t, label in enumerate(labels):
        if runs and runs[-1][0] == label:
            runs[-1][2] = t + 1
        else:
            runs.append([label, t, t + 1])
    return [tuple(run) for run in runs]


def looped_hits(truth, predicted, overlap, background):
    """Segments as sets of frames."""
    true = [(c, frozenset(range(s, e))) for c, s, e in looped_segments(truth) if c != background]
    found = [
        (c, frozenset(range(s, e))) for c, s, e in looped_segments(predicted) if c != background
    ]
    used, hits = set(), []
    for c, frames in found:
        best, best_iou = None, 0.0
        for j, (d, others) in enumerate(true):
            iou = len(frames & others) / len(frames | others) if c == d else 0.0
            if iou > best_iou:
                best, best_iou = j, iou
        if best is not None and best_iou >= overlap and best not in used:
            used.add(best)
            hits.append((true[best][1], frames))
    return hits, len(true), len(found)


def random_labels(rng, length, classes=4):
    runs = rng.integers(1, 5, size=length)
    return np.repeat(rng.integers(0, classes, size=length), runs)[:length]


@pytest.mark.parametrize("background", [0, 2])
@pytest.mark.parametrize("overlap", [0.1, 0.25, 0.5, 1.0])
def test_f1_and_boundaries_equal_a_brute_force(overlap, background):
    rng = np.random.default_rng(5)
    for _ in range(30):
        truth = [random_labels(rng, length) for length in (20, 1, 33)]
        predicted = [random_labels(rng, len(t)) for t in truth]
        predicted[2] = np.roll(truth[2], 1)
        hits, true, found = [], 0, 0
        for t, p in zip(truth, predicted, strict=True):
            h, a, b = looped_hits(t.tolist(), p.tolist(), overlap, background)
            hits, true, found = hits + h, true + a, found + b
        f1 = 2 * len(hits) / (true + found) if true + found else 1.0
        ours = segment_f1(truth, predicted, overlap, background=background)
        assert ours == pytest.approx(f1)
        error = boundary_error(truth, predicted, overlap, background=background)
        assert (error.matched, error.true) == (len(hits), true)
        if hits:
            assert error.start == pytest.approx(np.mean([abs(min(a) - min(b)) for a, b in hits]))
            assert error.end == pytest.approx(np.mean([abs(max(a) - max(b)) for a, b in hits]))


def test_segments():
    rng = np.random.default_rng(0)
    for length in (1, 2, 9, 40):
        labels = random_labels(rng, length)
        assert segments(labels) == looped_segments(labels.tolist())
    assert segments([]) == []
    assert segments([4]) == [(4, 0, 1)]
    assert segments([0, 0, 7]) == [(0, 0, 2), (7, 2, 3)]


def test_hand_worked():
    truth, predicted = [0, 1, 1, 1, 1, 0, 2, 2], [1, 1, 1, 0, 0, 0, 2, 3]
    # Class 1: frames 1..4 against 0..2, IoU 2/5. Class 2: 6..7 against 6, IoU 1/2. 3 is false.
    assert frame_accuracy([truth], [predicted]) == 4 / 8
    assert segment_f1([truth], [predicted], 0.25) == pytest.approx(2 * 2 / (2 + 3))
    assert segment_f1([truth], [predicted], 0.4) == pytest.approx(2 * 2 / (2 + 3))
    assert segment_f1([truth], [predicted], 0.5) == pytest.approx(2 * 1 / (2 + 3))
    assert segment_f1([truth], [predicted], 0.51) == 0
    error = boundary_error([truth], [predicted])
    assert (error.start, error.end, error.matched, error.true) == (0.5, 1.5, 2, 2)
    assert error.mean == 1.0


def test_the_corpus_counts_and_not_the_mean_of_sequences():
    truth, predicted = [[1], [1, 1, 2, 3]], [[2], [1, 1, 2, 3]]
    assert frame_accuracy(truth, predicted) == 4 / 5
    assert segment_f1(truth, predicted) == pytest.approx(2 * 3 / (4 + 4))


def test_a_segment_split_in_two_is_one_hit_and_one_false():
    assert segment_f1([[1] * 10], [[1, 1, 1, 1, 0, 1, 1, 1, 1, 1]], 0.25) == pytest.approx(2 / 3)


def test_background_alone():
    assert segment_f1([[0, 0]], [[0, 0]]) == 1.0
    assert segment_f1([[0, 0]], [[0, 1]]) == 0.0
    error = boundary_error([[0, 0]], [[0, 1]])
    assert error.matched == error.true == 0
    assert math.isnan(error.start)
    assert math.isnan(error.mean)


@pytest.mark.parametrize("function", [frame_accuracy, segment_f1, boundary_error])
def test_bad_input(function):
    with pytest.raises(ValueError, match="got 1 true and 2 predicted sequences"):
        function([[1]], [[1], [1]])
    with pytest.raises(ValueError, match="at least one"):
        function([], [])
    with pytest.raises(ValueError, match="sequence 1 has 2 true and 3 predicted labels"):
        function([[1], [1, 1]], [[1], [1, 1, 1]])
    with pytest.raises(ValueError, match="truth of sequence 0: holds -1; allowed: classes from 0"):
        function([[-1]], [[1]])
    with pytest.raises(ValueError, match="prediction of sequence 0: got shape .* of float64"):
        function([[1]], [[1.0]])


def test_bad_overlap_and_no_frames():
    for overlap in (0, -0.1, 1.1):
        with pytest.raises(ValueError, match=f"overlap is {overlap}; allowed: above 0, up to 1"):
            segment_f1([[1]], [[1]], overlap)
    with pytest.raises(ValueError, match="no frames"):
        frame_accuracy([[]], [[]])
