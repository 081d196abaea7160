"""Packing of arrays and frames, and the page that needs no kernel."""

import base64
import io
import json
import re
from importlib import resources

import numpy as np
import pytest
import traitlets
from PIL import Image

from vidlab import widgets
from vidlab.widgets.base import (
    CATEGORICAL,
    DIVERGING,
    MAX_BYTES,
    SEQUENTIAL,
    Explorer,
    as_array,
    check_size,
    decode_array,
    encode_array,
    encode_frame_lists,
    encode_frames,
    module_text,
    script_json,
)

HOSTILE = "</script><script>alert(1)</script><!-- & <img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("uint8", 1 / 255), ("uint16", 1 / 65535), ("float16", 1e-3)]
)
def test_arrays_survive_packing(dtype, tolerance):
    array = np.random.default_rng(0).uniform(-1, 1, (5, 4, 3))
    value_range = (-1.0, 1.0) if dtype.startswith("uint") else None
    packed = encode_array(array, dtype, value_range)
    json.dumps(packed)
    back = decode_array(packed)
    assert back.shape == (5, 4, 3)
    assert np.abs(back - array).max() <= tolerance
    # As fine as it claims: half of that would be wrong for these random values.
    assert np.abs(back - array).max() > 0


def test_integers_without_a_range_stay_as_they_are():
    labels = np.array([0, 3, 700, 65535])
    assert decode_array(encode_array(labels, "uint16")).tolist() == labels.tolist()


def test_packed_bytes_are_little_endian():
    packed = encode_array(np.array([258]), "uint16")
    assert base64.b64decode(packed["data"]) == b"\x02\x01"


def test_values_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit uint8 over 0 .. 255"):
        encode_array(np.array([256]), "uint8")
    with pytest.raises(ValueError, match="allowed: uint8, uint16, float16, float32"):
        encode_array(np.array([1.0]), "float64")


def test_a_constant_array_can_be_packed():
    assert decode_array(encode_array(np.full(3, 2.5), "uint8", (2.5, 2.5))).tolist() == [2.5] * 3


@pytest.mark.parametrize("shape", [(70, 6, 5), (3, 6, 5, 3)])
def test_sprite_sheet_holds_every_frame(shape):
    frames = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    sheet = encode_frames(frames)
    head, data = sheet["src"].split(",")
    assert head == "data:image/png;base64"
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert (sheet["count"], sheet["height"], sheet["width"]) == (shape[0], 6, 5)
    for t in range(shape[0]):
        x, y = t % sheet["columns"] * 5, t // sheet["columns"] * 6
        assert np.array_equal(picture[y : y + 6, x : x + 5], frames[t])


def test_tall_frames_are_scaled_down_in_proportion():
    sheet = encode_frames(np.zeros((2, 200, 100), np.uint8), max_height=48)
    assert (sheet["height"], sheet["width"]) == (48, 24)


def test_many_noisy_frames_are_shrunk_to_the_budget():
    noise = np.random.default_rng(2).integers(0, 256, (60, 64, 64, 3), dtype=np.uint8)
    sheets = encode_frame_lists([noise, noise], budget=400_000)
    assert sum(len(sheet["src"]) for sheet in sheets) <= 400_000
    assert sheets[0]["height"] < 64


def test_frames_of_a_wrong_kind_are_refused():
    with pytest.raises(ValueError, match=r"must be \(T, H, W\).*\(4, 8\)"):
        encode_frames(np.zeros((4, 8), np.uint8))
    with pytest.raises(ValueError, match=r"must be uint8 in 0 .. 255; got dtype float64"):
        encode_frames(np.zeros((4, 8, 8)))


def test_tensors_come_in_without_a_copy_of_their_graph():
    torch = pytest.importorskip("torch")
    array = as_array(torch.ones(2, 3, dtype=torch.bfloat16, requires_grad=True), "x")
    assert array.shape == (2, 3)
    assert array.dtype == np.float32


def test_ragged_lists_and_text_are_refused():
    with pytest.raises(ValueError, match="x must be one regular array"):
        as_array([[1, 2], [3]], "x")
    with pytest.raises(ValueError, match="x must hold numbers"):
        as_array(["a"], "x")


def test_json_in_a_script_element_cannot_end_it():
    text = script_json({"name": HOSTILE})
    assert not set("<>&") & set(text)
    assert json.loads(text)["name"] == HOSTILE


def test_a_bloated_payload_is_refused_with_both_sizes():
    with pytest.raises(ValueError, match="the map would add 2.0 MB .* at most 1.5 MB"):
        check_size({"data": "x" * 2_000_000}, "the map")


class Tiny(Explorer):
    """The smallest explorer: what a subclass has to bring."""

    _esm = module_text("ctc") + "function render({ model, el }) {}\n"
    _css = ".vl-explorer {}"
    level = traitlets.Float(0.5).tag(sync=True)


def test_a_page_holds_the_state_of_the_traits_and_nothing_else():
    tiny = Tiny(title=HOSTILE, alt=HOSTILE, _data={"x": [1]})
    tiny.level = 0.25
    page = tiny.html()
    state = json.loads(re.search(r'type="application/json"[^>]*>(.*?)</script>', page)[1])
    assert state == {"_data": {"x": [1]}, "alt": HOSTILE, "level": 0.25, "title": HOSTILE}
    assert "<img" not in page  # the text that stands in for the picture is escaped
    assert page.count("</script>") == 2
    assert not re.search(r"https?://", page), "a page must not point to the network"


def test_two_pages_of_one_explorer_have_names_of_their_own():
    tiny = Tiny(alt="a picture")
    roots = [re.search(r'<div id="([^"]+)"', tiny.html())[1] for _ in range(2)]
    assert roots[0] != roots[1]


def test_the_bundle_holds_the_live_view_and_the_page():
    data, _ = Tiny(alt="a picture")._repr_mimebundle_()
    assert data["text/plain"] == "a picture"
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "<script" in data["text/html"]


def test_an_explorer_without_a_figure_says_so():
    with pytest.raises(NotImplementedError, match="Tiny has no figure yet"):
        Tiny().figure()


KINDS = sorted(name for name in vars(widgets) if name.endswith("Explorer") and name != "Explorer")


@pytest.mark.parametrize("kind", KINDS)
def test_scripts_and_styles_stay_small(kind):
    made = getattr(widgets, kind)
    assert len(made._esm) + len(made._css) < 60_000
    assert 60_000 + MAX_BYTES < 2_000_000  # of a page, with the most data that is allowed


@pytest.mark.parametrize("kind", KINDS)
def test_an_explorers_own_rules_win_over_the_shared_ones(kind):
    """Three classes against two: the shared sheet may come again after them on a page."""
    own = re.sub(r"/\*.*?\*/", "", getattr(widgets, kind)._css.removeprefix(style_text_of("base")))
    own = re.sub(r"@media[^{]*{", "", own)
    rules = [rule.strip() for rule in re.findall(r"([^{}]+){", own) if rule.strip()]
    assert rules
    assert [rule for rule in rules if not re.match(r"\.vl-explorer\.vl-\w", rule)] == []


def style_text_of(name: str) -> str:
    return (resources.files(widgets) / "static" / f"{name}.css").read_text("utf-8")


def luminance(colour: str) -> float:
    linear = (np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255) ** 2.2
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_sequential_palettes_are_monotone_in_lightness():
    for theme, direction in (("light", -1), ("dark", 1)):
        steps = np.diff([luminance(colour) for colour in SEQUENTIAL[theme]])
        assert (direction * steps > 0).all()


def test_diverging_palettes_have_their_turn_in_the_middle():
    for theme, direction in (("light", 1), ("dark", -1)):
        values = direction * np.array([luminance(colour) for colour in DIVERGING[theme]])
        assert values.argmax() == 3
        assert (np.diff(values)[:3] > 0).all()
        assert (np.diff(values)[3:] < 0).all()


def test_there_are_colours_for_ten_digits_and_no_two_are_alike():
    colours = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in CATEGORICAL])
    apart = np.linalg.norm(colours[:, None] - colours[None], axis=2) + 1e3 * np.eye(len(colours))
    assert len(CATEGORICAL) >= 10
    assert apart.min() > 40
