"""Films of signing and the data set of them: truth, determinism, signers kept apart, refusals."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from vidlab.datasets.sequences import PAD_TRUTH, SequenceSample, collate
from vidlab.datasets.signing import (
    BONES,
    JOINTS,
    LEXICON,
    SHAPES,
    Signing,
    SigningConfig,
    make_signer,
    minimal_pairs,
    poses,
    sign,
)
from vidlab.datasets.signing.movement import track
from vidlab.datasets.signing.paint import paint_frames
from vidlab.datasets.signing.stage import paint_stage
from vidlab.datasets.splits import split

SMALL = SigningConfig(size=24, length=(2, 3))
CLEAN = SigningConfig(size=64, noise=0.0)
RIGHT, LEFT = (JOINTS.index(f"{side} hand") for side in ("right", "left"))


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# --- protocol -----------------------------------------------------------------------------------


def test_items_are_sequence_samples():
    data = Signing(SMALL, sentences=5)
    assert len(data) == 5
    assert data.class_names == ("blank", *(gloss.name for gloss in LEXICON))
    for index, sample in enumerate(data):
        made = data.sentence(index)
        assert isinstance(sample, SequenceSample)
        assert sample.index == index
        assert sample.frames.shape == (len(sample.truth), 3, 24, 24)
        assert sample.frames.dtype == torch.float32
        assert made.frames.dtype == torch.uint8
        assert torch.equal(sample.frames.mul(255).round().to(torch.uint8), made.frames)
        assert tuple(sample.targets.tolist()) == data.targets[index]
        assert made.glosses == tuple(data.class_names[k] for k in sample.targets)
        assert made.joints.shape == (len(sample.frames), len(JOINTS), 2)
        assert made.shapes.shape == (len(sample.frames), 2)
    with pytest.raises(IndexError):
        data[5]
    assert data[-1].index == 4


def test_samples_make_batches():
    data = Signing(SMALL, sentences=6)
    batch = next(iter(DataLoader(data, batch_size=6, collate_fn=collate)))
    lengths = [len(data[i].frames) for i in range(6)]
    assert batch.input_lengths.tolist() == lengths
    assert len(set(lengths)) > 1
    shortest = int(np.argmin(lengths))
    assert (batch.truth[shortest, lengths[shortest] :] == PAD_TRUTH).all()


def test_truth_segments_and_targets_agree():
    data = Signing(replace(SMALL, length=(3, 6), repeats=1.0), sentences=8)
    for index in range(8):
        made = data.sentence(index)
        for label, (start, end), middle in zip(
            made.targets, made.segments, made.middles, strict=True
        ):
            assert (made.truth[start:end] == label).all()
            assert made.truth[start - 1] == 0
            assert made.truth[end] == 0
            assert start <= middle < end
        covered = sum(end - start for start, end in made.segments)
        assert int((made.truth > 0).sum()) == covered
        assert made.targets[-1] == made.targets[-2]  # repeats=1


def test_lengths_and_number_of_glosses():
    data = Signing(replace(SMALL, glosses=6, length=(2, 5)), sentences=80, cache=False)
    assert {len(words) for words in data.targets} == {2, 3, 4, 5}
    assert len(data.class_names) == 7
    assert {word for words in data.targets for word in words} == set(range(1, 7))


def test_frames_a_second():
    slow, fast = (len(sign(["ME", "BREAD", "EAT"], replace(SMALL, fps=f)).frames) for f in (10, 40))
    assert 3.3 < fast / slow < 4.7


# --- determinism --------------------------------------------------------------------------------


def same(a, b) -> bool:
    return torch.equal(a.frames, b.frames) and torch.equal(a.truth, b.truth)


def test_a_sample_depends_on_seed_and_index_only():
    first = Signing(SMALL, sentences=6, signers=(4, 2), seed=3)
    second = Signing(SMALL, sentences=9, signers=(4, 2), seed=3, cache=False)
    backwards = {index: second[index] for index in (5, 3, 0, 5)}
    for index, sample in backwards.items():
        assert same(first[index], sample)
        assert same(first[index], second[index])
    other = Signing(SMALL, sentences=6, signers=(4, 2), seed=4)
    assert not any(same(first[i], other[i]) for i in range(6))


def test_workers_make_the_same():
    data = Signing(SMALL, sentences=4, signers=(0, 1))
    loader = DataLoader(data, batch_size=None, num_workers=1)
    drawn = list(loader)
    fresh = Signing(SMALL, sentences=4, signers=(0, 1))
    assert all(same(fresh[i], drawn[i]) for i in range(4))


def test_another_process_makes_the_same():
    script = (
        "import torch; torch.set_num_threads(1)\n"
        "from vidlab.datasets.signing import Signing, SigningConfig\n"
        "data = Signing(SigningConfig(size=24, length=(2, 3)), sentences=2, seed=5)\n"
        "print(int(data.sentence(1).frames.long().sum()), float(data.sentence(1).joints.sum()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    made = Signing(SMALL, sentences=2, seed=5).sentence(1)
    total, joints = done.stdout.split()
    assert int(total) == int(made.frames.long().sum())
    assert float(joints) == pytest.approx(made.joints.sum())


# --- signers ------------------------------------------------------------------------------------


def test_held_out_signers_do_not_occur():
    train = Signing(SMALL, sentences=20, signers=range(0, 6), seed=0)
    test = Signing(SMALL, sentences=20, signers=range(6, 9), seed=1)
    assert set(train.groups.tolist()) == set(range(6))
    assert set(test.groups.tolist()) == {6, 7, 8}
    assert [test.sentence(i).signer for i in range(3)] == test.groups[:3].tolist()


def test_groups_can_be_split():
    data = Signing(SMALL, sentences=24, signers=range(6))
    parts = split(data.groups, seed=0)
    assert not parts.leaky
    train, test = (set(data.groups[list(parts[name])].tolist()) for name in ("train", "test"))
    assert not train & test


def test_signers_look_different_unless_they_must_not():
    first, second = (
        Signing(SMALL, sentences=1, signers=[k], seed=2).sentence(0).frames[0].float()
        for k in (0, 1)
    )
    assert (first - second).abs().mean() > 20
    still = replace(SMALL, vary_signers=False, noise=0.0)
    one, two = (Signing(still, sentences=1, signers=[k]).sentence(0) for k in (0, 1))
    assert torch.equal(one.frames, two.frames)
    assert one.signer == -1


# --- pictures agree with truth ------------------------------------------------------------------


def painted(gloss="CITY", number=0, side=64, colours=None, camera=(1.0, 0.03, -0.02)):
    """Pictures of a signer in pure colours, and the joints."""
    pure = {"skin": (1.0, 0.0, 0.0), "clothes": (0.0, 0.0, 1.0), "wall": (0.0, 0.0, 0.0)}
    signer = replace(make_signer(number), hair=(0.0, 1.0, 0.0), pattern=0, **(colours or pure))
    hands = track([g for g in LEXICON if g.name == gloss], signer, 12.5, np.random.default_rng(0))
    camera = np.tile(camera, (len(hands.centre), 1))
    stage = paint_stage(signer, side)
    return *paint_frames(signer, stage, hands, camera, side), hands


def test_joints_are_where_the_picture_shows_them():
    """The centre of mass of what is red far from the face is the palm with its fingers."""
    frames, joints, hands = painted()
    start, end = hands.segments[0]
    for t in range(start, end):
        red = frames[t, 0] - frames[t, 1] - frames[t, 2]
        x, y = joints[t, RIGHT]
        columns = (torch.arange(64) + 0.5)[None, :].expand(64, 64)
        rows = (torch.arange(64) + 0.5)[:, None].expand(64, 64)
        near = (columns < 0.34 * 64) & (red > 0.3)
        assert near.sum() > 30
        assert abs(columns[near].mean() - x) < 2.0
        assert abs(rows[near].mean() - (y - 2)) < 3.0  # fingers point up
        assert red[int(y), int(x)] > 0.5


def test_the_head_is_where_its_joint_is():
    """Also when the camera looks aside: the face is centred on the joint."""
    frames, joints, _ = painted("ME", camera=(0.9, 0.12, 0.08))
    x, y = joints[0, JOINTS.index("head")]
    red = frames[0, 0] - frames[0, 1] - frames[0, 2] > 0.4
    red[int(y) + 8 :] = False  # the neck and the hands
    rows, columns = np.nonzero(red.numpy())
    assert abs(columns.mean() + 0.5 - x) < 0.7
    assert abs(rows.mean() + 0.5 - y) < 3  # hair covers the upper part


def test_arms_run_along_their_joints():
    frames, joints, _ = painted("YESTERDAY")
    at = [JOINTS.index(f"left {part}") for part in ("elbow", "wrist")]
    for t in (0, len(frames) // 2):
        elbow, wrist = joints[t, at]
        x, y = 0.7 * elbow + 0.3 * wrist
        colour = frames[t, :, int(y), int(x)]
        assert colour[2] > 0.5
        assert colour[0] < 0.2


@pytest.mark.parametrize("side", [24, 40, 128])
def test_all_sizes_look_alike(side):
    """An area average of a large picture is near the small picture."""
    large, joints, _ = painted(side=240, colours={})
    small, few, _ = painted(side=side, colours={})
    np.testing.assert_allclose(joints / 240, few / side)
    shrunk = torch.nn.functional.interpolate(large, size=(side, side), mode="area")
    assert (shrunk - small).abs().mean() < 0.03
    nearer = (shrunk - small).abs().mean()
    assert nearer < 0.5 * (shrunk.roll(1, -1) - small).abs().mean()


def test_edges_are_smooth():
    """A shift of a tenth of a pixel changes no pixel by much, and some by a little."""
    signer = make_signer(0)
    hands = track(LEXICON[:1], signer, 12.5, np.random.default_rng(0))
    stage = paint_stage(signer, 64)
    both = []
    for shift in (0.0, 0.1 / 64):
        camera = np.tile((1.0, shift, 0.0), (len(hands.centre), 1))
        both.append(paint_frames(signer, stage, hands, camera, 64)[0])
    change = (both[0] - both[1]).abs()
    assert 0.005 < change.max() < 0.2


def test_what_a_film_looks_like_does_not_depend_on_the_chunks(monkeypatch):
    whole = sign(["BIG", "WORK"], CLEAN).frames
    monkeypatch.setattr("vidlab.datasets.signing.paint.CHUNK", 64 * 64 * 3)
    parts = sign(["BIG", "WORK"], CLEAN).frames
    assert (whole.int() - parts.int()).abs().max() <= 1


def middle(k: int, size: int = 32):
    """A gloss, its film without noise, and the frame in its middle."""
    made = sign([LEXICON[k].name], SigningConfig(size=size, noise=0.0, fps=25), signer=5)
    return made, int(made.middles[0])


@pytest.mark.parametrize("pair", minimal_pairs(), ids=lambda p: f"{LEXICON[p[0]].name}-{p[2]}")
def test_minimal_pairs_differ_in_their_parameter_only(pair):
    """Same seed, same signer: all joints that the parameter does not concern are the same."""
    (a, s), (b, t) = middle(pair[0]), middle(pair[1])
    place = a.joints[s] - b.joints[t]
    palms = np.linalg.norm(place[[RIGHT, LEFT]], axis=-1) / 32
    tip = JOINTS.index("right middle")
    turned = np.linalg.norm(place[tip] - place[RIGHT]) / 32
    shown = (a.shapes[s] == b.shapes[t]).all()
    parameter = pair[2]
    if parameter in ("shape", "orientation"):
        assert palms.max() < 1e-9
        assert shown == (parameter == "orientation")
        assert turned > 0.05 or parameter == "shape"
    elif parameter == "location":
        assert palms[0] > 0.1
        assert turned < 1e-9
        assert shown
    elif parameter == "path":
        # The middle frame of an even number of frames is half a step off.
        assert palms.max() < 0.03
        assert turned < 1e-9
        assert shown
        ways = [
            np.diff(f.joints[f.segments[0][0] : f.segments[0][1], RIGHT], axis=0) for f in (a, b)
        ]
        drift = [way.sum(0) / np.abs(way).sum() for way in ways]
        assert np.linalg.norm(drift[0] - drift[1]) > 0.3
    else:
        start = a.segments[0][0], b.segments[0][0]
        assert np.linalg.norm(a.joints[start[0], RIGHT] - b.joints[start[1], RIGHT]) < 1e-9
        assert np.linalg.norm(a.joints[start[0], LEFT] - b.joints[start[1], LEFT]) > 3


def test_shapes_can_be_seen_at_32_pixels():
    """Signs of two shapes differ, and nowhere but around the hands."""
    for i, j, parameter in minimal_pairs():
        if parameter != "shape":
            continue
        (a, s), (b, t) = middle(i), middle(j)
        change = (a.frames[s].int() - b.frames[t].int()).abs().amax(0)
        assert (change > 40).sum() >= 5
        rows, columns = np.nonzero(change.numpy() > 2)
        hands = a.joints[s, [RIGHT, LEFT]]
        spots = np.stack((columns + 0.5, rows + 0.5), -1)
        gap = np.linalg.norm(spots[:, None] - hands, axis=-1).min(1)
        assert gap.max() < 0.28 * 32


def test_noise_is_as_strong_as_asked_for():
    clean, noisy = (sign(["ME"], replace(CLEAN, noise=n)).frames.float() / 255 for n in (0.0, 0.05))
    grain = noisy - clean
    middle = (clean > 0.2) & (clean < 0.8)
    assert abs(float(grain[middle].std()) - 0.05) < 0.003
    assert abs(float(grain[middle].mean())) < 0.002


def test_bones_join_joints_that_are_near():
    made = sign(["GIVE"], CLEAN)
    for a, b in BONES:
        assert a != b
        assert np.linalg.norm(made.joints[:, a] - made.joints[:, b], axis=-1).max() < 0.35 * 64
    assert {joint for bone in BONES for joint in bone} == set(range(len(JOINTS)))


# --- poses --------------------------------------------------------------------------------------


def test_random_poses_tell_what_they_show():
    found = poses(SigningConfig(size=48, noise=0.0), 60, seed=1, signers=(2, 5))
    assert found.frames.shape == (60, 3, 48, 48)
    assert found.signers.tolist() == [2, 5] * 30
    assert found.frames.min() >= 0
    assert found.frames.max() <= 1
    assert set(found.right_shape.tolist()) == set(range(len(SHAPES)))
    assert (found.right_place[:, 0] < found.left_place[:, 0] + 0.25).all()
    assert float(found.right_place.std(0).min()) > 0.08
    for k in range(60):  # at the palm one sees skin, not the wall
        x, y = (found.right_place[k] * 48).int().clamp(0, 47).tolist()
        skin = torch.tensor(make_signer(int(found.signers[k])).skin)
        assert (found.frames[k, :, y, x] - skin).abs().max() < 0.32


def test_random_poses_are_deterministic():
    many, few = (poses(SMALL, n, seed=3, signers=(0, 1)) for n in (8, 5))
    assert torch.equal(many.frames[:5], few.frames)
    assert torch.equal(many.left_place[:5], few.left_place)
    other = poses(SMALL, 5, seed=4, signers=(0, 1))
    assert not torch.equal(other.right_place, few.right_place)


# --- films --------------------------------------------------------------------------------------


def test_a_film_can_be_written_and_read(tmp_path):
    pytest.importorskip("av")
    pytest.importorskip("decord")
    from vidlab.video import Video, write_video

    made = sign(["TODAY", "ME", "BREAD", "EAT"], CLEAN)
    path = write_video(tmp_path / "sentence.mp4", made.frames, fps=made.fps)
    with Video(path) as video:
        assert video.info.fps == pytest.approx(made.fps)
        read = video.frames(range(len(video)))
    assert read.shape == made.frames.shape
    error = (read.float() - made.frames.float()).abs().mean((1, 2, 3))
    assert error.max() < 6
    other = (read[:-8].float() - made.frames[8:].float()).abs().mean()
    assert other > error.mean()


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 23}, r"size is 23; allowed: whole numbers in 24 \.\. 256"),
        ({"size": 257}, "size is 257; allowed"),
        ({"size": 64.0}, "size is 64.0; allowed"),
        ({"glosses": 26}, r"glosses is 26; allowed: whole numbers in 2 \.\. 25"),
        ({"glosses": 1}, "glosses is 1; allowed"),
        ({"glosses": True}, "glosses is True; allowed"),
        ({"fps": 0}, r"fps is 0; allowed: 6 \.\. 60"),
        ({"fps": float("nan")}, "fps is nan; allowed"),
        ({"fps": "25"}, "fps is '25'; allowed"),
        ({"noise": -0.1}, r"noise is -0.1; allowed: 0 \.\. 0.3"),
        ({"repeats": 1.5}, r"repeats is 1.5; allowed: 0 \.\. 1"),
        ({"length": (4, 3)}, r"length is \(4, 3\); allowed: two whole numbers, 1 <= least"),
        ({"length": (0, 3)}, r"length is \(0, 3\); allowed"),
        ({"length": 4}, "length is 4; allowed"),
        ({"vary_signers": 1}, "vary_signers is 1; allowed: True or False"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        SigningConfig(**settings)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sentences": 0}, "sentences is 0; allowed: whole numbers from 1"),
        ({"seed": -1}, "seed is -1; allowed: whole numbers from 0"),
        ({"seed": 1.5}, "seed is 1.5; allowed"),
        ({"signers": ()}, "signers is empty; a data set needs one signer or more"),
        ({"signers": 5}, r"signers is 5; allowed: several whole numbers"),
        ({"signers": (0, -2)}, "signer -2 is not a whole number from 0"),
        ({"signers": (0, 0)}, r"signers \(0, 0\) name somebody twice"),
        ({"sentences": 100_000}, "100000 films need about .* GiB; allowed: up to 4 GiB"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Signing(**arguments)


def test_other_refusals():
    with pytest.raises(ValueError, match="there is no gloss 'KNEE'; there are ME, EAT"):
        sign(["ME", "KNEE"])
    with pytest.raises(ValueError, match="there is no gloss 'SUN'"):
        sign(["SUN"], replace(SMALL, glosses=5))
    with pytest.raises(ValueError, match="allowed: a list of one or more names"):
        sign("ME")
    with pytest.raises(ValueError, match="allowed: a list of one or more names"):
        sign([])
    with pytest.raises(ValueError, match="signer -1 is not a whole number"):
        sign(["ME"], signer=-1)
    with pytest.raises(ValueError, match="count is 0; allowed: whole numbers from 1"):
        poses(SMALL, 0)
    with pytest.raises(ValueError, match="signers is empty"):
        poses(SMALL, 2, signers=[])
