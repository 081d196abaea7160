"""The sphere explorer's page: where points are drawn, how it turns, its controls and looks."""

import numpy as np
import pytest

from vidlab.widgets import SphereExplorer
from vidlab.widgets.sphere import rotation_matrix

pytestmark = pytest.mark.browser

NAMES = ["blank", *map(str, range(10))]
MARGIN = 34  # between the globe and the canvas' edge, in pixels


def unit(array):
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


def centres():
    """The blank at (0.2, 0.3, 1), ten classes at 0.3 pi around it."""
    blank = unit(np.array([0.2, 0.3, 1.0]))
    one = unit(np.cross(blank, [1, 0, 0]))
    two = np.cross(blank, one)
    around = 2 * np.pi * np.arange(10) / 10
    ring = np.cos(around)[:, None] * one + np.sin(around)[:, None] * two
    return np.vstack([blank, np.cos(0.3 * np.pi) * blank + np.sin(0.3 * np.pi) * ring])


def build(points=1500, names=None, sequences=2, **changes):
    random = np.random.default_rng(0)
    weights = centres()
    labels = random.integers(0, 11, points)
    features = unit(weights[labels] + random.normal(0, 0.12, (points, 3)))
    paths, frames = [], []
    for n in range(sequences):
        stops = [0, 1 + n, 0, 4 + n, 0, 8, 0]
        time = np.linspace(0, len(stops) - 1, 25 + n)
        low = np.minimum(time.astype(int), len(stops) - 2)
        part = (time - low)[:, None]
        ends = weights[np.array(stops)]
        noise = random.normal(0, 0.02, (len(time), 3))  # no two centres equally near
        paths.append(unit((1 - part) * ends[low] + part * ends[low + 1] + noise))
        frames.append(random.integers(0, 256, (len(time), 14, 14), dtype=np.uint8))
    values = {"trajectory": paths, "frames": frames, **changes}
    return SphereExplorer(features, labels, weights, class_names=names or NAMES, **values)


def place(one, vector, matrix, zoom=1.0):
    """Where a vector should be drawn on the canvas, and whether on the near side."""
    size = one.page.locator(".vl-globe").bounding_box()["width"]
    x, y, z = matrix @ vector
    radius = (size / 2 - MARGIN) * zoom
    return {"x": size / 2 + radius * x, "y": size / 2 - radius * y}, z


def told(one, position):
    """The tooltip at a place of the canvas, or None."""
    one.page.locator(".vl-globe").hover(position={"x": 3, "y": 3})
    one.page.locator(".vl-globe").hover(position=position)
    tip = one.page.locator(".vl-tooltip")
    return tip.inner_text() if tip.is_visible() else None


def turn(right=0.0, up=0.0):
    """The matrix of a turn to the right (about the screen's y axis), then up (about x)."""
    c, s = np.cos(right), np.sin(right)
    about_y = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    c, s = np.cos(-up), np.sin(-up)
    about_x = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return about_x @ about_y


def assert_centres_at(one, matrix, zoom=1.0):
    """Every centre on the near side answers at its place with its name and angle."""
    seen = 0
    for k, vector in enumerate(centres()):
        position, z = place(one, vector, matrix, zoom)
        size = one.page.locator(".vl-globe").bounding_box()["width"]
        inside = all(5 < value < size - 5 for value in position.values())
        if z < 0.05 or not inside:
            continue
        text = told(one, position)
        angle = "" if k == 0 else ", 54.0° from the blank's"
        assert text == f"centre of {NAMES[k]}{angle}"
        seen += 1
    assert seen >= 3


def test_centres_are_drawn_where_geometry_puts_them(visit):
    explorer = build(points=11)
    one = visit(explorer.html())
    assert_centres_at(one, rotation_matrix(np.array(explorer.rotation)))


@pytest.mark.parametrize(
    ("key", "move"),
    [
        ("ArrowRight", turn(right=np.radians(15))),
        ("ArrowLeft", turn(right=np.radians(-15))),
        ("ArrowUp", turn(up=np.radians(15))),
        ("ArrowDown", turn(up=np.radians(-15))),
    ],
)
def test_arrow_keys_turn_by_five_degrees(visit, key, move):
    explorer = build(points=11)
    one = visit(explorer.html())
    one.page.locator(".vl-globe").focus()
    for _ in range(3):
        one.page.keyboard.press(key)
    one.settle()
    assert_centres_at(one, move @ rotation_matrix(np.array(explorer.rotation)))


def test_dragging_moves_the_near_side_with_the_pointer(visit):
    explorer = build(points=11)
    one = visit(explorer.html())
    box = one.page.locator(".vl-globe").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    one.page.mouse.move(*middle)
    one.page.mouse.down()
    one.page.mouse.move(middle[0] + 60, middle[1], steps=4)
    one.page.mouse.move(middle[0] + 60, middle[1] - 40, steps=4)
    one.page.mouse.up()
    one.settle()
    radius = box["width"] / 2 - MARGIN
    move = turn(right=60 / radius, up=40 / radius)
    assert_centres_at(one, move @ rotation_matrix(np.array(explorer.rotation)))


def test_the_wheel_belongs_to_the_page_until_the_globe_has_focus(visit):
    explorer = build(points=11)
    tall = "<div style='height:2000px'></div>"
    one = visit(explorer.html(), tall)
    matrix = rotation_matrix(np.array(explorer.rotation))
    picture = one.picture(".vl-globe")
    one.page.locator(".vl-globe").hover(position={"x": 200, "y": 200})
    one.page.mouse.wheel(0, -200)
    assert one.picture(".vl-globe") == picture
    one.page.locator(".vl-globe").focus()
    one.page.mouse.wheel(0, -200)
    one.page.wait_for_timeout(100)
    assert one.page.evaluate("scrollY") == 0
    assert_centres_at(one, matrix, zoom=np.exp(0.3))
    one.page.get_by_role("button", name="reset view").click()
    assert_centres_at(one, matrix)


def test_zoom_keys_zoom(visit):
    explorer = build(points=11)
    one = visit(explorer.html())
    one.page.locator(".vl-globe").focus()
    one.page.keyboard.press("+")
    one.settle()
    assert_centres_at(one, rotation_matrix(np.array(explorer.rotation)), zoom=1.2)


def test_points_answer_with_their_class(visit):
    weights = centres()
    lone = unit(weights[0] + 0.5 * unit(weights[3] - weights[0]))[None]
    explorer = SphereExplorer(lone, [7], weights, class_names=NAMES)
    one = visit(explorer.html())
    position, z = place(one, lone[0], rotation_matrix(np.array(explorer.rotation)))
    assert z > 0
    assert told(one, position) == "6"


def test_the_legend_hides_and_reset_shows_again(visit):
    explorer = build(points=11)
    one = visit(explorer.html())
    position, _ = place(one, centres()[0], rotation_matrix(np.array(explorer.rotation)))
    entry = one.page.get_by_role("button", name="class blank")
    assert entry.get_attribute("aria-pressed") == "true"
    picture = one.picture(".vl-globe")
    entry.click()
    one.settle()
    assert entry.get_attribute("aria-pressed") == "false"
    assert told(one, position) is None
    one.page.get_by_role("button", name="reset view").click()
    one.settle()
    assert entry.get_attribute("aria-pressed") == "true"
    assert one.picture(".vl-globe") == picture


def test_the_trajectory_slider_tells_the_angles_and_shows_the_frame(visit):
    explorer = build()
    one = visit(explorer.html())
    thumb, globe = one.picture(".vl-thumb"), one.picture(".vl-globe")
    one.page.get_by_role("slider", name="frame t").focus()
    for _ in range(3):
        one.page.keyboard.press("ArrowRight")
    one.settle()
    assert one.page.locator(".vl-slider output").inner_text() == "3"
    vector = explorer._trajectories[0][3]
    angles = np.degrees(np.arccos((centres() @ vector).clip(-1, 1)))
    for row, k in zip(one.page.locator("tbody tr").all(), np.argsort(angles)[:3], strict=True):
        name, angle = row.locator("th, td").all_inner_texts()
        assert name.strip() == NAMES[k]
        assert float(angle.rstrip("°")) == pytest.approx(angles[k], abs=0.06)
    assert one.picture(".vl-thumb") != thumb
    assert one.picture(".vl-globe") != globe
    one.page.keyboard.press("End")
    one.page.get_by_role("button", name="next sequence").click()
    one.settle()
    assert one.page.locator(".vl-slider input").get_attribute("max") == "25"


def test_hostile_names_stay_text(visit):
    bad = "<img src=x onerror=window.hacked=1>"
    worse = "</script><script>window.hacked=1</script>"
    one = visit(build(names=[bad, worse, *NAMES[2:]], title=worse).html())
    one.page.wait_for_timeout(200)
    assert one.page.evaluate("window.hacked") is None
    assert one.page.locator("img").count() == 0
    assert one.page.locator("h3").inner_text() == worse
    assert bad in one.page.locator(".vl-legend").inner_text()
    one.shoot("sphere-hostile")


def test_no_trajectory_leaves_no_empty_panel(visit):
    one = visit(build(trajectory=None, frames=None).html())
    assert not one.page.locator(".vl-panel").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [600, 700, 900, 1200])
def test_nothing_is_cut_off(visit, scheme, width):
    one = visit(build(points=4000).html(), width=width, scheme=scheme)
    slider = one.page.locator(".vl-slider input")
    slider.focus()
    for _ in range(6):
        one.page.keyboard.press("ArrowRight")
    assert one.theme() == scheme
    assert not one.cut_off("canvas, .vl-slider, .vl-class, table", rooms=".vl-reading")
    one.shoot(f"sphere-{scheme}-{width}")
