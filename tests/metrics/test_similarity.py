"""Cosines and the mass near the diagonal, by hand and by plain loops."""

import numpy as np
import pytest

from vidlab.metrics.similarity import cosine_similarity, diagonal_mass, expected_diagonal_mass


def looped_mass(similarity, band, rows):
    shares = []
    for i in rows:
        near = total = 0.0
        for j, value in enumerate(similarity[i]):
            total += max(value, 0)
            near += max(value, 0) * (abs(i - j) <= band)
        shares.append(near / total if total else 0.0)
    return sum(shares) / len(shares)


@pytest.mark.parametrize("seed", range(4))
def test_mass_equals_a_loop(seed):
    rng = np.random.default_rng(seed)
    similarity = rng.normal(size=(9, 9))
    similarity[3] = -1
    for band in (0, 1, 4, 20):
        for rows in (range(9), (3,), (0, 3, 8, 8)):
            ours = diagonal_mass(similarity, band, rows)
            assert ours == pytest.approx(looped_mass(similarity, band, rows))
    assert diagonal_mass(similarity, 2) == diagonal_mass(similarity, 2, range(9))


def test_hand_worked():
    similarity = [[3, 1, 0], [1, -5, 1], [2, 0, 0]]
    assert diagonal_mass(similarity, 0) == pytest.approx(0.25)  # 3/4, 0/2, 0/2
    assert diagonal_mass(similarity, 1) == pytest.approx(2 / 3)  # 4/4, 2/2, 0/2
    assert diagonal_mass(similarity, 2) == 1
    assert diagonal_mass(-np.ones((3, 3)), 1) == 0  # no row points anywhere


def test_a_flat_matrix_has_the_expected_mass():
    for T in (1, 2, 7):
        for band in (0, 1, 3, 9):
            flat = np.full((T, T), 0.3)
            assert diagonal_mass(flat, band) == pytest.approx(expected_diagonal_mass(T, band))
            rows = [T - 1]
            assert diagonal_mass(flat, band, rows) == pytest.approx(
                expected_diagonal_mass(T, band, rows)
            )
    assert expected_diagonal_mass(10, 0) == pytest.approx(0.1)
    assert expected_diagonal_mass(10, 1, rows=[0]) == pytest.approx(0.2)


def test_cosines():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 6)), rng.normal(size=(5, 6))
    ours = cosine_similarity(a, b)
    assert ours.shape == (4, 5)
    for i in range(4):
        for j in range(5):
            expected = a[i] @ b[j] / np.sqrt((a[i] @ a[i]) * (b[j] @ b[j]))
            assert ours[i, j] == pytest.approx(expected)
    np.testing.assert_allclose(cosine_similarity(a * 1e-200, b * 1e200), ours)
    assert np.diag(cosine_similarity(a, a)) == pytest.approx(1)
    assert np.abs(cosine_similarity(a, a)).max() <= 1
    assert cosine_similarity([[0.0, 0.0]], [[1.0, 2.0]]).tolist() == [[0.0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: diagonal_mass(np.ones((3, 4)), 1), r"shape \(3, 4\); expected \(T, T\)"),
        (lambda: diagonal_mass(np.ones((0, 0)), 1), "at least one row"),
        (lambda: diagonal_mass([[np.nan]], 1), "NaN or infinite"),
        (lambda: diagonal_mass(np.eye(3), -1), "band is -1; allowed: whole numbers from 0"),
        (lambda: diagonal_mass(np.eye(3), 0.5), "band is 0.5; allowed"),
        (lambda: diagonal_mass(np.eye(3), 1, []), "at least one row"),
        (lambda: diagonal_mass(np.eye(3), 1, [True, False, True]), "as whole numbers"),
        (lambda: diagonal_mass(np.eye(3), 1, [3]), r"rows are 3 .. 3; allowed: 0 .. 2"),
        (lambda: diagonal_mass(np.eye(3), 1, [-1]), r"rows are -1 .. -1; allowed"),
        (lambda: expected_diagonal_mass(0, 1), "T is 0; allowed: whole numbers from 1"),
        (lambda: cosine_similarity(np.ones((2, 3)), np.ones((2, 4))), r"\(A, D\) and \(B, D\)"),
        (lambda: cosine_similarity(np.ones(3), np.ones((2, 3))), r"\(A, D\) and \(B, D\)"),
        (lambda: cosine_similarity([[1.0]], [[np.inf]]), "b holds NaN or infinite"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
