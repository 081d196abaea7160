"""Motion laws, shapes and textures against their definitions."""

import numpy as np
import pytest

from vidlab.datasets.scenes import motion as m
from vidlab.datasets.scenes import shapes, textures
from vidlab.datasets.scenes.shapes import bilinear

T = np.linspace(0, 1, 9)


def test_laws_add_up():
    law = m.add(m.still(0.2, 0.3, radius=0.1, angle=1), m.move(0.4, -0.2), m.spin(2), m.grow(3))
    pose = law(T)
    np.testing.assert_allclose(pose.x, 0.2 + 0.4 * T)
    np.testing.assert_allclose(pose.y, 0.3 - 0.2 * T)
    np.testing.assert_allclose(pose.radius, 0.1 * 3**T)
    np.testing.assert_allclose(pose.angle, 1 + 2 * T)


def test_orbits_keep_their_radius_and_turn_clockwise():
    pose = m.orbit(0.2, turns=0.5)(T)
    np.testing.assert_allclose(np.hypot(pose.x, pose.y), 0.2)
    assert pose.y[4] == pytest.approx(0.2)  # from the right through the bottom


def test_a_swing_returns():
    pose = m.swing(0.1, 0.2)(T)
    np.testing.assert_allclose(pose.x[[0, 4, 8]], 0, atol=1e-12)
    np.testing.assert_allclose((pose.x[2], pose.x[6]), (0.1, -0.1))
    np.testing.assert_allclose(pose.y, 2 * pose.x)


def test_then_goes_on_where_the_first_ended():
    law = m.then(m.add(m.still(0.1, 0.5, radius=0.2), m.move(0.4, 0)), m.orbit(0.3), at=0.25)
    pose = law(T)
    np.testing.assert_allclose(pose.x[:3], (0.1, 0.3, 0.5))
    np.testing.assert_allclose(pose.x[8], 0.5)
    np.testing.assert_allclose(pose.radius, 0.2)
    middle = law(np.array([0.25 + 0.375]))  # half of the round
    np.testing.assert_allclose(middle.x, 0.5 - 0.6)


def test_wandering_is_seeded_and_bounded():
    first, again, other = (m.wander(0.1, seed=s)(T) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.x, again.x)
    assert (first.x != other.x).any()
    assert max(np.abs(first.x).max(), np.abs(first.y).max()) <= 0.1


def test_refusals():
    with pytest.raises(ValueError, match="growth factor is 0"):
        m.grow(0)
    with pytest.raises(ValueError, match="changes at 1; allowed"):
        m.then(m.move(1, 0), m.move(0, 1), at=1)
    with pytest.raises(ValueError, match="lists 3 poses, the clip has 9 frames"):
        m.listed(*np.ones((4, 3)))(T)
    with pytest.raises(ValueError, match="polygon has 2 sides"):
        shapes.polygon(2)
    with pytest.raises(ValueError, match="ring's width is 2"):
        shapes.ring(2)
    with pytest.raises(ValueError, match="never crosses one half"):
        shapes.silhouette(np.zeros((4, 4)), "nothing")
    with pytest.raises(ValueError, match="period of stripes is 0"):
        textures.stripes(textures.RED, textures.BLUE, period=0)


ALL_SHAPES = (
    shapes.disc(),
    shapes.ring(0.3),
    *map(shapes.polygon, (3, 4, 7)),
    shapes.star(5),
    shapes.star(8, 0.7),
    shapes.heart(),
)


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=lambda s: s.name)
def test_distances_are_those_to_the_outline(shape):
    """A distance field has slope one, and its size is the way to the nearest change of sign."""
    line = np.linspace(-1.3, 1.3, 131) + 0.003  # no point lies on an outline
    u, v = np.meshgrid(line, line)
    distance = shape.distance(u, v)
    slope = np.hypot(*np.gradient(distance, line[1] - line[0]))
    assert abs(np.median(slope) - 1) < 1e-3
    for axis in (0, 1):  # nor does it change faster than the way
        assert np.abs(np.diff(distance, axis=axis)).max() <= (line[1] - line[0]) * (1 + 1e-9)
    inside = distance > 0
    assert 0.05 < inside.mean() < 0.6
    assert np.hypot(u, v)[inside].max() <= 1 + 1e-9, "beyond the unit circle"
    rng = np.random.default_rng(0)
    for row, column in rng.integers(0, 131, (40, 2)):
        other = inside != inside[row, column]
        gap = np.hypot(u - u[row, column], v - v[row, column])[other].min()
        assert abs(gap - abs(distance[row, column])) < 0.04


def test_areas():
    line = (np.arange(400) + 0.5) / 200 - 1
    u, v = np.meshgrid(line, line)

    def area(shape):
        return (shape.distance(u, v) > 0).mean() * 4

    assert area(shapes.disc()) == pytest.approx(np.pi, rel=1e-3)
    assert area(shapes.ring(0.5)) == pytest.approx(np.pi * 0.75, rel=2e-3)
    assert area(shapes.polygon(4)) == pytest.approx(2, rel=2e-3)
    assert area(shapes.polygon(3)) == pytest.approx(3 * np.sqrt(3) / 4, rel=5e-3)
    assert area(shapes.star(5, 0.45)) == pytest.approx(5 * 0.45 * np.sin(np.pi / 5), rel=5e-3)


def test_a_silhouette_follows_its_picture():
    y, x = np.mgrid[:28, :28]
    soft = np.clip(9 - np.hypot(x - 13.5, y - 13.5) + 0.5, 0, 1)  # a disc of radius 9
    shape = shapes.silhouette((255 * soft).astype(np.uint8), "blob")
    line = np.linspace(-1, 1, 61)
    u, v = np.meshgrid(line, line)
    radius = 9 / 28 * np.sqrt(2)
    want = radius - np.hypot(u, v)
    assert np.abs(shape.distance(u, v) - want).max() < 0.025


def test_textures_show_their_pattern():
    red, white = (1.0, 0, 0), (1.0, 1, 1)
    u = np.array([0.1, 0.3, 0.6, 0.8])
    striped = textures.stripes(red, white, period=1.0).paint(u, 0 * u)
    assert striped[:, 1].tolist() == [0, 0, 1, 1]
    upright = textures.stripes(red, white, period=1.0, angle=np.pi / 2).paint(0 * u, u)
    np.testing.assert_array_equal(upright, striped)
    board = textures.checker(red, white, period=1.0)
    assert board.paint(np.array([0.2, 0.7, 0.7]), np.array([0.2, 0.2, 0.7]))[:, 1].tolist() == [
        0,
        1,
        0,
    ]
    shade = textures.gradient(red, white).paint(np.array([-1.0, 0, 1]), np.zeros(3))
    np.testing.assert_allclose(shade[:, 1], (0, 0.5, 1))
    first, again = (textures.clouds(red, white, seed=3).paint(u, u) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert textures.halves(textures.BLUE, white).name == "two-tone blue"


def test_bilinear_between_texels():
    image = np.array([[0.0, 1], [2, 3]])[..., None]
    value = bilinear(image, np.array([0.5, 0.25, 9]), np.array([0.5, 0, 9]))[:, 0]
    np.testing.assert_allclose(value, (1.5, 0.25, 3))
