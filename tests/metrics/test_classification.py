import numpy as np
import pytest
import torch

from vidlab.metrics.classification import accuracy_margin, confusion, top_k

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
