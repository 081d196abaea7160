// Matrices as heat maps: what the similarity and the confusion explorer share.

/** Keys that move a cursor over a matrix: [rows, columns]. */
const MOVES = {
  ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
  PageUp: [-10, 0], PageDown: [10, 0], Home: [0, -1e9], End: [0, 1e9],
};

/** 256 colours of `colour`, a function of 0..1, as [r, g, b]. */
function palette(colour) {
  return Array.from({ length: 256 }, (_, i) => colour(i / 255).match(/\d+/g).map(Number));
}

/** A small canvas with a pixel an entry; `value(row, column)` is in 0..1, or NaN for nothing. */
function heatImage(rows, columns, value, colours) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns, rows];
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    const at = value(Math.floor(i / columns), i % columns);
    if (Number.isNaN(at)) continue; // transparent
    const level = Math.round(255 * Math.min(Math.max(at, 0), 1));
    image.data.set([...colours[level], 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Paint a small canvas large, every entry a sharp rectangle. */
function paintHeat(context, image, { left, top, width, height }) {
  context.imageSmoothingEnabled = false;
  context.drawImage(image, left, top, width, height);
}

/** Text on a canvas, cut to its room. */
function inscriber(context, colours) {
  return (words, x, y, options = {}) => {
    const { align = "left", ink = colours.muted, font = 11, weight = "", room = 1e9 } = options;
    context.font = `${weight} ${font}px ${colours.font}`;
    context.textAlign = align;
    context.textBaseline = "middle";
    context.fillStyle = ink;
    context.fillText(fitText(context, words, room), x, y);
  };
}

/** A colour bar with its ticks below; `ticks` are [place in 0..1, words]. */
function drawColourBar(canvas, width, theme, colours, ticks) {
  const [side, thick] = [18, 12];
  const context = fitCanvas(canvas, width, thick + 18);
  const long = width - 2 * side;
  for (let i = 0; i < long; i++) {
    const [r, g, b] = colours[Math.round((255 * i) / (long - 1))];
    context.fillStyle = `rgb(${r},${g},${b})`;
    context.fillRect(side + i, 0, Math.min(1.5, long - i), thick);
  }
  context.strokeStyle = theme.line;
  context.strokeRect(side + 0.5, 0.5, long - 1, thick - 1);
  const write = inscriber(context, theme);
  for (const [place, words] of ticks) {
    context.fillStyle = theme.muted;
    context.fillRect(Math.round(side + place * (long - 1)), thick, 1, 3);
    write(words, side + place * (long - 1), thick + 10, { align: "center" });
  }
}

/** A line that shows on light and on dark: a wide one in the background's colour below it. */
function haloLine(context, theme, points, ink, thick = 1.5) {
  for (const [wide, stroke] of [[thick + 2, theme.bg], [thick, ink]]) {
    context.beginPath();
    points.forEach(([x, y]) => context.lineTo(x, y));
    context.lineWidth = wide;
    context.strokeStyle = stroke;
    context.stroke();
  }
}

/** The entry's frame, and lines from it to the edges: beside its numbers, if it has room. */
function drawCross(context, theme, box, x, y, cell) {
  const { left, top, width, height } = box;
  const [right, bottom] = [left + width, top + height];
  const gap = Math.max(3 - cell / 2, 0); // a tiny entry gets a frame that can be seen
  const [a, b] = [left + x * cell - gap, left + (x + 1) * cell + gap];
  const [c, d] = [top + y * cell - gap, top + (y + 1) * cell + gap];
  const tracks = (from, to) => (cell < 12 ? [(from + to) / 2] : [from, to]);
  const lines = [
    ...tracks(c, d).flatMap((at) => [[[left, at], [a, at]], [[b, at], [right, at]]]),
    ...tracks(a, b).flatMap((at) => [[[at, top], [at, c]], [[at, d], [at, bottom]]]),
  ];
  for (const line of lines) haloLine(context, theme, line, theme.mark, 1.2);
  for (const [wide, stroke] of [[4, theme.bg], [2, theme.mark]]) {
    context.lineWidth = wide;
    context.strokeStyle = stroke;
    context.strokeRect(a, c, b - a, d - c);
  }
}
