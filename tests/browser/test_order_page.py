"""The order explorer's page: its cards, its numbers, its hands and looks."""

from itertools import pairwise, permutations

import numpy as np
import pytest

from vidlab.widgets import OrderExplorer, orders
from vidlab.widgets._order_figure import softmax

pytestmark = pytest.mark.browser

NAMES = ["swipe left", "swipe right", "push in", "pull out", "shake"]
CARDS = (2, 2, 1, 1)

# First and last pixel of a line of a canvas that has a colour (no grey), and the line's length.
COLOURED = """(canvas, y) => {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, y, canvas.width, 1);
    const found = [];
    for (let x = 0; x < canvas.width; x++) {
        const rgb = data.slice(4 * x, 4 * x + 3);
        if (Math.max(...rgb) - Math.min(...rgb) > 60) found.push(x);
    }
    return [found[0], found[found.length - 1], canvas.width];
}"""


def film(frames=6, seed=0):
    """Frame t is one even colour: red 40 t."""
    clip = np.zeros((frames, 16, 16, 3), np.uint8)
    clip[..., 0] = (40 * np.arange(frames))[:, None, None]
    clip[..., 2] = 60 + seed
    return clip


def logits_of(count, rows, classes=5, seed=0):
    source = np.random.default_rng(seed)
    return {
        "TSN": [np.tile(source.normal(size=(1, classes)), (rows, 1)) for _ in range(count)],
        "TRN": [2 * source.normal(size=(rows, classes)) for _ in range(count)],
    }


def make(count=2, cards=CARDS, classes=5, names=None, **changes):
    rows = len(orders(6, cards))
    return OrderExplorer(
        [film(seed=40 * i) for i in range(count)],
        changes.pop("logits", logits_of(count, rows, classes)),
        names or (NAMES * 10)[:classes],
        truth=[(2 * i) % classes for i in range(count)],
        cards=cards,
        **changes,
    )


def fact(one, name):
    one.settle()
    return one.page.locator(f"[data-fact={name}]").inner_text()


def shown_cards(one):
    """The frames on the cards, as they lie in the page."""
    one.settle()
    return [int(t) for t in " ".join(one.page.locator(".vl-card-name").all_inner_texts()).split()]


def centre(one, place):
    box = one.page.locator(".vl-card").nth(place).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def red(one, card, frame):
    """The red of a frame on the card at a place."""
    canvas = one.page.locator(".vl-card canvas").nth(card)
    width = canvas.evaluate("(canvas) => canvas.width")
    count = len(one.page.locator(".vl-card-name").nth(card).inner_text().split())
    return one.pixel(canvas, (frame + 0.5) * width / count, 10)[0]


def test_the_page_lists_the_orders_as_python_does(visit):
    one = visit(make().html(), expose=True)
    for p, order in enumerate(permutations(range(4))):
        one.page.evaluate("(p) => traits.set('order', p)", p)
        assert fact(one, "cards") == " ".join(str(c + 1) for c in order)
        assert shown_cards(one) == orders(6, CARDS)[p].tolist()
        assert fact(one, "order") == f"{p + 1} of 24"
    assert [red(one, 0, 0), red(one, 2, 0), red(one, 2, 1), red(one, 3, 1)] == [200, 80, 120, 40]


def test_six_cards_have_all_720_orders(visit):
    one = visit(make(1, cards=(1,) * 6).html(), expose=True)
    for p in (1, 100, 359, 718):
        one.page.evaluate("(p) => traits.set('order', p)", p)
        assert shown_cards(one) == orders(6)[p].tolist()
    assert fact(one, "kept-0") == "720 of 720"


def test_answers_and_probabilities_are_pythons(visit):
    explorer = make()
    given = logits_of(2, 24)
    explorer.clip = 1
    one = visit(explorer.html(), expose=True)
    for p in (0, 7, 23):
        one.page.evaluate("(p) => traits.set('order', p)", p)
        for m, model in enumerate(given):
            row = softmax(given[model][1])[p]
            best = int(row.argmax())
            says = one.page.locator(".vl-part").nth(m).locator(".vl-says")
            assert fact(one, f"answer-{m}") == NAMES[best]
            verdict = "right" if best == 2 else "wrong"
            assert says.first.inner_text() == f"answer ({verdict}): {NAMES[best]}"
            label = one.page.locator(".vl-bars").nth(m).get_attribute("aria-label")
            wanted = ", ".join(
                f"{name} {100 * value:.0f} %" for name, value in zip(NAMES, row, strict=True)
            )
            assert label == f"{model}, probability of each class: {wanted}"
            answers = given[model][1].argmax(1)
            assert fact(one, f"kept-{m}") == f"{(answers == answers[0]).sum()} of 24"
            spread = one.page.locator(".vl-spread").nth(m).get_attribute("aria-label")
            of_truth = 100 * softmax(given[model][1])[:, 2]
            assert spread.endswith(
                f"{of_truth.min():.0f} % to {of_truth.max():.0f} %, here {of_truth[p]:.0f} %"
            )


def test_bars_are_as_long_as_their_probability(visit):
    rows = np.full((24, 2), -40.0)
    rows[:, 0] = 0  # all on the truth
    rows[5] = np.log([0.25, 0.75])
    explorer = make(1, classes=2, names=["a", "b"], logits={"m": [rows]})
    one = visit(explorer.html(), expose=True)
    bars = one.page.locator(".vl-bars")

    def inked(row):
        """First and last pixel of a row's bar, and the canvas's width."""
        one.settle()
        return bars.evaluate(COLOURED, 2 + 22 * row + 8)

    first, last, width = inked(0)
    assert 40 < width - last < 70  # all of the room but for its label
    one.page.evaluate("() => traits.set('order', 5)")
    assert inked(0)[1] - first == pytest.approx(0.25 * (last - first), abs=3)
    assert inked(1)[1] - first == pytest.approx(0.75 * (last - first), abs=3)


def test_arrow_keys_move_the_focused_card_and_it_keeps_the_focus(visit):
    one = visit(make().html(), expose=True)
    one.page.locator(".vl-card").nth(1).focus()

    def focused():
        return one.page.evaluate("document.activeElement.getAttribute('aria-label')")

    one.press("ArrowRight")
    assert shown_cards(one) == [0, 1, 4, 2, 3, 5]
    assert one.traits("order") == [2]  # cards 1 3 2 4
    assert focused() == "card 2, frames 2–3, at place 3 of 4; arrow keys move it"
    one.press("ArrowRight", "ArrowRight")
    assert shown_cards(one) == [0, 1, 4, 5, 2, 3]
    one.press("Home")
    assert shown_cards(one) == [2, 3, 0, 1, 4, 5]
    one.press("ArrowLeft")
    assert focused().startswith("card 2, frames 2–3, at place 1")
    one.press("End", "ArrowUp")
    assert shown_cards(one) == [0, 1, 4, 2, 3, 5]
    assert "TRN" in one.page.locator(".vl-spoken").inner_text()


def test_cards_are_dragged_to_their_place(visit):
    one = visit(make().html(), expose=True)
    before = one.picture(".vl-bars >> nth=1"), one.picture(".vl-bars >> nth=0")
    mouse = one.page.mouse
    mouse.move(*centre(one, 0))
    mouse.down()
    assert one.page.locator(".vl-held").count() == 1
    x, y = centre(one, 1)
    mouse.move(x - 8, y, steps=4)
    assert one.traits("order") == [0]  # not yet past the middle of the second
    mouse.move(x + 8, y, steps=2)
    assert shown_cards(one) == [2, 3, 0, 1, 4, 5]  # while it is held
    middle = centre(one, 1)
    mouse.move(middle[0], middle[1])
    assert shown_cards(one) == [2, 3, 0, 1, 4, 5]  # it lies still under the pointer
    x, y = centre(one, 3)
    mouse.move(x + 5, y, steps=4)
    mouse.up()
    assert shown_cards(one) == [2, 3, 4, 5, 0, 1]
    assert one.page.locator(".vl-held").count() == 0
    assert one.picture(".vl-bars >> nth=1") != before[0]
    assert one.picture(".vl-bars >> nth=0") == before[1]  # TSN does not move
    mouse.move(*centre(one, 0))
    assert shown_cards(one) == [2, 3, 4, 5, 0, 1]  # released
    mouse.down()
    mouse.move(centre(one, 3)[0] + 400, centre(one, 3)[1], steps=5)  # past the end is the end
    mouse.up()
    assert shown_cards(one) == [4, 5, 0, 1, 2, 3]


def test_buttons_go_to_the_true_the_reversed_and_another_order(visit):
    one = visit(make().html(), expose=True)
    one.page.get_by_role("button", name="reversed").click()
    assert shown_cards(one) == [5, 4, 2, 3, 0, 1]
    seen = set()
    for _ in range(12):
        before = one.traits("order")
        one.page.get_by_role("button", name="shuffle").click()
        assert one.traits("order") != before  # always another one
        seen.add(one.traits("order")[0])
    assert len(seen) > 4  # 12 of 23 at random; fewer than 5 once in 10 million
    one.page.get_by_role("button", name="true order").click()
    assert one.traits("order") == [0]


def test_the_order_most_like_a_class_is_found(visit):
    given = logits_of(2, 24)
    one = visit(make().html(), expose=True)
    finder = one.page.get_by_role("combobox", name="find the order most like")
    for k in (3, 1):
        finder.select_option(str(k))
        assert one.traits("order") == [int(softmax(given["TRN"][0])[:, k].argmax())]
        assert finder.input_value() == str(k)
    one.page.get_by_role("button", name="true order").click()
    one.settle()
    assert finder.input_value() == ""
    one.page.get_by_role("combobox", name="for the model").select_option("0")
    finder.select_option("4")
    assert one.traits("order") == [0]  # to TSN all orders are alike: the first


def test_clips_are_switched_and_the_kernels_values_are_shown(visit):
    one = visit(make().html(), expose=True)
    assert fact(one, "truth") == "swipe left"
    one.page.get_by_role("button", name="next clip").click()
    assert one.traits("clip", "order") == [1, 0]
    assert fact(one, "truth") == "push in"
    before = one.picture(".vl-bars >> nth=1")
    one.page.evaluate("() => { traits.set('order', 11); traits.set('clip', 0); }")
    assert one.picture(".vl-bars >> nth=1") != before
    assert fact(one, "order") == "12 of 24"
    assert one.page.get_by_role("combobox", name="clip", exact=True).input_value() == "0"


def test_the_clip_plays_in_the_chosen_order_on_request(visit):
    explorer = make()
    explorer.order = 23
    one = visit(explorer.html())
    screen = one.page.locator(".vl-player canvas")
    assert screen.get_attribute("data-frame") == "5"
    one.page.wait_for_timeout(600)
    assert screen.get_attribute("data-frame") == "5"  # the reader wants no motion
    assert one.pixel(screen, 30, 30)[0] == 200
    one.page.get_by_role("button", name="play the clip").click()
    seen = []
    for _ in range(400):
        frame = int(screen.get_attribute("data-frame"))
        if not seen or seen[-1] != frame:
            seen.append(frame)
        if len(seen) > 7:
            break
        one.page.wait_for_timeout(40)
    one.page.get_by_role("button", name="pause the clip").click()
    now = screen.get_attribute("data-frame")
    one.page.wait_for_timeout(600)
    assert screen.get_attribute("data-frame") == now
    played = orders(6, CARDS)[23].tolist() * 3
    place = [played.index(frame) for frame in seen]
    steps = [(b - a) % 6 for a, b in pairwise(place)]
    assert set(steps) <= {1, 2, 3}, seen  # a busy machine may miss a frame, never go back


def test_hostile_names_stay_text(visit):
    bad = "<img src=x onerror=window.hacked=1>"
    worse = "</script><script>window.hacked=1</script>"
    rows = logits_of(2, 24, 2)
    explorer = make(
        names=[bad, worse], classes=2, logits={bad: rows["TSN"], worse: rows["TRN"]},
        title=worse, alt=bad,
    )  # fmt: skip
    one = visit(explorer.html())
    one.page.get_by_role("button", name="shuffle").click()
    one.page.wait_for_timeout(200)
    assert one.page.evaluate("window.hacked") is None
    assert one.page.locator("img").count() == 0
    assert one.page.locator("h3").inner_text() == worse
    assert one.page.locator(".vl-part b").first.inner_text() == bad
    assert fact(one, "truth") == bad


def test_every_control_is_reached_by_tab_and_every_picture_has_words(visit):
    one = visit(make().html())
    assert one.tab(13) == [
        "previous clip", "clip", "next clip", "play the clip in this order",
        *(f"card {c + 1}, {name}, at place {c + 1} of 4; arrow keys move it"
          for c, name in enumerate(("frames 0–1", "frames 2–3", "frame 4", "frame 5"))),
        "true order", "cards in reversed order", "shuffle the cards",
        "find the order most like", "for the model",
    ]  # fmt: skip
    for canvas in one.page.locator("canvas").all():
        assert canvas.get_attribute("aria-label") or canvas.get_attribute("aria-hidden") == "true"
    assert (
        one.page.locator(".vl-player canvas")
        .get_attribute("aria-label")
        .endswith("frames 0, 1, 2, 3, 4, 5")
    )


def many(**changes):
    """Six cards, three models and more classes than there is room for."""
    rows = logits_of(2, 720, 30)
    return make(
        cards=(1,) * 6,
        classes=30,
        names=[f"{NAMES[k % 5]} in manner number {k}" for k in range(30)],
        logits={**rows, "a model with a long name that goes on": rows["TRN"]},
        **changes,
    )


def test_of_many_classes_those_with_a_bar_include_every_answer(visit):
    one = visit(many().html(), expose=True)
    for p in (0, 50, 300):
        one.page.evaluate("(p) => traits.set('order', p)", p)
        answers = {fact(one, f"answer-{m}") for m in range(3)}
        bars = one.page.locator(".vl-bars").first.get_attribute("aria-label")
        shown = [entry.rsplit(" ", 2)[0] for entry in bars.split(": ", 1)[1].split(", ")]
        assert len(shown) == 14
        assert {*answers, fact(one, "truth")} <= set(shown)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1000])
@pytest.mark.parametrize("build", [make, many])
def test_both_themes_read_well_and_nothing_is_cut_off(visit, build, scheme, width):
    explorer = build()
    explorer.order = 3
    one = visit(explorer.html(), width=width, scheme=scheme)
    assert one.theme() == scheme
    assert one.contrast() >= 4.5
    assert not one.cut_off("canvas, select, button, .vl-facts, .vl-says, .vl-card")
    one.shoot(f"order-{build.__name__}-{scheme}-{width}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_finding_of_accessibility(visit, scheme):
    one = visit(make().html(), scheme=scheme)
    assert one.findings() == []


def test_nothing_jumps_while_cards_move(visit):
    one = visit(many().html())
    heights = set()
    one.page.locator(".vl-card").first.focus()
    for keys in (["ArrowRight"], ["End"], ["ArrowLeft"], ["Home"]):
        one.press(*keys)
        heights.add(one.page.locator(".vl-explorer").bounding_box()["height"])
    one.page.get_by_role("button", name="reversed").click()
    one.settle()
    heights.add(one.page.locator(".vl-explorer").bounding_box()["height"])
    assert len(heights) == 1


@pytest.mark.parametrize("width", [1000, 420])
def test_a_sure_answer_has_room_for_its_hundred_percent(visit, width):
    sure = np.tile([0.0, -40.0], (24, 1))
    one = visit(make(1, classes=2, logits={"sure": [sure]}).html(), width=width)
    edge = """(canvas) => {
        const copy = document.createElement("canvas");
        [copy.width, copy.height] = [canvas.width, canvas.height];
        copy.getContext("2d").drawImage(canvas, 0, 0);
        const { data } = copy.getContext("2d")
            .getImageData(canvas.width - 2, 0, 2, canvas.height);
        return Math.max(...data);
    }"""
    assert one.page.locator(".vl-bars").evaluate(edge) == 0
