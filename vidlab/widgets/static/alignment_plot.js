// Alignment explorer, the picture: bands drawn one below the other on one time axis.

const largest = (row) => row.indexOf(Math.max(...row));

const RIGHT = 14; // room right of the last frame, so that the last tick is not cut
const TITLE = 30; // room above a band for its heading
const STACK = 64; // height of a band of pseudo labels
const TAGS = 15; // names above the runs in such a band

const rowColour = (sequence, row, colours) =>
  row === 0 ? colours.blank : categorical(sequence.colours[row]);

/** Where everything goes, in CSS pixels: bands from top to bottom on one time axis. */
function layOut(context, width, sequence, font) {
  context.font = `600 11px ${font}`;
  const widest = Math.max(...sequence.names.map((name) => context.measureText(name).width), 34);
  const left = Math.ceil(Math.min(widest + 12, width * 0.24));
  const cell = (width - left - RIGHT) / sequence.count;
  // Frames may be too many to show each one: pictures that tell something are 22 pixels wide.
  const pictures = Math.max(1, Math.min(sequence.count, Math.floor((width - left - RIGHT) / 22)));
  const room = (width - left - RIGHT) / pictures;
  const thumb = { room, pictures, width: Math.min(room, 64 * sequence.sprite.aspect) };
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
  return { width, height: y, left, right: width - RIGHT, cell, thumb, rowHeight, bands, x };
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
  const text = (words, at, y, options = {}) => {
    const { align = "left", ink = colours.ink, font = 12, weight = "", room = Infinity } = options;
    context.font = `${weight} ${font}px ${colours.font}`;
    context.textAlign = align;
    context.textBaseline = "middle";
    context.fillStyle = ink;
    context.fillText(fitText(context, words, room), at, y);
  };
  const title = (words, band, { lift = 0, taken = 0 } = {}) =>
    text(words, left, band.y - lift - 11, { weight: 600, room: right - left - taken });
  const block = (t, until, y, height, fill) => {
    context.fillStyle = fill;
    context.fillRect(x(t), y, Math.max(x(until) - x(t), 1), height);
  };

  function frames() {
    title("Frames", bands.frames);
    text(["\u25b4 keyframes of the best path (grey: blank)", "\u25b4 keyframes (grey: blank)",
      "\u25b4 keyframes"], right, bands.frames.y - 11,
    { align: "right", ink: colours.mark, room: right - left - 60 });
    const { thumb } = place;
    for (let i = 0; i < thumb.pictures; i++) {
      const shown = Math.floor(((i + 0.5) * sequence.count) / thumb.pictures);
      const at = left + (i + 0.5) * thumb.room - thumb.width / 2;
      sequence.sprite.draw(context, shown, at, bands.frames.y, thumb.width, thumb.height);
    }
    const ofLabel = (t) => sequence.path[t] > 0; // these are drawn last, on top
    for (const t of [...sequence.keys].sort((a, b) => ofLabel(a) - ofLabel(b))) {
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
      text(sequence.names[row], middle, bands.truth.y + 9.5,
        { align: "center", ink: inkOn(fill), room: x(until) - x(t) - 6 });
    }
  }

  function heat() {
    const wide = right - left > 290; // room for all of the legend
    title(["Predictions y = softmax(s cos \u03b8)", "Predictions y"], bands.heat,
      { taken: wide ? 205 : 114 });
    const { rowHeight } = place;
    const top = (row) => Math.round(bands.heat.y + row * rowHeight);
    const middleOf = (row) => (top(row) + top(row + 1)) / 2;
    const used = new Set(sequence.target);
    sequence.names.forEach((name, row) => {
      for (let t = 0; t < sequence.count; t++) {
        const fill = sequential(sequence.posterior[t][row], colours.theme);
        block(t, t + 1, top(row), top(row + 1) - top(row), fill);
      }
      const strong = row === 0 || used.has(row);
      text(name, left - 7, middleOf(row) + 0.5, {
        align: "right", font: 11, weight: strong ? 600 : "", room: left - 9,
        ink: strong ? colours.ink : colours.muted,
      });
    });
    const point = (t) => [left + (t + 0.5) * cell, middleOf(sequence.path[t])];
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
    if (cell > 6) sequence.path.forEach((_, t) => dot(t, Math.min(cell * 0.12, 2), colours.mark));
    for (const t of sequence.keys) dot(t, Math.min(Math.max(cell * 0.28, 2.5), 4.5), colours.bg);
    legend(bands.heat.y - 11, wide);
  }

  /** Colour bar and, if it is wide, the best path's sign, at the right of the heading. */
  function legend(y, wide) {
    const bar = right - 12 - 72;
    text("1", right, y, { align: "right", font: 11, ink: colours.muted });
    for (let i = 0; i < 72; i++) {
      context.fillStyle = sequential(i / 71, colours.theme);
      context.fillRect(bar + i, y - 5, 1.5, 10);
    }
    text("0", bar - 6, y, { align: "right", font: 11, ink: colours.muted });
    if (!wide) return;
    text("\u25cb\u2013\u2013 best path", bar - 30, y, { align: "right", ink: colours.mark });
  }

  /** One column a frame, its parts the probabilities of the labels; the rest is blank. */
  function stack(band, rows, words) {
    title(words, band, { lift: TAGS });
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
    // A name gets the room up to its neighbours' names, so that none run into each other.
    const runs = runsOf(rows.map(largest)).filter(([row]) => row !== 0);
    const middles = runs.map(([, t, until]) => (x(t) + x(until)) / 2);
    runs.forEach(([row], i) => {
      const gaps = [middles[i] - (middles[i - 1] ?? -middles[i]),
        (middles[i + 1] ?? 2 * place.width - middles[i]) - middles[i]];
      text(sequence.names[row], middles[i], band.y - 8,
        { align: "center", font: 11, room: Math.min(...gaps, 160) - 5 });
    });
    for (const [value, y] of [["1", band.y + 5], ["0", band.y + band.height - 4]]) {
      text(value, left - 7, y, { align: "right", font: 11, ink: colours.muted });
    }
  }

  function axis(now) {
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((s) => s * cell >= 34) ?? 1000;
    for (let t = 0; t < sequence.count; t += step) {
      const middle = left + (t + 0.5) * cell;
      context.fillStyle = colours.muted;
      context.fillRect(Math.round(middle), bands.axis.y, 1, 4);
      if (Math.abs(t - now) * cell < 28) continue; // the cursor's own number stands there
      text(String(t), middle, bands.axis.y + 12, { align: "center", font: 11, ink: colours.muted });
    }
    text("frame t", (left + right) / 2, bands.axis.y + 27,
      { align: "center", ink: colours.muted });
  }

  function cursor(t) {
    context.strokeStyle = colours.accent;
    context.lineWidth = 2;
    for (const [name, band] of Object.entries(bands)) {
      if (name === "keys" || name === "axis") continue;
      context.strokeRect(x(t), band.y, Math.max(x(t + 1) - x(t), 2), band.height);
    }
    context.fillStyle = colours.accent;
    const middle = left + (t + 0.5) * cell;
    context.beginPath();
    context.roundRect(middle - 14, bands.axis.y + 3, 28, 17, 4);
    context.fill();
    text(String(t), middle, bands.axis.y + 12,
      { align: "center", font: 11, weight: 600, ink: colours.bg });
  }
  return { frames, truth, heat, stack, axis, cursor };
}
