"""Scores of recognised sequences against their references."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from rapidfuzz.distance import Levenshtein


def sequence_accuracy(
    references: Sequence[Sequence[Hashable]], hypotheses: Sequence[Sequence[Hashable]]
) -> float:
    """Share of sequences recognised without a single error, 0 .. 1.

    >>> sequence_accuracy([[1, 2], [3]], [[1, 2], [3, 3]])
    0.5
    """
    _check(references, hypotheses)
    right = sum(tuple(r) == tuple(h) for r, h in zip(references, hypotheses, strict=True))
    return right / len(references)


@dataclass(frozen=True)
class WordErrors:
    """Edit operations that turn references into hypotheses, summed over a corpus.

    Attributes:
        substitutions, deletions, insertions: counts of a shortest edit path.
        reference_length: words in the references.
    """

    substitutions: int
    deletions: int
    insertions: int
    reference_length: int

    @property
    def wer(self) -> float:
        """Word error rate: (sub + del + ins) / reference words; may exceed 1.

        Without any reference word it is 0 for no insertions, else infinite.
        """
        errors = self.substitutions + self.deletions + self.insertions
        if self.reference_length == 0:
            return 0.0 if errors == 0 else float("inf")
        return errors / self.reference_length


def word_errors(
    references: Sequence[Sequence[Hashable]], hypotheses: Sequence[Sequence[Hashable]]
) -> WordErrors:
    """Align each hypothesis with its reference (Levenshtein) and count the errors.

    >>> word_errors([["the", "cat", "sat"]], [["the", "cat", "sat", "up"]])
    WordErrors(substitutions=0, deletions=0, insertions=1, reference_length=3)
    """
    _check(references, hypotheses)
    tags = Counter(
        operation.tag
        for reference, hypothesis in zip(references, hypotheses, strict=True)
        for operation in Levenshtein.editops(*_numbered(reference, hypothesis))
    )
    return WordErrors(tags["replace"], tags["delete"], tags["insert"], sum(map(len, references)))


@dataclass(frozen=True)
class Pair:
    """One column of an alignment.

    Attributes:
        reference: the word of the reference; None for an insertion.
        hypothesis: the word that was recognised; None for a deletion.
        kind: ``"ok"``, ``"sub"``, ``"del"`` or ``"ins"``.
    """

    reference: Hashable | None
    hypothesis: Hashable | None
    kind: Literal["ok", "sub", "del", "ins"]


def align_words(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> tuple[Pair, ...]:
    """Write one sentence's reference and hypothesis below each other, as sclite prints them.

    The alignment has as few errors as possible, and its counts are those of :func:`word_errors`.
    Of several such alignments it is always this one: words that both share at the beginning, and
    of the rest at the end, stand below each other; what remains is read from its end, and each
    column is the first of deletion, substitution, insertion, "ok" that a shortest alignment can
    have there. All errors cost 1. (NIST's sclite has 4 for a substitution and 3 for the others:
    its parts, seldom its sum, can differ.) An empty reference gives insertions only.

    >>> [pair.kind for pair in align_words("SUN NORTH RAIN".split(), "SUN RAIN RAIN SNOW".split())]
    ['ok', 'sub', 'ok', 'ins']
    """
    reference, hypothesis = _plain(reference), _plain(hypothesis)
    pairs: list[Pair] = []
    for tag, i, i_end, j, j_end in Levenshtein.opcodes(*_numbered(reference, hypothesis)):
        kind = _KINDS[tag]
        for k in range(max(i_end - i, j_end - j)):
            pairs.append(
                Pair(
                    None if kind == "ins" else reference[i + k],
                    None if kind == "del" else hypothesis[j + k],
                    kind,
                )
            )
    return tuple(pairs)


_KINDS = {"equal": "ok", "replace": "sub", "delete": "del", "insert": "ins"}


def _numbered(
    reference: Sequence[Hashable], hypothesis: Sequence[Hashable]
) -> tuple[list[int], list[int]]:
    """Equal words, equal numbers: rapidfuzz compares hashes, and to it -1 is -2 and "a" is 97."""
    numbers: dict[Hashable, int] = {}
    first, second = (
        [numbers.setdefault(word, len(numbers)) for word in _plain(words)]
        for words in (reference, hypothesis)
    )
    return first, second


def _plain(words: Sequence[Hashable]) -> Sequence[Hashable]:
    # Tensors hash by identity: no two of their elements would ever be the same word.
    return words.tolist() if hasattr(words, "tolist") else words


def _check(references: Sequence, hypotheses: Sequence) -> None:
    if len(references) != len(hypotheses) or not len(references):
        raise ValueError(
            f"got {len(references)} references and {len(hypotheses)} hypotheses; "
            "allowed: as many of each, at least one"
        )
