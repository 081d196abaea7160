"""Signs, signers and movement against their definitions."""

import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from vidlab.datasets.signing import (
    LEXICON,
    PARAMETERS,
    SHAPES,
    Gloss,
    body,
    grammar,
    hands,
    make_signer,
    minimal_pairs,
    movement,
)
from vidlab.datasets.signing.lexicon import HANDS, LOCATIONS, ORIENTATIONS, PATHS, ROLES
from vidlab.datasets.signing.signers import AVERAGE, SKIN_TONES

PLAIN = replace(AVERAGE, tilt=0.0)


def make_track(*glosses, signer=AVERAGE, fps=12.5, seed=0):
    return movement.track(glosses, signer, fps, np.random.default_rng(seed))


# --- lexicon ------------------------------------------------------------------------------------


def test_names_and_signs_are_different():
    assert len(LEXICON) >= 20
    assert len({gloss.name for gloss in LEXICON}) == len(LEXICON)
    assert len({tuple(getattr(g, p) for p in PARAMETERS) for g in LEXICON}) == len(LEXICON)
    assert all(gloss.name.isupper() for gloss in LEXICON)


def test_every_value_and_role_is_used():
    for name, values in (
        ("shape", SHAPES), ("location", LOCATIONS), ("path", PATHS),
        ("orientation", ORIENTATIONS), ("hands", HANDS), ("role", ROLES),
    ):  # fmt: skip
        assert {getattr(gloss, name) for gloss in LEXICON} == set(values)


def test_minimal_pairs_differ_in_their_parameter_only():
    pairs = minimal_pairs()
    assert len(set(pairs)) == len(pairs)
    for i, j, parameter in pairs:
        assert i < j
        same = {p for p in PARAMETERS if getattr(LEXICON[i], p) == getattr(LEXICON[j], p)}
        assert set(PARAMETERS) - same == {parameter}
    count = Counter(parameter for *_, parameter in pairs)
    assert min(count[p] for p in PARAMETERS) >= 2


def test_no_minimal_pair_is_missed():
    a = Gloss("A", "verb", "flat", "chin", "tap", "up", "one")
    lexicon = (a, replace(a, name="B", path="arc"), replace(a, name="C", path="arc", shape="vee"))
    assert minimal_pairs(lexicon) == [(0, 1, "path"), (1, 2, "shape")]
    assert minimal_pairs(lexicon[::2]) == []


def test_a_gloss_refuses_unknown_parameters():
    with pytest.raises(ValueError, match=r"the location of X is 'knee'; allowed: brow, chin"):
        replace(LEXICON[0], name="X", location="knee")


# --- grammar ------------------------------------------------------------------------------------


def roles(words):
    return [ROLES.index(LEXICON[word].role) for word in words]


@pytest.mark.parametrize("length", [1, 2, 3, 6])
def test_sentences_follow_the_order_of_slots(length):
    rng = np.random.default_rng(0)
    for _ in range(100):
        words = grammar.make_sentence(LEXICON, length, 0.0, rng)
        assert len(words) == length
        assert len(set(words)) == length
        assert roles(words) == sorted(set(roles(words)))
        assert LEXICON[words[-1]].role == "verb"


def test_only_verbs_are_doubled_and_only_when_asked_for():
    rng = np.random.default_rng(0)
    for repeats in (0.0, 0.5, 1.0):
        doubled = 0
        for _ in range(200):
            words = grammar.make_sentence(LEXICON, 4, repeats, rng)
            assert len(words) == 4
            for first, second in itertools.pairwise(words):
                if first == second:
                    doubled += 1
                    assert LEXICON[first].role == "verb"
        assert abs(doubled / 200 - repeats) < 0.15


def test_long_sentences_and_small_lexicons():
    rng = np.random.default_rng(1)
    assert len(grammar.make_sentence(LEXICON, 14, 0.1, rng)) == 14
    for size in range(2, len(LEXICON)):
        words = grammar.make_sentence(LEXICON[:size], 5, 0.1, rng)
        assert len(words) == 5
        assert set(words) <= set(range(size))


def test_all_glosses_of_a_lexicon_get_used():
    for size in (8, 12, len(LEXICON)):
        rng = np.random.default_rng(0)
        seen = Counter(
            word for _ in range(300) for word in grammar.make_sentence(LEXICON[:size], 4, 0.1, rng)
        )
        assert len(seen) == size
        assert max(seen.values()) < 8 * min(seen.values())


# --- signers ------------------------------------------------------------------------------------


def test_signers_are_who_they_are():
    assert make_signer(3) == make_signer(3)
    people = [make_signer(k) for k in range(16)]
    assert len(set(people)) == 16
    assert [p.number for p in people] == list(range(16))


@pytest.mark.parametrize("start", [0, 5])
def test_eight_signers_have_eight_skin_tones(start):
    tones = [make_signer(k).skin for k in range(start, start + 8)]
    nearest = {np.linalg.norm(np.array(SKIN_TONES) - tone, axis=1).argmin() for tone in tones}
    assert nearest == set(range(8))


def test_hands_stand_out_from_clothes():
    for k in range(64):
        signer = make_signer(k)
        assert np.linalg.norm(np.subtract(signer.skin, signer.clothes)) > 0.29


@pytest.mark.parametrize("number", [-1, 1.5, True, "2", None])
def test_bad_signer_numbers(number):
    with pytest.raises(ValueError, match="signer number is .*; allowed: whole numbers from 0"):
        make_signer(number)


# --- hands and arms -----------------------------------------------------------------------------


def test_hand_shapes_differ():
    points = hands.FINGER_POINTS
    for i in range(len(SHAPES)):
        for j in range(i):
            tips = np.linalg.norm(points[i, :, 2] - points[j, :, 2], axis=-1)
            assert tips.max() > 0.3, (SHAPES[i], SHAPES[j])


def test_stretched_fingers_have_their_length():
    points = hands.finger_points("spread")
    length = np.linalg.norm(points[:, 2] - points[:, 0], axis=-1)
    np.testing.assert_allclose(length, hands.LENGTHS)
    fist = hands.finger_points("fist")
    assert np.linalg.norm(fist[1:, 2] - fist[1:, 0], axis=-1).max() < 0.3


def test_hands_turn_clockwise():
    up = np.array([[[0.0, -1.0], [0.5, 0.0]]])
    centre = np.array([[2.0, 3.0]])
    seen = hands.in_the_picture(up, centre, np.array([np.pi / 2]), np.array([1.0]), 2.0)
    np.testing.assert_allclose(seen[0], [[4, 3], [2, 4]], atol=1e-12)
    seen = hands.in_the_picture(up, centre, np.array([0.0]), np.array([-1.0]), 2.0)
    np.testing.assert_allclose(seen[0], [[2, 1], [1, 3]], atol=1e-12)


@pytest.mark.parametrize("outward", [-1.0, 1.0])
def test_elbows_keep_both_bones(outward):
    """The hand is DEPTH before the shoulder; both bones end in the elbow at the same depth."""
    shoulder = np.array([0.5 + 0.17 * outward, 0.5])
    rng = np.random.default_rng(0)
    wrist = shoulder + rng.uniform(-0.25, 0.25, (200, 2))
    elbow = body.elbows(shoulder, wrist, 0.52, outward)
    # Without the depth a bone looks shorter, never longer.
    assert np.linalg.norm(elbow - shoulder, axis=1).max() <= 0.26 + 1e-9
    assert np.linalg.norm(elbow - wrist, axis=1).max() <= 0.26 + 1e-9
    # Of two unknown depths of the elbow that fit the upper arm, one fits the forearm.
    deep = np.sqrt(np.maximum(0.26**2 - np.linalg.norm(elbow - shoulder, axis=1) ** 2, 0))
    flat = np.linalg.norm(elbow - wrist, axis=1)
    fore = np.stack([np.hypot(flat, body.DEPTH - d) for d in (deep, -deep)])
    np.testing.assert_allclose(np.abs(fore - 0.26).min(0), 0, atol=1e-9)
    # Elbows hang on the outside of hands before the body.
    inside = outward * (wrist[:, 0] - shoulder[0]) < 0
    assert (outward * (elbow - shoulder)[inside, 0] > -0.1).all()


def test_arms_reach_everything():
    wrist = np.array([[0.9, 0.1]])
    elbow = body.elbows(np.array([0.3, 0.5]), wrist, 0.4, -1.0)
    assert np.isfinite(elbow).all()


# --- movement -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_paths_pass_their_location(path):
    u = np.linspace(0, 1, 41)
    offset = movement.path_offsets(path, u)
    np.testing.assert_allclose(offset[20], 0, atol=1e-12)
    assert np.linalg.norm(offset, axis=1).max() < 0.16
    assert np.linalg.norm(np.diff(offset, axis=0), axis=1).max() < 0.03


def test_paths_differ():
    u = np.linspace(0, 1, 7)
    curves = [movement.path_offsets(path, u) for path in PATHS]
    for i in range(len(PATHS)):
        for j in range(i):
            assert np.linalg.norm(curves[i] - curves[j], axis=1).max() > 0.04


@pytest.mark.parametrize("gloss", LEXICON, ids=lambda gloss: gloss.name)
def test_hands_are_at_the_location_of_the_gloss(gloss):
    """Nearest of all locations at the middle of the gloss, for all kinds of signers."""
    for number in range(6):
        signer = make_signer(number)
        hand = make_track(gloss, signer=signer, seed=number)
        start, end = hand.segments[0]
        middle = hand.centre[start:end, 0]
        middle = (middle[(len(middle) - 1) // 2] + middle[len(middle) // 2]) / 2
        places = {name: body.location(signer, name, gloss.hands) for name in LOCATIONS}
        gaps = {
            name: np.hypot(body.MIDDLE - out - middle[0], y - middle[1])
            for name, (out, y) in places.items()
        }
        assert min(gaps, key=gaps.get) == gloss.location
        assert gaps[gloss.location] < 0.04


def test_right_is_on_the_left_and_two_hands_mirror_each_other():
    gloss = next(g for g in LEXICON if g.hands == "mirror")
    hand = make_track(gloss, signer=make_signer(1))
    start, end = hand.segments[0]
    shown = slice(start, end)
    right, left = hand.centre[shown, 0], hand.centre[shown, 1]
    assert (right[:, 0] < left[:, 0]).all()
    np.testing.assert_allclose(right[:, 0] + left[:, 0], 1)
    np.testing.assert_allclose(right[:, 1], left[:, 1])
    joints, _ = body.skeleton(make_signer(1), hand.centre, hand.turn, hand.side, hand.fingers)
    ones = joints[shown, 2:11], joints[shown, 11:]
    np.testing.assert_allclose(1 - ones[0][..., 0], ones[1][..., 0])
    np.testing.assert_allclose(ones[0][..., 1], ones[1][..., 1])


def test_alternating_hands_move_against_each_other():
    gloss = next(g for g in LEXICON if g.name == "WALK")
    hand = make_track(gloss)
    start, end = hand.segments[0]
    step = np.diff(hand.centre[start:end], axis=0)
    assert (step[:, 0, 1] > 0).all()
    np.testing.assert_allclose(step[:, 0, 1], -step[:, 1, 1])


def test_the_other_hand_rests_or_is_a_base():
    rest = body.resting(AVERAGE)
    for gloss in LEXICON:
        hand = make_track(gloss)
        start, end = hand.segments[0]
        left = hand.centre[start:end, 1]
        if gloss.hands == "one":
            np.testing.assert_allclose(left, np.tile((0.5 + rest[0], rest[1]), (len(left), 1)))
        elif gloss.hands == "base":
            right = hand.centre[start:end, 0]
            assert np.ptp(left, axis=0).max() == 0
            assert SHAPES[hand.shapes[start, 1]] == "flat"
            assert (left[:, 1] > right[:, 1] + 0.04).all()
            assert np.linalg.norm(left - right, axis=1).min() < 0.14


def test_thumbs_and_fingers_show_the_orientation():
    """Palm to the viewer and fingers up: the right thumb is towards the middle, on the right."""
    index = {name: body.JOINTS.index(f"right {name}") for name in ("hand", "thumb", "middle")}
    seen = {}
    for name in ("HOUSE", "RAIN", "ME"):
        gloss = next(g for g in LEXICON if g.name == name)
        gloss = replace(gloss, shape="spread")
        hand = make_track(gloss, signer=PLAIN)
        joints, _ = body.skeleton(PLAIN, hand.centre, hand.turn, hand.side, hand.fingers)
        frame = hand.segments[0][0]
        seen[gloss.orientation] = {
            part: joints[frame, index[part]] - joints[frame, index["hand"]] for part in index
        }
    assert seen["up"]["middle"][1] < -0.1
    assert seen["up"]["thumb"][0] > 0.05
    assert seen["down"]["middle"][1] > 0.1
    assert seen["down"]["thumb"][0] > 0.05
    assert seen["in"]["middle"][0] > 0.1
    assert seen["in"]["thumb"][1] < -0.05


def test_segments_lie_apart_and_in_order():
    hand = make_track(*LEXICON[:5], *LEXICON[4:5])
    starts, ends = hand.segments.T
    assert (ends - starts >= movement.FEWEST).all()
    assert (starts[1:] - ends[:-1] >= 2).all()  # also between two equal glosses
    assert starts[0] >= 3
    assert len(hand.centre) - ends[-1] >= 3


def test_shapes_are_held_in_glosses_and_change_between_them():
    glosses = [g for g in LEXICON if g.name in ("EAT", "SISTER", "BREAD")]
    hand = make_track(*glosses)
    free = np.ones(len(hand.shapes), bool)
    for gloss, (start, end) in zip(glosses, hand.segments, strict=True):
        assert (hand.shapes[start:end, 0] == SHAPES.index(gloss.shape)).all()
        want = hands.finger_points(gloss.shape)
        np.testing.assert_allclose(
            hand.fingers[start:end, 0], np.tile(want, (end - start, 1, 1, 1))
        )
        free[start:end] = False
    first, second = hand.segments[:2]
    between = slice(first[1], second[0])
    assert (hand.shapes[between, 0] == movement.CHANGING).all()
    steps = np.abs(np.diff(hand.fingers[first[1] - 1 : second[0] + 1, 0], axis=0)).max((1, 2, 3))
    assert (steps > 0).all()


@pytest.mark.parametrize("fps", [12.5, 25.0, 50.0])
def test_hands_never_jump(fps):
    """Twice the frames a second, half the largest step: movement is continuous."""
    for seed in range(6):
        rng = np.random.default_rng([seed, 0])
        words = grammar.make_sentence(LEXICON, 5, 0.1, rng)
        signer = make_signer(seed)
        hand = make_track(*(LEXICON[w] for w in words), signer=signer, fps=fps, seed=seed)
        joints, _ = body.skeleton(signer, hand.centre, hand.turn, hand.side, hand.fingers)
        palms = [body.JOINTS.index(f"{side} hand") for side in ("right", "left")]
        steps = np.linalg.norm(np.diff(joints, axis=0), axis=-1)
        assert steps[:, palms].max() < 0.26 * 12.5 / fps
        assert steps.max() < 0.5 * 12.5 / fps


def test_fast_signers_need_fewer_frames():
    slow, fast = (
        np.mean([
            len(make_track(*LEXICON[:4], signer=replace(AVERAGE, speed=speed), seed=s).centre)
            for s in range(8)
        ])
        for speed in (0.7, 1.4)
    )  # fmt: skip
    assert slow > 1.4 * fast
