"""The data set: sentences signed by several signers, one at a time or in batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vidlab.datasets.clip_controls import CACHE_LIMIT
from vidlab.datasets.limits import check_whole
from vidlab.datasets.sequences import SequenceSample
from vidlab.datasets.signing.config import SigningConfig
from vidlab.datasets.signing.film import SignedSentence, cast, check_signers, film
from vidlab.datasets.signing.grammar import make_sentence
from vidlab.datasets.signing.lexicon import LEXICON
from vidlab.datasets.signing.stage import paint_stage


class Signing(Dataset):
    """Films of signed sentences with exact truth.

    Item ``index`` depends on the configuration, the seed, the index and the signers only. For a
    test with people whom the model never saw, give another seed (other sentences) and others::

        train = Signing(config, sentences=200, signers=range(0, 6), seed=0)
        test = Signing(config, sentences=60, signers=range(6, 9), seed=1)

    Args:
        config: what the films are like.
        sentences: how many, >= 1.
        signers: numbers of the signers; they take turns.
        seed: decides the sentences and how they are signed, >= 0.
        cache: keep what was painted once; training reads each film many times.

    Items are :class:`~vidlab.datasets.sequences.SequenceSample` with frames ``(T, 3, H, W)``.

    Attributes:
        class_names: blank first, then the glosses of the lexicon that are used.
        groups: ``(sentences,)`` int64 signer of each sentence.
        targets: the classes of each sentence, a tuple of tuples.

    Raises:
        ValueError: an argument out of range.
    """

    def __init__(
        self,
        config: SigningConfig | None = None,
        *,
        sentences: int = 200,
        signers: Sequence[int] = range(8),
        seed: int = 0,
        cache: bool = True,
    ):
        self.config = config = config or SigningConfig()
        check_whole("sentences", sentences, 1)
        check_whole("seed", seed, 0)
        people = check_signers(signers)
        # About a second a gloss.
        nbytes = sentences * sum(config.length) / 2 * config.fps * 3 * config.size**2
        if cache and nbytes > CACHE_LIMIT:
            raise ValueError(
                f"{sentences} films need about {nbytes / 2**30:.1f} GiB; allowed: up to "
                f"{CACHE_LIMIT >> 30} GiB, or cache=False"
            )
        self.seed = seed
        self.lexicon = LEXICON[: config.glosses]
        self.class_names = ("blank", *(gloss.name for gloss in self.lexicon))
        self.groups = torch.tensor(people)[torch.arange(sentences) % len(people)]
        self.targets = tuple(self._words(index) for index in range(sentences))
        self._keep = cache
        self._films: dict[int, SignedSentence] = {}
        self._stages: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> SequenceSample:
        index = range(len(self))[index]  # as a list: negative ones count from the end
        made = self.sentence(index)
        return SequenceSample(made.frames.float().div_(255), made.targets, made.truth, index)

    def sentence(self, index: int) -> SignedSentence:
        """The film of a sentence with all its truth: uint8 frames, boundaries, joints, shapes."""
        index = range(len(self))[index]
        if index in self._films:
            return self._films[index]
        number = int(self.groups[index])
        signer = cast(self.config, number)
        if number not in self._stages:
            self._stages[number] = paint_stage(signer, self.config.size)
        made = film(
            [self.lexicon[label - 1] for label in self.targets[index]],
            self.targets[index],
            signer,
            self.config,
            seed=(self.seed, index),
            stage=self._stages[number],
        )
        if self._keep:
            self._films[index] = made
        return made

    def _words(self, index: int) -> tuple[int, ...]:
        rng = np.random.default_rng([self.seed, index, 0])
        low, high = self.config.length
        length = int(rng.integers(low, high + 1))
        words = make_sentence(self.lexicon, length, self.config.repeats, rng)
        return tuple(word + 1 for word in words)


def sign(
    glosses: Sequence[str],
    config: SigningConfig | None = None,
    *,
    signer: int = 0,
    seed: int = 0,
) -> SignedSentence:
    """Film any sentence of the lexicon, as ``sign(["ME", "BREAD", "EAT"])``.

    With one seed, glosses are signed with the same small deviations: two films of a minimal pair
    differ in what the glosses differ in, and in nothing else.

    Raises:
        ValueError: no glosses, or one that is not in the lexicon (or not among those used).
    """
    config = config or SigningConfig()
    known = {gloss.name: k for k, gloss in enumerate(LEXICON[: config.glosses])}
    if isinstance(glosses, str) or not len(glosses):
        raise ValueError(f"glosses is {glosses!r}; allowed: a list of one or more names")
    for name in glosses:
        if name not in known:
            raise ValueError(f"there is no gloss {name!r}; there are {', '.join(known)}")
    (number,) = check_signers([signer])
    chosen = [known[name] for name in glosses]
    return film(
        [LEXICON[k] for k in chosen],
        [k + 1 for k in chosen],
        cast(config, number),
        config,
        seed=(seed,),
    )
