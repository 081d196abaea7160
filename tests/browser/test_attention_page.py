"""The attention explorer's page: its numbers, colours, hands and looks."""

import numpy as np
import pytest

from vidlab.metrics.attention import entropy, rollout
from vidlab.widgets import AttentionExplorer, AttentionView, Tokens
from vidlab.widgets.base import SEQUENTIAL

pytestmark = pytest.mark.browser

WORDS = ("a", "red", "disc", "turns", "round")
GRID = (3, 4)
EDGE = 3  # of a strip of frames, as attention_tokens.js lays it out


def rows_of_one(*shape, seed=0):
    logits = 3 * np.random.default_rng(seed).normal(size=shape)
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def film(frames=5, level=60):
    """A bright block that wanders over an even ground."""
    clip = np.full((frames, 36, 48, 3), level, np.uint8)
    for t, frame in enumerate(clip):
        frame[12:24, 6 * t : 6 * t + 12] = (240, 190, 120)
    return clip


def patches(samples=1, frames=5, **changes):
    """Self-attention over CLS and 3 x 4 patches of 5 frames: 61 tokens, 2 layers, 3 heads."""
    count = 1 + frames * 12
    views = [
        AttentionView(
            rows_of_one(2, 3, count, count, seed=i),
            Tokens(special=("CLS",), frames=film(frames), grid=GRID),
            name=f"clip {i}",
        )
        for i in range(samples)
    ]
    return AttentionExplorer(views, **changes)


def crossed(words=WORDS, **changes):
    """Words that look at 3 x 4 patches of 5 frames; one layer, two heads."""
    weights = rows_of_one(2, len(words), 60)
    keys = Tokens(frames=film(), grid=GRID)
    return AttentionExplorer([AttentionView(weights, keys, Tokens(words=words))], **changes)


def fact(one, name):
    one.settle()
    return one.page.locator(f"[data-fact={name}]").inner_text()


def table(one):
    """Rows of the strongest keys: (name, weight, times the even share)."""
    one.settle()
    rows = []
    for row in one.page.locator(".vl-table tbody tr").all():
        name, weight, ratio = row.locator("th, td").all_inner_texts()
        rows.append((name, float(weight.rstrip(" %")) / 100, float(ratio)))
    return rows


def frame_width(one, selector, frames, low, high, aspect=4 / 3, columns=4):
    """Width of a frame and frames in a row, worked out as attention_tokens.js does."""
    width = one.page.locator(".vl-attention").evaluate("(node) => node.clientWidth") - 36 - 2 * EDGE
    least = max(9 * columns, low)
    across = max(1, min(frames, int((width + 8) // (least + 8))))
    lines = -(-frames // across)
    even = -(-frames // lines)
    return int(min((width - (even - 1) * 8) / even, high * aspect, width)), even


def place(one, selector, t, row, column, frames=5):
    """The middle of a patch on a strip, in CSS pixels."""
    low, high = (64, 104) if selector == ".vl-queries" else (96, 220)
    wide, even = frame_width(one, selector, frames, low, high)
    tall = round(wide * 3 / 4)
    left = EDGE + t % even * (wide + 8)
    top = EDGE + t // even * (tall + 16 + 8)
    return left + (column + 0.5) * wide / 4, top + (row + 0.5) * tall / 3


def rgb(text):
    return [int(text[i : i + 2], 16) for i in (1, 3, 5)]


def heat(value):
    """The colour of a share of the largest weight, 0 .. 1."""
    stops = np.array([rgb(stop) for stop in SEQUENTIAL["dark"]])
    at = np.linspace(0, 1, len(stops))
    return [np.interp(value, at, stops[:, k]) for k in range(3)]


@pytest.mark.parametrize("mode", ["head", "mean", "rollout"])
def test_the_read_outs_have_pythons_numbers(visit, mode):
    explorer = patches(samples=2)
    explorer.sample, explorer.layer, explorer.head = 1, 1, 2
    explorer.mode, explorer.query = mode, 30
    one = visit(explorer.html())
    weights = rows_of_one(2, 3, 61, 61, seed=1)
    row = {
        "head": weights[1, 2],
        "mean": weights[1].mean(0),
        "rollout": rollout(weights)[1],
    }[mode][30]
    assert float(fact(one, "entropy")) == pytest.approx(entropy(row[None])[0], abs=6e-4)
    assert fact(one, "query") == "frame 2, row 1, column 1"  # 1 + 2 * 12 + 4 + 1
    assert fact(one, "seen-by") == f"layer 2, {'head 3' if mode == 'head' else mode}"
    order = np.argsort(-row)[:5]
    for token, (name, weight, ratio) in zip(order, table(one), strict=True):
        t, patch = divmod(int(token) - 1, 12)
        assert name == ("CLS" if token == 0 else f"frame {t} ({patch // 4}, {patch % 4})")
        assert weight == pytest.approx(row[token], abs=row.max() / 255 + 6e-4)
        assert ratio == pytest.approx(row[token] * 61, abs=61 * row.max() / 255 + 0.06)


def test_patches_of_keys_have_the_colour_of_their_weight(visit):
    explorer = crossed()
    explorer.overlay, explorer.query, explorer.head = 1.0, 3, 1
    one = visit(explorer.html())
    row = explorer._samples[0].maps[0, 1, 3]
    outlined = set(np.argsort(-row)[:3].tolist())
    assert len(np.unique(row)) == 60
    for token in range(0, 60, 3):
        t, patch = divmod(token, 12)
        x, y = place(one, ".vl-keys", t, patch // 4, patch % 4)
        expected = pytest.approx(heat(row[token] / row.max()), abs=4)
        assert one.pixel(".vl-keys", x, y) == expected, (token, token in outlined)


def test_the_overlay_lets_the_frame_through_in_grey(visit):
    explorer = crossed()
    one = visit(explorer.html())
    x, y = place(one, ".vl-keys", 0, 0, 0)
    slider = one.page.get_by_role("slider", name="colour over frames")
    slider.focus()
    one.press("Home")
    for _ in range(50):  # the sheet of frames may still be decoding
        if any(one.pixel(".vl-keys", x, y)):
            break
        one.page.wait_for_timeout(100)
    assert one.pixel(".vl-keys", x, y) == pytest.approx([60, 60, 60], abs=3)
    red, green, blue = one.pixel(".vl-keys", *place(one, ".vl-keys", 0, 1, 0))  # the block
    assert max(red, green, blue) - min(red, green, blue) <= 3
    assert red > 150
    one.press("End")
    expected = heat(
        explorer._samples[0].maps[0, 0, 0, 0] / explorer._samples[0].maps[0, 0, 0].max()
    )
    assert one.pixel(".vl-keys", x, y) == pytest.approx(expected, abs=4)


def test_keys_move_the_query_through_rows_and_frames(visit):
    one = visit(patches().html(), expose=True)
    one.page.locator(".vl-ask").focus()
    before = [one.picture(name) for name in (".vl-queries", ".vl-keys", ".vl-thumbnail")]
    one.press("ArrowRight")
    assert one.traits("query") == [1]  # from CLS to the first patch
    assert [one.picture(n) for n in (".vl-queries", ".vl-keys", ".vl-thumbnail")] != before
    one.press("ArrowDown", "ArrowRight", "PageDown")
    assert one.traits("query") == [1 + 4 + 1 + 12]
    assert fact(one, "query") == "frame 1, row 1, column 1"
    one.press("ArrowUp", "ArrowLeft")
    assert one.traits("query") == [13]
    one.press("End", "ArrowRight")
    assert one.traits("query") == [60]
    one.press("Home", "ArrowLeft", "PageUp")
    assert one.traits("query") == [0]


def test_brackets_change_the_head(visit):
    one = visit(patches().html(), expose=True)
    one.page.locator(".vl-ask").focus()
    one.press("]", "]")
    assert one.traits("head", "mode") == [2, "head"]
    one.press("]")
    assert one.traits("head") == [0]
    one.press("[")
    assert one.traits("head") == [2]
    assert fact(one, "seen-by") == "layer 1, head 3"
    assert one.page.get_by_role("combobox", name="head").input_value() == "2"


def test_clicks_choose_patches_words_rows_and_heads(visit):
    one = visit(patches().html(), expose=True)

    def click(selector, x, y):
        one.page.locator(selector).click(position={"x": x, "y": y})

    click(".vl-queries", *place(one, ".vl-queries", 3, 2, 1))
    assert one.traits("query") == [1 + 3 * 12 + 2 * 4 + 1]
    one.page.locator(".vl-ask .vl-chip").click()
    assert one.traits("query") == [0]
    click(".vl-keys", *place(one, ".vl-keys", 1, 0, 2))  # a key is asked in turn
    assert one.traits("query") == [1 + 12 + 2]
    one.page.locator(".vl-answer .vl-chip").click()
    assert one.traits("query") == [0]
    box = one.page.locator(".vl-thumbnail").bounding_box()
    high = box["height"] - 24
    click(".vl-thumbnail", 60, 4 + (40 + 0.5) * high / 61)
    assert one.traits("query") == [40]
    for which, expected in ((1, [1, "head"]), (3, [1, "mean"]), (4, [1, "rollout"])):
        click(".vl-entropies", 120, 2 + (which + 0.5) * 20)
        assert one.traits("head", "mode") == expected
    assert one.page.get_by_role("combobox", name="show").input_value() == "rollout"


def test_in_cross_attention_keys_are_not_asked(visit):
    one = visit(crossed().html(), expose=True)
    one.page.locator(".vl-ask .vl-chip").nth(3).click()
    assert one.traits("query") == [3]
    assert fact(one, "query") == "turns"
    x, y = place(one, ".vl-keys", 1, 1, 1)
    one.page.locator(".vl-keys").click(position={"x": x, "y": y})
    assert one.traits("query") == [3]
    assert one.page.get_by_role("combobox", name="show").locator("option").count() == 2


def test_the_pointer_tells_a_keys_weight(visit):
    explorer = crossed()
    one = visit(explorer.html())
    x, y = place(one, ".vl-keys", 4, 2, 0)
    one.page.locator(".vl-keys").hover(position={"x": x, "y": y})
    words = one.page.locator(".vl-tooltip").inner_text()
    row = explorer._samples[0].maps[0, 0, 0].astype(float)
    name, weight = words.split(": ")
    assert name == "frame 4, row 2, column 0"
    assert float(weight.rstrip(" %")) == pytest.approx(
        100 * row[4 * 12 + 8], abs=0.4 * row.max() + 0.01
    )


def test_words_carry_their_weight_and_colour(visit):
    weights = rows_of_one(2, 5, 5)
    explorer = AttentionExplorer([AttentionView(weights, Tokens(words=WORDS))])
    explorer.query = 2
    one = visit(explorer.html())
    row = weights[0, 2]
    for token, chip in enumerate(one.page.locator(".vl-answer .vl-chip").all()):
        name, weight = chip.locator("span").all_inner_texts()
        assert name == WORDS[token]
        assert float(weight.rstrip(" %")) / 100 == pytest.approx(row[token], abs=5e-3)
        ground = chip.evaluate("(chip) => getComputedStyle(chip).backgroundColor")
        shown = [int(c) for c in ground.strip("rgb()").split(",")]
        assert shown == pytest.approx(heat(row[token] / row.max()), abs=2)
    assert not one.page.locator(".vl-keys").is_visible()
    assert not one.page.get_by_role("slider").is_visible()


def test_sample_layer_head_and_mode_are_switched(visit):
    views = [
        AttentionView(rows_of_one(2, 3, n, n, seed=n), Tokens(words=[f"w{i}" for i in range(n)]))
        for n in (6, 4)
    ]
    explorer = AttentionExplorer(views)
    explorer.query = 5
    one = visit(explorer.html(), expose=True)
    one.page.get_by_role("button", name="next sample").click()
    assert one.traits("sample", "query") == [1, 3]
    assert one.page.locator(".vl-ask .vl-chip").count() == 4
    one.page.get_by_role("combobox", name="layer").select_option(label="layer 2")
    one.page.get_by_role("combobox", name="head").select_option(label="head 2")
    assert one.traits("layer", "head", "mode") == [1, 1, "head"]
    expected = entropy(views[1].weights[1, 1])[3]
    assert float(fact(one, "entropy")) == pytest.approx(expected, abs=6e-4)
    one.page.get_by_role("combobox", name="show").select_option("mean")
    expected = entropy(views[1].weights[1].mean(0))[3]
    assert float(fact(one, "entropy")) == pytest.approx(expected, abs=6e-4)


def test_the_kernels_values_are_shown(visit):
    one = visit(patches(samples=2).html(), expose=True)
    before = one.picture(".vl-keys")
    one.page.evaluate(
        "(told) => Object.entries(told).forEach((one) => traits.set(...one))",
        {"query": 33, "head": 1, "layer": 1, "overlay": 0.2},
    )
    assert one.picture(".vl-keys") != before
    assert fact(one, "query") == "frame 2, row 2, column 0"
    assert one.page.get_by_role("combobox", name="layer").input_value() == "1"
    assert one.page.locator(".vl-slider output").inner_text() == "20 %"


def test_one_token_one_head_and_whole_frames(visit):
    small = AttentionExplorer([AttentionView(np.ones((1, 1, 1)), Tokens(words=("alone",)))])
    frames = AttentionExplorer([AttentionView(rows_of_one(1, 5, 5), Tokens(frames=film()))])
    one = visit(small.html())
    assert table(one) == [("alone", 1, 1)]
    assert fact(one, "entropy") == "0.000"
    other = visit(frames.html())
    assert fact(other, "query") == "frame 0"


def test_hostile_names_stay_text(visit):
    bad = "<img src=x onerror=window.hacked=1>"
    worse = "</script><script>window.hacked=1</script>"
    tokens = Tokens(special=(worse,), words=(bad, worse))
    view = AttentionView(rows_of_one(2, 2, 3, 3), tokens, name=bad)
    explorer = AttentionExplorer(
        [view, view], layer_names=[bad, worse], head_names=[worse, bad], title=worse, alt=bad
    )
    one = visit(explorer.html())
    one.page.locator(".vl-ask").focus()
    one.press("ArrowRight", "]")
    one.page.wait_for_timeout(200)
    assert one.page.evaluate("window.hacked") is None
    assert one.page.locator("img").count() == 0
    assert one.page.locator("h3").inner_text() == worse
    assert fact(one, "query") == bad
    assert one.page.locator(".vl-chip-name").nth(1).inner_text() == bad


def test_every_control_is_reached_by_tab_and_every_picture_has_words(visit):
    one = visit(patches(samples=2).html())
    assert one.tab(12) == [
        *(way + kind for kind in ("sample", "layer", "head") for way in ("previous ", "", "next ")),
        "show", "query: arrows move the query, [ and ] change the head.", "colour over frames",
    ]  # fmt: skip
    labels = [c.get_attribute("aria-label") for c in one.page.locator("canvas").all()]
    assert len(labels) == 5
    assert all(labels)
    assert "frame" in one.page.locator(".vl-spoken").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 1000])
@pytest.mark.parametrize("make", [patches, crossed])
def test_both_themes_read_well_and_nothing_is_cut_off(visit, make, scheme, width):
    one = visit(make(title="Who looks at what").html(), width=width, scheme=scheme)
    assert one.theme() == scheme
    assert one.contrast() >= 4.5
    assert not one.cut_off(
        "canvas, select, table, .vl-chip, .vl-slider, .vl-facts", rooms=".vl-part"
    )
    one.shoot(f"attention-{make.__name__}-{scheme}-{width}")


def test_nothing_jumps_while_query_head_and_mode_change(visit):
    one = visit(patches().html())
    one.page.locator(".vl-ask").focus()
    heights = set()
    for keys in (["ArrowRight"], ["PageDown", "ArrowDown"], ["]"], ["End"], ["Home", "["]):
        one.press(*keys)
        heights.add(one.page.locator(".vl-explorer").bounding_box()["height"])
    one.page.get_by_role("combobox", name="show").select_option("mean")
    one.settle()
    heights.add(one.page.locator(".vl-explorer").bounding_box()["height"])
    assert len(heights) == 1
