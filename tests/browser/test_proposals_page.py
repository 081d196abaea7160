"""The proposal explorer's page: its links, its numbers, its hands and looks."""

import numpy as np
import pytest

from vidlab.metrics.correspondence import right_proposals
from vidlab.widgets import ProposalExplorer
from vidlab.widgets.base import SEQUENTIAL

pytestmark = pytest.mark.browser

SHAPE = (3, 3, 4)  # 3 frames of 3 x 4 points: 36
INSIDE = 12
FRAME = np.arange(36) // INSIDE
EDGE = 3  # of the strip of frames, as attention_tokens.js lays it out
LINKS = {"right": [69, 181, 236], "wrong": [245, 168, 0], "open": [240, 179, 221]}


def film(frames=3, level=60):
    return np.full((frames, 36, 48, 3), level, np.uint8)


def alike(seed=0, count=36):
    features = np.random.default_rng(seed).normal(size=(count, 5))
    return -((features[:, None] - features[None]) ** 2).sum(-1)


def nearest(similarity, k=3):
    masked = np.where(FRAME[:, None] == FRAME, -np.inf, similarity)
    return np.argsort(-masked, axis=1, kind="stable")[:, :k]


def moved():
    """What a point shows moves a column a frame; points of the last row have no partner."""
    truth = np.full((36, 3), -1)
    for p in range(36):
        t, y, x = p // 12, p // 4 % 3, p % 4
        for s in range(3):
            if y < 2 and 0 <= x + s - t < 4:
                truth[p, s] = (s * 3 + y) * 4 + x + s - t
    return truth


def make(**changes):
    """Two variants with similarities of their own; "after" has some right proposals."""
    truth, after = moved(), nearest(alike(1), 4)
    for p in range(0, 36, 2):  # half of the points find their first partner
        partners = [q for s, q in enumerate(truth[p]) if q >= 0 and s != FRAME[p]]
        if partners and partners[0] not in after[p]:
            after[p, 1] = partners[0]
    values = {
        "frames": film(),
        "points_shape": SHAPE,
        "neighbours": {"before": nearest(alike()), "after": after},
        "similarity": {"before": alike(), "after": alike(1)},
        "truth": truth,
    }
    return ProposalExplorer(**{**values, **changes})


def fact(one, name):
    one.settle()
    return one.page.locator(f"[data-fact={name}]").inner_text()


def table(one):
    """Rows of the proposals as the page writes them."""
    one.settle()
    rows = one.page.locator(".vl-numbers tbody tr").all()
    return [row.locator("th, td").all_inner_texts() for row in rows]


def name_of(p):
    return f"frame {p // 12} ({p // 4 % 3}, {p % 4})"


def frame_size(one, frames=3):
    """Width and height of a frame, and frames in a row, as attention_tokens.js works them out."""
    width = one.page.locator(".vl-stage").evaluate("(node) => node.clientWidth") - 2 * EDGE
    high = 320 if frames <= 3 else 200
    across = max(1, min(frames, int((width + 8) // (80 + 8))))
    even = -(-frames // -(-frames // across))
    wide = int(min((width - (even - 1) * 8) / even, high * 4 / 3))
    return wide, round(wide * 3 / 4), even


def place(one, p, frames=3):
    """The middle of a point's cell, in CSS pixels."""
    wide, tall, even = frame_size(one, frames)
    t, y, x = p // 12, p // 4 % 3, p % 4
    left, top = EDGE + t % even * (wide + 8), EDGE + t // even * (tall + 16 + 8)
    return left + (x + 0.5) * wide / 4, top + (y + 0.5) * tall / 3


def click(one, selector, x, y):
    one.page.locator(selector).click(position={"x": x, "y": y})


def rgb(text):
    return [int(text[i : i + 2], 16) for i in (1, 3, 5)]


def heat(value):
    stops = np.array([rgb(stop) for stop in SEQUENTIAL["light"]])
    return [np.interp(value, np.linspace(0, 1, len(stops)), stops[:, k]) for k in range(3)]


@pytest.mark.parametrize("slack", [0, 1])
def test_the_table_has_the_proposals_their_similarity_and_whether_they_are_right(visit, slack):
    explorer = make(slack=slack)
    explorer.variant = "after"
    one = visit(explorer.html(), expose=True)
    neighbours = explorer._neighbours["after"]
    right = right_proposals(neighbours, moved(), SHAPE, slack)
    step = np.ptp(alike(1)[FRAME[:, None] != FRAME]) / 255
    verdicts = set()
    for p in (0, 6, 14, 19, 23, 26, 35):
        one.page.evaluate("(p) => traits.set('point', p)", p)
        is_judged = p // 4 % 3 < 2
        rows = table(one)
        assert [row[:2] for row in rows] == [
            [str(i + 1), name_of(j)] for i, j in enumerate(neighbours[p])
        ]
        for j, ok, row in zip(neighbours[p], right[p], rows, strict=True):
            value = float(row[2].replace("\u2212", "-"))
            assert value == pytest.approx(alike(1)[p, j], abs=step / 2 + 0.006)
            assert row[3] == (("right" if ok else "wrong") if is_judged else "–")
            verdicts.add(row[3])
        words = fact(one, "verdict")
        if is_judged:
            assert words == f"{right[p].sum()} of 4 right"
        else:
            assert words.startswith("not judged")
    assert verdicts == {"right", "wrong", "–"}


def test_scores_are_pythons_for_every_variant_and_slack(visit):
    explorer = make()
    one = visit(explorer.html(), expose=True)
    for variant in ("before", "after"):
        for slack in range(4):
            one.page.evaluate(
                "([name, n]) => { traits.set('variant', name); traits.set('slack', n); }",
                [variant, slack],
            )
            scores = explorer.scores(variant, slack)
            shown = [fact(one, name) for name in ("share", "found", "chance", "judged")]
            assert [float(words.rstrip(" %")) for words in shown[:3]] == pytest.approx(
                [100 * scores.share, 100 * scores.found, 100 * scores.chance], abs=0.051
            )
            assert shown[3] == str(scores.points)
            label = one.page.locator(".vl-shares").get_attribute("aria-label")
            assert f"{variant} {shown[0]}, points with one {shown[1]}" in label


@pytest.mark.parametrize(("point", "slack", "kind"), [
    (2, 0, "right"), (1, 0, "wrong"), (1, 1, "right"), (9, 0, "open"),
])  # fmt: skip
def test_a_link_has_the_colour_of_its_verdict_and_ends_at_its_proposal(visit, point, slack, kind):
    neighbours = (np.arange(36)[:, None] + 12) % 36  # the same place in the next frame
    neighbours[2] = 15  # where the thing went: a column further
    explorer = make(neighbours=neighbours, similarity=None, slack=slack)
    explorer.point = point
    one = visit(explorer.html())
    x, (u, v) = place(one, point)[0], place(one, int(neighbours[point, 0]))
    wide, tall, _ = frame_size(one)
    found = one.page.locator(".vl-clip").evaluate(WHERE, list(LINKS.values()))
    for name, box in zip(LINKS, found, strict=True):
        if name != kind:
            assert box is None
            continue
        left, top, right, bottom = box
        assert left == pytest.approx(x, abs=wide / 8 + 4)  # not through the point's own outline
        assert right == pytest.approx(u + wide / 8, abs=3)
        assert (top, bottom) == pytest.approx((v - tall / 6, v + tall / 6), abs=3)


# Where each of the colours lies in a canvas: [left, top, right, bottom], or null.
WHERE = """(canvas, colours) => {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    return colours.map((colour) => {
        const box = [Infinity, Infinity, -Infinity, -Infinity];
        for (let i = 0; i < data.length; i += 4) {
            if (colour.some((c, k) => data[i + k] !== c)) continue;
            const [x, y] = [(i / 4) % canvas.width, Math.floor(i / 4 / canvas.width)];
            [box[0], box[1]] = [Math.min(box[0], x), Math.min(box[1], y)];
            [box[2], box[3]] = [Math.max(box[2], x), Math.max(box[3], y)];
        }
        return box[0] === Infinity ? null : box;
    });
}"""


def test_the_matrix_has_the_similarity_of_every_pair_and_nothing_within_a_frame(visit):
    explorer = make()
    explorer.point = 35
    one = visit(explorer.html())
    matrix = one.page.locator(".vl-pairs")
    side = min(matrix.evaluate("(node) => node.parentNode.clientWidth") - 26, 340)
    cell = side / 36
    values = alike()
    pairs = values[FRAME[:, None] != FRAME]
    for i in range(1, 33, 5):
        for j in range(0, 36, 5):
            x, y = 22 + (j + 0.5) * cell, 4 + (i + 0.5) * cell
            shown = one.pixel(matrix, x, y)
            if FRAME[i] == FRAME[j]:
                assert shown == [255, 255, 255]
            else:
                share = (values[i, j] - pairs.min()) / np.ptp(pairs)
                assert shown == pytest.approx(heat(share), abs=5), (i, j)


def test_clicks_choose_a_point_of_the_clip_a_row_of_the_matrix_and_a_variant(visit):
    one = visit(make().html(), expose=True)
    for p in (17, 3, 32):
        click(one, ".vl-clip", *place(one, p))
        assert one.traits("point") == [p]
        assert fact(one, "point") == f"frame {p // 12}, row {p // 4 % 3}, column {p % 4}"
    before = one.picture(".vl-clip"), one.picture(".vl-pairs")
    matrix = one.page.locator(".vl-pairs")
    side = min(matrix.evaluate("(node) => node.parentNode.clientWidth") - 26, 340)
    click(one, ".vl-pairs", 22 + 3.5 * side / 36, 4 + 20.5 * side / 36)
    assert one.traits("point") == [20]
    assert one.picture(".vl-clip") != before[0]
    assert one.picture(".vl-pairs") != before[1]
    click(one, ".vl-shares", 60, 2 + 22 + 11)
    assert one.traits("variant") == ["after"]
    one.page.get_by_role("button", name="next variant").click()
    assert one.traits("variant") == ["before"]


def test_keys_move_the_point_and_change_the_variant(visit):
    explorer = make()
    explorer.point = 0
    one = visit(explorer.html(), expose=True)
    one.page.locator(".vl-stage").focus()
    one.press("ArrowRight", "ArrowDown", "PageDown")
    assert one.traits("point") == [1 + 4 + 12]
    one.press("ArrowUp", "ArrowLeft", "PageUp")
    assert one.traits("point") == [0]
    one.press("ArrowLeft")
    assert one.traits("point") == [0]
    one.press("End")
    assert one.traits("point") == [35]
    one.press("]")
    assert one.traits("variant") == ["after"]
    one.press("]", "[", "[")
    assert one.traits("variant") == ["before"]
    assert "frame 2, row 2, column 3, before" in one.page.locator(".vl-spoken").inner_text()
    one.page.get_by_role("slider", name="right within").focus()
    one.press("ArrowRight")
    assert one.traits("slack", "point") == [1, 35]
    assert one.page.locator(".vl-slider output").inner_text() == "1 cell"


def test_pointing_in_the_matrix_shows_the_cell_and_the_other_way_round(visit):
    explorer = make()
    explorer.point = 5
    one = visit(explorer.html())
    still = one.picture(".vl-clip"), one.picture(".vl-pairs")
    matrix = one.page.locator(".vl-pairs")
    cell = min(matrix.evaluate("(node) => node.parentNode.clientWidth") - 26, 340) / 36
    matrix.hover(position={"x": 22 + 30.5 * cell, "y": 4 + 5.5 * cell})
    words = one.page.locator(".vl-tooltip").inner_text()
    assert words.startswith("frame 0 (1, 1) → frame 2 (1, 2), similarity −")
    assert float(words.split("\u2212")[1].split(",")[0]) == pytest.approx(-alike()[5, 30], abs=0.06)
    assert one.picture(".vl-clip") != still[0]
    one.page.locator(".vl-clip").hover(position=dict(zip("xy", place(one, 18), strict=True)))
    assert one.page.locator(".vl-tooltip").inner_text().startswith("frame 1 (1, 2), similarity")
    assert one.page.locator(".vl-tooltip").inner_text().endswith("true place")
    assert one.picture(".vl-pairs") != still[1]
    one.page.mouse.move(1, 1)
    assert one.picture(".vl-clip") == still[0]
    assert one.picture(".vl-pairs") == still[1]
    assert not one.page.locator(".vl-tooltip").is_visible()


def test_the_kernels_values_are_shown(visit):
    one = visit(make().html(), expose=True)
    before = one.picture(".vl-clip")
    one.page.evaluate(
        "(told) => Object.entries(told).forEach((one) => traits.set(...one))",
        {"point": 26, "variant": "after", "slack": 3},
    )
    assert one.picture(".vl-clip") != before
    assert fact(one, "point") == "frame 2, row 0, column 2"
    assert one.page.get_by_role("combobox", name="variant").input_value() == "1"
    assert one.page.locator(".vl-slider output").inner_text() == "3 cells"


def test_without_truth_and_similarity_only_links_are_left(visit):
    bare = make(neighbours=nearest(alike(), 12), similarity=None, truth=None)
    one = visit(bare.html())
    for name in (".vl-pairs", ".vl-shares", ".vl-slider"):
        assert not one.page.locator(name).is_visible()
    rows = table(one)
    assert len(rows) == 11
    assert rows[-1] == ["…", "2 more"]
    assert one.page.locator("[data-fact=verdict]").count() == 0
    one.shoot("proposals-bare")


def test_a_variant_without_a_similarity_has_no_matrix(visit):
    one = visit(make(similarity={"after": alike(1)}).html(), expose=True)
    assert not one.page.locator(".vl-pairs").is_visible()
    one.page.evaluate("() => traits.set('variant', 'after')")
    one.settle()
    assert one.page.locator(".vl-pairs").is_visible()


def test_hostile_names_stay_text(visit):
    bad = "<img src=x onerror=window.hacked=1>"
    worse = "</script><script>window.hacked=1</script>"
    neighbours = {bad: nearest(alike()), worse: nearest(alike(1))}
    explorer = make(neighbours=neighbours, similarity=alike(), title=worse, alt=bad)
    one = visit(explorer.html())
    one.page.locator(".vl-stage").focus()
    one.press("ArrowRight", "]")
    one.page.wait_for_timeout(200)
    assert one.page.evaluate("window.hacked") is None
    assert one.page.locator("img").count() == 0
    assert one.page.locator("h3").inner_text() == worse
    options = one.page.get_by_role("combobox", name="variant").locator("option")
    assert options.all_inner_texts() == [bad, worse]


def test_every_control_is_reached_by_tab_and_every_picture_has_words(visit):
    one = visit(make().html())
    assert one.tab(5) == [
        "previous variant", "variant", "next variant",
        "point: arrows move the point, Page Up and Page Down change its frame, [ and ] the variant",
        "right within",
    ]  # fmt: skip
    labels = [c.get_attribute("aria-label") for c in one.page.locator("canvas").all()]
    assert len(labels) == 4
    assert all(labels)


def long(**changes):
    """Eight frames, long names."""
    frame = np.arange(96) // 12
    masked = np.where(frame[:, None] == frame, -np.inf, alike(2, 96))
    order = np.argsort(-masked, axis=1)[:, :8]
    names = ["before any training at all", "after training with gamma = 1 for ten epochs"]
    truth = np.where(np.arange(8) == frame[:, None], -1, np.arange(96)[:, None] % 12)
    truth = np.where(truth >= 0, truth + 12 * np.arange(8), -1)
    return ProposalExplorer(
        film(8), (8, 3, 4), dict.fromkeys(names, order), similarity=1e4 * alike(2, 96),
        truth=truth, **changes,
    )  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1000])
@pytest.mark.parametrize("build", [make, long])
def test_both_themes_read_well_and_nothing_is_cut_off(visit, build, scheme, width):
    one = visit(build().html(), width=width, scheme=scheme)
    assert one.theme() == scheme
    assert one.contrast() >= 4.5
    assert not one.cut_off(
        "canvas, select, table, .vl-slider, .vl-facts, .vl-sign", rooms=".vl-part"
    )
    one.shoot(f"proposals-{build.__name__}-{scheme}-{width}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_finding_of_accessibility(visit, scheme):
    one = visit(make().html(), scheme=scheme)
    assert one.findings() == []


def test_nothing_jumps_while_the_point_moves(visit):
    one = visit(long().html())
    one.page.locator(".vl-stage").focus()
    heights = set()
    for keys in (["ArrowRight"], ["PageDown", "ArrowDown"], ["End"], ["Home", "]"]):
        one.press(*keys)
        heights.add(one.page.locator(".vl-explorer").bounding_box()["height"])
    assert len(heights) == 1
