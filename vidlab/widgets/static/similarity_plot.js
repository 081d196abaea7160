// Similarity explorer, the picture: one matrix with its axes, true boundaries, band and cursor.

const MARGIN = { left: 44, top: 26, right: 4, bottom: 36 };
const STRIP = 7; // the classes of the steps, along both axes

const classColour = (k, theme) => (k === 0 ? theme.blank : categorical(k - 1));

/** Steps before which the class changes. */
const boundaries = (truth) =>
  truth.map((_, s) => s).filter((s) => s > 0 && truth[s] !== truth[s - 1]);

/** Where a matrix of `count` steps lies on its canvas. */
function matrixBox(width, count, strips) {
  const strip = strips ? STRIP + 2 : 0;
  const size = Math.max(width - MARGIN.left - MARGIN.right - strip, 40);
  const [left, top] = [MARGIN.left + strip, MARGIN.top + strip];
  return { left, top, width: size, height: size, cell: size / count, total: top + size + MARGIN.bottom };
}

/** Draw one matrix; returns its box, for the pointer. */
function drawMatrix(canvas, width, theme, one) {
  const { image, count, truth, rowName, columnName, title, band, row, column } = one;
  const box = matrixBox(width, count, truth);
  const { left, top, cell, width: size } = box;
  const context = fitCanvas(canvas, width, box.total);
  const write = inscriber(context, theme);
  write(title, left, 10, { ink: theme.ink, font: 13, weight: 600, room: width - left });
  paintHeat(context, image, box);
  if (truth) {
    truth.forEach((k, s) => {
      context.fillStyle = classColour(k, theme);
      context.fillRect(left + s * cell, top - STRIP - 2, cell + 0.5, STRIP);
      context.fillRect(left - STRIP - 2, top + s * cell, STRIP, cell + 0.5);
    });
    for (const s of boundaries(truth)) {
      const at = s * cell;
      for (const [wide, ink] of [[1.8, theme.bg], [0.8, theme.ink]]) {
        context.beginPath();
        context.moveTo(left + at, top - STRIP - 2);
        context.lineTo(left + at, top + size);
        context.moveTo(left - STRIP - 2, top + at);
        context.lineTo(left + size, top + at);
        context.globalAlpha = 0.45;
        context.lineWidth = wide;
        context.strokeStyle = ink;
        context.stroke();
        context.globalAlpha = 1;
      }
    }
  }
  context.save();
  context.beginPath();
  context.rect(left, top, size, size);
  context.clip();
  const away = (band + 0.5) * cell;
  context.setLineDash([5, 4]);
  for (const side of [-away, away]) {
    haloLine(context, theme, [[left, top + side], [left + size, top + size + side]], theme.ink, 1);
  }
  context.setLineDash([]);
  context.restore();
  context.strokeStyle = theme.line;
  context.lineWidth = 1;
  context.strokeRect(left - 0.5, top - 0.5, size + 1, size + 1);
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((s) => s * cell >= 30) ?? 1000;
  for (let s = 0; s < count; s += step) {
    const at = (s + 0.5) * cell;
    const edge = truth ? left - STRIP - 4 : left - 2;
    context.fillStyle = theme.muted;
    context.fillRect(Math.round(left + at), top + size + 1, 1, 3);
    context.fillRect(edge - 3, Math.round(top + at), 3, 1);
    if (Math.abs(s - column) * cell >= 24) {
      write(String(s), left + at, top + size + 12, { align: "center" });
    }
    if (Math.abs(s - row) * cell >= 14) write(String(s), edge - 6, top + at, { align: "right" });
  }
  const strong = { ink: theme.mark, font: 12, weight: 700 };
  const edge = truth ? left - STRIP - 10 : left - 8;
  write(String(row), edge, top + (row + 0.5) * cell, { align: "right", ...strong });
  const x = Math.min(left + (column + 0.5) * cell, left + size - 8);
  write(String(column), x, top + size + 12, { align: "center", ...strong });
  write(`step j of ${columnName}`, left + size / 2, top + size + 28,
    { align: "center", room: size });
  context.save();
  context.translate(8, top + size / 2);
  context.rotate(-Math.PI / 2);
  write(`step i of ${rowName}`, 0, 0, { align: "center", room: size });
  context.restore();
  drawCross(context, theme, box, column, row, cell);
  return box;
}
