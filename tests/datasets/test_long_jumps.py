"""Long jumps and texture clips: what moves where, what corresponds, what the order tells."""

import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from vidlab.datasets import texture_clips
from vidlab.datasets.clip_controls import CONTROLS
from vidlab.datasets.gestures import Gestures, order_free_bound
from vidlab.datasets.long_jumps import LongJumps, LongJumpsConfig
from vidlab.datasets.texture_clips import Textures, TexturesConfig

CLEAN = LongJumpsConfig(noise=0.0)
TWIN = torch.tensor([1, 0, 3, 2])


def test_items_follow_the_clip_protocol():
    clips = LongJumps(22, seed=1)
    sample = clips[3]
    assert sample.frames.shape == (2, 3, 32, 32)
    assert sample.frames.dtype == torch.uint8
    assert (sample.frames == sample.frames[:, :1]).all()
    assert (sample.label, sample.index) == (clips.labels[3], 3)
    assert clips[-1].index == 21
    assert clips.class_names == ("left", "right", "up", "down")
    assert clips.pairs == ((0, 1), (2, 3))
    assert order_free_bound(clips.class_names) == 0.5
    count = Counter(clips.labels.tolist())
    assert max(count.values()) - min(count.values()) == 1
    assert clips.groups.tolist() == list(range(22))
    with pytest.raises(IndexError):
        clips.truth(22)


@pytest.mark.parametrize("control", CONTROLS)
def test_a_clip_depends_on_seed_and_index_alone(control):
    whole = LongJumps(80, seed=5, control=control).batch(range(80))
    lazy = LongJumps(80, seed=5, control=control, cache=False)
    assert torch.equal(lazy[67].frames, whole[67])
    assert torch.equal(lazy.batch([31, 2, 31]), whole[[31, 2, 31]])
    assert not torch.equal(LongJumps(80, seed=6, control=control)[67].frames, whole[67])


@pytest.mark.parametrize("frames", [2, 4])
def test_a_clip_turned_round_in_time_is_a_clip_of_its_twin(frames):
    config = LongJumpsConfig(frames=frames)
    clips, twins = LongJumps(40, config, seed=3), LongJumps(40, config, seed=3)
    twins.labels = TWIN[clips.labels]
    assert torch.equal(clips.batch(range(40)).flip(1), twins.batch(range(40)))


def test_the_disc_jumps_as_the_class_says_and_is_where_it_is_bright():
    clips = LongJumps(200, CLEAN, seed=2)
    ways = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
    lengths, places = [], []
    for index, label in enumerate(clips.labels.tolist()):
        truth = clips.truth(index)
        way = torch.tensor(ways[clips.class_names[label]]).float()
        length = truth.jump @ way
        assert torch.allclose(truth.jump, way * length, atol=1e-5)
        assert torch.allclose(truth.centres[1] - truth.centres[0], truth.jump, atol=1e-5)
        assert truth.centres.min() >= truth.radius - 1e-4
        assert truth.centres.max() <= 32 - truth.radius + 1e-4
        bright = clips[index].frames[:, 0] > 195  # no pixel that is covered less than half
        assert torch.equal(bright & truth.masks, bright)
        assert bright.sum() >= 0.6 * truth.masks.sum()
        lengths.append(length)
        places.append(truth.centres)
    assert min(lengths) >= 8 - 1e-4
    assert max(lengths) <= 11 + 1e-4
    assert max(lengths) - min(lengths) > 2.5
    assert torch.stack(places).std((0, 1)).min() > 6, "anywhere in the picture"


def test_dark_squares_are_elsewhere_in_each_frame():
    clips = LongJumps(60, replace(CLEAN, frames=4), seed=4)
    dark = clips.batch(range(60))[:, :, 0] < 80
    share = dark.double().mean((2, 3))
    assert 0.03 < share.mean() < 0.25
    same = (dark[:, 1:] & dark[:, :-1]).double().mean((2, 3))
    # Where squares are drawn anew, two frames share as many as chance has it, or a little more.
    assert same.mean() < 2 * (share[:, 1:] * share[:, :-1]).mean()
    none = LongJumps(4, replace(CLEAN, squares=0)).batch(range(4))
    assert (none > 80).all()


@pytest.mark.parametrize("frames", [2, 6])
@pytest.mark.parametrize("grid", [8, 32, 4])
def test_correspondence_is_the_jump_counted_in_cells(frames, grid):
    # A jump of exactly 8 pixels is a whole number of cells for each of these maps.
    clips = LongJumps(30, replace(CLEAN, frames=frames, jump=(0.25, 0.25)), seed=6)
    cells = grid * grid
    for index, label in enumerate(clips.labels.tolist()):
        step = 8 * grid // 32 * (-1, 1, -grid, grid)[label]
        found = clips.correspondence(index, (frames, grid, grid)).view(frames, cells)
        for t in range(frames):
            across = frames - 1 - t
            where = (found[t] >= 0).nonzero()[:, 0]
            assert len(where) >= (15 if grid == 32 else 1)
            moved = where + (step if t < frames // 2 else -step)
            assert torch.equal(found[t, where], moved + cells * across)
            assert torch.equal((found[across] >= 0).nonzero()[:, 0], moved)
        truth = clips.truth(index)
        if grid == 32:
            assert (found >= 0).view(frames, 32, 32).logical_xor(truth.masks).sum() <= frames


def test_correspondence_follows_the_discs_middle_on_maps_that_do_not_fit():
    clips = LongJumps(40, CLEAN, seed=7)
    for index in range(40):
        truth = clips.truth(index)
        found = clips.correspondence(index, (2, 7, 5)).view(2, 7, 5)
        cell = [
            (int(y * 7 / 32), int(x * 5 / 32)) for x, y in truth.centres.tolist()
        ]  # the disc's middle
        for t in range(2):
            row, column = cell[1 - t]
            assert found[(t, *cell[t])] == (1 - t) * 35 + row * 5 + column
        here = found[0][found[0] >= 0]
        assert ((here >= 35) & (here < 70)).all()
        assert (found[1] < 35).all()
        # Cells that show the disc touch it.
        for t in range(2):
            for row, column in (found[t] >= 0).nonzero().tolist():
                x, y = truth.centres[t].tolist()
                across = np.clip(x, column * 6.4, (column + 1) * 6.4) - x
                gap = np.hypot(across, np.clip(y, row * 32 / 7, (row + 1) * 32 / 7) - y)
                assert gap <= truth.radius + 1


def test_a_still_clip_corresponds_to_itself():
    clips = LongJumps(8, CLEAN, control="still")
    for index in range(8):
        found = clips.correspondence(index, (2, 8, 8)).view(2, 64)
        where = (found[0] >= 0).nonzero()[:, 0]
        assert torch.equal(found[0, where], where + 64)
        assert not clips.truth(index).jump.any()


def test_without_the_order_half_is_the_ceiling():
    def centres(clips):
        # Both frames' brightest places: all that there is to know.
        frames = clips.batch(range(len(clips)))[:, :, 0].double() - 170
        weight = frames.clamp_min(0) + 1e-6
        line = torch.linspace(-1, 1, 32, dtype=torch.float64)
        mass = weight.sum((-1, -2))
        x, y = (weight.sum(-2) * line).sum(-1) / mass, (weight.sum(-1) * line).sum(-1) / mass
        return torch.stack((x, y), -1)

    def accuracy(describe):
        train, test = LongJumps(600, seed=1), LongJumps(600, seed=2)
        model = LogisticRegression(C=100).fit(describe(centres(train)), train.labels)
        return model.score(describe(centres(test)), test.labels)

    def order_free(places):
        ends = places.sort(1).values.flatten(1)
        return torch.cat((ends, (places[:, 1] - places[:, 0]).abs()), 1)

    assert 0.4 < accuracy(order_free) < 0.5 + 3 * 0.5 / 600**0.5
    assert accuracy(lambda places: places[:, 1] - places[:, 0]) > 0.95


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": 3}, "frames is 3; allowed: even numbers"),
        ({"frames": 0}, "frames is 0; allowed: whole numbers in 2 .. 64"),
        ({"size": 8}, "size is 8; allowed: whole numbers in 16 .. 512"),
        ({"squares": -1}, "squares is -1; allowed"),
        ({"jump": (0.5, 0.2)}, "jump is .*; allowed: .* within 0 .. 0.7"),
        ({"noise": -1.0}, "noise is -1.0; allowed: 0 .. 1"),
        ({"jump": (0.7, 0.7), "radius": (0.2, 0.2)}, "do not fit into the picture"),
    ],
)
def test_a_bad_configuration_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        LongJumpsConfig(**change)


def test_bad_arguments_are_named():
    clips = LongJumps(2)
    for grid in ((3, 8, 8), (2, 0, 8), (2, 8, 33)):
        with pytest.raises(ValueError, match="grid is .*; allowed: 2 frames of 1 .. 32 by 1 .. 32"):
            clips.correspondence(0, grid)
    with pytest.raises(ValueError, match="control is 'scrambled'; allowed"):
        LongJumps(2, control="scrambled")


# Texture clips


def test_textures_follow_the_clip_protocol():
    clips = Textures(20, seed=1)
    assert clips[3].frames.shape == (8, 3, 32, 32)
    assert clips.class_names == texture_clips.DEFAULT
    count = Counter(clips.labels.tolist())
    assert max(count.values()) - min(count.values()) == 1
    lazy = Textures(20, seed=1, cache=False)
    assert torch.equal(lazy[17].frames, clips[17].frames)
    assert torch.equal(lazy.batch([-1])[0], clips[19].frames)


def test_the_blob_moves_by_a_gesture_that_does_not_tell_the_class():
    clips = Textures(2000, TexturesConfig(size=8), seed=3, cache=False)
    told = [clips.gesture(index) for index in range(2000)]
    assert len(set(told)) == 13
    table = np.zeros((8, 13))
    np.add.at(table, (clips.labels.numpy(), [sorted(set(told)).index(name) for name in told]), 1)
    wanted = table.sum(0) * table.sum(1)[:, None] / table.sum()
    square = ((table - wanted) ** 2 / wanted).sum()
    assert square < 84 + 4 * (2 * 84) ** 0.5, "chi-square of independence, 84 degrees of freedom"


@pytest.mark.parametrize("control", CONTROLS)
def test_the_wall_stands_still_and_the_blob_is_where_truth_says(control):
    clips = Textures(16, TexturesConfig(noise=0.0), seed=4, control=control)
    for index in range(16):
        truth, frames = clips.truth(index), clips[index].frames[:, 0].float()
        near = torch.nn.functional.max_pool2d(truth.masks.any(0)[None].float(), 5, 1, 2)[0] > 0
        assert (frames - frames[:1])[:, ~near].abs().max() == 0
        name = clips.gesture(index)
        if control == "none" and name in ("left", "right"):
            assert (truth.centres[-1, 0] > truth.centres[0, 0]) == (name == "right")


def test_one_frame_shows_the_class():
    # A classifier of the spectrum of one frame: blind to time and to place.
    def spectra(clips):
        frame = clips.batch(range(len(clips)))[:, 0, 0].double()
        spectrum = torch.fft.rfft2(frame - frame.mean((1, 2), keepdim=True)).abs()
        return (spectrum.flatten(1) + 10).log().numpy()

    train, test = Textures(640, seed=1), Textures(320, seed=2)
    model = KNeighborsClassifier(5).fit(spectra(train), train.labels)
    assert model.score(spectra(test), test.labels) > 0.65, "one of eight by chance"


def test_surfaces_fill_their_range_and_differ():
    numbers = np.full((12, texture_clips.SURFACE_DRAWN), 0.4)
    walls = texture_clips.paint_surfaces(texture_clips.ALL, numbers, 32)
    assert walls.shape == (12, 32, 32)
    assert walls.dtype == np.float32
    assert 0.2 < walls.min() < walls.max() < 0.8
    assert len({wall.tobytes() for wall in walls}) == 12
    stripes = dict(zip(texture_clips.ALL, walls, strict=True))
    rows = lambda wall: np.abs(np.diff(wall, axis=0)).mean()  # noqa: E731
    columns = lambda wall: np.abs(np.diff(wall, axis=1)).mean()  # noqa: E731
    assert columns(stripes["upright-stripes"]) > 3 * rows(stripes["upright-stripes"])
    assert rows(stripes["level-stripes"]) > 3 * columns(stripes["level-stripes"])
    assert stripes["plain"].std() < 1e-6


@pytest.mark.parametrize("make", [Gestures, LongJumps, Textures])
def test_painting_is_fast(make):
    began = time.process_time()
    make(320, seed=1).batch([0])
    assert time.process_time() - began < 10, "0.2 s is usual"


def test_bad_texture_arguments_are_named():
    with pytest.raises(ValueError, match="no surface is called 'fur'; allowed: upright-stripes"):
        TexturesConfig(classes=("fur", "dots"))
    with pytest.raises(ValueError, match="noise is 3; allowed: 0 .. 1"):
        TexturesConfig(noise=3)
    with pytest.raises(ValueError, match="count is 0"):
        Textures(0)
