"""Look through a user's sign language corpora: every line, every frame folder, every problem.

::

    data_dir/phoenix2014/     phoenix2014-release/phoenix-2014-multisigner/ (or what is in it)
    data_dir/phoenix2014t/    PHOENIX-2014-T-release-v3/PHOENIX-2014-T/ (or what is in it)
    data_dir/csl-daily/       sentence_label/ and sentence/
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from vidlab.datasets import gloss_corpora
from vidlab.datasets.base import DataError, Found
from vidlab.datasets.frame_folders import list_clip, read_frame
from vidlab.datasets.gloss_corpora import GlossCorpus, Sentence
from vidlab.datasets.video_check import LAYOUTS, Progress, found

_READERS = {
    "phoenix2014": gloss_corpora.phoenix2014,
    "phoenix2014t": gloss_corpora.phoenix2014t,
    "csl-daily": gloss_corpora.csl_daily,
}
_REMEDY = {
    "phoenix2014": "optional: unpack phoenix-2014.v3.tar.gz into DATA_DIR/phoenix2014",
    "phoenix2014t": "optional: unpack phoenix-2014-T.v3.tar.gz into DATA_DIR/phoenix2014t",
    "csl-daily": "optional: unpack sentence_label and csl-daily-frames-512x512.tar.gz into "
    "DATA_DIR/csl-daily",
}
_THREADS = 4  # pictures are decoded, and folders listed, without Python's lock


def check(data_dir: Path | None, progress: Progress | None = None) -> list[Found]:
    """A row for each corpus. Of each clip the first, the middle and the last frame are decoded."""
    return [_check(name, data_dir, progress) for name in _READERS]


def _check(name: str, data_dir: Path | None, progress: Progress | None) -> Found:
    remedy = _REMEDY[name] + LAYOUTS
    if data_dir is None:
        return Found(name, False, "-", "no data_dir given", remedy)
    root = data_dir / name
    if not root.is_dir():
        return Found(name, False, str(root), "there is no such folder", remedy)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # each problem is listed below
            corpus = _READERS[name](root, wrong="skip")
    except DataError as error:
        return Found(name, False, str(root), str(error), remedy)
    problems = list(corpus.problems)
    bad = 0
    for done, wrong in enumerate(_look(corpus), 1):
        problems += wrong
        bad += bool(wrong)
        if progress is not None:
            progress(name, done, len(corpus))
    detail = f"{len(corpus):,} sentences of {len(corpus.class_names) - 1:,} glosses"
    if corpus.unseen:
        plural = "s" if len(corpus.unseen) > 1 else ""
        detail += f", {len(corpus.unseen):,} word{plural} unknown to training"
    detail += (
        f", {bad:,} clip{'s' if bad > 1 else ''} cannot be used"
        if bad
        else ", looked into all clips"
    )
    remedy = "optional: mend or remove what the problems name" if problems else ""
    return found(name, not problems, root, detail, remedy, problems)


def _look(corpus: GlossCorpus) -> Iterator[list[str]]:
    """What is wrong with each clip, in order."""
    with ThreadPoolExecutor(_THREADS) as pool:
        yield from pool.map(_look_into, corpus.sentences)


def _look_into(sentence: Sentence) -> list[str]:
    problems = []
    try:
        frames = list_clip(sentence.folder, sentence.glosses)
    except DataError as error:
        return [f"{sentence.where}: {error}"]
    for path in dict.fromkeys((frames[0], frames[len(frames) // 2], frames[-1])):
        try:
            read_frame(path, 8)
        except DataError as error:
            problems.append(str(error))
    return problems
