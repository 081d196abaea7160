"""Entropy and rollout: what is known by hand, limits, and plain loops."""

import math

import numpy as np
import pytest

from vidlab.metrics.attention import entropy, rollout


def softmax_rows(shape, seed, sharpness=2.0):
    logits = np.random.default_rng(seed).normal(size=shape) * sharpness
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


@pytest.mark.parametrize("keys", [2, 3, 64])
def test_entropy_of_uniform_and_one_hot(keys):
    uniform = np.full((4, keys), 1 / keys)
    assert entropy(uniform) == pytest.approx(1)
    assert entropy(uniform, normalised=False) == pytest.approx(math.log(keys))
    one_hot = np.eye(keys)
    assert (entropy(one_hot) == 0).all()
    assert (entropy(one_hot, normalised=False) == 0).all()
    assert not np.signbit(entropy(one_hot)).any()


def test_entropy_equals_a_loop_on_any_leading_axes():
    weights = softmax_rows((2, 3, 4, 5), 0)
    weights[0, 0, 0] = [0.5, 0, 0.5, 0, 0]
    ours = entropy(weights, normalised=False)
    assert ours.shape == (2, 3, 4)
    for at in np.ndindex(2, 3, 4):
        expected = -sum(w * math.log(w) for w in weights[at] if w > 0)
        assert ours[at] == pytest.approx(expected)
    np.testing.assert_allclose(entropy(weights), ours / math.log(5))
    assert ours[0, 0, 0] == pytest.approx(math.log(2))


def test_entropy_does_not_depend_on_the_order_of_keys():
    weights = softmax_rows((6, 9), 1)
    shuffled = weights[:, np.random.default_rng(0).permutation(9)]
    np.testing.assert_allclose(entropy(weights), entropy(shuffled))


def test_one_key_leaves_no_choice():
    assert entropy(np.ones((3, 1))).tolist() == [0, 0, 0]
    assert entropy(np.ones((3, 1)), normalised=False).tolist() == [0, 0, 0]


def test_half_precision_rows_are_taken():
    weights = softmax_rows((8, 200), 2).astype(np.float16)
    assert entropy(weights).dtype == np.float64
    assert (entropy(np.full((2, 200), 1 / 200, np.float16)) <= 1).all()


def test_rollout_of_identity_is_identity():
    identity = np.broadcast_to(np.eye(4), (3, 2, 4, 4))
    np.testing.assert_allclose(rollout(identity), np.broadcast_to(np.eye(4), (3, 4, 4)))


def test_rollout_by_hand():
    # Layer 1: token 0 reads token 1, token 1 itself. Layer 2: both read token 0.
    first = [[0.0, 1.0], [0.0, 1.0]]
    second = [[1.0, 0.0], [1.0, 0.0]]
    rolled = rollout(np.array([[first], [second]]))
    np.testing.assert_allclose(rolled[0], [[0.5, 0.5], [0, 1]])
    # (½I + ½A₂)(½I + ½A₁): rows [1, 0] and [½, ½] times the matrix above. Not the other order,
    # which would give [[¾, ¼], [½, ½]].
    np.testing.assert_allclose(rolled[1], [[0.5, 0.5], [0.25, 0.75]])


def test_rollout_without_the_skip_is_the_plain_product_of_head_means():
    weights = softmax_rows((3, 4, 5, 5), 3)
    means = [sum(layer) / 4 for layer in weights]
    rolled = rollout(weights, residual=0)
    np.testing.assert_allclose(rolled[0], means[0])
    np.testing.assert_allclose(rolled[2], means[2] @ means[1] @ means[0])
    assert np.abs(rolled[2] - means[0] @ means[1] @ means[2]).max() > 1e-3


def test_rollout_with_only_the_skip_moves_nothing():
    rolled = rollout(softmax_rows((2, 2, 3, 3), 4), residual=1)
    np.testing.assert_allclose(rolled, np.broadcast_to(np.eye(3), (2, 3, 3)))


def test_rollout_equals_a_loop_and_its_rows_sum_to_one():
    weights = softmax_rows((2, 3, 4, 4), 5)
    rolled = rollout(weights, residual=0.3)
    assert rolled.shape == (2, 4, 4)
    mixed = np.zeros((2, 4, 4))
    for layer, head, q, k in np.ndindex(weights.shape):
        mixed[layer, q, k] += 0.7 * weights[layer, head, q, k] / 3
    for layer, q in np.ndindex(2, 4):
        mixed[layer, q, q] += 0.3
    for q, k in np.ndindex(4, 4):
        path = sum(mixed[1, q, middle] * mixed[0, middle, k] for middle in range(4))
        assert rolled[1, q, k] == pytest.approx(path)
    assert rolled.sum(-1) == pytest.approx(1)


def test_the_input_is_left_alone():
    weights = softmax_rows((1, 2, 3, 3), 6)
    before = weights.copy()
    rollout(weights)
    entropy(weights)
    np.testing.assert_array_equal(weights, before)


SQUARE = np.full((2, 2, 3, 3), 1 / 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: entropy(np.ones(3) / 3), r"shape \(3,\); expected \(..., Q, K\)"),
        (lambda: entropy(np.ones((0, 3))), "not empty"),
        (lambda: entropy(np.ones((2, 3))), "weights of row 0 sum to 3; each row of keys"),
        (lambda: entropy([[1.0, 0.0], [0.5, 0.4]]), "weights of row 1 sum to 0.9"),
        (lambda: entropy([[[1.0, 0.0], [0.0, 0.0]]]), "weights of row 0, 1 sum to 0"),
        (lambda: entropy([[np.nan, 1.0]]), "NaN or infinite"),
        (lambda: entropy([[-0.5, 1.5]]), "weights hold -0.5; allowed: 0 or more"),
        (lambda: entropy([["a", "b"]]), "numbers are needed"),
        (lambda: rollout(SQUARE[0]), r"shape \(2, 3, 3\); rollout needs self-attention"),
        (lambda: rollout(np.full((1, 1, 2, 3), 1 / 3)), "as many keys as queries"),
        (lambda: rollout(2 * SQUARE), "weights of row 0, 0, 0 sum to 2"),
        (lambda: rollout(SQUARE, residual=1.5), "residual is 1.5; allowed: 0 .. 1"),
        (lambda: rollout(SQUARE, residual=-0.1), "residual is -0.1; allowed"),
        (lambda: rollout(SQUARE, residual=math.nan), "residual is nan; allowed"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
