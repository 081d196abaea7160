// Attention explorer, the tokens: names, chips for words, and where patches of frames lie.

/** Tokens of one axis with their sprite: special names, words, then patches frame by frame. */
function openAxis(packed, redraw) {
  const [rows, columns] = packed.grid;
  const patches = rows * columns;
  return {
    ...packed, rows, columns, patches,
    first: packed.names.length, // the first token that is a frame or a patch
    count: packed.names.length + packed.times * patches,
    sprite: packed.sheet && loadSprite(packed.sheet, redraw),
  };
}

/** The numbers of the clip's frames that time t stands for. */
function timeNumber(axis, t) {
  const from = t * axis.span;
  return axis.span === 1 ? String(from) : `${from}\u2013${from + axis.span - 1}`;
}

const timeName = (axis, t) => `frame${axis.span === 1 ? "" : "s"} ${timeNumber(axis, t)}`;

/** A token's place: the time it belongs to, its row and column; null for a word. */
function placeOf(axis, token) {
  if (token < axis.first) return null;
  const t = Math.floor((token - axis.first) / axis.patches);
  const patch = (token - axis.first) % axis.patches;
  return { t, row: Math.floor(patch / axis.columns), column: patch % axis.columns };
}

function tokenName(axis, token) {
  const place = placeOf(axis, token);
  if (!place) return axis.names[token];
  const frame = timeName(axis, place.t);
  return axis.patches === 1 ? frame : `${frame}, row ${place.row}, column ${place.column}`;
}

/** The same with less words: "frame 3 (0, 2)". */
function shortName(axis, token) {
  const place = placeOf(axis, token);
  if (!place || axis.patches === 1) return tokenName(axis, token);
  return `${timeName(axis, place.t)} (${place.row}, ${place.column})`;
}

/** Which token an arrow leads to: up and down cross a row of patches, pages a frame. */
function stepTo(axis, token, key) {
  const inside = token >= axis.first;
  const step = {
    ArrowLeft: -1, ArrowRight: 1,
    ArrowUp: inside ? -axis.columns : -1, ArrowDown: inside ? axis.columns : 1,
    PageUp: inside ? -axis.patches : -10, PageDown: inside ? axis.patches : 10,
    Home: -1e9, End: 1e9,
  }[key];
  return step === undefined ? null : within(token + step, axis.count);
}

/** One chip a name; `pick` gets the token that was clicked. */
function chipLine(axis, pick) {
  const box = element("div", "vl-chips");
  const chips = axis.names.map((name, token) => {
    const chip = element("span", token < axis.special ? "vl-chip vl-special" : "vl-chip");
    chip.dataset.token = token;
    chip.append(element("span", "vl-chip-name", name), element("span", "vl-chip-weight"));
    chip.title = name;
    chip.addEventListener("click", () => pick(token));
    box.append(chip);
    return chip;
  });
  box.hidden = !chips.length;
  return { box, chips };
}

/** Where frames lie on a canvas of this width, in rows; they are `low` .. `high` pixels wide. */
function frameBoxes(axis, width, [low, high], caption) {
  const { times, sprite } = axis;
  const aspect = sprite.aspect;
  const [gap, edge] = [8, 3]; // outlines reach over the edge
  width -= 2 * edge;
  const widest = Math.min(high * Math.max(aspect, 1), width);
  const least = Math.min(Math.max(axis.columns * 9, low), width); // patches must be met by a finger
  const fits = Math.floor((width + gap) / (least + gap));
  const columns = Math.max(1, Math.min(times, fits));
  // Rows of equal length: 8 frames stand 4 + 4, not 7 + 1.
  const even = Math.ceil(times / Math.ceil(times / columns));
  const wide = Math.floor(Math.min((width - (even - 1) * gap) / even, widest));
  const tall = Math.max(Math.round(wide / aspect), 1);
  const boxes = Array.from({ length: times }, (_, t) => ({
    left: edge + (t % even) * (wide + gap),
    top: edge + Math.floor(t / even) * (tall + caption + gap),
    width: wide,
    height: tall,
  }));
  return { boxes, height: boxes.length ? boxes[times - 1].top + tall + caption : 0 };
}

/** The rectangle of one patch within its frame's. */
function patchBox(axis, frame, row, column) {
  const [x, y] = [(i) => frame.left + (i / axis.columns) * frame.width,
    (i) => frame.top + (i / axis.rows) * frame.height];
  return { left: x(column), top: y(row), width: x(1) - x(0), height: y(1) - y(0) };
}

/** The token under a point, or null. */
function tokenAt(axis, boxes, x, y) {
  const t = boxes.findIndex((box) => x >= box.left && x < box.left + box.width &&
    y >= box.top && y < box.top + box.height);
  if (t < 0) return null;
  const column = Math.floor(((x - boxes[t].left) / boxes[t].width) * axis.columns);
  const row = Math.floor(((y - boxes[t].top) / boxes[t].height) * axis.rows);
  return axis.first + t * axis.patches + row * axis.columns + column;
}
