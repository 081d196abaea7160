// Proposal explorer, the pictures: arrows over the frames, the matrix of all pairs, shares that
// are right. On frames the colours are the same in both themes, each on a dark rim.

const CAPTION = 16; // room for the words under a frame
const LINKS = { right: "#45b5ec", wrong: "#f5a800", "": "#f0b3dd" };
const RIM = "#14181d";

/** A rectangle that shows on any frame. */
function rimmed(context, box, ink, thick, dashes = []) {
  for (const [wide, stroke, dash] of [[thick + 2.5, RIM, []], [thick, ink, dashes]]) {
    context.setLineDash(dash);
    context.lineWidth = wide;
    context.strokeStyle = stroke;
    context.strokeRect(box.left, box.top, box.width, box.height);
  }
  context.setLineDash([]);
}

/** An arrow between the middles of two cells, its head at the second. */
function arrow(context, from, to, ink, dashes) {
  const [[x, y], [u, v]] = [from, to].map((box) =>
    [box.left + box.width / 2, box.top + box.height / 2]);
  const turn = Math.atan2(v - y, u - x);
  const [back, half] = [9, 4.5];
  const stop = [u - (back - 1) * Math.cos(turn), v - (back - 1) * Math.sin(turn)];
  for (const [wide, stroke, dash] of [[3.6, RIM, []], [1.8, ink, dashes]]) {
    context.setLineDash(dash);
    context.lineWidth = wide;
    context.strokeStyle = stroke;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(...stop);
    context.stroke();
  }
  context.setLineDash([]);
  context.beginPath();
  context.moveTo(u, v);
  for (const side of [-half, half]) {
    context.lineTo(u - back * Math.cos(turn) - side * Math.sin(turn),
      v - back * Math.sin(turn) + side * Math.cos(turn));
  }
  context.closePath();
  context.lineWidth = 2;
  context.strokeStyle = RIM;
  context.stroke();
  context.fillStyle = ink;
  context.fill();
}

function cellLines(context, axis, box) {
  context.lineWidth = 1;
  context.globalAlpha = 0.3;
  for (const [stroke, shift] of [["#000000", 0.5], ["#ffffff", -0.5]]) {
    context.beginPath();
    for (let i = 1; i < axis.columns; i++) {
      const x = Math.round(box.left + (i / axis.columns) * box.width) + shift;
      context.moveTo(x, box.top);
      context.lineTo(x, box.top + box.height);
    }
    for (let i = 1; i < axis.rows; i++) {
      const y = Math.round(box.top + (i / axis.rows) * box.height) + shift;
      context.moveTo(box.left, y);
      context.lineTo(box.left + box.width, y);
    }
    context.strokeStyle = stroke;
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** The frames with a point, its true places and its proposals; returns the frames' boxes.
 * `links` are [proposal, verdict], the nearest first; `pointed` are points under the pointer. */
function drawClip(canvas, width, theme, axis, { point, links, partners, pointed }) {
  const { boxes, height } = frameBoxes(axis, width, [80, axis.times <= 3 ? 320 : 200], CAPTION);
  const context = fitCanvas(canvas, width, height);
  const write = inscriber(context, theme);
  const cell = (p) => {
    const { t, row, column } = placeOf(axis, p);
    return patchBox(axis, boxes[t], row, column);
  };
  context.imageSmoothingEnabled = false;
  boxes.forEach((box, t) => {
    axis.sprite.draw(context, t, box.left, box.top, box.width, box.height);
    if (box.width / axis.columns >= 5) cellLines(context, axis, box);
    const here = placeOf(axis, point).t === t;
    write(timeName(axis, t), box.left, box.top + box.height + 9, { room: box.width,
      ink: here ? theme.ink : theme.muted, weight: here ? 700 : "" });
  });
  const dashes = (verdict) => (verdict === "wrong" ? [4, 3] : []);
  const nearestLast = [...links].reverse(); // on top
  for (const [p, verdict] of nearestLast) {
    rimmed(context, cell(p), LINKS[verdict], 1.8, dashes(verdict));
  }
  for (const p of pointed) rimmed(context, cell(p), "#ffffff", 1.2, [2, 2]);
  for (const [p, verdict] of nearestLast) {
    arrow(context, cell(point), cell(p), LINKS[verdict], dashes(verdict));
  }
  for (const p of partners) {
    const box = cell(p);
    context.beginPath();
    context.arc(box.left + box.width / 2, box.top + box.height / 2, 4, 0, 2 * Math.PI);
    context.fillStyle = "#ffffff";
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = RIM;
    context.stroke();
  }
  rimmed(context, cell(point), "#ffffff", 3);
  return boxes;
}

/** All pairs of points, blocks by frame; the point's row with its proposals; returns its box. */
function drawPairs(canvas, width, theme, axis, { image, point, links, pointed }) {
  const [left, top, below] = [22, 4, 20];
  const side = Math.min(width - left - 4, 340);
  const size = side / axis.count; // of a point
  const context = fitCanvas(canvas, width, top + side + below);
  const write = inscriber(context, theme);
  const box = { left, top, side, size };
  context.imageSmoothingEnabled = size < 1; // else points would be left out
  context.fillStyle = theme.bg;
  context.fillRect(left, top, side, side);
  context.drawImage(image, left, top, side, side);
  context.strokeStyle = theme.line;
  context.lineWidth = 1;
  for (let s = 0; s <= axis.times; s++) {
    const at = Math.round(s * axis.patches * size) + 0.5;
    context.strokeRect(left + at, top, 0, side);
    context.strokeRect(left, top + at, side, 0);
  }
  const middle = (p) => (p + 0.5) * size;
  for (const p of pointed) {
    haloLine(context, theme, [[left + middle(p), top], [left + middle(p), top + side]],
      theme.accent, 1.2);
  }
  const y = top + middle(point);
  haloLine(context, theme, [[left, y], [left + side, y]], theme.mark, 1.2);
  for (const [p] of links) {
    const x = left + middle(p);
    haloLine(context, theme, [[x, y - 6], [x, y + 6]], theme.mark, 2);
  }
  // Frames are numbered along both edges where there is room.
  const block = axis.patches * size;
  for (let s = 0; s < axis.times; s++) {
    if (block < 24 && s % 2) continue;
    const at = (s + 0.5) * block;
    write(timeNumber(axis, s), left + at, top + side + 10, { align: "center" });
    write(timeNumber(axis, s), left - 6, top + at, { align: "right", room: left });
  }
  return box;
}

/** A bar a variant: the share of proposals that are right; a tick marks chance, a ring the share
 * of points with a right one. `scores` are Python's, one a variant. */
function drawShares(canvas, width, theme, { names, scores, chosen }) {
  const [row, top, below] = [22, 2, 18];
  const high = names.length * row;
  const context = fitCanvas(canvas, width, top + high + below);
  const write = inscriber(context, theme);
  context.font = `700 12px ${theme.font}`;
  const widest = Math.max(...names.map((name) => context.measureText(name).width));
  const left = Math.min(Math.ceil(widest) + 10, width * 0.42);
  const right = width - 44;
  const x = (value) => left + value * (right - left);
  for (const value of [0, 0.5, 1]) {
    context.fillStyle = theme.line;
    context.fillRect(Math.round(x(value)), top, 1, high + 3);
    write(percent(value, 0), x(value), top + high + 11, { align: "center" });
  }
  names.forEach((name, i) => {
    const [y, here] = [top + i * row, i === chosen];
    const look = { ink: here ? theme.ink : theme.muted, weight: here ? 700 : "", font: 12 };
    write(name, left - 7, y + row / 2, { align: "right", room: left - 8, ...look });
    context.fillStyle = theme.accent;
    context.globalAlpha = here ? 1 : 0.5;
    const { share, chance, found } = scores[i];
    context.fillRect(x(0), y + row * 0.18, Math.max(x(share) - x(0), 1), row * 0.64);
    context.globalAlpha = 1;
    haloLine(context, theme, [[x(chance), y + 2], [x(chance), y + row - 2]], theme.ink, 1.5);
    context.beginPath();
    context.arc(x(found), y + row / 2, 4.5, 0, 2 * Math.PI);
    context.fillStyle = theme.bg;
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = theme.ink;
    context.stroke();
    write(percent(share, 0), right + 8, y + row / 2, look);
  });
  return { top, row };
}
