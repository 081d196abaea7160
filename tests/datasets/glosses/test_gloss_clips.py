"""Clips of the corpora as samples: frames, targets, repeatable views, and clips that cannot be."""

import shutil

import pytest
import torch
from torch.utils.data import DataLoader

from vidlab.datasets.base import DataError
from vidlab.datasets.gloss_clips import GlossClips
from vidlab.datasets.gloss_corpora import csl_daily, phoenix2014, phoenix2014t
from vidlab.datasets.sequence_augment import AugmentConfig
from vidlab.datasets.sequences import PAD_TRUTH, collate

AUGMENT = AugmentConfig(crop=14, tempo=0.5)


@pytest.fixture
def corpus(signs, tmp_path):
    signs.make_phoenix2014(tmp_path / "corpus")
    return phoenix2014(tmp_path / "corpus")


def same(one, other):
    return all(
        torch.equal(getattr(one, name), getattr(other, name))
        for name in ("frames", "targets", "truth")
    )


def test_items_for_testing(corpus, signs):
    clips = GlossClips(corpus, size=16)
    assert len(clips) == 5
    sample = clips[2]
    assert sample.frames.shape == (6, 3, 14, 14)  # 224 / 256 of 16
    assert sample.frames.dtype == torch.float32
    assert 0 <= sample.frames.min() <= sample.frames.max() <= 1
    assert signs.numbers(sample.frames) == list(range(6))
    assert sample.frames[:, :, :, :5].max() < 0.02  # the left half is black, and was not mirrored
    assert sample.targets.tolist() == [2, 2, 4]
    assert sample.targets.dtype == torch.int64
    assert sample.truth.tolist() == [PAD_TRUTH] * 6
    assert sample.index == 2
    assert same(clips[-3], sample)
    assert clips.class_names[clips[0].targets[0]] == clips.sentences[0].glosses[0] == "NORD"
    assert clips.groups == ("Signer01", "Signer02", "Signer01", "Signer01", "Signer02")


@pytest.mark.parametrize(
    ("make", "read"),
    [("make_phoenix2014t", phoenix2014t), ("make_csl_daily", csl_daily)],
)
def test_the_other_corpora(make, read, signs, tmp_path):
    getattr(signs, make)(tmp_path)
    corpus = read(tmp_path)
    clips = GlossClips(corpus, corpus.split()["test"], size=16, crop=16)
    assert len(clips) == 1
    assert signs.numbers(clips[0].frames) == list(range(6))
    assert clips[0].targets.tolist() == [3]


def test_batches(corpus):
    loader = DataLoader(GlossClips(corpus, size=16), batch_size=5, collate_fn=collate)
    (batch,) = loader
    assert batch.frames.shape == (5, 6, 3, 14, 14)
    assert batch.target_lengths.tolist() == [2, 2, 3, 2, 1]
    assert (batch.truth == PAD_TRUTH).all()


def test_training_views_depend_on_seed_epoch_and_index_alone(corpus, signs):
    def clips(seed=3, epoch=0):
        made = GlossClips(corpus, size=16, augment=AUGMENT, seed=seed)
        made.set_epoch(epoch)
        return made

    first = [clips()[k] for k in range(5)]
    for k in (4, 2, 0):  # another order, another object
        assert same(clips()[k], first[k])
    workers = DataLoader(clips(), batch_size=None, num_workers=2)
    assert all(same(a, b) for a, b in zip(workers, first, strict=True))
    for other in (clips(seed=4), clips(epoch=1)):
        assert not all(same(other[k], first[k]) for k in range(5))
    lengths, mirrored = set(), set()
    for epoch in range(30):
        sample = clips(epoch=epoch)[0]
        lengths.add(len(sample.frames))
        mirrored.add(bool(sample.frames[0, 0, 0, 0] > 0.1))
        shown = signs.numbers(sample.frames)
        assert shown == sorted(shown)
        assert len(sample.truth) == len(shown)
    assert lengths == set(range(3, 10))
    assert mirrored == {False, True}


def test_the_cache_changes_nothing(corpus, tmp_path):
    plain = GlossClips(corpus, size=16, augment=AUGMENT)
    cached = GlossClips(corpus, size=16, augment=AUGMENT, cache=tmp_path / "cache")
    for _ in range(2):
        loader = DataLoader(cached, batch_size=None, num_workers=2)
        assert all(same(a, plain[k]) for k, a in enumerate(loader))
    assert len(list((tmp_path / "cache").iterdir())) == 5


def test_missing_and_empty_folders_are_named_and_counted(corpus):
    gone, short = corpus.sentences[1].folder, corpus.sentences[2].folder
    shutil.rmtree(gone)
    for path in sorted(short.iterdir())[3:]:
        path.unlink()
    with pytest.raises(DataError) as caught:
        GlossClips(corpus, size=16)
    message = str(caught.value)
    assert "PHOENIX-2014: 2 of 5 clips cannot be used: train.corpus.csv, line 3: frame" in message
    assert f"{gone} cannot be listed (No such file or directory)" in message
    assert "holds 3 frames for 3 glosses; at least 4 are needed" in message
    assert message.endswith('bad="skip" goes on without them')
    with pytest.warns(UserWarning, match=r"2 of 5 clips cannot be used.*left out"):
        clips = GlossClips(corpus, size=16, bad="skip")
    assert len(clips) == 3
    assert [name for name, _ in clips.skipped] == [corpus.sentences[k].name for k in (1, 2)]
    # What is left is still itself: frames, targets and signers have moved up together.
    assert [clips[k].targets.tolist() for k in range(3)] == [[1, 2], [2, 1], [3]]
    assert clips.groups == ("Signer01", "Signer01", "Signer02")
    assert [s.part for s in clips.sentences] == ["train", "dev", "test"]
    with (
        pytest.warns(UserWarning, match="2 of 2"),
        pytest.raises(DataError, match="no clips in this part"),
    ):
        GlossClips(corpus, [1, 2], size=16, bad="skip")


def test_a_broken_picture_is_named_when_it_is_read(corpus):
    path = corpus.sentences[0].folder / "01April_2010_Thursday_heute.avi_pid0_fn3-0.png"
    path.write_text("no picture")
    clips = GlossClips(corpus, size=16)
    with pytest.raises(DataError, match="fn3-0.png cannot be read .neither PNG nor JPEG"):
        clips[0]
    assert len(clips[1].frames) == 6


def test_a_sentence_of_unknown_glosses_has_no_targets(signs, tmp_path):
    files = signs.make_phoenix2014(tmp_path)
    text = files["test"].read_text().replace("SONNE", "HAGEL")
    files["test"].write_text(text)
    corpus = phoenix2014(tmp_path)
    clips = GlossClips(corpus, corpus.split()["test"], size=16)
    assert clips[0].targets.tolist() == []
    assert clips.sentences[0].glosses == ("HAGEL",)
    batch = collate([clips[0], GlossClips(corpus, [0], size=16)[0]])
    assert batch.target_lengths.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 0}, "size is 0; allowed: 1 .. 4096"),
        ({"size": 16, "crop": 17}, "crop is 17; allowed: 1 .. 16, the size of the frames"),
        ({"size": 16, "augment": AugmentConfig()}, "crop is 224; allowed: 1 .. 16"),
        ({"size": 16, "crop": 8, "augment": AUGMENT}, "crop is 8, but augment.crop is 14"),
        ({"rows": [0, 5]}, "row 5 is not in PHOENIX-2014; allowed: 0 .. 4"),
        ({"bad": "no"}, "bad is 'no'; allowed: error, skip"),
        ({"seed": -1}, "got seed -1"),
        ({"rows": []}, "there are no clips in this part"),
    ],
)
def test_bad_settings(corpus, settings, message):
    with pytest.raises(ValueError, match=message):
        GlossClips(corpus, **settings)


def test_an_index_beyond_the_end(corpus):
    with pytest.raises(IndexError):
        GlossClips(corpus, size=16)[5]
