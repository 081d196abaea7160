"""What all explorers share: traits, packing of arrays, and the page that needs no kernel.

An explorer is an ipywidget whose whole interaction lives in one ES module under ``static/``.
In JupyterLab the module talks to the Python object through traits. In a saved page the very same
module runs against a small in-page model (``static/shim.js``), so the picture stays alive with no
kernel and no network. Explorers take plain arrays; they never run a model.
"""

from __future__ import annotations

import base64
import html
import io
import json
import uuid
from pathlib import Path

import anywidget
import numpy as np
import traitlets
from matplotlib.figure import Figure
from PIL import Image

MAX_BYTES = 1_500_000  #: an explorer may add this much to a saved notebook or page
MAX_SPRITE_PIXELS = 40_000_000  #: more than this in one sheet and browsers refuse to paint it

# Okabe and Ito's colour-blind-safe set first (its yellow darkened to show on white), then five
# more. Nobody tells twelve colours apart reliably: explorers also write the class's name.
CATEGORICAL = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00",
    "#b5a400", "#7d4fb8", "#8c5a3c", "#e4527a", "#00a6a6", "#7f9a2e",
)  # fmt: skip
BLANK_COLOUR = "#c9d1d9"
# One dark-to-light order in lightness alone, so that they survive grey printing.
SEQUENTIAL = {
    "light": ("#f3f6f9", "#cfe1ef", "#9ac4e0", "#579dc8", "#2672a8", "#114a7c", "#082851"),
    "dark": ("#1e242b", "#17405c", "#1c6784", "#3593a0", "#78c0ac", "#c4e3b6", "#fbfbd9"),
}
DIVERGING = {
    "light": ("#8a3c04", "#d9862f", "#f6d6ae", "#f5f5f5", "#b9d4ea", "#4c8fc4", "#0f4a86"),
    "dark": ("#ffbf7a", "#d07f2c", "#6b4320", "#242a31", "#1f4a6d", "#3f8cc4", "#a5d8ff"),
}

_STATIC = Path(__file__).parent / "static"


def module_text(*names: str) -> str:
    """The ES module of one explorer: palettes, shared front end and its own files, as one text."""
    palettes = {"CATEGORICAL": CATEGORICAL, "SEQUENTIAL": SEQUENTIAL, "DIVERGING": DIVERGING}
    head = "".join(f"const {key} = {json.dumps(value)};\n" for key, value in palettes.items())
    return head + "".join(_read(f"{name}.js") for name in ("base", "elements", *names))


def style_text(name: str) -> str:
    """The style sheet of one explorer: the shared one, then its own."""
    return _read("base.css") + _read(f"{name}.css")


class Explorer(anywidget.AnyWidget):
    """An interactive picture of arrays, alive with a kernel and without one.

    A subclass sets ``_esm = module_text(...)`` and ``_css = style_text(...)``, declares the traits
    that the two sides share, fills ``_data`` with what its module draws, and draws its matplotlib
    twin in :meth:`figure`.

    In a page the card (``.vl-explorer``) gets the attribute ``data-painted`` once its first whole
    picture is on screen: milliseconds since the page was opened. Tests and measurements wait for
    it; a card that nobody can see has none yet.

    Traits:
        title: heading of the card.
        alt: one sentence that stands in for the picture, for screen readers and previews.
    """

    title = traitlets.Unicode("").tag(sync=True)
    alt = traitlets.Unicode("").tag(sync=True)
    _data = traitlets.Dict().tag(sync=True)

    def figure(self) -> Figure:
        """The same picture as a matplotlib figure, for print."""
        raise NotImplementedError(f"{type(self).__name__} has no figure yet")

    def html(self) -> str:
        """A fragment of HTML that stays interactive with no kernel and no network."""
        root = f"vidlab-{uuid.uuid4().hex[:12]}"
        return (
            f'<div id="{root}"><p>{html.escape(self.alt)}</p></div>\n'
            f"<style>\n{self._css}</style>\n"
            f'<script type="application/json" id="{root}-state">{script_json(self._state())}'
            "</script>\n"
            f'<script type="module">\n{self._esm}\n{_read("shim.js")}mount("{root}");\n</script>\n'
        )

    def _state(self) -> dict:
        """Every trait that the front end reads, as it stands now."""
        inherited = set(anywidget.AnyWidget.class_trait_names(sync=True))
        own = set(self.trait_names(sync=True)) - inherited - {"_esm", "_css", "_anywidget_id"}
        return {name: getattr(self, name) for name in sorted(own)}

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict, dict] | None:
        """The live view, with the kernel-free page beside it.

        JupyterLab prefers the live view; nbconvert and the book are told to take ``text/html``.
        (``include`` and ``exclude`` arrive by keyword from IPython and are not used.)
        """
        bundle = super()._repr_mimebundle_()
        if bundle is None:
            return None
        data, metadata = bundle
        return {**data, "text/html": self.html(), "text/plain": self.alt}, metadata


def script_json(value: object) -> str:
    """JSON that is safe inside a ``<script>`` element, whatever its strings hold."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def check_size(data: dict, what: str) -> None:
    """Raise ``ValueError`` where packed data would bloat a saved notebook."""
    size = len(script_json(data))
    if size > MAX_BYTES:
        raise ValueError(
            f"{what} would add {size / 1e6:.1f} MB to the notebook; at most "
            f"{MAX_BYTES / 1e6:.1f} MB is allowed: hand in fewer sequences, frames or classes"
        )


def as_array(values: object, name: str) -> np.ndarray:
    """A NumPy array from an array, a nested list or a tensor on any device."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if "bfloat16" in str(values.dtype):  # NumPy has no such type
            values = values.float()
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must be one regular array; its rows differ in length") from error
    if array.dtype == object or array.dtype.kind in "USmMV":
        raise ValueError(f"{name} must hold numbers; got dtype {array.dtype}")
    return array


def check_finite(array: np.ndarray, name: str) -> None:
    """Raise ``ValueError`` where an array holds NaN or infinity."""
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        where = tuple(int(i) for i in bad[0])
        raise ValueError(f"{name} holds {array[where]} at index {where}; all must be finite")


def encode_array(
    array: np.ndarray, dtype: str, value_range: tuple[float, float] | None = None
) -> dict:
    """Pack an array as ``{dtype, shape, data[, range]}`` with base64, little-endian data.

    Args:
        array: any shape.
        dtype: ``uint8`` or ``uint16`` (with ``value_range``: spread evenly over it; without: the
            integers as they are), ``float16`` or ``float32``.
        value_range: lowest and highest value that the integers stand for.

    Raises:
        ValueError: unknown dtype, or a value outside what it can hold.
    """
    array = np.asarray(array)
    if dtype not in ("uint8", "uint16", "float16", "float32"):
        raise ValueError(f"dtype is {dtype!r}; allowed: uint8, uint16, float16, float32")
    packed: dict = {"dtype": dtype, "shape": list(array.shape)}
    if dtype.startswith("uint"):
        levels = np.iinfo(dtype).max
        low, high = (0, levels) if value_range is None else map(float, value_range)
        if array.size and (array.min() < low or array.max() > high):
            raise ValueError(
                f"values {array.min()} .. {array.max()} do not fit {dtype} over {low} .. {high}"
            )
        if value_range is not None:
            packed["range"] = [low, high]
            span = (high - low) or 1.0
            array = np.rint((array.astype(np.float64) - low) / span * levels)
    array = np.ascontiguousarray(array, dtype=np.dtype(dtype).newbyteorder("<"))
    packed["data"] = base64.b64encode(array.tobytes()).decode("ascii")
    return packed


def decode_array(packed: dict) -> np.ndarray:
    """The array that the front end sees: the inverse of :func:`encode_array`."""
    dtype = np.dtype(packed["dtype"]).newbyteorder("<")
    array = np.frombuffer(base64.b64decode(packed["data"]), dtype).reshape(packed["shape"])
    if "range" not in packed:
        return array.astype(array.dtype.newbyteorder("="))
    low, high = packed["range"]
    return low + (high - low) / np.iinfo(packed["dtype"]).max * array.astype(np.float64)


def check_frames(frames: np.ndarray, name: str) -> None:
    """Raise ``ValueError`` unless frames are uint8 ``(T, H, W)`` or ``(T, H, W, 3)``, not empty."""
    grey, colour = frames.ndim == 3, frames.ndim == 4 and frames.shape[-1] == 3
    if not (grey or colour) or 0 in frames.shape:
        raise ValueError(f"{name} must be (T, H, W) or (T, H, W, 3); got shape {frames.shape}")
    if frames.dtype != np.uint8:
        raise ValueError(f"{name} must be uint8 in 0 .. 255; got dtype {frames.dtype}")


def encode_frames(frames: np.ndarray, max_height: int = 48) -> dict:
    """Pack frames ``(T, H, W)`` or ``(T, H, W, 3)``, uint8, into one PNG sprite sheet.

    Frames taller than ``max_height`` pixels are scaled down. The sheet is filled row by row;
    ``columns`` says how many frames stand in a row.

    Returns:
        ``{src, count, width, height, columns}`` with a ``data:`` address and a frame's size.
    """
    check_frames(frames, "frames")
    count, height, width = frames.shape[:3]
    scale = min(1.0, max_height / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if count * size[0] * size[1] > MAX_SPRITE_PIXELS:
        raise ValueError(f"{count} frames of {size[0]}x{size[1]} pixels are too many for a page")
    columns = min(count, 64)
    mode = "L" if frames.ndim == 3 else "RGB"
    sheet = Image.new(mode, (columns * size[0], -(-count // columns) * size[1]))
    for t, frame in enumerate(frames):
        image = Image.fromarray(frame)
        if image.size != size:
            image = image.resize(size, Image.Resampling.BOX)
        sheet.paste(image, (t % columns * size[0], t // columns * size[1]))
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return {
        "src": f"data:image/png;base64,{data}",
        "count": count,
        "width": size[0],
        "height": size[1],
        "columns": columns,
    }


def encode_frame_lists(sequences: list[np.ndarray], budget: int = 900_000) -> list[dict]:
    """Sprite sheets of several sequences, as sharp as a common budget of bytes allows."""
    sheets: list[dict] = []
    for max_height in (64, 48, 32, 24, 16):
        sheets = [encode_frames(frames, max_height) for frames in sequences]
        if sum(len(sheet["src"]) for sheet in sheets) <= budget:
            break
    return sheets


def _read(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")
