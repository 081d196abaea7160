"""Look at a user's copy of the dataset-mention corpus, and at the list of names beside it."""

from __future__ import annotations

from pathlib import Path

from vidlab.datasets.base import DataError, Found, file_sha256, shipped_data
from vidlab.datasets.mentions.bio import FILE_NAME, read_bio
from vidlab.datasets.mentions.names import load_names

CORPUS_SHA256 = "a96b4fcd45d39a4bb00bfc3f2bd99a68cc16e8cf4e9d1ea556e71f28a83648d6"


def check(data_dir: Path | None) -> list[Found]:
    """Two rows: the shipped list of names, and the corpus."""
    return [_names(), _corpus(data_dir)]


def is_known(path: Path | str) -> bool:
    """Is this the corpus whose numbers the course quotes?"""
    return file_sha256(Path(path)) == CORPUS_SHA256


def _names() -> Found:
    where = str(shipped_data() / "dataset_names.csv")
    try:
        names = load_names()
    except DataError as error:
        return Found("names of data sets", False, where, str(error), "restore it", shipped=True)
    detail = f"{len(names.entries):,} normal forms, {len(names.families):,} families"
    return Found("names of data sets", True, where, detail, shipped=True)


def _corpus(data_dir: Path | None) -> Found:
    name = "dataset mentions"
    remedy = f"optional: put the BIO file at DATA_DIR/{FILE_NAME}"
    if data_dir is None:
        return Found(name, False, "-", "no data_dir given", remedy)
    path = data_dir / FILE_NAME
    if not path.is_file():
        return Found(name, False, str(path), "there is no such file", remedy)
    try:
        corpus = read_bio(path)
    except DataError as error:
        return Found(name, False, str(path), str(error), remedy)
    detail = f"{len(corpus.windows):,} windows"
    detail += "" if is_known(path) else " (not the file whose numbers the course quotes)"
    odd = ", ".join(f"{count:,} {kind}" for kind, count in corpus.quirk_counts().items())
    return Found(name, True, str(path), f"{detail}; odd: {odd}" if odd else detail)
