"""Intervals of sweeps against scipy's own, and what the figure shows."""

import numpy as np
import pytest
from scipy import stats

from vidlab.viz.sweeps import mean_interval, sweep_curves


def test_interval_is_students():
    values = np.random.default_rng(0).normal(size=7)
    low, high = stats.t.interval(0.95, 6, loc=values.mean(), scale=stats.sem(values))
    mean, half = mean_interval(values)
    assert (mean - half, mean + half) == pytest.approx((low, high))


def test_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = [abs(m) <= h for m, h in (mean_interval(rng.normal(size=3)) for _ in range(2000))]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.02)


def test_one_seed_has_no_interval():
    mean, half = mean_interval([2.0])
    assert mean == 2.0
    assert np.isnan(half)
    with pytest.raises(ValueError, match="expected \\(N,\\), N >= 1"):
        mean_interval([])


def test_lines_go_through_the_means_in_order():
    figure = sweep_curves({"a": {0.4: [1, 3], 0.2: [5, 5]}}, xlabel="eta", ylabel="accuracy")
    line = figure.axes[0].lines[0]
    assert line.get_xdata().tolist() == [0.2, 0.4]
    assert line.get_ydata().tolist() == [5, 2]


def test_words_lie_side_by_side():
    figure = sweep_curves({"a": {"max": [1], "mean": [2]}}, xlabel="pool", ylabel="accuracy")
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert ticks == ["max", "mean"]
