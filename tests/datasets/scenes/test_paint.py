"""Painting against arithmetic, against a slow painter, and against itself in other batches."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vidlab.datasets.scenes import (
    Actor,
    Light,
    Noise,
    Scene,
    Sprite,
    paint_scenes,
    shapes,
    textures,
)
from vidlab.datasets.scenes import motion as m

BLACK, WHITE = textures.plain((0.0, 0.0, 0.0)), textures.plain((1.0, 1.0, 1.0))
DISC = Sprite(shapes.disc(), WHITE)


def scene(*actors, **settings):
    return Scene(BLACK, actors, **({"frames": 4, "height": 32} | settings))


def mass_and_centre(frames):
    """Area and centre of the light in frames (T, 3, H, W), in pixels."""
    light = frames[:, 0].double() / 255
    x = torch.arange(light.shape[-1]) + 0.5
    y = torch.arange(light.shape[-2]) + 0.5
    mass = light.sum((1, 2))
    return mass, torch.stack(((light * x).sum((1, 2)), (light * y[:, None]).sum((1, 2))), 1) / (
        mass[:, None]
    )


def test_a_disc_has_its_area_and_follows_its_law_within_hundredths_of_a_pixel():
    law = m.add(m.still(0.31, 0.42, radius=0.2), m.move(0.3, 0.17))
    frames = paint_scenes([scene(Actor(DISC, law), frames=12, height=40)])[0]
    mass, centre = mass_and_centre(frames)
    times = torch.from_numpy(scene(frames=12).times)
    want = 40 * torch.stack((0.31 + 0.3 * times, 0.42 + 0.17 * times), 1)
    torch.testing.assert_close(centre, want, atol=0.02, rtol=0)
    torch.testing.assert_close(mass / (np.pi * 8**2), torch.ones(12).double(), atol=0.01, rtol=0)


def test_area_grows_with_the_square_of_the_radius_and_zoom():
    law = m.add(m.still(0.5, 0.5, radius=0.1), m.grow(2.0))
    actor = Actor(DISC, law)
    mass, _ = mass_and_centre(paint_scenes([scene(actor, height=64)])[0])
    zoomed = scene(actor, height=64, camera=m.still(0, 0, radius=1.5))
    near, _ = mass_and_centre(paint_scenes([zoomed])[0])
    times = torch.from_numpy(scene().times)
    torch.testing.assert_close(mass, np.pi * 6.4**2 * 4**times, rtol=0.01, atol=0)
    torch.testing.assert_close(near / mass, torch.full((4,), 2.25).double(), rtol=0.01, atol=0)


def test_an_odd_sprite_turns_clockwise_as_seen():
    half = Sprite(shapes.disc(), textures.halves((0, 0, 0), (1, 1, 1)))  # its right side shines
    turn = m.add(m.still(0.5, 0.5, radius=0.4), m.listed(*np.zeros((2, 4)), np.ones(4), QUARTERS))
    _, centre = mass_and_centre(paint_scenes([scene(Actor(half, turn))])[0])
    way = (centre - 16).sign() * ((centre - 16).abs() > 1)
    assert way.tolist() == [[1, 0], [0, 1], [-1, 0], [0, -1]]  # right, down, left, up


QUARTERS = np.arange(4) * np.pi / 2


def test_a_camera_moves_the_world_the_other_way():
    actor = Actor(DISC, m.still(0.5, 0.5, radius=0.1))
    pan = scene(actor, camera=m.add(m.still(0, 0, radius=1.0), m.still(0.25, 0, radius=1.0)))
    _, centre = mass_and_centre(paint_scenes([pan])[0])
    torch.testing.assert_close(centre[0], torch.tensor([8.0, 16.0]).double(), atol=0.02, rtol=0)
    off = Actor(DISC, m.still(0.75, 0.5, radius=0.1))
    rolled = scene(off, camera=m.still(0, 0, radius=1.0, angle=np.pi / 2))
    _, centre = mass_and_centre(paint_scenes([rolled])[0])  # clockwise roll: right goes up
    torch.testing.assert_close(centre[0], torch.tensor([16.0, 8.0]).double(), atol=0.02, rtol=0)


def slow_frame(scene, time):
    """One frame, pixel by pixel, from the definitions; distances come from the shapes, exactly."""
    height, width = scene.size
    t = np.array([time])
    view = scene.camera(t)
    image = np.zeros((3, height, width))
    for row in range(height):
        for column in range(width):
            x = (column + 0.5 - width / 2) / scene.side
            y = (row + 0.5 - height / 2) / scene.side
            turn, zoom = view.angle[0], view.radius[0]
            world_x = (x * np.cos(turn) - y * np.sin(turn)) / zoom + width / 2 / scene.side
            world_y = (x * np.sin(turn) + y * np.cos(turn)) / zoom + height / 2 / scene.side
            world_x, world_y = world_x + view.x[0], world_y + view.y[0]
            colour = scene.background.paint(np.zeros(1), np.zeros(1))[0]
            for actor in scene.actors:
                pose = actor.motion(t)
                dx, dy = world_x - pose.x[0], world_y - pose.y[0]
                cos, sin = np.cos(pose.angle[0]), np.sin(pose.angle[0])
                u = np.array([(dx * cos + dy * sin) / pose.radius[0]])
                v = np.array([(dy * cos - dx * sin) / pose.radius[0]])
                pixels = pose.radius[0] * zoom * scene.side
                cover = np.clip(actor.sprite.shape.distance(u, v)[0] * pixels + 0.5, 0, 1)
                own = actor.sprite.texture.paint(u, v)[0]
                colour = (1 - cover) * colour + cover * own
            image[:, row, column] = colour
    return image


def test_frames_equal_those_of_a_slow_painter():
    red, sky = textures.plain((0.9, 0.2, 0.1)), textures.plain((0.2, 0.3, 0.7))
    shade = textures.gradient((0.0, 0.2, 0.4), (1.0, 0.8, 0.5), angle=0.7)
    back = Actor(
        Sprite(shapes.disc(), red),
        m.add(m.still(0.4, 0.5, radius=0.3), m.move(0.4, 0.1), m.grow(1.4)),
    )
    front = Actor(
        Sprite(shapes.polygon(4), shade),
        m.add(m.still(0.8, 0.4, radius=0.35), m.orbit(0.2), m.spin(2.0)),
    )
    view = m.add(m.still(0.05, -0.02, radius=1.1), m.swing(0.1, 0.0), m.spin(0.4))
    whole = Scene(sky, (back, front), frames=3, height=18, width=25, camera=view)
    fast = paint_scenes([whole])[0].double() / 255
    for frame, time in zip(fast, whole.times, strict=True):
        slow = torch.from_numpy(slow_frame(whole, time))
        gap = (frame - slow).abs()
        # Corners are as fine as the texels; elsewhere only rounding and interpolation differ.
        assert gap.mean() < 0.004
        assert gap.max() < 0.12
    swapped = paint_scenes([replace(whole, actors=(front, back))])[0].double() / 255
    assert (swapped - fast).abs().max() > 0.3, "depth order does not matter"


@pytest.mark.parametrize("width", [None, 31])
def test_a_scene_looks_the_same_whatever_it_is_painted_with(width):
    def make(seed):
        rng = np.random.default_rng(seed)
        law = m.add(m.still(*rng.random(2), radius=0.2), m.spin(rng.random()), m.move(0.3, 0))
        return Scene(
            textures.clouds(textures.GREEN, textures.BLUE, seed=seed),
            (Actor(Sprite(shapes.star(5), textures.checker(textures.RED, (1, 1, 1))), law),),
            frames=5,
            height=21,
            width=width,
            # Some cameras stand still, which is painted in another way.
            camera=m.wander(0.05, seed=seed) if seed % 2 else m.still(0, 0, radius=1.0),
            noise=Noise(0.05, 0.01, seed=seed),
        )

    scenes = [make(seed) for seed in range(5)]
    together = paint_scenes(scenes)
    for k, alone in enumerate(scenes):
        assert torch.equal(paint_scenes([alone])[0], together[k]), f"scene {k}"
    again = paint_scenes(scenes[3:4] + scenes[1:2])
    assert torch.equal(again, together[[3, 1]])


def test_light_and_noise():
    grey = Scene(textures.plain((0.4, 0.4, 0.4)), frames=50, height=24)
    level = paint_scenes([grey])[0].double().mean((2, 3)) / 255
    torch.testing.assert_close(level, torch.full((50, 3), 0.4).double(), atol=1 / 255, rtol=0)
    lit = replace(grey, light=Light(gain=1.5, tint=(1, 0.5, 0), fade=-0.4))
    level = paint_scenes([lit])[0].double().mean((2, 3)) / 255
    fade = 1 - 0.4 * torch.from_numpy(grey.times)
    want = 0.4 * 1.5 * fade[:, None] * torch.tensor([1, 0.5, 0]).double()
    torch.testing.assert_close(level, want, atol=1 / 255, rtol=0)
    sloped = paint_scenes([replace(grey, light=Light(slope=(1.0, 0.0)))])[0].double() / 255
    torch.testing.assert_close(sloped[0, 0, 3, 23], torch.tensor(0.4 * (1 + 23 / 48)).double(),
                               atol=2 / 255, rtol=0)  # fmt: skip
    noisy = paint_scenes([replace(grey, noise=Noise(gaussian=0.1, seed=4))])[0].double() / 255
    assert abs(noisy.std() - 0.1) < 0.003
    other = paint_scenes([replace(grey, noise=Noise(gaussian=0.1, seed=5))])[0].double() / 255
    assert abs(torch.corrcoef(torch.stack((noisy.ravel(), other.ravel())))[0, 1]) < 0.02
    salted = paint_scenes([replace(grey, noise=Noise(salt=0.2, seed=4))])[0]
    share = ((salted == 0) | (salted == 255)).all(1).double().mean()
    assert abs(share - 0.2) < 0.02
    flicker = paint_scenes([replace(grey, light=Light(flicker=0.1, seed=1))])[0]
    assert 0.02 < flicker.double().mean((1, 2, 3)).div(255).std() < 0.06


def test_edges_are_as_sharp_under_zoom():
    near = scene(Actor(DISC, m.still(0.5, 0.5, radius=0.2)), camera=m.still(0, 0, radius=1.5))
    large = scene(Actor(DISC, m.still(0.5, 0.5, radius=0.3)))
    torch.testing.assert_close(paint_scenes([near]), paint_scenes([large]), atol=1, rtol=0)


def test_colours_are_rounded_to_the_nearest_level():
    world = textures.plain((100.4 / 255, 100.6 / 255, 254.8 / 255))
    level = paint_scenes([Scene(world, frames=1, height=8)])[0, 0, :, 4, 4]
    assert level.tolist() == [100, 101, 255]


def test_tiny_and_distant_sprites_leave_no_trace_elsewhere():
    for radius in (0.001, 0.02):
        frames = paint_scenes([scene(Actor(DISC, m.still(0.5, 0.5, radius=radius)))])[0]
        frames[..., 14:18, 14:18] = 0
        assert frames.max() == 0, radius
    assert paint_scenes([scene(Actor(DISC, m.still(9.0, 9.0)))]).max() == 0


def test_refusals():
    with pytest.raises(ValueError, match="no scenes"):
        paint_scenes([])
    with pytest.raises(ValueError, match="scene 1 has .* need the same"):
        paint_scenes([scene(), scene(height=16)])
    with pytest.raises(ValueError, match="height is 0; allowed"):
        scene(height=0)
    with pytest.raises(ValueError, match="gain is -1; allowed: 0 .. 4"):
        Light(gain=-1)
    with pytest.raises(ValueError, match="salt is 2"):
        Noise(salt=2)
    bad = m.listed(np.zeros(4), np.array([0, 0, np.nan, 0]), np.ones(4), np.zeros(4))
    with pytest.raises(ValueError, match="y of actor 'white disc' is nan in frame 2"):
        paint_scenes([scene(Actor(replace(DISC, texture=textures.plain(textures.WHITE)), bad))])
    with pytest.raises(ValueError, match="radius of actor .* is 12; allowed: up to 8, in units"):
        paint_scenes([scene(Actor(DISC, m.still(32, 32, radius=12)))])  # meant in pixels
    with pytest.raises(ValueError, match="radius of the camera is 0.0 in frame 0"):
        paint_scenes([scene(camera=m.still(0, 0, radius=0.0))])
