"""Alignments against a brute force, jiwer and the documented choice among equals."""

import itertools
import random

import jiwer
import numpy as np
import pytest
import torch

from vidlab.metrics.sequence import Pair, align_words, word_errors


def distances(reference, hypothesis):
    """Levenshtein's table, cell by cell."""
    table = {(i, 0): i for i in range(len(reference) + 1)}
    table |= {(0, j): j for j in range(len(hypothesis) + 1)}
    for i, j in itertools.product(range(len(reference)), range(len(hypothesis))):
        table[i + 1, j + 1] = min(
            table[i, j + 1] + 1, table[i + 1, j] + 1, table[i, j] + (reference[i] != hypothesis[j])
        )
    return table


def documented(reference, hypothesis):
    """The alignment that the docstring promises, by its own words."""
    front = 0
    while front < min(len(reference), len(hypothesis)) and reference[front] == hypothesis[front]:
        front += 1
    back = 0
    while (
        back < min(len(reference), len(hypothesis)) - front
        and reference[-1 - back] == hypothesis[-1 - back]
    ):
        back += 1
    middle = reference[front : len(reference) - back], hypothesis[front : len(hypothesis) - back]
    table = distances(*middle)
    i, j = map(len, middle)
    kinds = ["ok"] * back
    while i or j:
        here = table[i, j]
        if i and table[i - 1, j] + 1 == here:
            kinds.append("del")
            i -= 1
        elif i and j and middle[0][i - 1] != middle[1][j - 1] and table[i - 1, j - 1] + 1 == here:
            kinds.append("sub")
            i, j = i - 1, j - 1
        elif j and table[i, j - 1] + 1 == here:
            kinds.append("ins")
            j -= 1
        else:
            kinds.append("ok")
            i, j = i - 1, j - 1
    return ["ok"] * front + kinds[::-1]


def random_pairs(count, words, longest, seed):
    rng = random.Random(seed)
    for _ in range(count):
        yield tuple(rng.choices(words, k=rng.randint(0, longest)) for _ in range(2))


def test_every_pair_is_what_it_says_and_counts_are_those_of_word_errors():
    for reference, hypothesis in random_pairs(500, "abcd", 9, seed=1):
        pairs = align_words(reference, hypothesis)
        assert [p.reference for p in pairs if p.kind != "ins"] == reference
        assert [p.hypothesis for p in pairs if p.kind != "del"] == hypothesis
        for pair in pairs:
            if pair.kind == "ok":
                assert pair.reference == pair.hypothesis
            elif pair.kind == "sub":
                assert None not in (pair.reference, pair.hypothesis)
                assert pair.reference != pair.hypothesis
            elif pair.kind == "del":
                assert pair.hypothesis is None
            else:
                assert (pair.kind, pair.reference) == ("ins", None)
        counts = word_errors([reference], [hypothesis])
        kinds = [pair.kind for pair in pairs]
        assert kinds.count("sub") == counts.substitutions
        assert kinds.count("del") == counts.deletions
        assert kinds.count("ins") == counts.insertions
        shortest = distances(reference, hypothesis)[len(reference), len(hypothesis)]
        assert len(kinds) - kinds.count("ok") == shortest


def test_the_choice_among_equals_is_the_documented_one():
    for reference, hypothesis in random_pairs(1500, "abc", 8, seed=2):
        kinds = [pair.kind for pair in align_words(reference, hypothesis)]
        assert kinds == documented(reference, hypothesis), (reference, hypothesis)
    # Long sentences take another way through the library (more than 64 words).
    for reference, hypothesis in random_pairs(5, "abcdefgh", 150, seed=3):
        kinds = [pair.kind for pair in align_words(reference, hypothesis)]
        assert kinds == documented(reference, hypothesis)


def test_jiwer_draws_the_same_columns():
    names = {"equal": "ok", "substitute": "sub", "delete": "del", "insert": "ins"}
    for reference, hypothesis in random_pairs(200, ["RAIN", "SUN", "NORTH"], 8, seed=4):
        if not reference:
            continue  # jiwer refuses these
        (chunks,) = jiwer.process_words(" ".join(reference), " ".join(hypothesis)).alignments
        theirs = [
            names[chunk.type]
            for chunk in chunks
            for _ in range(
                max(
                    chunk.ref_end_idx - chunk.ref_start_idx,
                    chunk.hyp_end_idx - chunk.hyp_start_idx,
                )
            )
        ]
        assert [pair.kind for pair in align_words(reference, hypothesis)] == theirs


def test_hand_worked():
    assert align_words(["SUN", "RAIN"], ["SUN", "WIND", "RAIN"]) == (
        Pair("SUN", "SUN", "ok"),
        Pair(None, "WIND", "ins"),
        Pair("RAIN", "RAIN", "ok"),
    )
    assert align_words((1, 2), (3,)) == (Pair(1, 3, "sub"), Pair(2, None, "del"))


def test_empty_sentences():
    assert align_words([], []) == ()
    assert align_words([], [7, 8]) == (Pair(None, 7, "ins"), Pair(None, 8, "ins"))
    assert align_words([7], []) == (Pair(7, None, "del"),)


@pytest.mark.parametrize(("one", "other"), [(-1, -2), ("a", 97), ("a", "b")])
def test_words_that_look_alike_to_the_library_are_different(one, other):
    assert align_words([one], [other]) == (Pair(one, other, "sub"),)
    assert word_errors([[one]], [[other]]).substitutions == 1


def test_arrays_and_tensors_hold_words_too():
    expected = (Pair(1, 1, "ok"), Pair(2, 3, "sub"))
    assert align_words(torch.tensor([1, 2]), np.array([1, 3])) == expected
    assert word_errors([torch.tensor([1, 2])], [torch.tensor([1, 3])]).substitutions == 1
