"""Mirror images: which labels swap, and whether generated clips agree."""

import pytest
import torch

from vidlab.datasets.clips import to_clips
from vidlab.datasets.gestures import ALL, PAIRS, Gestures, GesturesConfig
from vidlab.datasets.long_jumps import LongJumps
from vidlab.datasets.mirror import (
    CPNET_SWAPS,
    JESTER,
    mirror,
    mirror_labels,
    mirrored_name,
)

SOMETHING = (
    "Pulling something from left to right",
    "Pulling something from right to left",
    "Pushing something from left to right",
    "Pushing something from right to left",
    "Pushing something so that it falls off the table",
    "Turning the camera left while filming something",
    "Turning the camera right while filming something",
    "Putting something upright on the table",
    "Moving something up",
    "Moving something down",
)


def swapped(names, permutation):
    """The pairs that a permutation swaps; it must be its own inverse."""
    permutation = permutation.tolist()
    assert [permutation[k] for k in permutation] == list(range(len(names)))
    return {frozenset((names[k], names[j])) for k, j in enumerate(permutation) if k != j}


def pairs(*listed):
    return set(map(frozenset, listed))


def test_jester_swaps_left_and_right_and_the_sense_of_turns():
    assert len(set(JESTER)) == 27
    turns = ("Turning Hand Clockwise", "Turning Hand Counterclockwise")
    assert swapped(JESTER, mirror_labels(JESTER)) == pairs(*CPNET_SWAPS, turns)


def test_the_published_reading_leaves_turns_alone():
    published = mirror_labels(JESTER, swaps=CPNET_SWAPS)
    assert swapped(JESTER, published) == pairs(*CPNET_SWAPS)
    assert mirror_labels(("Thumb Up", "Swiping Left"), swaps=CPNET_SWAPS).tolist() == [0, 1]


def test_templates_of_something_something_are_understood():
    wanted = pairs(SOMETHING[:2], SOMETHING[2:4], SOMETHING[5:7])
    assert swapped(SOMETHING, mirror_labels(SOMETHING)) == wanted


def test_generated_gestures():
    assert swapped(ALL, mirror_labels(ALL)) == pairs(("left", "right"), *PAIRS[3:])


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("swipe_left", "swipe right"),
        ("Swipe-RIGHT", "swipe left"),
        ("Turn counter-clockwise", "turn clockwise"),
        ("turn anti clockwise", "turn clockwise"),
        ("moving rightwards", "moving leftwards"),
        ("Putting it upright", "putting it upright"),
        ("Leftover brightness", "leftover brightness"),
        ("Rolling Hand Forward", "rolling hand forward"),
    ],
)
def test_names_in_the_mirror(name, image):
    assert mirrored_name(name) == image


def test_spelling_may_differ_within_a_list():
    names = ("turn clockwise", "Turn Counter-Clockwise", "swipe_left", "Swipe Right")
    assert mirror_labels(names).tolist() == [1, 0, 3, 2]


def test_a_class_without_its_image_is_named():
    with pytest.raises(ValueError, match=r"mirror image .* not among the classes: Swiping Left"):
        mirror_labels(("Swiping Left", "Thumb Up"))


def ways(frames):
    """Where the bright blob goes, (N, 2), from the first half of frames to the second."""
    weight = (frames[:, :, 0].double() - 170).clamp_min(0) + 1e-9
    line = torch.arange(frames.shape[-1]).double()
    mass = weight.sum((-1, -2))
    x, y = (weight.sum(-2) * line).sum(-1) / mass, (weight.sum(-1) * line).sum(-1) / mass
    places = torch.stack((x, y), -1)
    return places[:, -1] - places[:, 0]


def test_a_mirrored_clip_moves_as_its_new_label_says():
    jumps = LongJumps(120, seed=1)
    clips, labels = mirror(
        to_clips(jumps.batch(range(120))),
        jumps.labels,
        mirror_labels(jumps.class_names),
        torch.Generator().manual_seed(0),
    )
    way = ways(((clips + 1) * 127.5).transpose(1, 2))
    axes = torch.tensor([[-1.0, 0], [1, 0], [0, -1], [0, 1]]).double()
    assert (way @ axes.T).argmax(1).tolist() == labels.tolist()
    assert 15 < (labels != jumps.labels).sum() < 90


def test_mirrored_gestures_are_gestures():
    # Truth of the twin, to the pixel: turned clips turn the other way, growing ones grow still.
    config = GesturesConfig(classes=ALL, noise=0.0)
    clips = Gestures(52, config, seed=2)
    plain = to_clips(clips.batch(range(52)))
    images, labels = mirror(plain, clips.labels, mirror_labels(ALL), torch.Generator(), share=1.0)
    assert torch.equal(images, plain.flip(4))
    for index in range(52):
        truth, name = clips.truth(index), ALL[int(labels[index])]
        x, y = (truth.centres - truth.centres[:1]).T
        x, angles, radii = -x, -truth.angles, truth.radii
        bend = x.diff()[:-1] * y.diff()[1:] - y.diff()[:-1] * x.diff()[1:]
        seen = {
            "right": x[-1] - x[0],
            "left": x[0] - x[-1],
            "down": y[-1] - y[0],
            "up": y[0] - y[-1],
            "zoom-in": radii[-1] / radii[0] - 1,
            "zoom-out": radii[0] / radii[-1] - 1,
            "clockwise": angles[-1] - angles[0],
            "counterclockwise": angles[0] - angles[-1],
            "orbit-clockwise": bend.min(),
            "orbit-counterclockwise": -bend.max(),
        }
        assert seen.get(name, 1) > 0


def test_random_clips_are_chosen_by_the_generator():
    clips, labels = torch.rand(400, 1, 2, 3, 3), torch.zeros(400, dtype=torch.int64)
    before = clips.clone()
    swap = torch.tensor([1, 0])
    draw = [
        mirror(clips, labels, swap, torch.Generator().manual_seed(seed), share=0.25)[1]
        for seed in (3, 3, 4)
    ]
    assert torch.equal(draw[0], draw[1])
    assert not torch.equal(draw[0], draw[2])
    assert 60 < draw[0].sum() < 140
    assert torch.equal(clips, before)
    assert not labels.any(), "the given batch stays as it is"
    kept, same = mirror(clips, labels, swap, torch.Generator(), share=0.0)
    assert torch.equal(kept, clips)
    assert torch.equal(same, labels)


def test_a_wrong_batch_is_named():
    clips, labels, swap = torch.rand(2, 1, 2, 3, 3), torch.tensor([0, 1]), torch.tensor([1, 0])
    generator = torch.Generator()
    with pytest.raises(ValueError, match=r"clips have shape .* and labels \(3,\)"):
        mirror(clips, torch.zeros(3, dtype=torch.int64), swap, generator)
    with pytest.raises(ValueError, match=r"labels reach from 0 to 2; allowed: 0 .. 1"):
        mirror(clips, labels * 2, swap, generator)
    with pytest.raises(ValueError, match=r"share is 1.5; allowed: 0 .. 1"):
        mirror(clips, labels, swap, generator, share=1.5)
