"""The alignment explorer's page: its numbers against brute force, its controls, its looks."""

import functools
import itertools
import re

import numpy as np
import pytest

from vidlab.widgets import AlignmentExplorer
from vidlab.widgets.base import decode_array

pytestmark = pytest.mark.browser

NAMES = ["blank", "a", "b"]
SCALE = 6.0


# ---- brute force: every path is written down ----------------------------------------------------


def collapse(path):
    return [k for k, _ in itertools.groupby(path) if k != 0]


@functools.cache
def paths_of(target, steps, classes):
    every = itertools.product(range(classes), repeat=steps)
    return [path for path in every if collapse(path) == list(target)]


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def brute_pseudo(angles, target, scale=SCALE):
    log_probs = log_softmax(scale * np.cos(angles))
    steps, classes = angles.shape
    total, found = 0.0, np.zeros_like(angles)
    for path in paths_of(target, steps, classes):
        weight = np.exp(sum(log_probs[t, k] for t, k in enumerate(path)))
        total += weight
        found[range(steps), path] += weight
    return found / total


def brute_path(angles, target, scale=SCALE):
    log_probs = log_softmax(scale * np.cos(angles))
    paths = paths_of(target, *angles.shape)
    return max(paths, key=lambda path: sum(log_probs[t, k] for t, k in enumerate(path)))


def brute_margin(angles, target, eta):
    steps, labels = len(angles), len(target)
    kappa = min(steps, labels + 1 + int(np.floor((steps - labels) * eta)))
    if labels == 0 or kappa < 2:
        return kappa, 0.0, 0
    lead = angles[:, 0] - angles[:, sorted(set(target))].min(axis=1)
    ordered = sorted(lead, reverse=True)
    margin = -0.5 * (ordered[kappa - 2] + ordered[kappa - 1])
    return kappa, margin, int((lead + margin > 0).sum())


def perturbed(angles, margin):
    moved = angles.copy()
    moved[:, 0] = np.clip(moved[:, 0] + margin, 0, np.pi)
    return moved


def softmax(logits):
    return np.exp(log_softmax(logits))


# ---- pages --------------------------------------------------------------------------------------


def make(seed=0, steps=6, targets=(1, 2), **changes):
    """A tiny explorer and the angles that its page sees."""
    random = np.random.default_rng(seed)
    angles = random.uniform(0.3, 2.4, (steps, 3))
    frames = random.integers(0, 256, (steps, 12, 10), dtype=np.uint8)
    values = {"class_names": NAMES, "eta": 0.4, **changes}
    explorer = AlignmentExplorer(frames, angles, list(targets), SCALE, **values)
    return explorer, decode_array(explorer._data["sequences"][0]["angles"])


def digits(count=3, eta=0.4, **changes):
    """An explorer as a lab would show it: blurred bars that move, peaky posteriors."""
    random = np.random.default_rng(7)
    steps, names = 41, ["blank", *map(str, range(10))]
    frames, angles, targets, truth = [], [], [], []
    for _ in range(count):
        target = random.permutation(10)[:4] + 1
        time = np.arange(steps)
        shape = np.exp(-((time[:, None] - np.array([5, 15, 25, 35])) ** 2) / 12.0)
        theta = np.full((steps, 11), 1.15) + random.normal(0, 0.05, (steps, 11))
        theta[:, 0] = 0.35 + 0.55 * shape.max(axis=1) + random.normal(0, 0.01, steps)
        for u, k in enumerate(target):
            theta[:, k] = theta[:, k] - 0.75 * shape[:, u]
        grid = np.arange(28)
        bar = np.exp(-((grid[None, :] - (4 + time[:, None] * 0.5)) ** 2) / 8.0)
        picture = 255 * bar[:, None, :] * (np.abs(grid - 14) < 10)[None, :, None]
        frames.append(picture.astype(np.uint8))
        angles.append(theta.clip(0, np.pi))
        targets.append(target)
        truth.append(target[np.minimum(time // 10, 3)])
    values = {"class_names": names, "truth": truth, "eta": eta, **changes}
    return AlignmentExplorer(frames, angles, targets, 16, **values)


def fact(page, name):
    return page.locator(f"[data-fact={name}]").inner_text()


def number(text):
    return float(re.match(r"[−\d.]+", text)[0].replace("−", "-"))


def table(page):
    """The read-out as {class name: [posterior, before, after]}."""
    rows = page.locator(".vl-table tbody tr").all()
    cells = [row.locator("th, td").all_inner_texts() for row in rows]
    return {name.strip(): [float(value) for value in values] for name, *values in cells}


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("targets", [(1, 2), (2, 2), ()], ids=["ab", "bb", "no-labels"])
def test_every_number_in_the_page_equals_brute_force(visit, eta, targets):
    explorer, angles = make(seed=len(targets), targets=targets, eta=eta)
    one = visit(explorer.html())
    kappa, margin, active = brute_margin(angles, targets, eta)
    before = brute_pseudo(angles, targets)
    after = brute_pseudo(perturbed(angles, margin), targets)
    path = brute_path(angles, targets)
    assert int(fact(one.page, "kappa")) == kappa
    assert number(fact(one.page, "m")) == pytest.approx(margin, abs=5.1e-5)
    assert int(number(fact(one.page, "active"))) == active
    if targets:
        assert active == kappa - 1
    shown = [int((rows.argmax(axis=1) != 0).sum()) for rows in (before, after)]
    assert fact(one.page, "nonblank").startswith(f"{shown[0]} → {shown[1]} of 6")
    one.page.locator(".vl-plot").focus()
    for t in range(6):
        assert fact(one.page, "frame") == str(t)
        assert fact(one.page, "path") == NAMES[path[t]]
        numbers = table(one.page)
        y = softmax(SCALE * np.cos(angles))
        for k, name in enumerate(NAMES):
            expected = [y[t, k], before[t, k], after[t, k]]
            assert numbers[name] == pytest.approx(expected, abs=5.1e-4)
        one.page.keyboard.press("ArrowRight")
        one.settle()


def test_the_module_equals_brute_force_on_random_cases(visit):
    """All of the method at full precision, repeats and impossible skips included."""
    explorer, _ = make()
    one = visit(explorer.html())
    source = explorer._esm.replace(
        "export default { render };", "export { analyse, analyseRadial, keyFrames };"
    )
    one.page.evaluate(
        """async (source) => {
            const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
            window.method = await import(url);
        }""",
        source,
    )
    random = np.random.default_rng(5)
    cases = [(1,), (1, 2), (1, 1), (2, 1, 2), (1, 1, 2), (3, 3, 3), (), (1, 2, 3)]
    for _, steps, target in itertools.product(range(8), (5, 6), cases):
        angles = random.uniform(0.1, 3.0, (steps, 4))
        eta = float(random.choice([0, 0.2, 0.6, 1]))
        found = one.page.evaluate(
            """([angles, target, scale, eta]) => {
                const sequence = { angles, target, rest: null };
                return { ...method.analyse(sequence, scale),
                         ...method.analyseRadial(sequence, scale, eta) };
            }""",
            [angles.tolist(), list(target), SCALE, eta],
        )
        kappa, margin, active = brute_margin(angles, target, eta)
        assert found["kappa"] == kappa
        assert found["m"] == pytest.approx(margin, abs=1e-12)
        assert found["active"] == active
        np.testing.assert_allclose(found["before"], brute_pseudo(angles, target), atol=1e-9)
        after = brute_pseudo(perturbed(angles, margin), target)
        np.testing.assert_allclose(found["after"], after, atol=1e-9)
        assert tuple(found["path"]) == brute_path(angles, target)
        keys = []
        for symbol, run in itertools.groupby(range(steps), key=lambda t: found["path"][t]):
            keys.append(max(run, key=lambda t: np.cos(angles[t, symbol])))
        assert found["keys"] == keys


def test_classes_left_out_still_count_in_the_posterior(visit):
    random = np.random.default_rng(8)
    angles = random.uniform(0.5, 2.0, (5, 30))
    frames = random.integers(0, 256, (5, 8, 8), dtype=np.uint8)
    names = ["blank", *(f"c{k}" for k in range(1, 30))]
    explorer = AlignmentExplorer(frames, angles, [3], 4.0, class_names=names, max_classes=6)
    one = visit(explorer.html())
    y = softmax(4.0 * np.cos(angles))
    for name, values in table(one.page).items():
        assert values[0] == pytest.approx(y[0, names.index(name)], abs=1e-3)


def test_the_slider_moves_by_keyboard_and_changes_numbers_and_picture(visit):
    one = visit(digits().html())
    before, picture = fact(one.page, "kappa"), one.picture(".vl-plot")
    one.page.get_by_role("slider", name="radial constraint η").focus()
    for _ in range(6):
        one.page.keyboard.press("ArrowRight")
    assert one.page.locator(".vl-slider output").inner_text() == "0.70"
    one.settle()
    assert int(before) == 5 + int(37 * 0.4)
    assert int(fact(one.page, "kappa")) == 5 + int(37 * 0.7)
    assert one.picture(".vl-plot") != picture


def test_pointer_and_keys_move_the_cursor(visit):
    one = visit(digits().html())
    canvas = one.page.locator(".vl-plot")
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] - 16, "y": 150})
    one.settle()
    assert fact(one.page, "frame") == "40"
    canvas.focus()
    for key, frame in [
        ("Home", 0),
        ("PageUp", 10),
        ("ArrowLeft", 9),
        ("ArrowLeft", 8),
        ("End", 40),
    ]:
        one.page.keyboard.press(key)
        one.settle()
        assert fact(one.page, "frame") == str(frame)
        assert canvas.get_attribute("aria-valuenow") == str(frame)


def test_another_sequence_is_another_picture(visit):
    explorer = digits()
    one = visit(explorer.html())
    picture = one.picture(".vl-plot")
    one.page.get_by_role("button", name="next sequence").click()
    assert one.picture(".vl-plot") != picture
    assert one.page.get_by_role("combobox").input_value() == "1"
    one.page.get_by_role("button", name="previous sequence").click()
    assert one.picture(".vl-plot") == picture
    one.page.get_by_role("button", name="previous sequence").click()
    assert one.page.get_by_role("combobox").input_value() == "2"


def test_explorers_on_one_page_keep_to_themselves(visit, tmp_path):
    explorer = digits()
    names = "() => Object.getOwnPropertyNames(window)"
    one = visit(explorer.html(), explorer.html())
    cards = one.page.locator(".vl-explorer")
    cards.nth(0).get_by_role("slider", name="radial constraint η").focus()
    one.page.keyboard.press("End")
    assert cards.nth(0).locator("output").inner_text() == "1.00"
    assert cards.nth(1).locator("output").inner_text() == "0.40"
    found = set(one.page.evaluate(names))
    bare = tmp_path / "bare.html"
    bare.write_text("<!doctype html><title>bare</title>")
    one.page.goto(bare.as_uri())
    assert not found - set(one.page.evaluate(names)), "explorers left global names behind"


def test_hostile_labels_and_titles_stay_text(visit):
    bad = "<img src=x onerror=window.hacked=1>"
    worse = "</script><script>window.hacked=1</script>"
    explorer, _ = make(class_names=["blank", bad, worse], title=bad, truth=[1, 1, 1, 2, 2, 2])
    one = visit(explorer.html())
    one.page.wait_for_timeout(200)
    assert one.page.evaluate("window.hacked") is None
    assert one.page.locator("img").count() == 0
    assert one.page.locator("h3").inner_text() == bad
    assert {"blank", bad, worse} == set(table(one.page))
    one.shoot("alignment-hostile")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [600, 700, 900, 1200])
def test_both_themes_read_well_and_nothing_is_cut_off(visit, scheme, width):
    one = visit(digits().html(), width=width, scheme=scheme)
    one.page.locator(".vl-plot").hover(position={"x": width / 2, "y": 150})
    assert one.theme() == scheme
    assert one.contrast() >= 4.5
    assert not one.cut_off("canvas, .vl-slider, .vl-facts, table", rooms=".vl-reading")
    one.shoot(f"alignment-{scheme}-{width}")


@pytest.mark.parametrize(
    ("where", "name", "value", "theme"),
    [
        ("body", "data-jp-theme-light", "false", "dark"),
        ("body", "data-jp-theme-light", "true", "light"),
        ("html", "data-theme", "dark", "dark"),
        ("html", "data-theme", "light", "light"),
    ],
)
def test_the_theme_of_the_page_wins_over_that_of_the_system(visit, where, name, value, theme):
    one = visit(digits().html(), scheme="light" if theme == "dark" else "dark")
    root = one.page.locator(".vl-explorer")
    assert root.get_attribute("data-theme") != theme
    picture = one.picture(".vl-plot")
    one.page.locator(where).evaluate(f"(node) => node.setAttribute('{name}', '{value}')")
    assert one.picture(".vl-plot") != picture
    assert root.get_attribute("data-theme") == theme


def test_long_names_many_classes_and_many_frames_fit(visit):
    random = np.random.default_rng(9)
    steps, names = 240, ["blank", *(f"REGEN-UND-WIND-{k}" for k in range(59))]
    angles = random.uniform(0.9, 2.0, (steps, 60))
    angles[:, 0] = 0.5
    targets = random.permutation(59)[:12] + 1
    for u, k in enumerate(targets):
        angles[10 + 19 * u : 14 + 19 * u, k] = 0.3
    frames = random.integers(0, 256, (steps, 60, 48, 3), dtype=np.uint8)
    explorer = AlignmentExplorer(frames, angles, targets, 20, class_names=names, eta=0.3)
    one = visit(explorer.html(), width=800)
    assert one.page.locator(".vl-explorer").evaluate("(r) => r.scrollWidth <= r.clientWidth")
    one.shoot("alignment-long")
