"""Clips of the sign language corpora, ready for ``collate``.

corpus = phoenix2014("FOLDER/phoenix2014")
parts = corpus.split()
train = GlossClips(corpus, parts["train"], augment=AugmentConfig(), seed=0, bad="skip")
test = GlossClips(corpus, parts["test"])
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.utils.data import Dataset

from vidlab.datasets.base import DataError
from vidlab.datasets.frame_folders import list_clip, read_film
from vidlab.datasets.gloss_corpora import GlossCorpus, Sentence
from vidlab.datasets.sequence_augment import (
    AugmentConfig,
    draw_view,
    generator_for,
    middle_view,
    take_view,
)
from vidlab.datasets.sequences import PAD_TRUTH, SequenceSample
from vidlab.datasets.video_folders import few

CROP = 224 / 256  # of the frames' size, for testing, where no crop is given


class GlossClips(Dataset):
    """Items are :class:`~vidlab.datasets.sequences.SequenceSample`.

    These corpora say what is signed and not when: ``truth`` is :data:`PAD_TRUTH` (-1, "no frame
    label") everywhere, so whatever leaves padding out leaves these frames out.

    A training clip depends on (seed, epoch, index) alone, so a resumed run repeats what an
    uninterrupted one sees: ``vidlab.train.fit`` calls :meth:`set_epoch`, a loop of your own has to.
    Every frame folder is listed at the beginning; pictures are opened when they are needed.

    Args:
        corpus: from :mod:`vidlab.datasets.gloss_corpora`.
        rows: rows of the corpus, a part of its split, say; None for all.
        augment: for training; None for testing: all frames, the middle of them.
        seed: for the augmentation, >= 0.
        size: frames are resized to size × size before they are cropped, 1 .. 4096.
        crop: for testing; None for ``augment``'s, or 224/256 of ``size``.
        cache: a folder for resized frames (see :mod:`vidlab.datasets.frame_folders`), or None.
        bad: "error" to refuse a folder that is missing, empty, or has fewer frames than CTC needs
            for its glosses (U, and one more between equal neighbours); "skip" to warn and go on.
            A test set without some of its sentences gives another WER: hence the default.

    Attributes:
        class_names: blank first. groups: the signer of each item. sentences: what is annotated
        (score against ``sentences[i].glosses``). skipped: (name, reason) of clips left out.

    Raises:
        DataError: a bad folder (if not skipped), or no clip that can be used; on access: a picture
            that cannot be read, named.
        ValueError: a row outside of the corpus, a size or crop out of range.
    """

    def __init__(
        self,
        corpus: GlossCorpus,
        rows: Sequence[int] | None = None,
        *,
        augment: AugmentConfig | None = None,
        seed: int = 0,
        size: int = 256,
        crop: int | None = None,
        cache: Path | str | None = None,
        bad: str = "error",
    ):
        if bad not in ("error", "skip"):
            raise ValueError(f"bad is {bad!r}; allowed: error, skip")
        if not 1 <= size <= 4096:
            raise ValueError(f"size is {size}; allowed: 1 .. 4096")
        if crop is None:
            crop = augment.crop if augment else max(round(size * CROP), 1)
        if augment and crop != augment.crop:
            raise ValueError(
                f"crop is {crop}, but augment.crop is {augment.crop}; give one of them"
            )
        if not 1 <= crop <= size:
            raise ValueError(f"crop is {crop}; allowed: 1 .. {size}, the size of the frames")
        generator_for(seed, 0, 0)  # a bad seed is met here, not in the middle of an epoch
        rows = range(len(corpus)) if rows is None else rows
        for row in rows:
            if not 0 <= row < len(corpus):
                raise ValueError(
                    f"row {row} is not in {corpus.name}; allowed: 0 .. {len(corpus) - 1}"
                )
        self.augment, self.seed, self.epoch = augment, seed, 0
        self.size, self.crop = size, crop
        self.cache = Path(cache) if cache is not None else None
        self.class_names = corpus.class_names
        frames, reasons = _list([corpus.sentences[row] for row in rows])
        kept = [row for k, row in enumerate(rows) if k not in reasons]
        targets = corpus.targets
        self._frames = list(frames.values())
        self._targets = [torch.tensor(targets[row], dtype=torch.int64) for row in kept]
        self.sentences = tuple(corpus.sentences[row] for row in kept)
        self.groups = tuple(sentence.signer for sentence in self.sentences)
        self.skipped = tuple((corpus.sentences[rows[k]].name, why) for k, why in reasons.items())
        if self.skipped:
            what = f"{corpus.name}: {len(self.skipped):,} of {len(rows):,} clips cannot be used: "
            what += few(why for _, why in self.skipped)
            if bad == "error":
                raise DataError(f'{what}; bad="skip" goes on without them')
            warnings.warn(f"{what}; left out (all in .skipped)", stacklevel=2)
        if not self.sentences:
            raise DataError(f"{corpus.name}: there are no clips in this part")

    def set_epoch(self, epoch: int) -> None:
        """Choose other random views: those of this epoch (from 0)."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.sentences)

    def __getitem__(self, index: int) -> SequenceSample:
        """Raises DataError, naming the file, for a picture that cannot be read."""
        index = range(len(self))[index]  # negative ones count from the end; beyond is an IndexError
        film = read_film(self._frames[index], self.size, self.cache)
        shape = (len(film), self.size, self.size)
        if self.augment is None:
            view = middle_view(*shape, self.crop)
        else:
            generator = generator_for(self.seed, self.epoch, index)
            view = draw_view(*shape, self.augment, generator)
        frames = take_view(torch.from_numpy(film).permute(0, 3, 1, 2), view)
        truth = torch.full((len(frames),), PAD_TRUTH, dtype=torch.int64)
        return SequenceSample(frames.float() / 255, self._targets[index], truth, index)


def _list(sentences: Sequence[Sentence]) -> tuple[dict[int, list[Path]], dict[int, str]]:
    """By place: the pictures of each clip that can be used, and the reason for each that cannot."""
    frames: dict[int, list[Path]] = {}
    reasons: dict[int, str] = {}
    for place, sentence in enumerate(sentences):
        try:
            frames[place] = list_clip(sentence.folder, sentence.glosses)
        except DataError as error:
            reasons[place] = f"{sentence.where}: {error}"
    return frames, reasons
