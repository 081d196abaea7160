"""The real corpus where a machine has it; a synthetic one everywhere."""

import os
from pathlib import Path

import pytest

from vidlab.datasets.mentions.audit import CORPUS_REGIONS, audit
from vidlab.datasets.mentions.bio import FILE_NAME, read_bio
from vidlab.datasets.mentions.names import load_names
from vidlab.datasets.mentions.splits import without_duplicates
from vidlab.datasets.mentions.synthetic import SyntheticConfig, synthetic


@pytest.fixture(scope="session")
def real_path():
    """The real file, or the test is skipped."""
    path = Path(os.environ.get("VIDLAB_MENTIONS", ".")) / FILE_NAME
    if not path.is_file():
        pytest.skip(f"the corpus is not here: set VIDLAB_MENTIONS to the folder of {FILE_NAME}")
    return path


@pytest.fixture(scope="session")
def real(real_path):
    return read_bio(real_path)


@pytest.fixture(scope="session")
def real_clean(real):
    """The windows of listed names, with duplicates and without."""
    found = audit(real.windows, load_names(), CORPUS_REGIONS)
    clean = [real.windows[i] for i in found.where("listed")]
    return clean, without_duplicates(clean)


@pytest.fixture(scope="session")
def made():
    return synthetic(SyntheticConfig(windows=2500), seed=3)


@pytest.fixture(scope="session")
def made_clean(made):
    """Windows of the synthetic corpus whose mention is a name, without duplicates."""
    found = audit(made.corpus.windows, made.names)
    return without_duplicates([made.corpus.windows[i] for i in found.where("listed")])
