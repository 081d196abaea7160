"""Actions: laws, balance, determinism, truth, and what order-free knowledge can and cannot tell."""

import re
from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader

from vidlab.datasets.actions import (
    ALL,
    CONTROLS,
    LAWS,
    PATHS,
    Actions,
    ActionsConfig,
    chance_level,
    moments,
)
from vidlab.datasets.clips import collate_clips

SMALL = ActionsConfig(frames=8, size=16)
CALM = replace(SMALL, shake=0.0)
COUNT = 1040  # clips to train and as many to test the classifiers below


def test_items():
    clips = Actions(29, replace(SMALL, clips_per_scene=5), seed=1)
    sample = clips[3]
    assert sample.frames.shape == (8, 3, 16, 16)
    assert sample.frames.dtype == torch.uint8
    assert sample.index == 3
    assert sample.label == clips.labels[3]
    assert clips.class_names == ALL
    assert len(clips) == 29
    assert clips.groups.tolist() == [i // 5 for i in range(29)]
    count = Counter(clips.labels.tolist())
    assert set(count) == set(range(13))
    assert max(count.values()) - min(count.values()) == 1
    assert clips.labels.tolist() != [i % 13 for i in range(29)], "places must not tell the class"
    assert clips[-1].index == 28
    assert (clips.order(-1) == clips.order(28)).all()
    with pytest.raises(IndexError):
        clips[29]


@pytest.mark.parametrize("control", CONTROLS)
def test_a_clip_depends_on_seed_and_index_alone(control):
    config = replace(SMALL, distractors=1)
    whole = Actions(40, config, seed=5, control=control).batch(range(40))
    lazy = Actions(40, config, seed=5, control=control, cache=False)
    assert torch.equal(lazy[17].frames, whole[17])
    assert torch.equal(lazy.batch([31, 2, 31]), whole[[31, 2, 31]])
    assert torch.equal(lazy.truth(17).frames, whole[17])
    other = Actions(40, config, seed=6, control=control).batch([17])
    assert not torch.equal(other[0], whole[17])


def test_workers_make_the_same_clips():
    clips = Actions(12, SMALL, seed=2, cache=False)
    settings = {"batch_size": 5, "collate_fn": collate_clips}
    alone = [batch.clips for batch in DataLoader(clips, **settings)]
    many = [batch.clips for batch in DataLoader(clips, num_workers=2, **settings)]
    assert all(map(torch.equal, alone, many))


def test_orders_of_a_path_are_permutations_of_its_moments():
    for frames in (2, 7, 8, 16):
        for order in ("forward", "backward", "there and back"):
            for phase in (0, 3):
                assert sorted(moments(order, frames, phase)) == list(range(frames))
    there = moments("there and back", 16)
    assert np.abs(np.diff(there)).max() == 2  # smooth
    assert there.argmax() in (7, 8)


def change(values):
    return values[-1] - values[0]


@pytest.mark.parametrize("name", ALL)
def test_each_law_moves_as_it_is_called(name):
    clips = Actions(6, replace(CALM, classes=(name, "left" if name != "left" else "up")), seed=3)
    for index in range(6):
        truth = clips.truth(index)
        if clips.labels[index] != 0:
            continue
        other, main = (truth.centres[k].double().numpy() / 16 for k in range(2))
        angle, radius = truth.angles[1].numpy(), truth.radii[1].numpy()
        still = {"x": np.ptp(main[:, 0]), "y": np.ptp(main[:, 1]), "angle": np.ptp(angle)}
        still |= {"radius": np.ptp(radius), "other": np.ptp(other)}
        if LAWS[name][0] != "gap":
            assert np.ptp(other, axis=0).max() < 1e-6
        if name in ("left", "right", "up", "down"):
            way = change(main)
            step = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}[name]
            assert way @ step > 0.15
            assert abs(way @ step[::-1]) < 1e-6
        elif "orbit" in name:
            middle = main - main.mean(0)
            bend = np.diff(main, axis=0)
            cross = bend[:-1, 0] * bend[1:, 1] - bend[:-1, 1] * bend[1:, 0]
            assert (cross > 0).all() if name.endswith("-clockwise") else (cross < 0).all()
            assert np.ptp(middle, axis=0).min() > 0.1
        elif "clockwise" in name:
            assert change(angle) * (1 if name == "clockwise" else -1) > 1
            assert still["x"] < 1e-6
        elif name in ("grow", "shrink"):
            assert (change(radius) > 0) == (name == "grow")
            assert still["x"] + still["angle"] < 1e-5
        elif name in ("part", "collide"):
            gap = np.hypot(*(main - other).T)
            assert (change(gap) > 0.1) if name == "part" else (change(gap) < -0.1)
            assert np.ptp(other, axis=0).max() > 0.01
        else:
            assert name == "oscillate"
            assert still["x"] > 0.15
            assert still["y"] < 1e-6
            turns = (np.diff(np.sign(np.diff(main[:, 0]))) != 0).sum()
            assert turns in (1, 2)


def poses(clips):
    """``(N, T, 7)`` exact places, sizes and angles of both sprites, in the order of each clip."""
    rows = []
    for index in range(len(clips)):
        pose = clips.scene(index).poses()
        order = clips.order(index)
        main = np.stack((pose.x[1], pose.y[1], np.log(pose.radius[1]), pose.angle[1]))
        gap = np.hypot(pose.x[1] - pose.x[0], pose.y[1] - pose.y[0])
        rows.append(np.stack((*main, pose.x[0], pose.y[0], gap), 1)[order])
    return np.stack(rows)


def order_free(rows):
    """What a bag of frames tells: spread, mean and joint spread of every number of the truth."""
    middle = rows.mean(1, keepdims=True)
    spread = (rows - middle).std(1)
    inner = rows - middle
    joint = np.einsum("nti,ntj->nij", inner, inner)[:, *np.triu_indices(7)]
    steps = np.sort(np.abs(np.diff(np.sort(rows, 1), axis=1)), 1)[:, [0, -1]].reshape(len(rows), -1)
    return np.concatenate((middle[:, 0], spread, np.log(spread + 1e-3), joint, steps), 1)


def ordered(rows):
    """What the order tells: the mean and the largest step, and the way from begin to end."""
    steps = np.diff(rows, axis=1)
    before, after = steps[:, :-1], steps[:, 1:]
    bend = (before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]).mean(1)[:, None]
    energy = np.abs(steps).mean(1)
    return np.concatenate((steps.mean(1), energy, steps[:, 0], steps[:, -1], bend), 1)


@cache
def labelled(config, control, seed):
    clips = Actions(COUNT, config, seed=seed, control=control)
    return poses(clips), clips.labels.numpy()


def accuracy(features, config, control):
    """The better of a linear classifier and nearest neighbours, on fresh clips."""
    (train, labels), (test, truth) = (labelled(config, control, seed) for seed in (10, 11))
    models = (
        make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()),
        make_pipeline(StandardScaler(), KNeighborsClassifier(15)),
    )
    inputs, held = features(train), features(test)
    return max(m.fit(inputs, labels).score(held, truth) for m in models)


def most_by_luck(level, count=COUNT):
    """An accuracy that guessing at a level exceeds less than once in 10,000 runs (4 sigma)."""
    return level + 4 * (level * (1 - level) / count) ** 0.5


def test_real_clips_are_told_by_motion():
    assert accuracy(ordered, CALM, "none") > 0.9


def test_a_single_frame_tells_nothing():
    first = accuracy(lambda rows: rows[:, 0], CALM, "still")
    assert first <= most_by_luck(1 / 13)


def test_shuffling_leaves_the_path_but_not_the_order():
    level = chance_level(CALM, "shuffled")
    assert level == 6 / 13
    bag = accuracy(order_free, CALM, "shuffled")
    assert bag <= most_by_luck(level)
    assert bag > 0.9 * level, "a bag of frames should tell the path"
    assert accuracy(ordered, CALM, "shuffled") <= most_by_luck(level)


def test_scrambled_clips_tell_nothing():
    for features in (order_free, ordered):
        assert accuracy(features, CALM, "scrambled") <= most_by_luck(1 / 13)


def test_with_scrambled_bystanders_plain_shuffling_is_chance():
    config = replace(CALM, bystanders="scrambled")
    assert chance_level(config, "shuffled") == pytest.approx(1 / 13)
    for features in (order_free, ordered):
        assert accuracy(features, config, "shuffled") <= most_by_luck(1 / 13)
    assert accuracy(order_free, config, "none") <= most_by_luck(1 / 13)
    assert accuracy(ordered, config, "none") > 0.5


def test_bags_of_one_path_are_the_same_bag():
    """Exactly, not only to a classifier: the same clip under laws of one path, frames sorted."""
    bags = {}
    for name in ALL:
        clips = Actions(4, replace(CALM, classes=(name, next(n for n in ALL if n != name))), seed=9)
        labels = torch.zeros(4, dtype=torch.int64)
        clips.labels = labels  # the law is all that differs
        bags[name] = np.sort(poses(clips).round(9), axis=1)
    for name, (path, _) in LAWS.items():
        for other, (its_path, _) in LAWS.items():
            assert np.array_equal(bags[name], bags[other]) == (path == its_path), (name, other)


def test_pixels_of_controls_are_those_of_real_frames():
    clips = {c: Actions(60, CALM, seed=4, control=c).batch(range(60)) for c in CONTROLS}
    real = {frame.numpy().tobytes() for frame in clips["none"].flatten(0, 1)}
    for control in ("shuffled", "still"):
        assert {f.numpy().tobytes() for f in clips[control].flatten(0, 1)} <= real
    assert not torch.equal(clips["shuffled"], clips["none"])
    assert (clips["still"][:, 1:] == clips["still"][:, :1]).all()
    mean = {c: frames.double().mean() for c, frames in clips.items()}
    assert abs(mean["scrambled"] - mean["none"]) < 2


def test_pixels_alone_tell_motion_but_no_class():
    """Order-free features of the pixels themselves are at chance on single frames."""
    train, test = (Actions(780, SMALL, seed=s, control="still") for s in (1, 2))

    def look(clips):
        frame = clips.batch(range(780))[:, 0].double() / 255
        small = torch.nn.functional.avg_pool2d(frame, 4).flatten(1)
        return torch.cat((small, frame.mean((2, 3)), frame.std((2, 3))), 1).numpy()

    model = make_pipeline(
        StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3)
    )
    model.fit(look(train), train.labels)
    assert model.score(look(test), test.labels) <= most_by_luck(1 / 13, 780)


def test_truth_agrees_with_the_pixels():
    clips = Actions(8, replace(SMALL, size=32, noise=0.0, light=0.0), seed=1, control="shuffled")
    for index in range(4):
        truth = clips.truth(index)
        assert torch.equal(truth.frames, clips[index].frames)
        order = clips.order(index)
        assert sorted(order) == list(range(8))
        # Where no sprite is, a pixel shows the background whatever the frame's place in the clip.
        assert truth.masks.shape == (2, 8, 32, 32)
        assert truth.visibility[1].max() > 0.3


def test_clips_of_a_scene_share_their_look():
    clips = Actions(16, replace(SMALL, clips_per_scene=4), seed=1)
    first, second, other = (clips.scene(i) for i in (0, 3, 4))
    grid = np.meshgrid(*[np.linspace(-1, 1, 9)] * 2)
    same = first.background.paint(*grid), second.background.paint(*grid)
    np.testing.assert_array_equal(*same)
    assert (same[0] != other.background.paint(*grid)).any()
    names = [[a.title for a in s.actors] for s in (first, second)]
    assert names[0] == names[1]


def nearest_by_camera(clips):
    """How far the sprite is from where it is in the frame that the camera shows most alike."""
    rows = []
    for index in range(len(clips)):
        scene, order = clips.scene(index), clips.order(index)
        view, x = scene.view(), scene.poses().x[-1][order]
        camera = np.stack((view.x, view.y), 1)[order]
        gap = np.hypot(*(camera[:, None] - camera).transpose(2, 0, 1))
        np.fill_diagonal(gap, np.inf)
        rank = np.argsort(np.argsort(x))
        step = np.abs(rank - rank[gap.argmin(1)])
        rows.append([(step == 1).mean(), (step == 2).mean()])
    return np.array(rows)


def test_a_smooth_camera_gives_a_shuffled_order_back():
    """Up to its direction: it tells one way from there and back, not forward from backward."""

    def score(*classes, shake):
        config = replace(SMALL, frames=24, classes=classes, shake=shake)
        train, test = (Actions(160, config, seed=s, control="shuffled") for s in (1, 2))
        model = LinearDiscriminantAnalysis().fit(nearest_by_camera(train), train.labels)
        right = model.score(nearest_by_camera(test), test.labels)
        level = chance_level(config, "shuffled")
        assert right <= most_by_luck(level, 160)
        return right, level

    right, level = score("left", "oscillate", shake=0.01)
    assert right > most_by_luck(0.5, 160)
    assert level == 1
    assert score("left", "oscillate", shake=0.0)[1] == 0.5
    assert score("left", "right", shake=0.01)[1] == 0.5


def test_chance_levels():
    pair = ActionsConfig(classes=("left", "right"))
    assert chance_level(pair, "shuffled") == 0.5
    assert chance_level(ActionsConfig(classes=("grow", "left", "up")), "shuffled") == 1
    assert chance_level(pair, "none") == 1
    assert chance_level(ActionsConfig(), "shuffled") == pytest.approx(7 / 13)
    assert chance_level(replace(CALM, distractors=1), "shuffled") == pytest.approx(7 / 13)
    shaken = ActionsConfig(bystanders="scrambled")
    assert chance_level(shaken, "shuffled") == pytest.approx(7 / 13)
    for control in ("scrambled", "still"):
        assert chance_level(ActionsConfig(), control) == pytest.approx(1 / 13)
    assert {path for path, _ in LAWS.values()} == set(PATHS)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frames": 1}, "frames is 1; allowed: whole numbers in 2 .. 256"),
        ({"size": 4}, "size is 4"),
        ({"noise": 2}, "noise is 2; allowed: 0 .. 1"),
        ({"speed": (2, 1)}, "speed is (2, 1); allowed: (smallest, largest) within 0 .. 2"),
        ({"classes": ("left", "jump")}, "no law is called 'jump'; allowed: left, right"),
        ({"classes": ("left",)}, "two or more different laws"),
        ({"classes": ("left", "left")}, "two or more different laws"),
        ({"bystanders": "gone"}, "bystanders is 'gone'; allowed: still, scrambled"),
        ({"clips_per_scene": 0}, "clips_per_scene is 0"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ActionsConfig(**settings)


def test_bad_arguments():
    with pytest.raises(ValueError, match="count is 0"):
        Actions(0)
    with pytest.raises(ValueError, match="count is True; allowed: whole numbers from 1"):
        Actions(True)
    with pytest.raises(ValueError, match="seed is -1"):
        Actions(3, seed=-1)
    with pytest.raises(ValueError, match="control is 'shuffle'; allowed: none, shuffled"):
        Actions(3, control="shuffle")
    with pytest.raises(ValueError, match="need 6.8 GiB; allowed: up to 4 GiB, or cache=False"):
        Actions(10_000, ActionsConfig(size=123))
