import numpy as np
import pytest
import torch

from vidlab.metrics.classification import (
    accuracy_margin,
    confusion,
    pair_accuracy,
    top_k,
    unchanged,
)

LOGITS = torch.tensor([[3.0, 2, 1, 0], [0, 3, 2, 1], [1, 0, 3, 2], [2, 1, 0, 3]])


def test_top_k_counts_labels_among_the_k_largest():
    labels = torch.tensor([0, 2, 3, 2])  # places 1, 2, 2, 4
    assert [top_k(LOGITS, labels, k) for k in (1, 2, 3, 4)] == [0.25, 0.75, 0.75, 1.0]


def test_confusion_rows_are_shares_of_the_true_class():
    labels = torch.tensor([0, 0, 2, 2])  # predicted 0, 1, 2, 3
    expected = [[0.5, 0.5, 0, 0], [0] * 4, [0, 0, 0.5, 0.5], [0] * 4]
    assert confusion(LOGITS, labels).tolist() == expected


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (LOGITS, torch.tensor([0, 1]), "labels \\(2,\\)"),
        (LOGITS, torch.tensor([0, 1, 2, 4]), "labels are 0 .. 4; allowed: 0 .. 3"),
        (LOGITS / 0, torch.tensor([0, 1, 2, 3]), "NaN or infinite"),
        (LOGITS[:0], torch.tensor([], dtype=torch.long), "N >= 1"),
    ],
)
def test_bad_input_is_refused(logits, labels, message):
    with pytest.raises(ValueError, match=message):
        top_k(logits, labels)


def test_k_beyond_the_classes_is_refused():
    with pytest.raises(ValueError, match="k is 5; allowed: 1 .. 4"):
        top_k(LOGITS, torch.tensor([0, 1, 2, 3]), 5)


def test_accuracy_margin_covers_two_standard_errors():
    rng = np.random.default_rng(0)
    differences = (rng.binomial(300, 0.8, 20_000) - rng.binomial(300, 0.7, 20_000)) / 300
    assert accuracy_margin(0.8, 0.7, 300) == pytest.approx(2 * differences.std(), rel=0.03)
    with pytest.raises(ValueError, match="accuracy is 80; allowed: 0 .. 1"):
        accuracy_margin(80, 0.7, 300)
    with pytest.raises(ValueError, match="count is 0"):
        accuracy_margin(0.8, 0.7, 0)


def test_pair_accuracy_counts_paired_classes_against_all_others():
    # Classes 0 and 2 are twins, 1 is alone. Twin samples: right, taken for its twin, taken for 1.
    answers, labels = torch.tensor([0, 2, 1, 0]), torch.tensor([0, 0, 2, 1])
    logits = torch.nn.functional.one_hot(answers, 3).float()
    assert pair_accuracy(logits, labels, [(0, 2)]) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="no sample's class is in the pairs"):
        pair_accuracy(logits[3:], labels[3:], [(0, 2)])


def test_blind_to_order_is_at_most_half_on_pairs():
    """Twins get the same logits: whatever those are, one of the two is wrong."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(50, 4, generator=generator).repeat(2, 1)
    labels = torch.tensor([0, 1]).repeat_interleave(50)
    assert pair_accuracy(logits, labels, [(0, 1)]) <= 0.5


def test_unchanged_compares_answers_not_logits():
    first = torch.tensor([[0.1, 0.2], [3.0, 1.0], [0.0, 1.0]])
    second = torch.tensor([[0.0, 9.0], [1.0, 2.0], [0.0, 0.5]])
    assert unchanged(first, second) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match=r"shapes \(3, 2\) and \(2, 2\)"):
        unchanged(first, second[:2])
