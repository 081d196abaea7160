// Confusion explorer, the picture: one matrix with names along its axes and the cursor.

const LEGIBLE = 12.5; // pixels that a name along an axis needs
const NUMBERED = 29; // pixels from which an entry carries its number

/** Where the matrix lies on its canvas, in CSS pixels. */
function confusionBox(context, width, names, font) {
  context.font = `600 11px ${font}`;
  const widest = Math.max(...names.map((name) => context.measureText(name).width), 24);
  const left = Math.ceil(Math.min(widest + 10, width * 0.22, 130)) + 20;
  const size = Math.max(width - left - 6, 60);
  const cell = size / names.length;
  const upright = widest <= cell - 4; // names below their columns need not be turned
  const below = upright ? 18 : Math.ceil(Math.min(widest + 10, 110));
  const top = 8;
  return { left, top, width: size, height: size, cell, upright, below, total: top + size + below + 20 };
}

const inkOnRgb = (rgb) => inkOn(`#${rgb.map((c) => c.toString(16).padStart(2, "0")).join("")}`);

/** Draw it; returns the box, for the pointer. `value(i, j)` and `place` (to 0..1) by class. */
function drawConfusion(canvas, width, theme, one) {
  const { image, order, names, colours, value, place, number, row, column } = one;
  const box = confusionBox(canvas.getContext("2d"), width, names, theme.font);
  const { left, top, cell, width: size } = box;
  const context = fitCanvas(canvas, width, box.total);
  const write = inscriber(context, theme);
  paintHeat(context, image, box);
  context.strokeStyle = theme.line;
  context.lineWidth = 1;
  if (cell >= 9) {
    context.globalAlpha = 0.5;
    context.beginPath();
    for (let p = 1; p < order.length; p++) {
      const at = Math.round(p * cell) + 0.5;
      context.moveTo(left + at, top);
      context.lineTo(left + at, top + size);
      context.moveTo(left, top + at);
      context.lineTo(left + size, top + at);
    }
    context.stroke();
    context.globalAlpha = 1;
  }
  context.strokeRect(left - 0.5, top - 0.5, size + 1, size + 1);
  if (cell >= NUMBERED) {
    order.forEach((i, y) => order.forEach((j, x) => {
      const shown = value(i, j);
      if (!shown) return; // nothing, or an empty row
      const ink = inkOnRgb(colours[Math.round(255 * Math.min(Math.max(place(shown), 0), 1))]);
      write(number(shown), left + (x + 0.5) * cell, top + (y + 0.5) * cell,
        { align: "center", ink, room: cell - 2 });
    }));
  }
  const [y, x] = [order.indexOf(row), order.indexOf(column)];
  drawCross(context, theme, box, x, y, cell);
  const thin = Math.max(1, Math.ceil(LEGIBLE / cell)); // every how many-th name is written
  order.forEach((k, p) => {
    const middle = (p + 0.5) * cell;
    const look = (here) => (here ? { ink: theme.mark, font: 12, weight: 700 } : { ink: theme.muted });
    const fits = (at) => p === at || (p % thin === 0 && Math.abs(p - at) * cell >= LEGIBLE);
    if (fits(y)) {
      write(names[k], left - 6, top + middle, { align: "right", room: left - 28, ...look(p === y) });
    }
    if (!fits(x)) return;
    if (box.upright) {
      write(names[k], left + middle, top + size + 11, { align: "center", ...look(p === x) });
      return;
    }
    context.save();
    context.translate(left + middle, top + size + 6);
    context.rotate(-Math.PI / 2);
    write(names[k], 0, 0, { align: "right", room: box.below - 8, ...look(p === x) });
    context.restore();
  });
  const axis = { ink: theme.ink, font: 12, weight: 600 };
  write("predicted class", left + size / 2, box.total - 8, { align: "center", ...axis });
  context.save();
  context.translate(9, top + size / 2);
  context.rotate(-Math.PI / 2);
  write("true class", 0, 0, { align: "center", ...axis });
  context.restore();
  return box;
}
