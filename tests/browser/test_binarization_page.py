"""The binarization explorer's page: its numbers against Python's, its controls, its looks."""

import numpy as np
import pytest

from vidlab.widgets import BinarizationExplorer, LayerView
from vidlab.widgets._binarization_layer import BIAS_STEPS, HALF

pytestmark = pytest.mark.browser


def make(names=("conv2a", "conv3a", "conv3b"), epochs=12, **changes):
    """Layers of different widths and centres, as training leaves them."""
    layers = []
    for i, name in enumerate(names):
        random = np.random.default_rng(i)
        weight = random.normal(0.01 * (i % 9), 0.1 / (i + 1), (6 + i % 9, 4, 3, 3, 3))
        weight[0, 0, 0, 0] = [5 * weight.std(), 0, -1e-9]  # one beyond the ends, one zero
        values = {
            "activation": random.normal(0.2 * i - 0.1, 1 + i, 900),
            "flips": (0.03 + 0.02 * (i % 9)) * np.exp(-np.arange(epochs) / 4),
            "cosine": 0.9 - 0.15 * (i % 9),
            **changes,
        }
        layers.append(LayerView(name, weight, **values))
    boundary = None if changes.get("flips", 0) is None else epochs // 2
    return BinarizationExplorer(layers, stage_boundary=boundary)


def fact(one, name):
    one.settle()
    return one.page.locator(f"[data-fact={name}]").inner_text()


def number(text):
    return float(text.replace("−", "-").rstrip(" %"))


def press(one, key, times=1):
    for _ in range(times):
        one.page.keyboard.press(key)
    one.settle()


def slider(one, name):
    return one.page.get_by_role("slider", name=name)


@pytest.fixture
def method(visit):
    """A function that calls one of the module's own functions in the page."""
    explorer = make()
    one = visit(explorer.html())
    names = "openLayer, quantisationError, bestScale, kernelSlices, shareAbove, thresholdPlace"
    source = explorer._esm.replace("export default { render };", f"export {{ {names}, ticks }};")
    one.page.evaluate(
        """async (source) => {
            const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
            window.method = await import(url);
        }""",
        source,
    )

    def call(name, packed, *arguments):
        return one.page.evaluate(
            "([name, packed, rest]) => method[name](method.openLayer(packed), ...rest)",
            [name, packed, list(arguments)],
        )

    call.page = one.page
    return explorer, call


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_the_modules_error_equals_pythons_at_every_step_of_the_slider(method, layer):
    explorer, call = method
    packed = explorer._data["layers"][layer]
    view = explorer._layers[layer]
    for step in (0, 1, -1, 20, -63, 131, BIAS_STEPS, -BIAS_STEPS):
        bias = step / HALF * view.weights.reach
        best = explorer.best_scale(layer, bias)
        assert call("bestScale", packed, bias) == pytest.approx(best, rel=2e-6, abs=1e-9)
        for scale in (0, 0.7 * best, best, view.absmean, 2.5 * view.absmean):
            found = call("quantisationError", packed, bias, scale)
            assert found == pytest.approx(explorer.error(layer, bias, scale), abs=2e-6)
        place = call("thresholdPlace", packed, bias)
        assert place == pytest.approx(HALF - step)


def test_between_steps_the_module_is_as_near_as_a_bin_allows(method):
    explorer, call = method
    packed, view = explorer._data["layers"][1], explorer._layers[1]
    for bias in np.random.default_rng(0).uniform(-view.bias_reach, view.bias_reach, 12):
        found = call("quantisationError", packed, float(bias), view.absmean)
        counts = view.weights.counts / view.weight.size
        inside = counts[min(int((1 - bias / view.weights.reach) * HALF), 2 * HALF - 1)]
        slack = 4 * inside * abs(bias) * view.absmean / view.rms**2 + 2e-6
        assert found == pytest.approx(explorer.error(1, bias, view.absmean), abs=slack)


def test_the_modules_kernels_are_those_of_the_layer(method):
    explorer, call = method
    packed, weight = explorer._data["layers"][2], explorer._layers[2].weight.astype(float)
    for channel, bias in ((1, 0.0), (3, 0.02), (-1, -0.01)):
        found = call("kernelSlices", packed, 4, channel, bias)
        chosen = weight[4] if channel < 0 else weight[4, channel : channel + 1]
        for name, expected, slack in (
            ("real", chosen, 2e-5),
            ("binary", np.where(chosen + bias >= 0, 1.0, -1.0), 1e-12),
        ):
            slices = found[name]
            np.testing.assert_allclose(slices, expected.mean(0).reshape(3, 9), atol=slack)
        assert found["most"] == pytest.approx(np.abs(chosen.mean(0)).max(), abs=2e-5)


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (0, 1, 4, [0, 0.5, 1]),
        (-0.3, 0.3, 6, [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]),
        (1, 12, 5, None),
    ],
)
def test_ticks_are_round(method, low, high, count, expected):
    _, call = method
    found = call.page.evaluate("(rest) => method.ticks(...rest)", [low, high, count])
    assert found == pytest.approx(expected or [5, 10])


def test_sliders_move_the_error_to_what_python_computes(visit):
    explorer = make()
    one = visit(explorer.html())
    layer = explorer._layers[0]
    closed = 1 - layer.absmean**2 / layer.rms**2
    for name in ("error", "least", "closed"):
        assert number(fact(one, name)) == pytest.approx(closed, abs=5.1e-5)
    weights, curve, kernel = (one.picture(f".vl-{n}") for n in ("weights", "curve", "kernels"))
    slider(one, "bias b").focus()
    press(one, "ArrowRight", 9)
    press(one, "PageUp")
    steps = int(slider(one, "bias b").input_value())
    assert steps > 9
    bias = steps / HALF * layer.weights.reach
    error = explorer.error(0, bias, layer.absmean)
    assert abs(error - closed) > 1e-3
    assert number(fact(one, "error")) == pytest.approx(error, abs=5.1e-5)
    best = explorer.best_scale(0, bias)
    assert number(fact(one, "best")) == pytest.approx(best, rel=5.1e-4)
    assert number(fact(one, "least")) == pytest.approx(explorer.error(0, bias, best), abs=5.1e-5)
    plus = 100 * (layer.weight >= -bias).mean()
    assert number(fact(one, "plus")) == pytest.approx(plus, abs=0.051)
    shown = one.page.locator(".vl-slider output").first.inner_text()
    assert number(shown) == pytest.approx(bias, rel=5e-3)
    slider(one, "scale α").focus()
    press(one, "ArrowLeft", 30)
    error = explorer.error(0, bias, 0.7 * layer.absmean)
    assert number(fact(one, "error")) == pytest.approx(error, abs=5.1e-5)
    assert one.picture(".vl-weights") != weights
    assert one.picture(".vl-curve") != curve
    assert one.picture(".vl-kernels") != kernel
    one.page.get_by_role("button", name="best scale for this bias").click()
    assert fact(one, "error") == fact(one, "least")


def test_shares_of_plus_ones_count_all_values(visit):
    explorer = make()
    one = visit(explorer.html())
    live = 100 * (explorer._layers[0].activations.counts[HALF:].sum() / 900)
    assert number(fact(one, "live")) == pytest.approx(live, abs=0.051)


def test_dragging_on_the_charts_moves_threshold_and_scale(visit):
    explorer = make()
    one = visit(explorer.html())
    layer = explorer._layers[0]
    left, right = 50, 14  # room at the sides of a chart
    for name, slot in (("weights", 0.25), ("curve", 0.8)):
        canvas = one.page.locator(f".vl-{name}")
        box = canvas.bounding_box()
        x = left + slot * (box["width"] - left - right)
        one.page.mouse.move(box["x"] + 200, box["y"] + 100)
        one.page.mouse.down()
        one.page.mouse.move(box["x"] + x, box["y"] + 100, steps=3)
        one.page.mouse.up()
        one.page.mouse.move(box["x"] + 60, box["y"] + 100)  # let go: nothing follows
        one.settle()
    steps = int(slider(one, "bias b").input_value())
    assert steps == pytest.approx(HALF / 2, abs=2)  # threshold in the middle of the left half
    assert int(slider(one, "scale α").input_value()) == pytest.approx(200, abs=2)
    error = explorer.error(0, steps / HALF * layer.weights.reach, 2 * layer.absmean)
    assert number(fact(one, "error")) == pytest.approx(error, rel=0.02)


def test_left_and_right_change_the_layer(visit):
    explorer = make()
    one = visit(explorer.html())
    select = one.page.get_by_role("combobox", name="layer")
    slider(one, "bias b").focus()
    press(one, "ArrowRight", 5)
    assert select.input_value() == "0"  # a slider keeps its keys
    select.focus()
    right, left = "ArrowRight", "ArrowLeft"
    for key, index in ((right, 1), (right, 2), (right, 0), (left, 2), (left, 1)):
        press(one, key)
        assert select.input_value() == str(index)
        layer = explorer._layers[index]
        expected = explorer.error(index, 0, layer.absmean)  # a new layer starts at b = 0
        assert number(fact(one, "error")) == pytest.approx(expected, abs=5.1e-5)
        assert slider(one, "bias b").input_value() == "0"


def test_buttons_and_bars_change_the_layer(visit):
    one = visit(make().html())
    select = one.page.get_by_role("combobox", name="layer")
    pictures = {one.picture(".vl-cosines")}
    one.page.get_by_role("button", name="next layer").click()
    pictures.add(one.picture(".vl-cosines"))
    assert select.input_value() == "1"
    one.page.locator(".vl-cosines").click(position={"x": 150, "y": 34 + 2.5 * 24})
    pictures.add(one.picture(".vl-cosines"))
    assert select.input_value() == "2"
    assert len(pictures) == 3
    assert one.page.locator(".vl-tooltip").inner_text() == "conv3b: 0.6000"
    one.page.get_by_role("button", name="previous layer").click()
    one.settle()
    assert select.input_value() == "1"


def test_the_flip_history_tells_its_numbers(visit):
    one = visit(make().html())
    canvas = one.page.locator(".vl-flips")
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] - 14, "y": box["height"] - 40})
    share = 100 * 0.03 * np.exp(-11 / 4)
    assert one.page.locator(".vl-tooltip").inner_text() == f"conv2a, epoch 12: {share:.2f} %"
    assert "12 epochs: 3.00 % at first" in canvas.get_attribute("aria-label")


def test_filters_and_channels_change_the_kernel(visit):
    one = visit(make().html())
    pictures = {one.picture(".vl-kernels")}
    slider(one, "filter").focus()
    press(one, "ArrowRight", 5)
    pictures.add(one.picture(".vl-kernels"))
    slider(one, "input channel").focus()
    press(one, "ArrowRight")
    pictures.add(one.picture(".vl-kernels"))
    press(one, "Home")
    pictures.add(one.picture(".vl-kernels"))
    assert len(pictures) == 4
    assert slider(one, "input channel").get_attribute("aria-valuetext") == "mean of 4"
    assert slider(one, "filter").get_attribute("max") == "5"


def test_missing_histories_and_cosines_leave_no_empty_charts(visit):
    one = visit(make(flips=None, cosine=None).html())
    assert not one.page.locator(".vl-flips").is_visible()
    assert not one.page.locator(".vl-cosines").is_visible()


def test_one_pixel_kernels_one_layer_and_one_epoch(visit):
    layer = LayerView("1×1", np.array([[[[[-0.2]]]]]), [0.0], [0.5], -0.3)
    one = visit(BinarizationExplorer([layer]).html())
    assert not one.page.get_by_role("combobox").is_visible()
    assert number(fact(one, "error")) == 0
    assert number(fact(one, "plus")) == 0
    assert number(fact(one, "live")) == 100


def test_hostile_names_stay_text(visit):
    bad = "<img src=x onerror=window.hacked=1>"
    worse = "</script><script>window.hacked=1</script>"
    explorer = make(names=(bad, worse))
    explorer.title = worse
    one = visit(explorer.html())
    press(one, "Tab")
    one.page.locator(".vl-cosines").hover(position={"x": 150, "y": 60})
    one.page.wait_for_timeout(200)
    assert one.page.evaluate("window.hacked") is None
    assert one.page.locator("img").count() == 0
    assert one.page.locator("h3").inner_text() == worse
    assert one.page.locator("option").all_inner_texts() == [f"1 · {bad}", f"2 · {worse}"]
    assert bad in one.page.locator(".vl-weights").get_attribute("aria-label")


def test_every_control_is_reached_by_tab_and_every_picture_has_words(visit):
    one = visit(make().html())
    assert one.tab(8) == [
        "previous layer", "layer", "next layer", "bias b", "scale α", "best scale for this bias",
        "filter", "input channel",
    ]  # fmt: skip
    labels = [c.get_attribute("aria-label") for c in one.page.locator("canvas").all()]
    assert len(labels) == 6
    assert all(labels)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 700, 1000])
def test_nothing_is_cut_off(visit, scheme, width):
    names = ("conv2a", "a long name of a layer with many words in it", "conv3b", "c", "d", "e")
    one = visit(make(names=names).html(), width=width, scheme=scheme)
    assert one.theme() == scheme
    assert not one.cut_off("canvas, .vl-slider, .vl-facts, .vl-button")
    one.shoot(f"binarization-{scheme}-{width}")


def test_fifty_layers_fit(visit):
    names = tuple(f"layer4.{i}.conv" for i in range(50))
    one = visit(make(names=names).html(), width=800)
    assert one.page.locator(".vl-cosines").bounding_box()["height"] < 500
    one.page.locator(".vl-cosines").click(position={"x": 150, "y": 34 + 49.5 * 7})
    one.settle()
    assert one.page.get_by_role("combobox", name="layer").input_value() == "49"
    one.shoot("binarization-many")


@pytest.mark.parametrize("missing", [{"flips": None}, {"flips": None, "cosine": None}])
def test_what_is_not_given_leaves_no_empty_room(visit, missing):
    one = visit(make(**missing).html())
    room = one.page.locator(".vl-explorer").evaluate(
        """(root) => {
            const bottom = (node) => node.getBoundingClientRect().bottom;
            const shown = [...root.querySelectorAll("p, canvas, input")]
                .filter((node) => node.checkVisibility());
            return bottom(root) - Math.max(...shown.map(bottom));
        }"""
    )
    assert room == pytest.approx(17, abs=2)  # the card's padding and border
    if "cosine" not in missing:
        height = one.page.locator(".vl-cosines").bounding_box()["height"]
        assert height < 160  # three bars and their axis
