"""Masks, boxes, visibility, trajectories, relations, captions and shots against brute force."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vidlab.datasets.scenes import (
    RELATIONS,
    Actor,
    Scene,
    Sprite,
    Statement,
    boxes_around,
    caption,
    describe,
    film,
    parse,
    relations,
    render,
    shapes,
    textures,
    velocities,
)
from vidlab.datasets.scenes import motion as m

GREY = textures.plain(textures.GREY)
RED, BLUE = textures.plain(textures.RED), textures.plain(textures.BLUE)
STAR, DISC = Sprite(shapes.star(5), RED), Sprite(shapes.disc(), BLUE)


def crossing(**settings):
    """A star passes in front of a disc and leaves the picture, seen by a moving camera."""
    disc = Actor(DISC, m.still(0.55, 0.5, radius=0.25))
    walk = m.add(m.still(0.1, 0.5, radius=0.2), m.move(1.25, 0.1), m.spin(2.0), m.grow(1.5))
    view = m.add(m.still(0.0, 0.0, radius=1.0), m.swing(0.05, 0.0), m.grow(1.2), m.spin(0.3))
    whole = {"frames": 9, "height": 40, "width": 52, "camera": view}
    return Scene(GREY, (disc, Actor(STAR, walk)), **(whole | settings))


def test_masks_say_which_colour_a_pixel_has():
    clip = render(crossing())
    colours = clip.frames.double() / 255
    for k, texture in enumerate((textures.BLUE, textures.RED)):
        gap = (colours - torch.tensor(texture).double()[:, None, None]).abs().amax(1)
        assert (gap[clip.masks[k]] < 0.55).all()  # at least half of it
        assert (gap < 0.02).sum() <= clip.masks[k].sum()
        assert clip.masks[k].sum() - (gap < 0.02).sum() < 0.25 * clip.masks[k].sum()
    assert not (clip.masks[0] & clip.masks[1]).any()
    assert not (clip.masks & ~clip.full_masks).any()
    torch.testing.assert_close(clip.masks[1], clip.full_masks[1])  # the front one
    assert torch.equal(clip.masks[0], clip.full_masks[0] & ~clip.full_masks[1])
    assert (clip.masks[0] != clip.full_masks[0]).any()


def test_visibility_is_that_of_a_wide_screen():
    """Paint the same world on a screen so wide that nothing leaves it, and count."""
    scene = crossing()
    clip = render(scene)
    wide = 24  # more pixels on each side; the same pixels in the middle
    unit, side = scene.side, scene.side + 2 * wide

    def smaller(law):
        def moved(t):
            pose = law(t)
            return m.Pose(
                (pose.x * unit + wide) / side,
                (pose.y * unit + wide) / side,
                pose.radius * unit / side,
                pose.angle,
            )

        return moved

    def view(t):
        pose = scene.camera(t)
        return m.Pose(pose.x * unit / side, pose.y * unit / side, pose.radius, pose.angle)

    broad = replace(
        scene,
        height=scene.size[0] + 2 * wide,
        width=scene.size[1] + 2 * wide,
        actors=tuple(replace(a, motion=smaller(a.motion)) for a in scene.actors),
        camera=view,
    )
    # The wide screen has finer texels; equal but for pixels just at one half.
    whole = render(broad).full_masks
    inner = whole[..., wide:-wide, wide:-wide]
    assert (inner != clip.full_masks).double().mean() < 0.002
    want = clip.masks.sum((2, 3)) / whole.sum((2, 3))
    torch.testing.assert_close(clip.visibility, want, atol=0.03, rtol=0)
    assert clip.visibility.max() == 1
    assert clip.visibility[1].min() < 0.8  # the star leaves
    assert clip.visibility[0].min() < 0.7  # and hides the disc before


def test_visibility_counts_exactly_the_pixels_it_should():
    """A disc cut by the border: its mirror image fills in what is missing."""
    half = Scene(GREY, (Actor(DISC, m.still(0.0, 0.5, radius=0.3)),), frames=1, height=32)
    clip = render(half)
    assert clip.visibility[0, 0] == 0.5
    hidden = replace(half, actors=(*half.actors, Actor(DISC, m.still(0.0, 0.5, radius=0.4))))
    assert render(hidden).visibility[:, 0].tolist() == [0, 0.5]
    away = replace(half, actors=(Actor(DISC, m.still(3.0, 0.5, radius=0.3)),))
    assert render(away).visibility[0, 0] == 0
    assert render(away).boxes[0, 0].tolist() == [0, 0, 0, 0]


def test_boxes_are_tight():
    rng = np.random.default_rng(0)
    masks = torch.from_numpy(rng.random((30, 6, 9)) < 0.08)
    masks[0] = False
    for mask, box in zip(masks, boxes_around(masks), strict=True):
        rows, columns = np.nonzero(mask.numpy())
        if len(rows):
            want = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        else:
            want = [0, 0, 0, 0]
        assert box.tolist() == want
    clip = render(crossing())
    torch.testing.assert_close(clip.boxes, boxes_around(clip.masks))
    torch.testing.assert_close(clip.full_boxes, boxes_around(clip.full_masks))
    assert (clip.boxes != clip.full_boxes).any()


def test_trajectories_are_where_the_masks_are():
    ball = Actor(DISC, m.add(m.still(0.3, 0.4, radius=0.15), m.move(0.3, 0.2), m.spin(1.0)))
    scene = replace(crossing(), actors=(ball,), height=60, width=80)
    clip = render(scene)
    rows, columns = torch.arange(60) + 0.5, torch.arange(80) + 0.5
    mask = clip.masks[0].double()
    area = mask.sum((1, 2))
    centre = torch.stack(((mask * columns).sum((1, 2)), (mask * rows[:, None]).sum((1, 2))), 1)
    torch.testing.assert_close(centre / area[:, None], clip.centres[0].double(), atol=0.15, rtol=0)
    torch.testing.assert_close((area / np.pi).sqrt(), clip.radii[0].double(), atol=0.15, rtol=0)
    times = scene.times
    torch.testing.assert_close(
        clip.angles[0].double(), torch.from_numpy(1.0 * times - 0.3 * times), atol=1e-5, rtol=0
    )


def brute_relations(clip, t, a, b):
    """All relations of a to b in frame t, one number at a time."""
    full = clip.full_masks[:, t].numpy()
    if not (full[a].any() and full[b].any()):
        return set()
    side = min(clip.frames.shape[-2:])
    (ax, ay), (bx, by) = clip.centres[a, t].tolist(), clip.centres[b, t].tolist()
    ra, rb = clip.radii[a, t].item(), clip.radii[b, t].item()
    margin = (ra + rb) / 4
    found = set()
    if bx - ax > margin:
        found.add("left of")
    if ax - bx > margin:
        found.add("right of")
    if by - ay > margin:
        found.add("above")
    if ay - by > margin:
        found.add("below")
    if (full[a] & full[b]).any():
        found |= {"overlaps", "in front of" if a > b else "behind"}
    if not (full[a] & ~full[b]).any():
        found.add("inside")
    if ra > 1.1 * rb:
        found.add("larger than")

    def velocity(k):
        near = [s for s in (t - 1, t + 1) if 0 <= s < len(clip.shots)]
        near = [s for s in near if clip.shots[s] == clip.shots[t]]
        steps = [(clip.centres[k, s] - clip.centres[k, t]).numpy() * (s - t) for s in near]
        return np.mean(steps, axis=0) if steps else np.zeros(2)

    def towards(k, other):
        way = (clip.centres[other, t] - clip.centres[k, t]).numpy()
        return velocity(k) @ way / max(np.hypot(*way), 1e-6)

    slow = 0.005 * side
    if towards(a, b) > slow:
        found.add("approaches")
    if towards(a, b) < -slow:
        found.add("leaves")
    if towards(a, b) > slow and towards(b, a) < -slow:
        found.add("follows")
    if np.hypot(*velocity(a)) - np.hypot(*velocity(b)) > slow:
        found.add("faster than")
    return found


def random_scene(seed, actors=4):
    rng = np.random.default_rng(seed)
    sprites = (STAR, DISC, Sprite(shapes.ring(), RED), Sprite(shapes.polygon(4), BLUE))
    laws = [
        m.add(
            m.still(*rng.uniform(0.1, 0.9, 2), radius=rng.uniform(0.08, 0.3)),
            m.move(*rng.uniform(-0.5, 0.5, 2)) if rng.random() < 0.7 else m.grow(1.6),
        )
        for _ in range(actors)
    ]
    cast = tuple(Actor(s, law) for s, law in zip(sprites, laws, strict=False))
    return Scene(GREY, cast, frames=5, height=32)


def test_relations_equal_brute_force():
    met = set()
    clips = [render(random_scene(seed)) for seed in range(6)]
    clips.append(film([random_scene(7, 2), random_scene(8, 2)]))
    for clip in clips:
        found = relations(clip)
        actors, frames = clip.visibility.shape
        assert found.shape == (frames, len(RELATIONS), actors, actors)
        for t in range(frames):
            for a in range(actors):
                for b in range(actors):
                    got = {RELATIONS[r] for r in found[t, :, a, b].nonzero()[:, 0].tolist()}
                    want = brute_relations(clip, t, a, b) if a != b else set()
                    assert got == want, (t, a, b)
                    met |= got
    assert met == set(RELATIONS), "the scenes do not show every relation"


def test_velocity_stops_at_cuts():
    walk = Actor(DISC, m.add(m.still(0.2, 0.5), m.move(0.5, 0)))
    shot = Scene(GREY, (walk,), frames=5, height=40)
    speed = velocities(film([shot, shot]))
    torch.testing.assert_close(speed[0, :5, 0], torch.full((5,), 4.0))  # 0.5 * 40 / 5
    assert speed[0, 5:].nan_to_num().abs().max() == 0


def test_a_film_has_its_shots_in_order():
    shots = [random_scene(1, 2), replace(random_scene(2, 3), frames=3), random_scene(3, 1)]
    clip = film(shots)
    assert clip.shots.tolist() == [0] * 5 + [1] * 3 + [2] * 5
    assert clip.cuts == [5, 8]
    assert len(clip.titles) == 6
    middle = render(shots[1])
    assert torch.equal(clip.frames[5:8], middle.frames)
    assert torch.equal(clip.masks[2:5, 5:8], middle.masks)
    torch.testing.assert_close(clip.centres[2:5, 5:8], middle.centres)
    assert not clip.masks[2:5, :5].any()
    assert clip.centres[2:5, 8:].isnan().all()
    assert clip.visibility[0, 5:].max() == 0
    with pytest.raises(ValueError, match="scene 1 is .* scene 0"):
        film([shots[0], replace(shots[1], height=16)])
    with pytest.raises(ValueError, match="no scenes"):
        film([])
    with pytest.raises(ValueError, match="clip has 3 shots"):
        describe(clip)


def test_frames_can_be_taken_in_another_order():
    clip = render(crossing())
    back = clip.at(np.arange(9)[::-1])
    assert torch.equal(back.frames, clip.frames.flip(0))
    assert torch.equal(back.masks, clip.masks.flip(1))
    torch.testing.assert_close(back.centres, clip.centres.flip(1))


LAWS = {
    "moves left to right": m.move(0.4, 0.1),
    "moves right to left": m.move(-0.4, 0.1),
    "moves upwards": m.move(0.1, -0.4),
    "moves downwards": m.move(0.1, 0.4),
    "moves to and fro": m.swing(0.2, 0.05),
    "moves up and down": m.swing(0.05, 0.2),
    "circles clockwise": m.orbit(0.2, 0.9),
    "circles counterclockwise": m.orbit(0.2, -0.9),
    "turns clockwise": m.spin(1.0),
    "turns counterclockwise": m.spin(-1.0),
    "grows": m.grow(1.5),
    "shrinks": m.grow(0.6),
    "stands still": m.wander(0.005, seed=1),
}


@pytest.mark.parametrize("action", LAWS)
def test_captions_say_what_moves_how(action):
    law = m.add(m.still(0.5, 0.5), LAWS[action])
    scene = Scene(GREY, (Actor(STAR, law),), frames=16, height=48)
    assert caption(describe(render(scene))) == f"a red star {action}"


@pytest.mark.parametrize(
    ("back", "action"), [(0.1, "moves left to right"), (0.25, "moves to and fro")]
)
def test_a_way_back_counts_when_it_is_long(back, action):
    """Begin and end lie 0.8 of the way apart, or only half."""
    law = m.then(m.move(0.6 * (1 - back), 0.0), m.move(-0.6 * back, 0.0))
    actor = Actor(STAR, m.add(m.still(0.3, 0.5), law))
    assert (
        caption(describe(render(Scene(GREY, (actor,), frames=16, height=48))))
        == f"a red star {action}"
    )


def test_captions_name_the_other_actor():
    clip = render(replace(crossing(), camera=m.still(0, 0, radius=1.0)))
    assert caption(describe(clip)) == (
        "a red star moves left to right and turns clockwise and grows in front of a blue disc, "
        "while a blue disc stands still behind a red star"
    )
    still = Actor(Sprite(shapes.disc(), textures.plain(textures.ORANGE)), m.still(0.8, 0.5))
    walk = m.add(m.still(0.1, 0.5), m.move(0.3, 0.0))
    scene = Scene(GREY, (still, Actor(STAR, walk, name="Anna")), frames=8, height=32)
    assert caption(describe(render(scene))) == (
        "an Anna moves left to right towards an orange disc, "
        "while an orange disc stands still right of an Anna"
    )


def test_captions_are_read_back():
    for seed in range(20):
        statements = describe(render(random_scene(seed)))
        assert parse(caption(statements)) == statements
    assert parse("") == []
    with pytest.raises(ValueError, match="'a star flies' is outside the grammar"):
        parse("a star flies")
    with pytest.raises(ValueError, match="contains words of the grammar"):
        caption([Statement("star grows behind a disc", ("grows",))])
    with pytest.raises(ValueError, match="outside the grammar"):
        caption([Statement("star", ("flies",))])
