"""Scores of recognised sequences against their references."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

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
        for operation in Levenshtein.editops(list(reference), list(hypothesis))
    )
    return WordErrors(tags["replace"], tags["delete"], tags["insert"], sum(map(len, references)))


def _check(references: Sequence, hypotheses: Sequence) -> None:
    if len(references) != len(hypotheses) or not len(references):
        raise ValueError(
            f"got {len(references)} references and {len(hypotheses)} hypotheses; "
            "allowed: as many of each, at least one"
        )
