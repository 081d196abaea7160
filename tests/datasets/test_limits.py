"""Settings outside of their limits: refused, with their name and what is allowed."""

import re

import numpy as np
import pytest

from vidlab.datasets.limits import check_pair, check_range, check_whole


@pytest.mark.parametrize(
    ("check", "fits", "refused", "allowed"),
    [
        (
            lambda value: check_whole("x", value, 1, 9),
            [1, 9, np.int64(4)],
            [0, 10, 2.0, True, None, "4"],
            "allowed: whole numbers in 1 .. 9",
        ),
        (
            lambda value: check_whole("x", value, 0),
            [0, 10**12],
            [-1, False],
            "allowed: whole numbers from 0",
        ),
        (
            lambda value: check_range("x", value, 0, 0.5),
            [0, 0.5, np.float64(0.2)],
            [-0.1, 0.51, float("nan"), float("inf"), "0.1", None],
            "allowed: 0 .. 0.5",
        ),
        (
            lambda value: check_pair("x", value, 0, 2),
            [(0, 2), (1, 1), [0.5, 0.7]],
            [(2, 1), (-1, 1), (0, 2.1), (1,), (0, 1, 2)],
            "allowed: (smallest, largest) within 0 .. 2",
        ),
    ],
)
def test_what_is_refused_is_named(check, fits, refused, allowed):
    for value in fits:
        check(value)
    for value in refused:
        with pytest.raises(ValueError, match=re.escape(f"x is {value!r}; {allowed}")):
            check(value)
