"""Windows of words as tensors: vocabulary, encoding, batches, and what changes in each epoch.

A window is a sequence of tokens (strings) with as many tags (0 O, 1 B-DAT, 2 I-DAT); nothing here
knows where it came from. The method is in :mod:`vidlab.papers.mention_tagger`.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

CHARACTERS = 18  #: characters of a token that the network sees
PADDING, UNKNOWN = 0, 1  #: the first two entries of either table


@dataclass(frozen=True)
class Vocabulary:
    """The words and characters that a tagger tells apart.

    Attributes:
        words: number of each known word, in lower case, from 2 on.
        characters: number of each known character, from 2 on.
    """

    words: dict[str, int]
    characters: dict[str, int]

    @property
    def word_count(self) -> int:
        """Rows of the table of words, padding and unknown included."""
        return len(self.words) + 2

    @property
    def character_count(self) -> int:
        """Rows of the table of characters, padding and unknown included."""
        return len(self.characters) + 2


@dataclass(frozen=True)
class EncodedWindow:
    """One window of n tokens: ``words (n,)``, ``chars (n, 18)``, ``tags (n,)``, all int64.

    ``allowed (n, 3)`` bool says which tags a partial label leaves open; None: the tags are known.
    """

    index: int
    words: Tensor
    chars: Tensor
    tags: Tensor
    allowed: Tensor | None = None


@dataclass(frozen=True)
class TagBatch:
    """B windows, padded to the longest, L.

    Attributes:
        index: ``(B,)`` which windows these are.
        words: ``(B, L)`` int64, 0 in padding.
        chars: ``(B, L, 18)`` int64, 0 after a token's last character and in padding.
        mask: ``(B, L)`` True where there is a token.
        tags: ``(B, L)`` int64, 0 in padding.
        allowed: ``(B, L, 3)`` bool or None.
    """

    index: Tensor
    words: Tensor
    chars: Tensor
    mask: Tensor
    tags: Tensor
    allowed: Tensor | None = None

    @property
    def lengths(self) -> Tensor:
        """``(B,)`` tokens of each window."""
        return self.mask.sum(1)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> TagBatch:
        """The same batch on another device."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> TagBatch:
        """The same batch in memory that a GPU can copy from at leisure."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> TagBatch:
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        return TagBatch(**{k: None if v is None else change(v) for k, v in tensors.items()})


def build_vocabulary(sentences: Iterable[Sequence[str]], minimum: int = 2) -> Vocabulary:
    """Words that occur at least ``minimum`` times, and all characters, in a fixed order.

    ASCII letters and digits are always known: scrambled names may hold any of them.

    >>> build_vocabulary([["On", "A"], ["on", "B"]]).words
    {'on': 2}
    """
    words: Counter[str] = Counter()
    characters = set(string.ascii_letters + string.digits)
    for sentence in sentences:
        words.update(token.lower() for token in sentence)
        characters.update(*sentence)
    kept = sorted(word for word, count in words.items() if count >= minimum)
    return Vocabulary(
        {word: number for number, word in enumerate(kept, 2)},
        {character: number for number, character in enumerate(sorted(characters), 2)},
    )


def encode(
    sentences: Sequence[Sequence[str]],
    vocabulary: Vocabulary,
    tags: Sequence[Sequence[int]] | None = None,
    allowed: Sequence[Tensor] | None = None,
) -> list[EncodedWindow]:
    """Windows as numbers.

    Args:
        sentences: N windows of one or more tokens.
        vocabulary: what is not in it becomes "unknown".
        tags: their tags; None: all O (there is nothing to learn from).
        allowed: for partial labels, ``(n, 3)`` bool for each window (``partial_labels``).

    Raises:
        ValueError: an empty window, or one whose tags or marks do not fit; says which.
    """
    for name, given in (("tags", tags), ("allowed", allowed)):
        if given is not None and len(given) != len(sentences):
            raise ValueError(f"there are {len(sentences)} windows and {len(given)} {name}")
    windows = []
    for n, tokens in enumerate(sentences):
        if not len(tokens) or not all(tokens):
            raise ValueError(f"window {n} has no tokens or an empty one")
        marks = [0] * len(tokens) if tags is None else list(tags[n])
        if len(marks) != len(tokens) or not set(marks) <= {0, 1, 2}:
            raise ValueError(
                f"window {n} has {len(tokens)} tokens and the tags {marks}; each token needs "
                "one of 0 (O), 1 (B-DAT), 2 (I-DAT)"
            )
        if allowed is not None and tuple(allowed[n].shape) != (len(tokens), 3):
            raise ValueError(
                f"allowed of window {n} must be ({len(tokens)}, 3); got {tuple(allowed[n].shape)}"
            )
        windows.append(
            EncodedWindow(
                n,
                *_numbers(tokens, vocabulary),
                torch.tensor(marks, dtype=torch.int64),
                None if allowed is None else allowed[n],
            )
        )
    return windows


def collate(windows: Sequence[EncodedWindow]) -> TagBatch:
    """Pad windows to the longest of them."""
    parts = {
        name: pad_sequence([getattr(window, name) for window in windows], batch_first=True)
        for name in ("words", "chars", "tags")
    }
    lengths = torch.tensor([len(window.words) for window in windows])
    open_tags = [window.allowed for window in windows]
    if any(marks is None for marks in open_tags):
        if not all(marks is None for marks in open_tags):
            raise ValueError("some windows have partial labels and some have not")
        joint = None
    else:  # padding stays all False: nothing looks at it
        joint = pad_sequence(open_tags, batch_first=True)
    return TagBatch(
        index=torch.tensor([window.index for window in windows]),
        mask=torch.arange(parts["words"].shape[1]) < lengths[:, None],
        allowed=joint,
        **parts,
    )


class TrainingWindows(Dataset):
    """Windows for training; each epoch hides other words and spells mentions differently.

    Args:
        sentences: N windows of tokens.
        tags: their tags.
        vocabulary: from the training windows alone.
        seed: with the epoch's number it decides everything that is drawn.
        unknown: share of the tokens whose word is replaced by "unknown", so that its vector is
            trained too and characters and context must do.
        respell: called as ``respell(tokens, tags, generator)`` for each window in each epoch, such
            as ``mention_tagger.perturb``; None: names stay.
        allowed: partial labels, as in :func:`encode`.
    """

    def __init__(
        self,
        sentences: Sequence[Sequence[str]],
        tags: Sequence[Sequence[int]],
        vocabulary: Vocabulary,
        *,
        seed: int,
        unknown: float = 0.15,
        respell: Callable[[Sequence[str], Sequence[int], torch.Generator], Sequence[str]]
        | None = None,
        allowed: Sequence[Tensor] | None = None,
    ) -> None:
        if not len(sentences):
            raise ValueError("there are no windows to train on")
        if not 0 <= unknown <= 1:
            raise ValueError(f"unknown is {unknown}; allowed: 0 .. 1")
        self._sentences, self._tags = sentences, tags
        self._vocabulary, self._respell = vocabulary, respell
        self._seed, self._unknown = seed, unknown
        self._plain = encode(sentences, vocabulary, tags, allowed)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw what this epoch sees (the same for the same seed and epoch)."""
        draw = torch.Generator().manual_seed(1_000_003 * (epoch + 1) + self._seed)
        windows = self._plain
        if self._respell is not None:
            windows = [self._respelt(window, draw) for window in windows]
        sizes = [len(window.words) for window in windows]
        words = torch.cat([window.words for window in windows])
        words[torch.rand(len(words), generator=draw) < self._unknown] = UNKNOWN
        pairs = zip(windows, words.split(sizes), strict=True)
        self._windows = [replace(window, words=hidden) for window, hidden in pairs]

    def __len__(self) -> int:
        return len(self._windows)

    def __getitem__(self, index: int) -> EncodedWindow:
        return self._windows[index]

    def _respelt(self, window: EncodedWindow, draw: torch.Generator) -> EncodedWindow:
        before = self._sentences[window.index]
        tokens = self._respell(before, self._tags[window.index], draw)
        if list(tokens) == list(before):
            return window
        words, chars = _numbers(tokens, self._vocabulary)
        return replace(window, words=words, chars=chars)


def _numbers(tokens: Sequence[str], vocabulary: Vocabulary) -> tuple[Tensor, Tensor]:
    """Numbers of the words ``(n,)`` and of their characters ``(n, 18)``."""
    words = [vocabulary.words.get(token.lower(), UNKNOWN) for token in tokens]
    spelt = [
        [vocabulary.characters.get(c, UNKNOWN) for c in token[:CHARACTERS]]
        + [PADDING] * (CHARACTERS - len(token))
        for token in tokens
    ]
    return torch.tensor(words), torch.tensor(spelt)
