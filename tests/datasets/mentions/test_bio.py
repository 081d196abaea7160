"""Reading and writing BIO files, among them ones that somebody broke."""

import pytest

from vidlab.datasets.base import DataError
from vidlab.datasets.mentions.bio import read_bio, write_bio
from vidlab.datasets.mentions.windows import Window, spans

GOOD = "on O\nUCF101 B-DAT\n\nSports B-DAT\n1M I-DAT\nhelps O\n\n"


def written(tmp_path, text):
    path = tmp_path / "x.bio.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_reads_and_writes_the_same_bytes(tmp_path):
    path = written(tmp_path, GOOD)
    corpus = read_bio(path)
    assert corpus.windows == (
        Window(("on", "UCF101"), (0, 1), 0),
        Window(("Sports", "1M", "helps"), (1, 2, 0), 1),
    )
    assert corpus.quirks == ()
    write_bio(corpus.windows, tmp_path / "again.txt")
    assert (tmp_path / "again.txt").read_bytes() == path.read_bytes()


def test_synthetic_corpus_survives_the_file(tmp_path, made):
    write_bio(made.corpus.windows, tmp_path / "made.txt")
    assert read_bio(tmp_path / "made.txt").windows == made.corpus.windows


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("on O\nUCF101\n\n", "line 2: got 'UCF101'; expected a token, a space and a tag"),
        ("on O\nUCF101 B-ORG\n\n", "line 2: the tag is 'B-ORG'; allowed: O, B-DAT, I-DAT"),
        ("on O\nUCF101 I-DAT\n\n", "line 2: I-DAT after O"),
        ("a B-DAT\n\nUCF101 I-DAT\n\n", "line 3: I-DAT after the start of a window"),
        (b"on O\n\xff\xfe O\n\n", "line 2: is not UTF-8"),
        ("", "holds no windows"),
        ("\n\n\n", "holds no windows"),
        ("x" * 3000 + " O\n", "line 1: a token of 3,000 characters"),
        ("x O\n" * 3000, "line 2001: a window of more than 2,000 tokens"),
    ],
)
def test_broken_files_are_refused_by_line(tmp_path, text, sentence):
    with pytest.raises(DataError, match=sentence):
        read_bio(written(tmp_path, text))


def test_no_file(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_bio(tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("text", "quirks"),
    [
        ("Some- O\nX B-DAT\n\n", [(1, "line-break hyphen", "Some-")]),
        ("(WSJ) B-DAT\n\n", [(1, "glued punctuation", "(WSJ)")]),
        ("(no) O\nX B-DAT\n\n", []),  # punctuation glued to other words is everywhere
        ("a\ufffdb O\n\n", [(1, "replacement character", "a\ufffdb")]),
        ("a\u00a0b O\n\n", [(1, "control or odd space", "a\u00a0b")]),
        ("a NN O\nb\tB-DAT\n\n", [(1, "extra columns", "a"), (2, "extra columns", "b")]),
        ("a O\n\n\nb O\n\n", [(3, "extra blank line", "")]),
        ("a O\nb O", [(2, "no blank line at the end", "")]),
        ("a O\r\n\r\n", [(1, "CRLF line ends", "")]),
        ("\ufeffa O\n\n", [(1, "byte order mark", "")]),
        ("- B-DAT\n\n", []),
    ],
)
def test_quirks_are_reported_by_line(tmp_path, text, quirks):
    corpus = read_bio(written(tmp_path, text))
    assert [(q.line, q.kind, q.text) for q in corpus.quirks] == quirks


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "a\tb"])
def test_what_cannot_be_read_again_is_not_written(tmp_path, token):
    with pytest.raises(ValueError, match="window 4"):
        write_bio([Window((token,), (0,), 4)], tmp_path / "out.txt")


def test_empty_windows_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="window 2 is empty"):
        write_bio([Window((), (), 2)], tmp_path / "out.txt")


def test_the_real_file(real, real_path, tmp_path):
    assert len(real.windows) == 33_262
    tags = [tag for window in real.windows for tag in window.tags]
    assert [tags.count(tag) for tag in range(3)] == [169_804, 33_262, 631]
    assert all(len(spans(window.tags)) == 1 for window in real.windows)
    lengths = [end - start for w in real.windows for start, end in spans(w.tags)]
    assert [lengths.count(n) for n in (1, 2, 3)] == [32_764, 365, 133]
    assert len({token for window in real.windows for token in window.tokens}) == 15_248
    odd = {q.line for q in real.quirks if q.kind == "replacement character"}
    assert len(odd) == 36  # tokens; in 30 windows
    assert {q.kind for q in real.quirks} == {
        "glued punctuation",
        "line-break hyphen",
        "replacement character",
    }
    write_bio(real.windows, tmp_path / "again.txt")
    assert (tmp_path / "again.txt").read_bytes() == real_path.read_bytes()
