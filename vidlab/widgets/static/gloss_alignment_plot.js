// Gloss alignment explorer, the picture: frames, spikes of both modules, segments over the truth.

const LEFT = 34; // room for the ticks of a probability
const RIGHT = 14; // room right of the last step, so that the last tick is not cut
const TITLE = 34; // room above a band for its heading
const LANES = 3; // of names above the spikes
const LANE = 14;
const SPIKES = 92; // height of a plot of probabilities
const MODULES = ["Visual module", "Contextual module"];

/** The label of a step among runs [row, first step, step after the last]. */
const labelAt = (runs, step) => runs.find(([, from, until]) => from <= step && step < until)[0];

/** Where everything goes, in CSS pixels: bands from top to bottom on one time axis. */
function layOut(width, sentence, hasSegments) {
  const cell = (width - LEFT - RIGHT) / sentence.steps;
  let y = 0;
  const band = (height, title = TITLE) => {
    const found = { y: y + title, height };
    y += title + height;
    return found;
  };
  const bands = {};
  let thumb = null;
  if (sentence.sprite) {
    const pictures = Math.min(sentence.steps, Math.floor((width - LEFT - RIGHT) / 40));
    const room = (width - LEFT - RIGHT) / pictures;
    const height = Math.min(48, room / sentence.sprite.aspect);
    thumb = { pictures, room, height, width: height * sentence.sprite.aspect };
    bands.frames = band(height, 24);
  }
  bands.visual = band(SPIKES, TITLE + LANES * LANE);
  bands.contextual = band(SPIKES, TITLE + LANES * LANE);
  if (hasSegments) bands.segments = band(22);
  if (hasSegments && sentence.truth) bands.differ = band(10, 2);
  if (sentence.truth) bands.truth = band(22, hasSegments ? 22 : TITLE);
  bands.axis = band(36, 2);
  const x = (step) => LEFT + step * cell;
  return { width, height: y, right: width - RIGHT, cell, thumb, bands, x };
}

function drawing(context, place, sentence, colours) {
  const { bands, x, right, cell } = place;
  const fillOf = (row) => (row ? categorical(sentence.colours[row]) : colours.blank);
  const text = (words, at, y, options = {}) => {
    const { align = "left", ink = colours.ink, font = 11, weight = "", room = Infinity } = options;
    context.font = `${weight} ${font}px ${colours.font}`;
    context.textAlign = align;
    context.textBaseline = "middle";
    context.fillStyle = ink;
    context.fillText(fitText(context, words, room), at, y);
  };
  const title = (words, y, note = "") => {
    text(words, LEFT, y, { font: 12, weight: 600 });
    const left = LEFT + context.measureText(words).width + 16;
    text(note, right, y, { align: "right", ink: colours.muted, room: right - left });
  };

  function frames() {
    title("Frames", bands.frames.y - 11);
    const { pictures, room, width, height } = place.thumb;
    for (let i = 0; i < pictures; i++) {
      const shown = Math.floor(((i + 0.5) * sentence.steps) / pictures);
      sentence.sprite.draw(context, shown, LEFT + (i + 0.5) * room - width / 2, bands.frames.y,
        width, height);
    }
  }

  /** Probabilities of one module over time, each spike with its gloss's name above it. */
  function spikes(module, lines) {
    const band = bands[module ? "contextual" : "visual"];
    const Y = (value) => band.y + (1 - value) * band.height;
    title(MODULES[module], band.y - LANES * LANE - 12,
      ["probability of each gloss; grey: blank", "grey: blank"]);
    for (const value of [0, 0.5, 1]) {
      context.fillStyle = colours.line;
      context.fillRect(LEFT, Math.round(Y(value)), right - LEFT, 1);
      text(String(value), LEFT - 6, Y(value), { align: "right", ink: colours.muted });
    }
    // Where a gloss is out of the question its line is left out, lest colours pile up on the axis.
    const low = (value) => value === undefined || value < 0.01;
    const trace = (line) => {
      context.beginPath();
      line.forEach((value, step) => {
        const hidden = low(value) && low(line[step - 1]);
        context[step && !hidden ? "lineTo" : "moveTo"](x(step + 0.5), Y(value));
      });
    };
    context.lineJoin = "round";
    lines.forEach((line, row) => {
      if (row && Math.max(...line) < 0.02) return;
      const second = row && sentence.colours[row] >= CATEGORICAL.length; // colours come twice
      context.setLineDash(second ? [4, 3] : []);
      context.lineWidth = row ? 1.8 : 1.3;
      context.strokeStyle = row ? fillOf(row) : colours.muted;
      if (row) {
        context.beginPath();
        context.moveTo(x(0.5), Y(0));
        line.forEach((value, step) => context.lineTo(x(step + 0.5), Y(value)));
        context.lineTo(x(line.length - 0.5), Y(0));
        context.globalAlpha = 0.16;
        context.fillStyle = fillOf(row);
        context.fill();
      }
      context.globalAlpha = row ? 1 : 0.65;
      trace(line);
      context.stroke();
      context.globalAlpha = 1;
    });
    context.setLineDash([]);
    names(lines, band, Y);
  }

  function names(lines, band, Y) {
    context.font = `600 11px ${colours.font}`;
    const found = spikesOf(lines);
    const room = (0.8 * LANES * (right - LEFT)) / found.length; // few names may be longer
    const labels = found.map((spike) => {
      const words = fitText(context, sentence.names[spike.row], Math.min(Math.max(room, 70), 190));
      const width = context.measureText(words).width + 11;
      return { ...spike, words, at: x(spike.step + 0.5), width };
    });
    const placed = placeLabels(labels, LANES, LEFT, right);
    const top = (label) => band.y - 3 - (label.lane + 1) * LANE;
    for (const label of placed) {
      context.fillStyle = fillOf(label.row);
      context.fillRect(label.at - 0.5, top(label) + LANE, 1, Y(label.peak) - top(label) - LANE);
    }
    for (const label of placed) {
      context.fillStyle = colours.bg; // hides the lines to labels further up
      context.fillRect(label.x - 2, top(label), label.width + 4, LANE);
      context.fillStyle = fillOf(label.row);
      context.fillRect(label.x, top(label) + 3, 8, 8);
      text(label.words, label.x + 11, top(label) + LANE / 2 + 0.5, { weight: 600 });
    }
  }

  function bar(runs, band) {
    for (const [row, from, until] of runs) {
      const fill = fillOf(row);
      context.fillStyle = fill;
      context.fillRect(x(from), band.y, x(until) - x(from), band.height);
      context.fillStyle = colours.bg;
      if (until < sentence.steps) context.fillRect(x(until) - 0.5, band.y, 1, band.height);
      const room = x(until) - x(from) - 6;
      if (row) {
        text(sentence.names[row], (x(from) + x(until)) / 2, band.y + band.height / 2 + 0.5,
          { align: "center", ink: inkOn(fill), room });
      }
    }
  }

  /** GSBA's labels at one radius, and where they are not those of the truth. */
  function segments(scored, radius) {
    const runs = scored.segments?.[radius];
    const share = scored.accuracies ? ` \u00b7 ${percent(scored.accuracies[radius])} right` : "";
    title(`GSBA, radius d = ${radius}`, bands.segments.y - 12,
      runs ? `grey: blank${share}` : "no segments for this method");
    if (!runs) return;
    bar(runs, bands.segments);
    if (!bands.differ) return;
    context.fillStyle = colours.mark;
    for (let step = 0; step < sentence.steps; step++) {
      if (labelAt(runs, step) === labelAt(sentence.truth, step)) continue;
      context.fillRect(x(step) + 0.5, bands.differ.y + 2, Math.max(cell - 1, 1), 6);
    }
  }

  function truth(compared) {
    title("Truth", bands.truth.y - 10);
    if (compared) {
      text("\u25ac differs from GSBA", right, bands.truth.y - 10,
        { align: "right", ink: colours.mark });
    }
    bar(sentence.truth, bands.truth);
  }

  function axis(now) {
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((s) => s * cell >= 34) ?? 1000;
    for (let t = 0; t < sentence.steps; t += step) {
      context.fillStyle = colours.muted;
      context.fillRect(Math.round(x(t + 0.5)), bands.axis.y, 1, 4);
      if (Math.abs(t - now) * cell < 28) continue; // the cursor's own number stands there
      text(String(t), x(t + 0.5), bands.axis.y + 12, { align: "center", ink: colours.muted });
    }
    text("step", (LEFT + right) / 2, bands.axis.y + 28,
      { align: "center", font: 12, ink: colours.muted });
  }

  function cursor(now) {
    const middle = x(now + 0.5);
    context.fillStyle = colours.accent;
    for (const [name, band] of Object.entries(bands)) {
      if (name === "axis") continue;
      context.globalAlpha = 0.18;
      context.fillRect(x(now), band.y, Math.max(cell, 1), band.height);
      context.globalAlpha = 1;
      context.fillRect(Math.round(middle) - 1, band.y, 2, band.height);
    }
    context.beginPath();
    context.roundRect(middle - 14, bands.axis.y + 3, 28, 17, 4);
    context.fill();
    text(String(now), middle, bands.axis.y + 12, { align: "center", weight: 600, ink: colours.bg });
  }
  return { frames, spikes, segments, truth, axis, cursor };
}

/** Frame accuracy against the radius, a dot where the slider stands. */
function drawAccuracies(canvas, width, accuracies, radius, colours) {
  const height = 104;
  const context = fitCanvas(canvas, width, height);
  const box = { left: 42, right: width - 12, top: 12, bottom: height - 32 };
  const count = accuracies.length;
  const X = (r) => box.left + ((r + 0.5) / count) * (box.right - box.left);
  const Y = (share) => box.bottom - share * (box.bottom - box.top);
  const text = (words, x, y, align, ink = colours.muted, weight = "") => {
    Object.assign(context, { textAlign: align, textBaseline: "middle", fillStyle: ink });
    context.font = `${weight} 11px ${colours.font}`;
    context.fillText(words, x, y);
  };
  for (const share of [0, 0.5, 1]) {
    context.fillStyle = colours.line;
    context.fillRect(box.left, Math.round(Y(share)), box.right - box.left, 1);
    text(`${100 * share} %`, box.left - 5, Y(share), "right");
  }
  const every = Math.ceil((count * 18) / (box.right - box.left));
  accuracies.forEach((_, r) => {
    if (r % every === 0) text(String(r), X(r), box.bottom + 9, "center");
  });
  text("radius d", (box.left + box.right) / 2, box.bottom + 24, "center");
  context.beginPath();
  accuracies.forEach((share, r) => context.lineTo(X(r), Y(share)));
  Object.assign(context, { strokeStyle: colours.accent, lineWidth: 1.8, lineJoin: "round" });
  context.stroke();
  accuracies.forEach((share, r) => {
    context.beginPath();
    context.arc(X(r), Y(share), r === radius ? 5 : 2.5, 0, 2 * Math.PI);
    context.fillStyle = r === radius ? colours.mark : colours.accent;
    context.fill();
  });
}
