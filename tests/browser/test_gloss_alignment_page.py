"""The gloss alignment explorer's page: its numbers, its controls, its looks."""

import functools

import numpy as np
import pytest

from vidlab.widgets import GlossAlignmentExplorer
from vidlab.widgets.base import CATEGORICAL

pytestmark = pytest.mark.browser

WORDS = [
    *("MORGEN", "REGEN", "SONNE", "NORD", "SUED", "WIND", "STARK", "SCHWACH", "WOLKE", "SCHNEE"),
    *("GEWITTER", "TEMPERATUR", "ABEND", "NACHT", "HEUTE", "ALPEN", "KUESTE", "NEBEL", "FROST"),
    *("GRAD", "ZWANZIG", "MITTWOCH", "WECHSELHAFT", "DEUTSCHLAND"),
]
NAMES = ["blank", *WORDS]
BLANK, MARK = "#c9d1d9", "#c23c0a"  # of the light theme
METHODS = {"CTC": 0.55, "CTC + visual": 0.4, "VAC": 0.3, "WS": 0.2, "WS + GSBA": 0.05}


def spiky(random, truth, hypothesis, middles, classes, width, floor):
    """Probabilities with a spike of each gloss at its middle; the rest is blank and noise."""
    time = np.arange(len(truth))
    logits = random.normal(0, 0.7, (len(truth), classes))
    logits[:, 0] += 6
    for k, middle in zip(hypothesis, middles, strict=True):
        height = 12.5 - floor * random.uniform(0, 6)
        logits[:, k] += height * np.exp(-((time - middle) ** 2) / (2 * width**2))
    weights = np.exp(logits)
    return weights / weights.sum(axis=1, keepdims=True)


def grown(hypothesis, middles, steps, radii):
    """Segments that grow around their spikes with the radius and never overwrite each other."""
    found = np.zeros((radii, steps), int)
    for radius in range(radii):
        distance = np.abs(np.arange(steps)[:, None] - np.asarray(middles)[None, :])
        near = distance.argmin(axis=1)
        inside = distance.min(axis=1) <= radius
        found[radius, inside] = np.asarray(hypothesis)[near[inside]]
    return found


@functools.cache
def person(steps, size=32):
    """A clip of a figure whose hand goes round, two frames a step."""
    y, x = np.mgrid[:size, :size] / size
    clip = np.full((2 * steps, size, size, 3), (214, 222, 230), np.uint8)
    for t, frame in enumerate(clip):
        frame[(np.hypot(x - 0.5, y - 0.3) < 0.13)] = (190, 140, 110)
        frame[(np.abs(x - 0.5) < 0.22) & (y > 0.46)] = (60, 80, 140)
        hand = 0.5 + 0.3 * np.cos(t / 6), 0.62 + 0.25 * np.sin(t / 4)
        frame[np.hypot(x - hand[0], y - hand[1]) < 0.07] = (190, 140, 110)
    return clip


def course(count=8, steps=60, radii=8, methods=METHODS, **changes):
    """Arguments as a lab would hand them in; the better a method the fewer errors it makes."""
    random = np.random.default_rng(3)
    values = {
        "references": [],
        "hypotheses": {m: [] for m in methods},
        "visual": {m: [] for m in methods},
        "contextual": {m: [] for m in methods},
        "segments": {m: [] for m in methods},
        "truth": [],
        "frames": [],
        "steps": [],
        "class_names": list(NAMES),
    }
    for i in range(count):
        length = 4 + i % 4
        reference = random.permutation(len(WORDS))[:length] + 1
        edges = np.linspace(3, steps - 3, length + 1)
        middles = (edges[1:] + edges[:-1]) / 2
        truth = np.zeros(steps, int)
        for k, start, end in zip(reference, edges[:-1], edges[1:], strict=True):
            truth[round(start + 1) : round(end - 1)] = k
        for method, rate in methods.items():
            words, at = [], []
            for k, middle in zip(reference, middles, strict=True):
                luck = random.uniform()
                if luck < rate / 3:
                    continue
                words.append(int(random.integers(1, 25)) if luck < 2 * rate / 3 else int(k))
                at.append(round(middle + random.normal(0, 1)))
                if luck > 1 - rate / 4:
                    words.append(int(random.integers(1, 25)))
                    at.append(round(middle + 3))
            values["hypotheses"][method].append(tuple(words))
            for module, width, floor in (("visual", 1.4, rate * 2), ("contextual", 0.9, rate)):
                values[module][method].append(
                    spiky(random, truth, words, at, len(NAMES), width, floor)
                )
            values["segments"][method].append(
                grown(words, at, steps, radii) if words else np.zeros((radii, steps), int)
            )
        values["references"].append(tuple(int(k) for k in reference))
        values["truth"].append(truth)
        values["frames"].append(person(steps))
        values["steps"].append(2 * np.arange(steps) + 1)
    return {**values, **changes}


def explore(**changes):
    return GlossAlignmentExplorer(**course(**changes))


def with_model(explorer):
    """The page with its model within reach, as `window.model`."""
    page = explorer.html()
    assert page.count("model: pageModel(state)") == 1
    return page.replace("model: pageModel(state)", "model: (window.model = pageModel(state))")


def trait(one, name):
    return one.page.evaluate("(name) => model.get(name)", name)


def tell(one, **traits):
    """What a kernel would do: set traits, one by one."""
    one.page.evaluate("(traits) => Object.entries(traits).forEach((t) => model.set(...t))", traits)
    one.settle()


def fact(one, name):
    return one.page.locator(f"[data-fact={name}]").inner_text()


def table(one):
    """The read-out at the cursor as {class name: [visual, contextual]}."""
    rows = one.page.locator(".vl-table tbody tr").all()
    cells = [row.locator("th, td").all_inner_texts() for row in rows]
    return {name.strip(): [float(value) for value in values] for name, *values in cells}


def distance(reference, hypothesis):
    """Levenshtein's distance by its textbook table."""
    table = np.add.outer(np.arange(len(reference) + 1), np.arange(len(hypothesis) + 1))
    for i, r in enumerate(reference, 1):
        for j, h in enumerate(hypothesis, 1):
            beside = min(table[i - 1, j], table[i, j - 1]) + 1
            table[i, j] = min(table[i - 1, j - 1] + (r != h), beside)
    return int(table[-1, -1])


def module(one, explorer):
    """Load the explorer's module a second time, with its inner functions, as `window.inner`."""
    source = explorer._esm.replace(
        "export default { render };", "export { layOut, placeLabels, spikesOf };"
    )
    one.page.evaluate(
        """async (source) => {
            const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
            window.inner = await import(url);
        }""",
        source,
    )


# ---- numbers ------------------------------------------------------------------------------------


def test_every_score_and_alignment_equals_a_textbook_table(visit):
    values = course(count=3)
    one = visit(with_model(GlossAlignmentExplorer(**values)))
    seen = set()
    for method in METHODS:
        total = 0
        for i, reference in enumerate(values["references"]):
            tell(one, method=method, sample=i)
            hypothesis = values["hypotheses"][method][i]
            errors = distance(reference, hypothesis)
            total += errors
            assert fact(one, "wer") == f"{100 * errors / len(reference):.0f} %"
            counts = [int(fact(one, name)) for name in ("sub", "del", "ins")]
            assert sum(counts) == errors
            items = one.page.locator(".vl-pair")
            kinds = items.evaluate_all("(items) => items.map((item) => item.dataset.kind)")
            assert [kinds.count(kind) for kind in ("sub", "del", "ins")] == counts
            marks = items.locator(".vl-kind").all_inner_texts()
            assert marks == [{"ok": "ok", "sub": "S", "del": "D", "ins": "I"}[k] for k in kinds]
            words = [item.locator(".vl-word").all_inner_texts() for item in items.all()]
            for side, classes in enumerate((reference, hypothesis)):
                shown = [pair[side] for pair in words if "∗" not in pair[side]]
                assert shown == [NAMES[k] for k in classes]
            seen |= set(kinds)
        length = sum(map(len, values["references"]))
        assert fact(one, "wer-all") == f"{100 * total / length:.0f} %"
    assert seen == {"ok", "sub", "del", "ins"}


def test_the_read_out_shows_probabilities_labels_and_frames(visit):
    values = course(count=2, steps=24)
    one = visit(with_model(GlossAlignmentExplorer(**values)))
    tell(one, sample=1, method="VAC", radius=3)
    for step in (0, 5, 11, 23):
        tell(one, step=step)
        assert fact(one, "step") == str(step)
        assert fact(one, "frame") == str(2 * step + 1)
        assert fact(one, "truth") == NAMES[values["truth"][1][step]]
        assert fact(one, "gsba") == NAMES[values["segments"]["VAC"][1][3][step]]
        numbers = table(one)
        modules = [values[name]["VAC"][1][step] for name in ("visual", "contextual")]
        best = {NAMES[int(probabilities.argmax())] for probabilities in modules}
        assert best <= set(numbers)
        for name, found in numbers.items():
            k = NAMES.index(name)
            assert found == pytest.approx([m[k] for m in modules], abs=0.0071)


def test_frame_accuracy_follows_the_radius(visit):
    values = course(count=3)
    one = visit(with_model(GlossAlignmentExplorer(**values)))
    slider = one.page.get_by_role("slider", name="GSBA radius d")
    slider.focus()
    bars = set()
    for radius in range(8):
        assert trait(one, "radius") == radius
        rights = [
            (labels[radius] == truth).mean()
            for labels, truth in zip(values["segments"]["CTC"], values["truth"], strict=True)
        ]
        assert fact(one, "accuracy") == f"{100 * rights[0]:.1f} %"
        assert fact(one, "accuracy-all") == f"{100 * np.mean(rights):.1f} %"
        bars.add(one.picture(".vl-plot"))
        one.page.keyboard.press("ArrowRight")
    assert len(bars) == 8
    best = (values["segments"]["CTC"][0] == values["truth"][0]).mean(axis=1)
    assert fact(one, "best") == f"{100 * best.max():.1f} % at d = {best.argmax()}"


PIXELS = """([name, below, steps]) => {
    const canvas = document.querySelector(".vl-plot");
    const ratio = devicePixelRatio;
    const sentence = { steps, sprite: null, truth: [] };
    const place = inner.layOut(parseFloat(canvas.style.width), sentence, true);
    const band = place.bands[name];
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    const pen = copy.getContext("2d", { willReadFrequently: true });
    pen.drawImage(canvas, 0, 0);
    return Array.from({ length: steps }, (_, step) => {
        const at = [place.x(step + 0.12), band.y + below].map((v) => Math.round(v * ratio));
        const [r, g, b] = pen.getImageData(...at, 1, 1).data;
        return "#" + [r, g, b].map((c) => c.toString(16).padStart(2, "0")).join("");
    });
}"""


def test_bars_have_the_colour_of_their_class_at_every_step(visit):
    values = {**course(count=1, steps=40), "frames": None, "steps": None}
    explorer = GlossAlignmentExplorer(**values)
    one = visit(with_model(explorer), width=1400)
    module(one, explorer)
    shown = explorer._data["sentences"][0]
    colour = dict(zip(shown["names"], shown["colours"], strict=True))

    def expected(labels):
        return [BLANK if k == 0 else CATEGORICAL[colour[NAMES[k]]] for k in labels]

    tell(one, radius=4, step=39)
    truth = values["truth"][0]
    labels = values["segments"]["CTC"][0][4]
    assert one.page.evaluate(PIXELS, ["truth", 2, 40])[:39] == expected(truth)[:39]
    assert one.page.evaluate(PIXELS, ["segments", 2, 40])[:39] == expected(labels)[:39]
    marked = [pixel == MARK for pixel in one.page.evaluate(PIXELS, ["differ", 4, 40])][:39]
    assert marked == (labels != truth).tolist()[:39]
    assert 0 < sum(marked) < 39


def test_the_thumbnail_is_the_frame_of_the_step(visit):
    steps = 12
    values = course(count=1, steps=steps)
    values["frames"] = [np.repeat(np.arange(24, dtype=np.uint8) * 10, 64).reshape(24, 8, 8)]
    one = visit(with_model(GlossAlignmentExplorer(**values)))
    for step in (0, 4, 11):
        tell(one, step=step)
        middle = one.page.locator(".vl-thumb").evaluate(
            """(canvas) => {
                const copy = new OffscreenCanvas(canvas.width, canvas.height);
                const pen = copy.getContext("2d", { willReadFrequently: true });
                pen.drawImage(canvas, 0, 0);
                return [...pen.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data];
            }"""
        )
        assert middle == [10 * (2 * step + 1)] * 3 + [255]


# ---- names above the spikes ---------------------------------------------------------------------


def test_spikes_are_found_in_the_order_of_their_weight(visit):
    explorer = explore(count=1)
    one = visit(explorer.html())
    module(one, explorer)
    lines = np.zeros((4, 12))
    lines[0] = 1
    lines[1, 2:5] = [0.3, 0.6, 0.2]
    lines[1, 9] = 0.5  # a second spike of the class, high enough for a name of its own
    lines[2, 6:8] = [0.2, 0.9]
    lines[2, 0] = 0.2  # too low for a second name
    lines[3, 1] = 0.05  # too low for any
    found = one.page.evaluate("(lines) => inner.spikesOf(lines)", lines.tolist())
    assert [(spike["row"], spike["step"]) for spike in found] == [(2, 7), (1, 3), (1, 9)]


def test_names_never_lie_on_each_other(visit):
    explorer = explore(count=1)
    one = visit(explorer.html())
    module(one, explorer)
    random = np.random.default_rng(0)
    for count in (1, 5, 20, 60):
        labels = [
            {"at": float(at), "width": float(width), "id": i}
            for i, (at, width) in enumerate(
                zip(random.uniform(34, 686, count), random.uniform(30, 160, count), strict=True)
            )
        ]
        placed = one.page.evaluate("(labels) => inner.placeLabels(labels, 3, 34, 686)", labels)
        assert placed[0]["id"] == 0
        if count <= 5:
            assert len(placed) == count
        for i, a in enumerate(placed):
            assert a["x"] >= 34
            assert a["x"] + a["width"] <= 686
            assert a["x"] - 1e-9 <= a["at"] <= a["x"] + a["width"] + 1e-9
            for b in placed[:i]:
                apart = a["x"] >= b["x"] + b["width"] or b["x"] >= a["x"] + a["width"]
                assert a["lane"] != b["lane"] or apart


# ---- controls -----------------------------------------------------------------------------------


def test_pointer_and_keys_move_the_step(visit):
    one = visit(with_model(explore(count=1)))
    canvas = one.page.locator(".vl-plot")
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] - 16, "y": 150})
    assert trait(one, "step") == 59
    canvas.click(position={"x": 36, "y": 150})
    assert trait(one, "step") == 0
    canvas.focus()
    moves = [("PageUp", 10), ("ArrowLeft", 9), ("ArrowRight", 10), ("End", 59), ("ArrowRight", 59)]
    for key, step in [*moves, ("PageDown", 49), ("Home", 0)]:
        one.page.keyboard.press(key)
        one.settle()
        assert trait(one, "step") == step
        assert fact(one, "step") == str(step)
        assert canvas.get_attribute("aria-valuenow") == str(step)
        assert canvas.get_attribute("aria-valuetext").startswith(f"step {step}: Visual module ")


def test_lists_and_buttons_choose_method_and_sentence(visit):
    one = visit(with_model(explore(count=3)))
    methods = one.page.get_by_role("combobox", name="method")
    methods.focus()
    one.page.keyboard.press("ArrowDown")
    assert trait(one, "method") == "CTC + visual"
    methods.select_option("WS + GSBA")
    assert trait(one, "method") == "WS + GSBA"
    picture = one.picture(".vl-plot")
    one.page.get_by_role("button", name="next sentence").click()
    assert trait(one, "sample") == 1
    assert one.picture(".vl-plot") != picture
    one.page.get_by_role("button", name="previous sentence").click()
    assert one.picture(".vl-plot") == picture
    one.page.get_by_role("button", name="previous sentence").click()
    assert trait(one, "sample") == 2
    one.page.get_by_role("combobox", name="sentence", exact=True).select_option("0")
    assert trait(one, "sample") == 0
    tell(one, method="VAC", sample=1, radius=5)  # the kernel's word
    assert methods.input_value() == "VAC"
    assert one.page.get_by_role("combobox", name="sentence", exact=True).input_value() == "1"
    assert one.page.locator(".vl-slider output").inner_text() == "5"


def test_sentences_can_be_sorted_and_filtered_by_their_errors(visit):
    values = course(count=8)
    one = visit(with_model(GlossAlignmentExplorer(**values)))
    method = "WS"
    rates = [
        distance(reference, hypothesis) / len(reference)
        for reference, hypothesis in zip(
            values["references"], values["hypotheses"][method], strict=True
        )
    ]
    wrong = [i for i, rate in enumerate(rates) if rate]
    assert 1 < len(wrong) < 8, "the example must hold right and wrong sentences"
    right = next(i for i, rate in enumerate(rates) if not rate)
    tell(one, method=method, sample=right)
    order = one.page.get_by_role("combobox", name="order of sentences")
    listed = one.page.get_by_role("combobox", name="sentence", exact=True).locator("option")

    def numbers():
        return [int(text.split(" ")[0]) - 1 for text in listed.all_inner_texts()]

    assert numbers() == list(range(8))
    assert all(
        f"WER {100 * rate:.0f} %" in text
        for rate, text in zip(rates, listed.all_inner_texts(), strict=True)
    )
    order.select_option("wrong")
    assert numbers() == wrong
    assert trait(one, "sample") == wrong[0]
    for i in [*wrong[1:], wrong[0]]:
        one.page.get_by_role("button", name="next sentence").click()
        assert trait(one, "sample") == i
    tell(one, sample=right)  # a kernel may ask for a sentence that the filter leaves out
    assert numbers() == sorted([*wrong, right])
    order.select_option("worst")
    assert numbers() == sorted(range(8), key=lambda i: -rates[i])
    assert trait(one, "sample") == numbers()[0]


def test_values_of_a_longer_sentence_do_no_harm_in_a_shorter_one(visit):
    values = course(count=1, steps=30)
    longer = course(count=1, steps=60)
    for name, given in values.items():
        if isinstance(given, dict):
            for method in given:
                given[method].append(longer[name][method][0])
        elif name != "class_names":
            given.append(longer[name][0])
    one = visit(with_model(GlossAlignmentExplorer(**values)))
    tell(one, sample=1)
    tell(one, step=59)
    tell(one, sample=0)  # a kernel's messages arrive one by one
    assert fact(one, "step") == "29"
    one.page.get_by_role("button", name="next sentence").click()
    one.page.get_by_role("button", name="next sentence").click()
    assert trait(one, "step") == 29


@pytest.mark.parametrize("width", [700, 1100])
def test_nothing_jumps_while_step_radius_and_method_change(visit, width):
    values = course(count=2)
    values["class_names"][values["references"][0][1]] = "DER-LAENGSTE-NAME-VON-ALLEN-GLOSSEN"
    del values["segments"]["VAC"]
    one = visit(with_model(GlossAlignmentExplorer(**values)), width=width)
    height = "() => document.querySelector('.vl-explorer').offsetHeight"
    found = set()
    for method in ("WS + GSBA", "WS", "VAC"):
        for radius in (0, 7):
            for step in (0, 22, 59):
                tell(one, method=method, radius=radius, step=step)
                found.add(one.page.evaluate(height))
    assert len(found) == 1


# ---- what may be missing ------------------------------------------------------------------------


def test_parts_that_were_not_given_are_not_shown(visit):
    values = course(count=1, methods={"CTC": 0.5}, segments=None, truth=None, frames=None)
    one = visit(with_model(GlossAlignmentExplorer(**{**values, "steps": None})))
    for name in ("method", "sentence", "order of sentences"):
        assert one.page.get_by_label(name, exact=True).is_hidden()
    assert one.page.locator(".vl-gsba").is_hidden()
    assert one.page.locator(".vl-thumb").is_hidden()
    assert one.page.locator("[data-fact=truth]").count() == 0
    one.shoot("gloss-alignment-bare")


def test_a_method_without_segments_says_so(visit):
    values = course(count=2)
    del values["segments"]["CTC"]
    one = visit(with_model(GlossAlignmentExplorer(**values)))
    assert one.page.locator(".vl-gsba").inner_text().count("no segments for this method") == 1
    one.page.get_by_role("combobox", name="method").select_option("WS")
    assert "frame accuracy" in one.page.locator(".vl-gsba").inner_text()


def test_empty_sentences_are_scored_and_shown(visit):
    values = course(count=3, methods={"CTC": 0.5})
    values["references"][:2] = [(), ()]
    values["hypotheses"]["CTC"][:2] = [(3,), ()]
    one = visit(with_model(GlossAlignmentExplorer(**values)))
    assert (fact(one, "wer"), fact(one, "ins")) == ("∞", "1")
    tell(one, sample=1)
    assert fact(one, "wer") == "0 %"
    assert "none recognised" in one.page.locator(".vl-pairs").inner_text()


# ---- looks --------------------------------------------------------------------------------------


def test_hostile_labels_and_titles_stay_text(visit):
    bad = "<img src=x onerror=window.hacked=1>"
    worse = "</script><script>window.hacked=1</script>"
    values = course(count=2, methods={bad: 0.6})
    for k in values["references"][0]:
        values["class_names"] = [*values["class_names"][:k], bad, *values["class_names"][k + 1 :]]
    values["class_names"][0] = worse
    one = visit(with_model(GlossAlignmentExplorer(**values, title=bad, alt=worse)))
    one.page.wait_for_timeout(200)
    assert one.page.evaluate("window.hacked") is None
    assert one.page.locator("img").count() == 0
    assert one.page.locator("h3").inner_text() == bad
    assert one.page.locator(".vl-word-text").first.inner_text() == bad
    assert worse in table(one)
    assert one.page.locator(".vl-explorer").get_attribute("aria-label") == worse
    one.shoot("gloss-alignment-hostile")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [600, 700, 1400])
def test_both_themes_read_well_and_nothing_is_cut_off(visit, scheme, width):
    values = course(count=4)
    first, _, third, *rest = values["references"][3]
    values["hypotheses"]["CTC"][3] = (first, rest[-1], third, *rest[1:], first)
    one = visit(with_model(GlossAlignmentExplorer(**values)), width=width, scheme=scheme)
    tell(one, sample=3, radius=4, step=20)
    counts = [fact(one, name) for name in ("sub", "del", "ins")]
    assert counts == ["1", "1", "1"], "the screenshot must show all kinds"
    assert one.theme() == scheme
    assert one.contrast() >= 4.5
    assert not one.cut_off(
        "canvas, select, .vl-pair, .vl-slider, .vl-facts, table", rooms=".vl-reading"
    )
    one.shoot(f"gloss-alignment-{scheme}-{width}")


def test_long_names_and_many_words_fit(visit):
    values = course(count=1, methods={"CTC": 0.1})
    values["class_names"] = ["blank", *(f"REGEN-UND-GEWITTER-UND-WIND-{k}" for k in range(24))]
    values["references"] = [tuple(range(1, 17))]
    one = visit(GlossAlignmentExplorer(**values).html(), width=600)
    for name in (".vl-explorer", ".vl-reading"):
        assert one.page.locator(name).evaluate("(r) => r.scrollWidth <= r.clientWidth")
    one.shoot("gloss-alignment-long")
