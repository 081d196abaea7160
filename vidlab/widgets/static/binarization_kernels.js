// Binarization explorer, the kernels: slices of one filter over time, real above and ±1 below.

const SIGNS = { "-1": "\u2212", 1: "+" };

/** Two rows of pictures; `slices` comes from kernelSlices. */
function drawKernels(canvas, width, colours, slices) {
  const { real, binary, most, mean, height: rows, width: columns } = slices;
  const [left, gap, top] = [96, 14, 30];
  const count = real.length;
  const room = (width - left - 8 - gap * (count - 1)) / (count * columns);
  const cell = Math.max(2, Math.min(30, Math.floor(Math.min(room, 68 / rows))));
  const [slice, tall] = [cell * columns + gap, cell * rows];
  const height = top + 2 * tall + 74;
  const context = fitCanvas(canvas, width, height);
  const write = writer(context, colours, width - 8);
  const picture = (values, x, y, largest) => values.forEach((value, i) => {
    const [a, b] = [x + (i % columns) * cell, y + Math.floor(i / columns) * cell];
    const side = Math.max(cell - 1, 1);
    context.fillStyle = diverging(largest ? value / largest : 0, colours.theme);
    context.fillRect(a, b, side, side);
    if (largest !== 1 || !SIGNS[value] || cell < 12) return;
    const stops = DIVERGING[colours.theme];
    const fill = value > 0 ? stops[stops.length - 1] : stops[0];
    write(SIGNS[value], a + side / 2, b + side / 2 + 0.5,
      { align: "center", ink: inkOn(fill), font: Math.min(cell * 0.7, 16), weight: 600 });
  });
  const lower = top + 16 + tall + 12;
  real.forEach((values, t) => {
    const x = left + t * slice;
    write(`t = ${t}`, x + (cell * columns) / 2, top + 6, { align: "center" });
    picture(values, x, top + 16, most);
    picture(binary[t], x, lower, 1);
  });
  write("Kernel and its signs", 4, 12, { ...HEADING, ink: colours.ink });
  write("real w", 4, top + 16 + tall / 2, { ink: colours.ink, font: 12 });
  const words = mean ? "mean of signs" : "sign(w + b)";
  write(words, 4, lower + tall / 2, { ink: colours.ink, font: 12 });
  const y = lower + tall + 16; // colour bar of both rows
  const bar = Math.min(140, width - left - 90);
  for (let i = 0; i < bar; i++) {
    context.fillStyle = diverging((2 * i) / (bar - 1) - 1, colours.theme);
    context.fillRect(left + i, y, 1.5, 9);
  }
  for (const [at, align, value] of [[0, "left", -most], [bar, "right", most]]) {
    write(short(value, 2), left + at, y + 18, { align });
  }
  write("0", left + bar / 2, y + 18, { align: "center" });
  write("colour of w", 4, y + 5);
}
