"""Spans, normal forms, finer tokens, crops."""

import numpy as np
import pytest

from vidlab.datasets.mentions.windows import (
    Window,
    crop,
    mention,
    normal_form,
    normal_text,
    retokenise,
    spans,
)
from vidlab.iob2 import tags_from


def random_tags(rng, length):
    tags = []
    for _ in range(length):
        allowed = (0, 1, 2) if tags and tags[-1] else (0, 1)
        tags.append(int(rng.choice(allowed)))
    return tuple(tags)


def test_tags_to_spans_and_back():
    rng = np.random.default_rng(0)
    for length in range(30):
        tags = random_tags(rng, length)
        assert tags_from(spans(tags), length) == tags


@pytest.mark.parametrize("tags", [(2,), (0, 2), (1, 0, 2)])
def test_a_span_must_begin(tags):
    with pytest.raises(ValueError, match="without a span before it"):
        spans(tags)


@pytest.mark.parametrize("tag", [3, -1])
def test_unknown_tags(tag):
    with pytest.raises(ValueError, match=f"tags holds {tag} at token 1; allowed: 0"):
        spans((0, tag))


def test_one_tag_a_token():
    with pytest.raises(ValueError, match="window 7 has 2 tokens and 1 tags"):
        Window(("a", "b"), (0,), 7)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("HMDB-51", "hmdb51"),
        ("hmdb 51", "hmdb51"),
        ("Jester’s", "jester"),
        ("ＵＣＦ101", "ucf101"),  # full-width letters
        ("- , (", ""),
    ],
)
def test_normal_form(text, form):
    assert normal_form(text) == form
    assert normal_form(form) == form


def test_normal_form_is_idempotent_on_anything():
    rng = np.random.default_rng(1)
    for _ in range(300):
        text = "".join(chr(c) for c in rng.integers(32, 0x2500, 12))
        assert normal_form(normal_form(text)) == normal_form(text)


def test_retokenise_takes_punctuation_off_and_keeps_what_is_inside():
    window = Window(("see", "(Some-Thing", "V2),", "[12]."), (0, 1, 2, 0))
    fine = retokenise(window)
    assert fine.tokens == ("see", "(", "Some-Thing", "V2", ")", ",", "[", "12", "]", ".")
    assert mention(fine, spans(fine.tags)[0]) == "Some-Thing V2"
    inside = retokenise(Window(("THUMOS’14,",), (1,)))
    assert mention(inside, spans(inside.tags)[0]) == "THUMOS ’ 14"


def test_a_span_of_punctuation_stays():
    fine = retokenise(Window(("--", "tive"), (1, 0)))
    assert (fine.tokens, fine.tags) == (("-", "-", "tive"), (1, 2, 0))


def test_retokenise_can_be_undone():
    rng = np.random.default_rng(2)
    letters = list("aB1-.,()’_�/")
    for _ in range(200):
        size = int(rng.integers(1, 8))
        tokens = tuple("".join(rng.choice(letters, int(rng.integers(1, 9)))) for _ in range(size))
        window = Window(tokens, random_tags(rng, size))
        fine = retokenise(window)
        whole = [""] * size
        for piece, number in zip(fine.tokens, fine.origin, strict=True):
            whole[number] += piece
        assert tuple(whole) == tokens
        assert len(spans(fine.tags)) == len(spans(window.tags))
        assert retokenise(fine) is fine


def test_crop_keeps_the_spans_and_reaches_every_cut():
    window = Window(tuple("abcdef"), (0, 0, 1, 2, 0, 0))
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(300):
        small = crop(window, rng)
        assert mention(small, spans(small.tags)[0]) == "c d"
        seen.add((spans(small.tags)[0][0], len(small.tokens)))
    assert {start for start, _ in seen} == {0, 1, 2}
    assert len(seen) == 9  # three cuts on each side
    plain = Window(("a", "b"), (0, 0))
    assert crop(plain, rng) is plain


def test_crop_keeps_where_each_token_was():
    fine = retokenise(Window(("in", "(it)", "a-b,", "x"), (0, 0, 1, 0)))
    origin = dict(zip(fine.tokens, fine.origin, strict=True))
    small = crop(fine, np.random.default_rng(1))
    assert 0 < len(small.tokens) < len(fine.tokens)
    assert small.origin == tuple(origin[token] for token in small.tokens)


def test_normal_text_ignores_what_comparing_should_ignore():
    one = Window(("On", "UCF-101,", "(", "we"), (0, 1, 0, 0))
    other = Window(("on", "ucf101", "We"), (0, 1, 0))
    assert normal_text(one) == normal_text(other) == ("on", "ucf101", "we")
