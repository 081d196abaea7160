// Binarization explorer, the pictures: small charts on canvases, all with axes and units.

const CHART = { height: 226, top: 46, right: 14, bottom: 38, left: 50 };
const ERROR = "\u2016w \u2212 \u03b1 sign(w + b)\u2016\u00b2 / \u2016w\u2016\u00b2";
const BARS = 80; // bars of a histogram; bins of the data are finer

/** A number with three digits that count, and a typographic minus. */
function short(value, digits = 3) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size < 1e-4 || size >= 1e5
    ? value.toExponential(digits - 1) : String(Number(value.toPrecision(digits)));
  return minus(text);
}

const shareFormat = (share) => `${short(100 * share)} %`;

/** Round numbers from low to high, about `count` of them. */
function ticks(low, high, count) {
  const raw = (high - low) / count;
  const ten = 10 ** Math.floor(Math.log10(raw));
  const step = ten * [1, 2, 5, 10].find((factor) => factor * ten >= raw * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** Text on a canvas, cut to its room. */
function writer(context, colours, most) {
  return (words, x, y, options = {}) => {
    const { align = "left", ink = colours.muted, font = 11, weight = "", halo } = options;
    context.font = `${weight} ${font}px ${colours.font}`;
    context.textAlign = align;
    context.textBaseline = "middle";
    const shown = fitText(context, words, options.room ?? most);
    if (halo) {
      context.lineWidth = 4;
      context.lineJoin = "round";
      context.strokeStyle = halo;
      context.strokeText(shown, x, y);
    }
    context.fillStyle = ink;
    context.fillText(shown, x, y);
  };
}

const HEADING = { font: 12.5, weight: 600 };

/** A chart's empty frame with axes; `x` and `y` are {from, to, label, format, ticks}. */
function chart(canvas, width, colours, { title, x, y }) {
  const height = CHART.height;
  const context = fitCanvas(canvas, width, height);
  const box = {
    left: CHART.left, top: CHART.top, right: width - CHART.right, bottom: height - CHART.bottom,
  };
  const X = (value) => box.left + ((value - x.from) / (x.to - x.from)) * (box.right - box.left);
  const Y = (value) => box.bottom - ((value - y.from) / (y.to - y.from)) * (box.bottom - box.top);
  const text = writer(context, colours, width);
  const line = (x1, y1, x2, y2, ink, thick = 1, dash = []) => {
    context.beginPath();
    context.setLineDash(dash);
    context.lineWidth = thick;
    context.strokeStyle = ink;
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
    context.setLineDash([]);
  };
  const curve = (points, ink, thick) => {
    context.beginPath();
    points.forEach(([a, b]) => context.lineTo(X(a), Y(b)));
    context.lineWidth = thick;
    context.lineJoin = "round";
    context.strokeStyle = ink;
    context.stroke();
  };
  const dot = (a, b, radius, fill, edge) => {
    context.beginPath();
    context.arc(X(a), Y(b), radius, 0, 2 * Math.PI);
    context.fillStyle = fill;
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = edge;
    context.stroke();
  };
  text(title, box.left, 12, { ...HEADING, ink: colours.ink, room: width - box.left });
  const format = (axis) => axis.format ?? ((value) => short(value));
  for (const value of y.ticks ?? ticks(y.from, y.to, 4)) {
    line(box.left, Math.round(Y(value)) + 0.5, box.right, Math.round(Y(value)) + 0.5, colours.line);
    text(format(y)(value), box.left - 6, Y(value), { align: "right", room: box.left - 8 });
  }
  for (const value of x.ticks ?? ticks(x.from, x.to, width < 380 ? 5 : 6)) {
    line(X(value), box.bottom, X(value), box.bottom + 4, colours.muted);
    text(format(x)(value), X(value), box.bottom + 12, { align: "center" });
  }
  text(x.label, (box.left + box.right) / 2, height - 8, { align: "center" });
  text(y.label, box.left, 29, { room: box.right - box.left });
  return { context, box, X, Y, text, line, curve, dot };
}

/** Shares of values over `reach`, coloured by the side of the threshold on which they lie. */
function drawHistogram(canvas, width, colours, { counts, reach, threshold, scale, title, label }) {
  const group = counts.length / BARS;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const bars = Array.from({ length: BARS }, (_, i) =>
    counts.slice(i * group, (i + 1) * group).reduce((sum, count) => sum + count, 0) / total);
  const top = Math.max(...bars) * 1.12;
  const paint = chart(canvas, width, colours, {
    title,
    x: { from: -reach, to: reach, label },
    y: { from: 0, to: top, label: "share of values in a bar", format: shareFormat },
  });
  const { context, box, X, Y } = paint;
  const at = X(threshold);
  const [minus, plus] = [DIVERGING[colours.theme][1], DIVERGING[colours.theme][5]];
  const step = (2 * reach) / BARS;
  bars.forEach((share, i) => {
    const [from, to] = [X(-reach + i * step), X(-reach + (i + 1) * step) - 0.8];
    const cut = Math.min(Math.max(at, from), to); // a bar may lie on both sides
    for (const [a, b, fill] of [[from, cut, minus], [cut, to, plus]]) {
      context.fillStyle = fill;
      if (b > a) context.fillRect(a, Y(share), b - a, box.bottom - Y(share));
    }
  });
  paint.line(box.left, box.bottom + 0.5, box.right, box.bottom + 0.5, colours.muted);
  paint.line(at, box.top - 6, at, box.bottom, colours.ink, 2);
  const arrows = [[-1, "right", "\u2190 \u22121"], [1, "left", "+1 \u2192"]];
  for (const [side, align, words] of arrows) {
    const place = at + side * 7;
    if (place < box.left + 30 || place > box.right - 30) continue;
    paint.text(words, place, box.top + 6, { align, ink: colours.ink, font: 12, weight: 600 });
  }
  if (scale === undefined) return paint;
  for (const value of scale > 0 ? [-scale, scale] : [0]) { // where the ±1 weights are put
    if (Math.abs(value) > reach) continue;
    context.beginPath();
    context.moveTo(X(value), box.bottom - 9);
    context.lineTo(X(value) + 6, box.bottom + 2);
    context.lineTo(X(value) - 6, box.bottom + 2);
    context.closePath();
    context.fillStyle = colours.mark;
    context.strokeStyle = colours.bg;
    context.lineWidth = 1.5;
    context.fill();
    context.stroke();
    const words = value < 0 ? "\u2212\u03b1" : value > 0 ? "+\u03b1" : "\u03b1 = 0";
    paint.text(words, X(value), box.bottom - 18,
      { align: "center", ink: colours.mark, font: 12, weight: 700, halo: colours.bg });
  }
  return paint;
}

/** The error over the scale, for one bias, with the best scale and the present one. */
function drawErrorCurve(canvas, width, colours, { layer, bias, scale, reach }) {
  const best = bestScale(layer, bias);
  const at = (a) => quantisationError(layer, bias, a);
  const top = Math.max(at(reach), 1) * 1.05;
  const paint = chart(canvas, width, colours, {
    title: "Quantisation error over the scale \u03b1",
    x: { from: 0, to: reach, label: "scale \u03b1 (units of w)" },
    y: { from: 0, to: top, label: ERROR },
  });
  const { box, X, Y } = paint;
  const points = Array.from({ length: 101 }, (_, i) => [(i / 100) * reach, at((i / 100) * reach)]);
  paint.line(X(best), box.top, X(best), box.bottom, colours.muted, 1.5, [5, 4]);
  const side = X(best) > box.right - 130 ? ["right", -7] : ["left", 7];
  paint.text(`best \u03b1 = ${short(best)}`, X(best) + side[1], box.top + 8,
    { align: side[0], ink: colours.ink, font: 12 });
  paint.curve(points, colours.accent, 2.5);
  paint.line(X(scale), Y(at(scale)), X(scale), box.bottom, colours.mark, 1.5);
  paint.dot(scale, at(scale), 6, colours.mark, colours.bg);
  return paint;
}

/** Shares of flipped signs, a line a layer, the current one on top with its name. */
function drawFlips(canvas, width, colours, { layers, current, stage }) {
  const known = layers.filter((layer) => layer.flips);
  const epochs = known[0].flips.length;
  const top = Math.max(...known.map((layer) => Math.max(...layer.flips)), 1e-6) * 1.15;
  const marks = ticks(1, Math.max(epochs, 2), width < 380 ? 5 : 8).filter(Number.isInteger);
  const paint = chart(canvas, width, colours, {
    title: "Signs flipped since the epoch before",
    x: { from: epochs > 1 ? 1 : 0.5, to: Math.max(epochs, 1.5), label: "epoch", ticks: marks },
    y: { from: 0, to: top, label: "share of weights", format: shareFormat },
  });
  const { box, X } = paint;
  if (stage) {
    const at = X(stage + 0.5);
    paint.line(at, box.top, at, box.bottom, colours.ink, 1.5, [5, 4]);
    const words = { ink: colours.ink, font: 11.5 };
    const before = { ...words, align: "right", room: at - box.left - 8 };
    paint.text("stage 1", at - 6, box.top + 7, before);
    paint.text("stage 2", at + 6, box.top + 7, { ...words, room: box.right - at - 8 });
  }
  const points = (layer) => [...layer.flips].map((share, e) => [e + 1, share]);
  for (const layer of known) {
    if (layer !== layers[current]) paint.curve(points(layer), colours.blank, 1.5);
  }
  if (layers[current].flips) {
    const own = points(layers[current]);
    paint.curve(own, colours.mark, 3);
    if (epochs < 30) {
      own.forEach(([e, share]) => paint.dot(e, share, 3.5, colours.mark, colours.bg));
    }
  }
  return { ...paint, epochs, known };
}

/** A bar a layer; returns the height of a row, to tell which one the pointer meets. */
function drawCosines(canvas, width, colours, { layers, current }) {
  const row = Math.min(24, Math.max(7, 220 / layers.length));
  const start = 34;
  const height = Math.ceil(row * layers.length) + start + 42;
  const names = Math.min(110, width * 0.3);
  const context = fitCanvas(canvas, width, height);
  const write = writer(context, colours, width);
  const low = layers.some((layer) => layer.cosine < 0) ? -1 : 0;
  const [left, right, top] = [names + 12, width - 46, start];
  const X = (value) => left + ((value - low) / (1 - low)) * (right - left);
  const bottom = top + row * layers.length + 4;
  write("Cosine of real and binary outputs", 4, 12, { ...HEADING, ink: colours.ink });
  for (const value of ticks(low, 1, 4)) {
    context.fillStyle = colours.line;
    context.fillRect(Math.round(X(value)), top - 4, 1, bottom - top + 4);
    write(short(value), X(value), bottom + 10, { align: "center" });
  }
  write("cosine (1: the same direction)", (left + right) / 2, bottom + 26, { align: "center" });
  layers.forEach((layer, i) => {
    const middle = top + (i + 0.5) * row;
    const here = i === current;
    const look = here ? { ink: colours.ink, weight: 700 } : {};
    if (row >= 12 || here) {
      write(layer.name, left - 6, middle, { align: "right", room: names, ...look });
    }
    const known = layer.cosine !== null;
    if (known) {
      context.fillStyle = here ? colours.mark : colours.blank;
      const [a, b] = [Math.min(X(0), X(layer.cosine)), Math.max(X(0), X(layer.cosine))];
      context.fillRect(a, middle - row * 0.36, Math.max(b - a, 1), row * 0.72);
    }
    if (row >= 12 || here) {
      const words = known ? short(layer.cosine) : "not given";
      write(words, known ? Math.max(X(layer.cosine), X(0)) + 5 : X(0) + 5, middle, look);
    }
  });
  return { top, row };
}
