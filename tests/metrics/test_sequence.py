"""Sequence accuracy and WER, the latter against jiwer."""

import random

import jiwer
import pytest

from vidlab.metrics.sequence import WordErrors, sequence_accuracy, word_errors


@pytest.mark.parametrize("seed", range(5))
def test_wer_and_its_parts_equal_jiwers(seed):
    rng = random.Random(seed)
    words = ["north", "south", "east", "west", "rain", "snow"]
    references = [rng.choices(words, k=rng.randint(1, 9)) for _ in range(30)]
    hypotheses = [
        [rng.choice(words) if rng.random() < 0.3 else w for w in r if rng.random() > 0.2]
        + rng.choices(words, k=rng.randint(0, 2))
        for r in references
    ]
    ours = word_errors(references, hypotheses)
    theirs = jiwer.process_words(
        [" ".join(r) for r in references], [" ".join(h) for h in hypotheses]
    )
    assert ours.wer == pytest.approx(theirs.wer)
    assert (ours.substitutions, ours.deletions, ours.insertions) == (
        theirs.substitutions,
        theirs.deletions,
        theirs.insertions,
    )
    assert ours.reference_length == sum(map(len, references))


def test_hand_worked():
    assert word_errors([[1, 2, 3]], [[1, 3, 4]]).wer == pytest.approx(2 / 3)
    assert word_errors([(1, 2)], [[]]) == WordErrors(0, 2, 0, 2)
    assert word_errors([[1]], [[2, 3, 4]]).wer == 3.0


def test_empty_reference():
    assert word_errors([[]], [[]]).wer == 0.0
    assert word_errors([[]], [[1]]).wer == float("inf")
    assert word_errors([[], [1]], [[1], [1]]).wer == 1.0


def test_accuracy_counts_whole_sequences():
    assert sequence_accuracy([[1, 2]], [[2, 1]]) == 0.0
    assert sequence_accuracy([(1, 2), (3,), ()], [[1, 2], [3, 3], []]) == pytest.approx(2 / 3)


@pytest.mark.parametrize("function", [sequence_accuracy, word_errors])
def test_lengths_must_agree(function):
    with pytest.raises(ValueError, match="got 2 references and 1 hypotheses"):
        function([[1], [2]], [[1]])
    with pytest.raises(ValueError, match="at least one"):
        function([], [])
