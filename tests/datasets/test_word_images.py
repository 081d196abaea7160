"""Rendered words: whose ink is where, what repeats, what is refused."""

import re
from itertools import groupby, pairwise

import numpy as np
import pytest
import torch

from vidlab.datasets.sequences import collate
from vidlab.datasets.word_images import (
    ALPHABET,
    CLASS_NAMES,
    STEPS,
    WordImageConfig,
    WordImages,
    bundled_fonts,
    column_slices,
    decode,
    encode,
    installed_fonts,
    render_word,
    step_owners,
)
from vidlab.datasets.words import make_words, part_of

CLEAN = WordImageConfig(strength=0.0)
SANS = next(path for path in bundled_fonts() if path.name == "DejaVuSans.ttf")


@pytest.fixture(scope="module")
def words():
    return make_words(60, part="train", seed=0, lengths=(3, 8))


@pytest.fixture(scope="module")
def rendered(words):
    return WordImages(words, seed=0)


def test_there_are_37_classes():
    assert len(CLASS_NAMES) == 37
    assert (CLASS_NAMES[0], CLASS_NAMES[1], CLASS_NAMES[36]) == ("blank", "0", "z")
    assert decode(encode("A9z").tolist()) == "a9z"


def test_the_bundled_fonts_write_all_letters_and_digits():
    from vidlab.datasets.word_images import _can_write

    fonts = bundled_fonts()
    assert len(fonts) >= 12
    assert all(_can_write(font) for font in fonts)


def test_a_symbol_font_is_no_font_for_words():
    from vidlab.datasets.word_images import _can_write

    assert not _can_write(SANS.with_name("STIXSizOneSymReg.ttf"))
    assert not _can_write(SANS.with_name("no such font.ttf"))
    for font in installed_fonts():  # may be none
        assert _can_write(font)


def test_items_are_sequences_of_slices(rendered, words):
    sample = rendered[3]
    assert sample.frames.shape == (26, 1, 32, 4)
    assert sample.frames.dtype == torch.float32
    assert sample.frames.min() >= 0
    assert sample.frames.max() <= 1
    assert decode(sample.targets.tolist()) == words[3]
    batch = collate([rendered[0], rendered[1]])
    assert batch.frames.shape == (2, 26, 1, 32, 4)
    assert batch.input_lengths.tolist() == [26, 26]
    assert batch.target_lengths.tolist() == [len(words[0]), len(words[1])]


def test_slices_are_centred_on_every_fourth_column_edge():
    image = np.tile(np.arange(100), (32, 1))
    slices = column_slices(image)
    assert slices.shape == (STEPS, 32, 4)
    for step in range(1, STEPS - 1):
        assert slices[step, 0].tolist() == list(range(4 * step - 2, 4 * step + 2))
    assert slices[0, 0].tolist() == [0, 0, 0, 1]  # the edge is repeated
    assert slices[-1, 0].tolist() == [98, 99, 99, 99]


def test_a_step_is_on_the_character_with_most_ink_in_its_slice():
    owner = np.zeros((32, 100), np.uint8)
    owner[5:9, 10:13] = 1  # in slice 3 (columns 10 .. 13): 12 pixels
    owner[9:20, 13] = 2  # there 11 pixels: fewer
    owner[9:20, 14:18] = 2  # slice 4
    owner[3, 50] = 3  # a single pixel is the rim of something
    places = step_owners(owner)
    assert places[3:5].tolist() == [1, 2]
    assert np.delete(places, [3, 4]).tolist() == [0] * 24


def test_equal_neighbours_are_told_apart():
    made = WordImages(["aab"], WordImageConfig(fonts=(SANS,), strength=0.0), seed=0)
    places = [k for k, _ in groupby(made.owners[0].tolist()) if k]
    assert places == [1, 2, 3]
    labels = {1: 11, 2: 11, 3: 12, 0: 0}
    assert made.truth[0].tolist() == [labels[k] for k in made.owners[0].tolist()]


def test_each_word_reads_from_left_to_right_under_its_columns(rendered, words):
    """Runs of the truth spell the word; very narrow characters may hide behind a neighbour."""
    lost = 0
    for word, truth in zip(words, rendered.truth.tolist(), strict=True):
        runs = [k for k, _ in groupby(k for k in truth if k)]
        spelt = [k for k, _ in groupby(encode(word).tolist())]
        remaining = iter(spelt)
        assert all(k in remaining for k in runs), word  # a subsequence: never out of order
        lost += len(spelt) - len(runs)
    assert lost <= 0.02 * sum(map(len, words))


def test_owners_are_where_the_ink_is():
    config = WordImageConfig(fonts=(SANS,), cases=("upper",), strength=0.0)
    image, owner = render_word("hon", config, np.random.default_rng(0))
    ink = image < 128
    agree = (owner > 0) == ink
    assert agree.mean() > 0.95  # only rims, where ink is half a pixel, may differ
    assert set(np.unique(owner)) == {0, 1, 2, 3}
    columns = [np.flatnonzero((owner == place).any(0)) for place in (1, 2, 3)]
    assert all(left.max() < right.min() for left, right in pairwise(columns))
    assert columns[0].min() <= 4
    assert columns[2].max() >= 95  # the word fills the image, whatever its length


def test_owner_follows_the_distortion():
    """A slanted l leans over columns; the pixels that are its own lean with it."""
    config = WordImageConfig(fonts=(SANS,), strength=1.0)
    for seed in range(12):
        image, owner = render_word("lol", config, np.random.default_rng(seed))
        grey = image.astype(float)
        inside, outside = np.median(grey[owner > 0]), np.median(grey[owner == 0])
        assert abs(inside - outside) > 40, seed
        # Moved by half a character the owners would not fit the ink.
        moved = np.roll(owner, 14, axis=1) > 0
        contrast = abs(grey[moved].mean() - grey[~moved].mean())
        assert abs(grey[owner > 0].mean() - grey[owner == 0].mean()) > 1.5 * contrast, seed


def test_no_ink_is_cut_off_at_the_edges():
    for seed in range(40):
        _, owner = render_word("wjfq", WordImageConfig(), np.random.default_rng(seed))
        rim = np.concatenate((owner[0], owner[-1], owner[:, 0], owner[:, -1]))
        assert not rim.any(), seed


def test_the_same_seed_repeats_and_another_does_not(words, rendered):
    again = WordImages(words, seed=0)
    assert (again.images == rendered.images).all()
    assert (again.truth == rendered.truth).all()
    assert again.sha256 == rendered.sha256
    other = WordImages(words, seed=1)
    assert (other.images != rendered.images).mean() > 0.5
    assert other.sha256 != rendered.sha256


def test_an_image_does_not_depend_on_how_many_there_are(words, rendered):
    assert (WordImages(words[:5], seed=0).images == rendered.images[:5]).all()


def test_strength_nothing_is_black_on_white(words):
    clean = WordImages(words, CLEAN, seed=0)
    values = np.unique(clean.images)
    assert {0, 255} <= set(values.tolist())
    assert (clean.images > 200).mean() > 0.4
    strong = WordImages(words, WordImageConfig(strength=1.0), seed=0)
    dark_paper = (strong.images[:, 0].mean(1) < 100).mean()
    assert 0.2 < dark_paper < 0.8  # both polarities


def test_cases_are_drawn_and_labels_ignore_them():
    upper = WordImageConfig(fonts=(SANS,), cases=("upper",), strength=0.0)
    lower = WordImageConfig(fonts=(SANS,), cases=("lower",), strength=0.0)
    pair = [WordImages(["gaq"], config, seed=0) for config in (upper, lower)]
    assert (pair[0].images != pair[1].images).mean() > 0.1
    assert (pair[0].targets[0] == pair[1].targets[0]).all()


def test_words_are_different_and_within_bounds():
    made = make_words(500, part="train", seed=3, lengths=(4, 6), random_share=0.5)
    assert len(set(made)) == 500
    assert {len(word) for word in made} == {4, 5, 6}
    assert set("".join(made)) == set(ALPHABET)
    assert make_words(500, part="train", seed=3, lengths=(4, 6), random_share=0.5) == made
    few = make_words(50, part="test", seed=3, alphabet="abno12", lengths=(3, 4))
    assert set("".join(few)) <= set("abno12")
    plain = make_words(200, part="train", seed=0, random_share=0.0)
    assert not any(character.isdigit() for word in plain for character in word)


def test_no_test_word_is_ever_a_training_word():
    train = set(make_words(2000, part="train", seed=0, lengths=(2, 4)))
    for seed in (0, 1, 2):
        assert not train & set(make_words(300, part="test", seed=seed, lengths=(2, 4)))
    assert {part_of(word) for word in train} == {"train"}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: encode("né"), "the word is 'né'"),
        (lambda: encode(""), "the word is ''"),
        (lambda: WordImageConfig(strength=1.5), "strength is 1.5; allowed: 0 .. 1"),
        (lambda: WordImageConfig(cases=("small",)), "cases are"),
        (lambda: WordImageConfig(fonts=(SANS / "x",)), "there is no font file"),
        (lambda: WordImages([], seed=0), "there is no word"),
        (lambda: column_slices(np.zeros((32, 96))), "the image is (32, 96)"),
        (lambda: make_words(9, part="train", seed=0, lengths=(5, 3)), "lengths are (5, 3)"),
        (lambda: make_words(9, part="dev", seed=0), "part='dev'"),
        (lambda: make_words(9, part="train", seed=0, random_share=2), "random_share is 2"),
        (lambda: make_words(9, part="train", seed=0, alphabet="a!"), "alphabet is 'a!'"),
        (
            lambda: make_words(900, part="train", seed=0, alphabet="ab", lengths=(2, 3)),
            "different train words of 2 .. 3 characters were found; 900 were asked for",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        call()
