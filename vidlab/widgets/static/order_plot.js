// Order explorer, the pictures: each model's softmax in this order, and its spread over all orders.

const ROWS = 14; // classes with a bar, at most
const BINS = 20;

/** Softmax of rows of `classes` logits, one row after another. */
function softmaxRows(logits, classes) {
  const found = new Float64Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    let [most, sum] = [-Infinity, 0];
    for (let k = start; k < start + classes; k++) most = Math.max(most, logits[k]);
    for (let k = start; k < start + classes; k++) sum += found[k] = Math.exp(logits[k] - most);
    for (let k = start; k < start + classes; k++) found[k] /= sum;
  }
  return found;
}

/** What each class gets over all models and orders together. */
function classTotals(probabilities, classes) {
  const total = new Float64Array(classes);
  for (const of of probabilities) of.forEach((p, i) => (total[i % classes] += p));
  return total;
}

/** The classes with a bar: all, or those that must (truth, answers) and those that get most. */
function shownClasses(totals, must) {
  const total = [...totals];
  for (const k of must) total[k] = Infinity;
  return [...total.keys()].sort((a, b) => total[b] - total[a] || a - b).slice(0, ROWS)
    .sort((a, b) => a - b);
}

/** A bar a class; a tick marks the true order's value. `now` and `before` have K probabilities. */
function drawBars(canvas, width, theme, { names, rows, now, before, truth, answer }) {
  const row = rows.length > 8 ? 18 : 22;
  const [top, below] = [2, 18];
  const high = rows.length * row;
  const context = fitCanvas(canvas, width, top + high + below);
  const write = inscriber(context, theme);
  context.font = `700 12px ${theme.font}`;
  const widest = Math.max(...rows.map((k) => context.measureText(`\u25b8 ${names[k]}`).width));
  const left = Math.min(Math.ceil(widest) + 10, width * 0.42);
  const right = width - Math.ceil(context.measureText(percent(1, 0)).width) - 10;
  const x = (value) => left + value * (right - left);
  for (const value of [0, 0.5, 1]) {
    context.fillStyle = theme.line;
    context.fillRect(Math.round(x(value)), top, 1, high + 3);
    write(percent(value, 0), x(value), top + high + 11, { align: "center" });
  }
  rows.forEach((k, i) => {
    const y = top + i * row;
    const look = { ink: k === truth || k === answer ? theme.ink : theme.muted, font: 12,
      weight: k === truth ? 700 : "" };
    write(k === truth ? `\u25b8 ${names[k]}` : names[k], left - 7, y + row / 2,
      { align: "right", room: left - 8, ...look });
    context.fillStyle = k === truth ? theme.accent : k === answer ? theme.mark : theme.blank;
    context.fillRect(x(0), y + row * 0.18, Math.max(x(now[k]) - x(0), 1), row * 0.64);
    haloLine(context, theme, [[x(before[k]), y + 2], [x(before[k]), y + row - 2]], theme.ink, 1.5);
    write(percent(now[k], 0), right + 6, y + row / 2, look);
  });
}

/** How the true class's probability spreads over all orders; a line marks this order. */
function drawSpread(canvas, width, theme, values, here) {
  const [left, top, high, below] = [30, 12, 46, 18];
  const right = width - 22;
  const context = fitCanvas(canvas, width, top + high + below);
  const write = inscriber(context, theme);
  const bins = new Array(BINS).fill(0);
  for (const value of values) bins[Math.min(Math.floor(value * BINS), BINS - 1)] += 1;
  const most = Math.max(...bins);
  const x = (value) => left + value * (right - left);
  const step = (right - left) / BINS;
  context.fillStyle = theme.muted;
  bins.forEach((count, b) => {
    const tall = (count / most) * high;
    context.fillRect(x(b / BINS) + 0.5, top + high - tall, step - 1, tall);
  });
  context.fillStyle = theme.line;
  context.fillRect(left, top + high, right - left, 1);
  for (const value of [0, 0.5, 1]) {
    write(percent(value, 0), x(value), top + high + 10, { align: "center" });
  }
  write(String(most), left - 6, top + 5, { align: "right" });
  write("0", left - 6, top + high - 4, { align: "right" });
  haloLine(context, theme, [[x(here), top - 8], [x(here), top + high]], theme.mark, 2);
}
