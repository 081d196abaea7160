"""Crop, flip and tempo: one draw a clip, repeatable, within the promised ranges."""

import pytest
import torch

from vidlab.datasets.sequence_augment import (
    AugmentConfig,
    draw_view,
    generator_for,
    middle_view,
    rescale,
    take_view,
)


def numbered(frames=20, height=12, width=10):
    """A clip ``(T, 1, H, W)`` whose every pixel says where it is: t, y and x."""
    t, y, x = torch.meshgrid(*map(torch.arange, (frames, height, width)), indexing="ij")
    return (t * 10_000 + y * 100 + x)[:, None]


def views(config, count=300, frames=20, height=12, width=10):
    return [draw_view(frames, height, width, config, generator_for(0, 0, i)) for i in range(count)]


def test_a_view_is_one_crop_one_flip_and_one_tempo_for_the_whole_clip():
    clip, config = numbered(), AugmentConfig(crop=7)
    for view in views(config, 40):
        taken = take_view(clip, view)
        assert taken.shape == (len(view.indices), 1, 7, 7)
        for k, t in enumerate(view.indices.tolist()):
            expected = clip[t, 0, view.top : view.top + 7, view.left : view.left + 7]
            if view.flip:
                expected = expected.fliplr()
            assert torch.equal(taken[k, 0], expected)


def test_all_places_mirrors_and_tempos_come_up_equally_often():
    drawn = views(AugmentConfig(crop=10), 2000, frames=100)
    assert [min(v.top for v in drawn), max(v.top for v in drawn)] == [0, 2]
    assert {v.left for v in drawn} == {0}
    for top in range(3):
        assert sum(v.top == top for v in drawn) / 2000 == pytest.approx(1 / 3, abs=0.05)
    assert sum(v.flip for v in drawn) / 2000 == pytest.approx(0.5, abs=0.05)
    lengths = torch.tensor([len(v.indices) for v in drawn]).float()
    assert lengths.min() == 80
    assert lengths.max() == 120
    assert lengths.mean() == pytest.approx(100, abs=1)
    assert lengths.std() == pytest.approx(40 / 12**0.5, abs=1)  # as even as can be


def test_nothing_to_vary():
    config = AugmentConfig(crop=10, flip=0, tempo=0)
    for view in views(config, 20, height=10, width=10):
        assert view.indices.tolist() == list(range(20))
        assert (view.top, view.left, view.flip) == (0, 0, False)
    assert all(v.flip for v in views(AugmentConfig(crop=10, flip=1), 20))


def test_knobs_do_not_shift_each_others_draws():
    one = views(AugmentConfig(crop=7, flip=0.5, tempo=0.2), 50)
    other = views(AugmentConfig(crop=7, flip=0.5, tempo=0), 50)
    assert [(v.top, v.left, v.flip) for v in one] == [(v.top, v.left, v.flip) for v in other]


def test_seed_epoch_and_index_decide_and_all_three_matter():
    def draw(*key):
        view = draw_view(200, 300, 300, AugmentConfig(crop=100), generator_for(*key))
        return len(view.indices), view.top, view.left, view.flip

    keys = [(s, e, i) for s in range(3) for e in range(3) for i in range(3)]
    assert len({draw(*key) for key in keys}) == len(keys)
    for key in reversed(keys):
        assert draw(*key) == draw(*key)


@pytest.mark.parametrize(
    ("frames", "wanted"), [(10, 12), (10, 8), (7, 7), (5, 20), (20, 5), (1, 3)]
)
def test_frames_are_evenly_spread(frames, wanted):
    indices = rescale(frames, wanted)
    assert len(indices) == wanted
    assert (indices.diff() >= 0).all()
    assert 0 <= indices.min() <= indices.max() < frames
    counts = torch.bincount(indices, minlength=frames)
    assert counts.max() - counts.min() <= 1  # no frame is shown twice as often as another
    assert wanted == 1 or indices.diff().max() - indices.diff().min() <= 1
    # As much is left out before the first as after the last, give or take a frame.
    assert abs(indices[0] - (frames - 1 - indices[-1])) <= 1


def test_equal_lengths_change_nothing_and_no_clip_becomes_empty():
    assert rescale(9, 9).tolist() == list(range(9))
    assert rescale(9, 0).tolist() == [4]


def test_the_shortest_length_is_kept_but_never_invented():
    config = AugmentConfig(crop=10, tempo=0.9, shortest=15)
    assert min(len(v.indices) for v in views(config, frames=20)) == 15
    assert min(len(v.indices) for v in views(config, frames=6)) == 6


def test_the_middle():
    view = middle_view(20, 12, 10, 7)
    assert (view.top, view.left, view.flip) == (2, 1, False)
    clip = numbered()
    assert torch.equal(take_view(clip, view), clip[:, :, 2:9, 1:8])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: AugmentConfig(crop=0), "crop is 0; allowed: whole numbers from 1"),
        (lambda: AugmentConfig(shortest=1.5), "shortest is 1.5; allowed"),
        (lambda: AugmentConfig(flip=1.1), "flip is 1.1; allowed: 0 .. 1"),
        (lambda: AugmentConfig(tempo=-0.1), "tempo is -0.1; allowed: 0 .. 0.9"),
        (lambda: AugmentConfig(tempo=float("nan")), "tempo is nan; allowed"),
        (lambda: views(AugmentConfig(crop=11), 1), "crop is 11, but frames are 12 × 10; .* to 10"),
        (lambda: middle_view(5, 12, 10, 11), "crop is 11, but frames are 12 × 10"),
        (lambda: middle_view(0, 12, 10, 7), "a clip has 0 frames"),
        (lambda: rescale(0, 3), "a clip has 0 frames; allowed: 1 or more"),
        (lambda: generator_for(-1, 0, 0), "got seed -1, epoch 0, index 0; allowed: 0 or more"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
