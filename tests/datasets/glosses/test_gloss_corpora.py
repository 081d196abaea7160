"""PHOENIX-2014, PHOENIX-2014-T and CSL-Daily in small: annotations, and all that can be wrong."""

import pytest

from vidlab.datasets.base import DataError
from vidlab.datasets.gloss_corpora import csl_daily, phoenix2014, phoenix2014t

READERS = {"phoenix2014": phoenix2014, "phoenix2014t": phoenix2014t, "csl-daily": csl_daily}


@pytest.fixture(params=READERS)
def corpus_folder(request, signs, tmp_path):
    """(reader, folder, file of the training annotation) of each corpus."""
    root = tmp_path / request.param
    files = {
        "phoenix2014": signs.make_phoenix2014,
        "phoenix2014t": signs.make_phoenix2014t,
        "csl-daily": signs.make_csl_daily,
    }[request.param](root)
    return READERS[request.param], root, files


def append(path, text, encoding="utf-8"):
    with path.open("ab") as file:
        file.write(text.encode(encoding))


def test_sentences_classes_and_groups(corpus_folder, signs):
    read, root, _ = corpus_folder
    corpus = read(root)
    assert len(corpus) == len(signs.sentences)
    assert [s.part for s in corpus.sentences] == ["train"] * 3 + ["dev", "test"]
    assert [s.glosses for s in corpus.sentences] == [s.glosses for s in signs.sentences]
    # Sorted, of the training part alone, blank first; umlauts are letters like any other.
    assert corpus.class_names == ("blank", "NORD", "REGEN", "SONNE", "WIE-AUSSEHEN", "ÖSTERREICH")
    assert corpus.targets == ((1, 2), (3, 5), (2, 2, 4), (2, 1), (3,))
    assert [len(set(corpus.groups)), corpus.groups[0]] == [2, corpus.groups[2]]
    for sentence in corpus.sentences:
        assert len(list(sentence.folder.iterdir())) == signs.frames
    assert corpus.problems == ()


def test_a_gloss_that_training_lacks_is_named_and_stays_in_the_reference(corpus_folder):
    read, root, _ = corpus_folder
    corpus = read(root)
    (text,) = corpus.unseen
    sentence = corpus.sentences[3]
    assert sentence.glosses == ("REGEN", "HAGEL", "NORD")
    assert corpus.targets[3] == (2, 1)
    assert text == (
        f"{sentence.where}: gloss 'HAGEL' of {sentence.name} is unknown, no class stands for it"
    )
    assert sentence.where.endswith(("dev.corpus.csv, line 2", "video_map.txt, line 5"))


def test_official_parts_keep_the_same_signers(corpus_folder):
    read, root, _ = corpus_folder
    split = read(root).split()
    assert split.sizes == {"train": 3, "dev": 1, "test": 1}
    assert split.leaky  # a signer is in two parts, and the split says so
    assert split.how.startswith("official parts of ")


def test_folders_names_and_translations(signs, tmp_path):
    for make in (signs.make_phoenix2014, signs.make_phoenix2014t, signs.make_csl_daily):
        make(tmp_path / make.__name__)
    first = phoenix2014(tmp_path / "make_phoenix2014").sentences[0]
    assert first.signer == "Signer01"
    assert first.folder.parts[-4:] == ("fullFrame-210x260px", "train", first.name, "1")
    second = phoenix2014t(tmp_path / "make_phoenix2014t").sentences[0]
    assert second.folder.parts[-3:] == ("fullFrame-210x260px", "train", second.name)
    assert second.translation == "schöner tag"
    third = csl_daily(tmp_path / "make_csl_daily").sentences[0]
    assert (third.signer, third.name) == ("P0001", "S000000_P0001_T00")
    assert third.folder.parts[-3:] == ("sentence", "frames_512x512", third.name)
    assert third.translation == "他电脑坏"


@pytest.mark.parametrize(
    ("below", "name"),
    [
        ("phoenix2014-release/phoenix-2014-multisigner", "phoenix2014"),
        ("PHOENIX-2014-T-release-v3/PHOENIX-2014-T", "phoenix2014t"),
        ("CSL-Daily", "csl-daily"),
    ],
)
def test_the_folder_above_will_do(below, name, signs, tmp_path):
    make = {
        "phoenix2014": signs.make_phoenix2014,
        "phoenix2014t": signs.make_phoenix2014t,
        "csl-daily": signs.make_csl_daily,
    }[name]
    make(tmp_path / below)
    assert READERS[name](tmp_path).root == tmp_path / below


def test_bom_crlf_and_blank_lines(corpus_folder):
    read, root, files = corpus_folder
    before = read(root)
    for path in files.values():
        text = path.read_text(encoding="utf-8").replace("\n", "\r\n")
        path.write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n\r\n")
    after = read(root)
    assert after == before


def test_a_vocabulary_of_ones_own(corpus_folder):
    read, root, _ = corpus_folder
    names = ("blank", "SONNE", "REGEN", "NORD", "ÖSTERREICH", "WIE-AUSSEHEN", "HAGEL")
    corpus = read(root, class_names=names)
    assert corpus.class_names == names
    assert corpus.targets[3] == (2, 6, 3)
    with pytest.raises(DataError, match=r"1 unknown glosses: .*, line 3: gloss 'SONNE' of"):
        read(root, class_names=[name for name in names if name != "SONNE"])


def bad_lines(read, signs):
    """Annotation lines of one corpus, and what is said about each."""
    if read is phoenix2014:
        return [
            ("new|new/1/*.png|Signer01", "too few fields, 3; expected 4 (id|folder|signer|anno"),
            ("new|new/1/*.png|Signer01|NORD|SUED", "too many fields, 5; expected 4"),
            ("new|new/1/*.png|Signer01|  ", "new has an empty annotation; a gloss is needed"),
            (f"{signs.name(0)}|x/1/*.png|Signer01|NORD", f"{signs.name(0)} is annotated before ("),
            ("|new/1/*.png|Signer01|NORD", "the name is empty"),
            ("new|new/1/*.png||NORD", "the signer is empty"),
            ("new|../../../secret/*.png|Signer01|NORD", "is not a folder of this corpus"),
            ("new|/etc/*.png|Signer01|NORD", "'/etc' is not a folder of this corpus"),
            ("new|a\x00b/1/*.png|Signer01|NORD", "is not a folder of this corpus"),
        ]
    if read is phoenix2014t:
        return [
            ("new|new/1/*.png|-1|-1|Signer01|NORD", "too few fields, 6; expected 7"),
            ("new|new/1/*.png|-1|-1|Signer01||tag", "new has an empty annotation"),
            ("../new|x|-1|-1|Signer01|NORD|tag", "is not a folder of this corpus"),
        ]
    return [
        ("9|S000000_P0001_T00|5|NORD|x|x", "too few fields, 6; expected 7"),
        ("9|S000000_P0001_T00|5|NORD|x|x|x", "S000000_P0001_T00 is annotated before ("),
        ("9|S000099_P0001_T00|5|NORD|x|x|x", "S000099_P0001_T00 is in no part of split_1.txt"),
        ("9|../secret|5|NORD|x|x|x", "name '../secret' is not like S000123_P0004_T00"),
    ]


def test_wrong_lines_are_all_named_with_file_and_line(corpus_folder, signs):
    read, root, files = corpus_folder
    path, before = files["train"], read(root)
    lines = bad_lines(read, signs)
    number = path.read_text(encoding="utf-8").count("\n")
    for text, _ in lines:
        append(path, text + "\n")
    append(path, "no ümlaut in this encoding\n", "latin-1")
    with pytest.raises(DataError) as caught:
        read(root)
    message = str(caught.value)
    assert f"{len(lines) + 1} wrong lines: {path.name}, line {number + 1}: " in message
    assert message.endswith('wrong="skip" goes on without them')
    with pytest.warns(UserWarning, match=r"left out \(all in .problems\)"):
        corpus = read(root, wrong="skip")
    assert corpus.sentences == before.sentences
    problems = sorted(corpus.problems, key=lambda text: int(text.split("line ")[1].split(":")[0]))
    assert len(problems) == len(lines) + 1
    for k, (problem, (_, sentence)) in enumerate(zip(problems, lines, strict=False)):
        assert problem.startswith(f"{path.name}, line {number + 1 + k}: ")
        assert sentence in problem
    assert problems[-1].endswith(": is not UTF-8 text")


def test_wrong_headers_and_missing_files_are_all_named(corpus_folder):
    read, root, files = corpus_folder
    (train, *_, last) = dict.fromkeys(files.values())
    text = train.read_text(encoding="utf-8")
    train.write_text("id|signer|annotation\n" + text.partition("\n")[2], encoding="utf-8")
    last.unlink()
    with pytest.raises(DataError) as caught:
        read(root, wrong="skip")
    header = text.partition("\n")[0]
    assert f"{train}, line 1: got the header 'id|signer|annotation'; expected {header!r}" in str(
        caught.value
    )
    assert f"{last}: cannot be read (No such file or directory)" in str(caught.value)


def test_the_split_of_csl_daily_may_be_wrong_too(signs, tmp_path):
    files = signs.make_csl_daily(tmp_path)
    append(
        files["split"], "S000005_P0004_T00|train\nS000000_P0001_T00|dev\nS000001_P0002_T00|val\n"
    )
    with pytest.warns(UserWarning, match="3 wrong lines"):
        corpus = csl_daily(tmp_path, wrong="skip")
    assert corpus.problems == (
        "split_1.txt, line 8: S000000_P0001_T00 is listed before (split_1.txt, line 2)",
        "split_1.txt, line 9: part 'val'; allowed: train, dev, test",
        "split_1.txt, line 7: S000005_P0004_T00 is not in video_map.txt",
    )
    assert [s.part for s in corpus.sentences][:3] == ["train"] * 3


def test_the_pickle_of_csl_daily_is_never_opened(signs, tmp_path):
    signs.make_csl_daily(tmp_path)
    mark = tmp_path / "opened"
    # A pickle that makes a file when it is read.
    (tmp_path / "sentence_label" / "csl2020ct_v2.pkl").write_bytes(
        f"cbuiltins\nopen\n(V{mark}\nVw\ntR.".encode()
    )
    csl_daily(tmp_path)
    assert not mark.exists()


def test_nothing_there(tmp_path, signs):
    with pytest.raises(DataError, match=r"has no folder 'annotations' \(looked in .*multisigner"):
        phoenix2014(tmp_path)
    with pytest.raises(DataError, match="has no folder 'sentence_label'"):
        csl_daily(tmp_path)
    files = signs.make_phoenix2014(tmp_path)
    with pytest.raises(ValueError, match="wrong is 'no'; allowed: error, skip"):
        phoenix2014(tmp_path, wrong="no")
    files["train"].write_text("id|folder|signer|annotation\n")
    with pytest.raises(DataError, match="has no sentence in the part 'train'"):
        phoenix2014(tmp_path)
