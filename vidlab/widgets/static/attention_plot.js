// Attention explorer, the pictures: frames under a query's weights, the matrix, entropy of heads.
// Weights are bright on dark in both themes: then they show on dark and on bright frames alike.

const CAPTION = 16; // room for the words under a frame
const STRONGEST = 3; // patches with an outline

const heat = (value) => ramp(SEQUENTIAL.dark, value);

/** A frame in grey: only weights have colours. */
function greyFrame(context, sprite, t, { left, top, width, height }) {
  sprite.draw(context, t, left, top, width, height);
  context.globalCompositeOperation = "saturation";
  context.fillStyle = "#808080";
  context.fillRect(left, top, width, height);
  context.globalCompositeOperation = "source-over";
}

/** An outline that shows on anything: light inside dark, or the other way round. */
function outline(context, box, ink, ground, thick) {
  for (const [wide, stroke] of [[thick + 2.5, ground], [thick, ink]]) {
    context.lineWidth = wide;
    context.strokeStyle = stroke;
    context.strokeRect(box.left, box.top, box.width, box.height);
  }
}

function patchLines(context, axis, box) {
  context.lineWidth = 1;
  context.beginPath();
  for (let i = 1; i < axis.columns; i++) {
    const x = Math.round(box.left + (i / axis.columns) * box.width) + 0.5;
    context.moveTo(x, box.top);
    context.lineTo(x, box.top + box.height);
  }
  for (let i = 1; i < axis.rows; i++) {
    const y = Math.round(box.top + (i / axis.rows) * box.height) + 0.5;
    context.moveTo(box.left, y);
    context.lineTo(box.left + box.width, y);
  }
  for (const [stroke, alpha] of [["#000000", 0.28], ["#ffffff", 0.28]]) {
    context.globalAlpha = alpha;
    context.strokeStyle = stroke;
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** The words under a frame: its number alone where there is no room for "frame". */
function caption(write, context, axis, t, box, room, look) {
  const words = timeName(axis, t);
  context.font = "700 11px sans-serif";
  const shown = context.measureText(words).width <= room ? words : timeNumber(axis, t);
  write(shown, box.left, box.top + box.height + 9, { room, ...look });
}

/** The queries' frames with their patches and the chosen one; returns the boxes. */
function drawQueries(canvas, width, theme, axis, query) {
  const { boxes, height } = frameBoxes(axis, width, [64, 104], CAPTION);
  const context = fitCanvas(canvas, width, height);
  const write = inscriber(context, theme);
  const chosen = placeOf(axis, query);
  boxes.forEach((box, t) => {
    axis.sprite.draw(context, t, box.left, box.top, box.width, box.height);
    if (axis.patches > 1 && box.width / axis.columns >= 5) patchLines(context, axis, box);
    const here = chosen?.t === t;
    caption(write, context, axis, t, box, box.width,
      { ink: here ? theme.ink : theme.muted, weight: here ? 700 : "" });
  });
  if (chosen) {
    const box = patchBox(axis, boxes[chosen.t], chosen.row, chosen.column);
    const inset = axis.patches === 1 ? 1.5 : 0;
    outline(context, { left: box.left + inset, top: box.top + inset,
      width: box.width - 2 * inset, height: box.height - 2 * inset }, theme.mark, theme.bg, 2.5);
  }
  return boxes;
}

/** The keys' frames under the weights of one query; returns the boxes. */
function drawKeys(canvas, width, theme, axis, { weights, overlay, strongest }) {
  const { boxes, height } = frameBoxes(axis, width, [96, axis.times === 1 ? 320 : 220], CAPTION);
  const context = fitCanvas(canvas, width, height);
  const write = inscriber(context, theme);
  const most = Math.max(...weights);
  boxes.forEach((box, t) => {
    greyFrame(context, axis.sprite, t, box);
    context.globalAlpha = overlay;
    let sum = 0;
    for (let p = 0; p < axis.patches; p++) {
      const weight = weights[axis.first + t * axis.patches + p];
      sum += weight;
      const patch = patchBox(axis, box, Math.floor(p / axis.columns), p % axis.columns);
      const [x, y] = [Math.round(patch.left), Math.round(patch.top)];
      context.fillStyle = heat(weight / most);
      context.fillRect(x, y, Math.round(patch.left + patch.width) - x,
        Math.round(patch.top + patch.height) - y);
    }
    context.globalAlpha = 1;
    const share = percent(sum);
    write(share, box.left + box.width, box.top + box.height + 9,
      { align: "right", ink: theme.ink, weight: 600 });
    caption(write, context, axis, t, box, box.width - 46, {});
  });
  [...strongest].reverse().forEach((token) => { // the strongest on top
    const place = placeOf(axis, token);
    if (!place) return;
    const first = token === strongest[0];
    const box = patchBox(axis, boxes[place.t], place.row, place.column);
    const inset = axis.patches === 1 ? 2 : 0;
    outline(context, { left: box.left + inset, top: box.top + inset,
      width: box.width - 2 * inset, height: box.height - 2 * inset },
    "#ffb482", "#14181d", first ? 2.5 : 1);
  });
  return boxes;
}

/** The whole matrix, queries down and keys across, with the query's row marked; returns its box. */
function drawThumbnail(canvas, width, theme, { image, query, queries, keys }) {
  const [left, top, below] = [20, 4, 20];
  const wide = width - left - 10;
  // Few rows or columns need no large picture; every row must be met by a finger.
  const cell = Math.min(wide / keys, 26);
  const high = Math.max(Math.min(queries * cell, 1.3 * wide, 260), 52);
  const box = { left, top, width: cell * keys, height: high, row: high / queries };
  const context = fitCanvas(canvas, width, top + high + below);
  const write = inscriber(context, theme);
  paintHeat(context, image, box);
  context.lineWidth = 1;
  context.strokeStyle = theme.line;
  context.strokeRect(left - 0.5, top - 0.5, box.width + 1, high + 1);
  const gap = Math.max(3 - box.row / 2, 0); // a tiny row gets a frame that can be seen
  outline(context, { left: left - 2, top: top + query * box.row - gap, width: box.width + 4,
    height: box.row + 2 * gap }, theme.mark, theme.bg, 2);
  write(`${keys} keys`, left + box.width / 2, top + high + 11, { align: "center" });
  context.save();
  context.translate(8, top + high / 2);
  context.rotate(-Math.PI / 2);
  write(`${queries} queries`, 0, 0, { align: "center", room: top + high + below });
  context.restore();
  return box;
}

/** Bars of entropy, a row a head (then mean and rollout); returns the height of a row. */
function drawEntropies(canvas, width, theme, { names, values, means, chosen }) {
  const row = Math.min(20, Math.max(9, 260 / names.length));
  const [top, below] = [2, 18];
  const context = fitCanvas(canvas, width, top + names.length * row + below);
  const write = inscriber(context, theme);
  context.font = `600 12px ${theme.font}`;
  const widest = Math.max(...names.map((name) => context.measureText(name).width));
  const left = Math.min(Math.ceil(widest) + 12, width * 0.36, 130);
  const right = width - 40;
  const x = (value) => left + value * (right - left);
  const high = names.length * row;
  for (const value of [0, 0.5, 1]) {
    context.fillStyle = theme.line;
    context.fillRect(Math.round(x(value)), top, 1, high + 3);
    write(String(value), x(value), top + high + 11, { align: "center" });
  }
  names.forEach((name, i) => {
    const [y, here] = [top + i * row, i === chosen];
    if (row >= 12 || here) {
      write(name, left - 8, y + row / 2, { align: "right", room: left - 10, font: here ? 12 : 11,
        ink: here ? theme.ink : theme.muted, weight: here ? 700 : "" });
    }
    context.fillStyle = here ? theme.mark : theme.accent;
    context.globalAlpha = here ? 1 : 0.55;
    context.fillRect(x(0), y + row * 0.18, Math.max(x(values[i]) - x(0), 1), row * 0.64);
    context.globalAlpha = 1;
    haloLine(context, theme, [[x(means[i]), y + 1], [x(means[i]), y + row - 1]], theme.ink, 1.5);
    if (row >= 12 || here) {
      write(values[i].toFixed(2), right + 8, y + row / 2,
        { ink: here ? theme.ink : theme.muted, weight: here ? 700 : "" });
    }
  });
  return row;
}
