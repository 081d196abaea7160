"""Localisation mAP: the supplement's definition, and scikit-learn where the two coincide."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from vidlab.metrics.localisation import (
    average_precision,
    localisation_map,
    precision_recall,
)


@pytest.mark.parametrize("positives", [1, 8, 40, 200])  # divisors of the 200 recall steps
def test_equals_scikit_learn_where_the_levels_meet_the_ranks(positives):
    rng = np.random.default_rng(positives)
    positive = rng.permutation(np.arange(1000) < positives)
    confidence = rng.permutation(1000) + 300 * positive  # no ties
    confidence = confidence + rng.random(1000) / 2
    want = average_precision_score(positive, confidence)
    # The sum over 200 levels takes each positive's precision 200/positives times: the same mean.
    assert average_precision(confidence, positive) == pytest.approx(want, abs=1e-12)


def test_close_to_scikit_learn_elsewhere_but_not_equal():
    rng = np.random.default_rng(0)
    positive = rng.random(5000) < 0.3
    confidence = rng.random(5000) + 0.2 * positive
    want = average_precision_score(positive, confidence)
    assert average_precision(confidence, positive) == pytest.approx(want, abs=0.005)


def test_hand_worked():
    # Ranked: + - + -; precision at recall 0.5 is 1, at recall 1 is 2/3.
    positive = np.array([True, False, True, False])
    confidence = np.array([4.0, 3, 2, 1])
    precision, recall = precision_recall(confidence, positive)
    np.testing.assert_allclose(precision, [1, 1 / 2, 2 / 3, 1 / 2])
    np.testing.assert_allclose(recall, [0.5, 0.5, 1, 1])
    assert average_precision(confidence, positive) == pytest.approx((1 + 2 / 3) / 2)


def test_perfect_worst_and_random_rankings():
    positive = np.arange(100) < 20
    assert average_precision(-np.arange(100), positive) == 1.0
    worst = average_precision(np.arange(100), positive)
    assert worst == pytest.approx(np.mean([(i + 1) / (81 + i) for i in range(20)]))


def test_map_is_the_mean_over_classes_that_occur():
    rng = np.random.default_rng(1)
    truth = np.array([0] * 20 + [1] * 30 + [3] * 10)
    confidence = rng.random((60, 5))
    confidence[np.arange(60), truth] += 0.5
    result = localisation_map(confidence, truth)
    assert np.isnan(result.per_class[[0, 2, 4]]).all()
    parts = [average_precision(confidence[:, k], truth == k) for k in (1, 3)]
    assert result.map == pytest.approx(np.mean(parts))
    np.testing.assert_allclose(result.per_class[[1, 3]], parts)
    confidence[np.arange(60), truth] += 9
    assert localisation_map(confidence, truth).map == 1.0


def test_another_blank():
    confidence = np.eye(3)[[0, 1, 2]]
    result = localisation_map(confidence, np.array([0, 1, 2]), blank=2)
    assert np.isnan(result.per_class[2])
    assert result.map == 1.0


@pytest.mark.parametrize(
    ("confidence", "truth", "sentence"),
    [
        (np.zeros(3), np.zeros(3), r"confidence must be \(F, K\+1\)"),
        (np.zeros((3, 2)), np.zeros(2), r"truth \(F,\)"),
        (np.zeros((3, 2)), np.zeros(3), "no frame belongs to a class other than the blank"),
        (np.zeros((3, 2)), np.full(3, 2), "truth holds class 2; allowed: 0 .. 1"),
        (np.full((3, 2), np.nan), np.ones(3), "confidence holds NaN"),
    ],
)
def test_bad_input(confidence, truth, sentence):
    with pytest.raises(ValueError, match=sentence):
        localisation_map(confidence, truth)


def test_bad_input_of_one_class():
    with pytest.raises(ValueError, match=r"must both be \(F,\)"):
        average_precision(np.zeros(3), np.zeros(2))
    with pytest.raises(ValueError, match="no frame is positive"):
        average_precision(np.zeros(3), np.zeros(3))
    with pytest.raises(ValueError, match="levels is 1; allowed: 2 or more"):
        average_precision(np.arange(3), np.array([True, False, True]), levels=1)


def test_equal_confidences_rank_as_they_come():
    positive = np.arange(40) < 20
    assert average_precision(np.zeros(40), positive) == 1.0
    assert average_precision(np.zeros(40), ~positive) < 0.6
    # Many ties among two values: odd frames first, each half in its own order.
    positive = np.arange(400) < 100
    order = np.r_[1:400:2, 0:400:2]
    strict = np.empty(400)
    strict[order] = -np.arange(400)
    tied = average_precision(np.arange(400) % 2, positive)
    assert tied == average_precision(strict, positive)
