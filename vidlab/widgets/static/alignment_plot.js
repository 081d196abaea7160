// Alignment explorer, the picture: bands drawn one below the other on one time axis.

const largest = (row) => row.indexOf(Math.max(...row));

const RIGHT = 14; // room right of the last frame, so that the last tick is not cut
const TITLE = 24; // a band's heading
const STACK = 64; // height of a band of pseudo labels
const TAGS = 15; // names above the runs in such a band

const rowColour = (sequence, row, colours) =>
  row === 0 ? colours.blank : categorical(sequence.colours[row]);

/** Where everything goes, in CSS pixels: bands from top to bottom on one time axis. */
function layOut(context, width, sequence) {
  context.font = sequence.smallFont;
  const widest = Math.max(...sequence.names.map((name) => context.measureText(name).width), 34);
  const left = Math.ceil(Math.min(widest + 12, width * 0.24));
  const cell = (width - left - RIGHT) / sequence.count;
  const stride = Math.max(1, Math.ceil(22 / cell)); // frames may be too many to show each one
  const thumb = { width: Math.min(cell * stride, 64 * sequence.sprite.aspect) };
  thumb.height = thumb.width / sequence.sprite.aspect;
  const rowHeight = Math.min(20, Math.max(11, 300 / sequence.names.length));
  let y = 0;
  const band = (height, title = TITLE) => {
    const found = { y: y + title, height };
    y += title + height;
    return found;
  };
  const bands = { frames: band(thumb.height), keys: band(9, 0) };
  if (sequence.truth) bands.truth = band(18);
  bands.heat = band(rowHeight * sequence.names.length);
  bands.before = band(STACK, TITLE + TAGS);
  bands.after = band(STACK, TITLE + TAGS);
  bands.axis = band(36, 0);
  const x = (t) => Math.round(left + t * cell);
  return { width, height: y, left, right: width - RIGHT, cell, stride, thumb, rowHeight, bands, x };
}

/** Runs of equal symbols as [symbol, first frame, frame after the last]. */
function runsOf(symbols) {
  const runs = [];
  symbols.forEach((symbol, t) => {
    if (t && symbol === symbols[t - 1]) runs[runs.length - 1][2] = t + 1;
    else runs.push([symbol, t, t + 1]);
  });
  return runs;
}

function drawing(context, place, sequence, colours) {
  const { bands, x, left, right, cell } = place;
  const text = (words, at, y, { align = "left", ink = colours.ink, font = 12, weight = "" } = {}) => {
    context.font = `${weight} ${font}px ${colours.font}`;
    context.textAlign = align;
    context.textBaseline = "middle";
    context.fillStyle = ink;
    context.fillText(words, at, y);
  };
  const title = (words, band, lift = 0) =>
    text(fitText(context, words, right - left), left, band.y - lift - 10, { weight: 600 });
  const block = (t, until, y, height, fill) => {
    context.fillStyle = fill;
    context.fillRect(x(t), y, Math.max(x(until) - x(t), 1), height);
  };

  function frames() {
    title("Frames", bands.frames);
    text("\u25b4 keyframes of the best path", right, bands.frames.y - 10,
      { align: "right", ink: colours.mark });
    const { stride, thumb } = place;
    for (let t = 0; t < sequence.count; t += stride) {
      const until = Math.min(t + stride, sequence.count);
      if (until - t < stride && t) break;
      const middle = (x(t) + x(until) - thumb.width) / 2;
      const shown = Math.floor((t + until - 1) / 2);
      sequence.sprite.draw(context, shown, middle, bands.frames.y, thumb.width, thumb.height);
    }
    for (const t of sequence.keys) {
      const middle = left + (t + 0.5) * cell;
      context.fillStyle = sequence.path[t] ? colours.mark : colours.muted;
      context.beginPath();
      context.moveTo(middle, bands.keys.y + 1);
      context.lineTo(middle + 4.5, bands.keys.y + 8);
      context.lineTo(middle - 4.5, bands.keys.y + 8);
      context.fill();
    }
  }

  function truth() {
    title("Truth", bands.truth);
    for (const [row, t, until] of runsOf(sequence.truth)) {
      const fill = rowColour(sequence, row, colours);
      block(t, until, bands.truth.y, bands.truth.height, fill);
      context.fillStyle = colours.bg;
      context.fillRect(x(until) - 1, bands.truth.y, 1, bands.truth.height);
      const middle = (x(t) + x(until)) / 2;
      const name = fitText(context, sequence.names[row], x(until) - x(t) - 4);
      text(name, middle, bands.truth.y + 9.5, { align: "center", ink: inkOn(fill) });
    }
  }

  function heat() {
    title("Posteriors y = softmax(s cos \u03b8)", bands.heat);
    const { rowHeight } = place;
    const top = (row) => Math.round(bands.heat.y + row * rowHeight);
    const used = new Set(sequence.target);
    sequence.names.forEach((name, row) => {
      for (let t = 0; t < sequence.count; t++) {
        const fill = sequential(sequence.posterior[t][row], colours.theme);
        block(t, t + 1, top(row), top(row + 1) - top(row), fill);
      }
      context.font = `11px ${colours.font}`;
      const strong = row === 0 || used.has(row);
      text(fitText(context, name, left - 10), left - 7, (top(row) + top(row + 1)) / 2 + 0.5,
        { align: "right", font: 11, weight: strong ? 600 : "", ink: strong ? colours.ink : colours.muted });
    });
    const point = (t) => [left + (t + 0.5) * cell, (top(sequence.path[t]) + top(sequence.path[t] + 1)) / 2];
    context.lineJoin = "round";
    for (const [line, ink] of [[4, colours.bg], [1.8, colours.mark]]) {
      context.beginPath();
      sequence.path.forEach((_, t) => context.lineTo(...point(t)));
      context.lineWidth = line;
      context.strokeStyle = ink;
      context.stroke();
    }
    const dot = (t, radius, fill) => {
      context.beginPath();
      context.arc(...point(t), radius, 0, 2 * Math.PI);
      context.fillStyle = fill;
      context.fill();
      context.stroke();
    };
    context.lineWidth = 1.6;
    sequence.path.forEach((_, t) => dot(t, Math.min(Math.max(cell * 0.12, 0.8), 2), colours.mark));
    for (const t of sequence.keys) dot(t, Math.min(Math.max(cell * 0.28, 2.5), 4.5), colours.bg);
    legend(bands.heat.y - 10);
  }

  /** Colour bar and the best path's sign, at the right of the heading. */
  function legend(y) {
    const bar = right - 12 - 72;
    text("1", right, y, { align: "right", font: 11, ink: colours.muted });
    for (let i = 0; i < 72; i++) {
      context.fillStyle = sequential(i / 71, colours.theme);
      context.fillRect(bar + i, y - 5, 1.5, 10);
    }
    text("0", bar - 6, y, { align: "right", font: 11, ink: colours.muted });
    text("\u25cb\u2013\u2013 best path", bar - 30, y, { align: "right", ink: colours.mark });
  }

  /** One column a frame, its parts the probabilities of the labels; the rest is blank. */
  function stack(band, rows, words) {
    title(words, band, TAGS);
    rows.forEach((row, t) => {
      block(t, t + 1, band.y, band.height, colours.blank);
      let base = band.y + band.height;
      for (let k = 1; k < row.length; k++) {
        if (row[k] <= 0) continue;
        const height = row[k] * band.height;
        block(t, t + 1, base - height, height, rowColour(sequence, k, colours));
        base -= height;
      }
    });
    let free = left;
    for (const [row, t, until] of runsOf(rows.map(largest))) {
      if (row === 0) continue;
      context.font = `11px ${colours.font}`;
      const name = fitText(context, sequence.names[row], 90);
      const half = context.measureText(name).width / 2;
      const at = Math.min((x(t) + x(until)) / 2, right - half);
      if (at - half < free) continue; // names never run into each other
      text(name, at, band.y - 8, { align: "center", font: 11 });
      free = at + half + 5;
    }
    for (const [value, y] of [["1", band.y + 5], ["0", band.y + band.height - 4]]) {
      text(value, left - 7, y, { align: "right", font: 11, ink: colours.muted });
    }
  }

  function axis() {
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((s) => s * cell >= 34) ?? 1000;
    for (let t = 0; t < sequence.count; t += step) {
      const middle = left + (t + 0.5) * cell;
      context.fillStyle = colours.muted;
      context.fillRect(Math.round(middle), bands.axis.y, 1, 4);
      text(String(t), middle, bands.axis.y + 12, { align: "center", font: 11, ink: colours.muted });
    }
    text("frame t", (left + right) / 2, bands.axis.y + 27,
      { align: "center", ink: colours.muted });
  }

  function cursor(t) {
    context.strokeStyle = colours.accent;
    context.lineWidth = 2;
    context.strokeRect(x(t), bands.frames.y - 1, Math.max(x(t + 1) - x(t), 2),
      bands.axis.y - bands.frames.y + 1);
    context.fillStyle = colours.accent;
    const middle = left + (t + 0.5) * cell;
    context.beginPath();
    context.roundRect(middle - 14, bands.axis.y + 3, 28, 17, 4);
    context.fill();
    text(String(t), middle, bands.axis.y + 12, { align: "center", font: 11, weight: 600, ink: colours.bg });
  }
  return { frames, truth, heat, stack, axis, cursor };
}
