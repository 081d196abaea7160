"""Span scores against seqeval in its strict mode, a count by hand, and hand-worked cases."""

import warnings

import numpy as np
import pytest

from vidlab.metrics import spans

NAMES = ("O", "B-DAT", "I-DAT")


def valid_tags(draw, count=60, longest=13):
    """Random sequences without I after O."""
    corpus = []
    for _ in range(count):
        tags = []
        for _ in range(int(draw.integers(1, longest + 1))):
            allowed = [0, 1, 2] if tags and tags[-1] else [0, 1]
            tags.append(int(draw.choice(allowed)))
        corpus.append(tags)
    return corpus


def disturbed(draw, corpus):
    """Predictions that share some of the truth's spans; valid again."""
    out = []
    for tags in corpus:
        new = [t if draw.random() < 0.8 else int(draw.integers(3)) for t in tags]
        for i, tag in enumerate(new):
            if tag == 2 and (i == 0 or new[i - 1] == 0):
                new[i] = 1
        out.append(new)
    return out


@pytest.mark.parametrize("seed", range(5))
def test_equals_seqeval_strict_iob2(seed):
    seqeval = pytest.importorskip("seqeval.metrics")
    scheme = pytest.importorskip("seqeval.scheme")
    draw = np.random.default_rng(seed)
    truth = valid_tags(draw)
    predicted = disturbed(draw, truth)
    named = [[[NAMES[t] for t in tags] for tags in corpus] for corpus in (truth, predicted)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = [
            score(*named, mode="strict", scheme=scheme.IOB2, average="micro", zero_division=0)
            for score in (seqeval.precision_score, seqeval.recall_score, seqeval.f1_score)
        ]
    ours = spans.span_scores(truth, predicted)
    assert 0.1 < ours.f1 < 0.95  # there is something to compare
    assert [ours.precision, ours.recall, ours.f1] == pytest.approx(expected)


def test_seqeval_drops_a_span_that_begins_with_i_and_so_do_we():
    seqeval = pytest.importorskip("seqeval.metrics")
    scheme = pytest.importorskip("seqeval.scheme")
    truth, predicted = [[0, 1, 2, 0, 1]], [[0, 2, 2, 0, 1]]
    named = [[[NAMES[t] for t in tags] for tags in corpus] for corpus in (truth, predicted)]
    expected = seqeval.precision_score(*named, mode="strict", scheme=scheme.IOB2, average="micro")
    assert spans.span_scores(truth, predicted).precision == expected == 1.0


def test_limits():
    truth = valid_tags(np.random.default_rng(0))
    perfect = spans.span_scores(truth, truth)
    assert (perfect.precision, perfect.recall, perfect.f1) == (1.0, 1.0, 1.0)
    nothing = spans.span_scores(truth, [[0] * len(tags) for tags in truth])
    assert (nothing.precision, nothing.recall, nothing.f1) == (0.0, 0.0, 0.0)
    assert spans.span_scores([[0]], [[0]]).f1 == 0.0
    # One boundary wrong is all wrong.
    assert spans.span_scores([[1, 2, 0]], [[1, 2, 2]]).hits == 0


def test_spans_and_tags_go_round():
    for tags in valid_tags(np.random.default_rng(1)):
        assert spans.tags_from(spans.spans_of(tags), len(tags)) == tuple(tags)
    assert spans.spans_of([]) == []
    assert spans.spans_of([2, 1, 0, 2, 2]) == [(1, 2)]  # an I without its B is of no span
    truth = valid_tags(np.random.default_rng(2))
    predicted = disturbed(np.random.default_rng(3), truth)
    as_spans = spans.span_scores_of(
        [spans.spans_of(t) for t in truth], [spans.spans_of(p) for p in predicted]
    )
    assert as_spans == spans.span_scores(truth, predicted)
    with pytest.raises(ValueError, match=r"span \(1, 3\) overlaps"):
        spans.tags_from([(0, 2), (1, 3)], 4)
    with pytest.raises(ValueError, match=r"span \(2, 5\) does not fit a sequence of 4"):
        spans.tags_from([(2, 5)], 4)
    with pytest.raises(ValueError, match="truth has 1 windows, predicted 0"):
        spans.span_scores_of([[]], [])


def test_recall_on_a_subset():
    truth = [[1, 0, 1, 2], [1, 1]]
    predicted = [[1, 0, 1, 0], [0, 1]]
    assert spans.recall_on(truth, predicted, [[True, True], [True, True]]) == (0.5, 4)
    assert spans.recall_on(truth, predicted, [[True, False], [False, True]]) == (1.0, 2)
    assert spans.recall_on(truth, predicted, [[False, True], [False, False]]) == (0.0, 1)
    assert spans.recall_on(truth, predicted, [[False, False], [False, False]]) == (0.0, 0)
    with pytest.raises(ValueError, match="wanted has 1 marks in window 0; it has 2 spans"):
        spans.recall_on(truth, predicted, [[True], [True, True]])
    with pytest.raises(ValueError, match="wanted has 0 windows, truth 2"):
        spans.recall_on(truth, predicted, [])


def test_confusion_counts_every_token_once():
    truth = valid_tags(np.random.default_rng(4))
    predicted = disturbed(np.random.default_rng(5), truth)
    counts = spans.tag_confusion(truth, predicted)
    for i in range(3):
        for j in range(3):
            by_hand = sum(
                (t, p) == (i, j)
                for a, b in zip(truth, predicted, strict=True)
                for t, p in zip(a, b, strict=True)
            )
            assert counts[i, j] == by_hand
    assert spans.tag_confusion([], []).sum() == 0


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match=r"predicted 0 holds 3 at token 1; allowed: 0 \(O\)"):
        spans.span_scores([[0, 1]], [[0, 3]])
    with pytest.raises(ValueError, match="window 0 has 2 true tags and 1 predicted"):
        spans.span_scores([[0, 1]], [[0]])
    with pytest.raises(ValueError, match="truth has 1 windows, predicted 2"):
        spans.tag_confusion([[0]], [[0], [0]])
    with pytest.raises(ValueError, match="must be one sequence of whole numbers; got float64"):
        spans.spans_of([0.5])
