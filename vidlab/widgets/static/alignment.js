// Alignment explorer, the controls: what CTC does along time, what the radial constraint changes.
// (ctc.js holds the method, alignment_plot.js the picture; Python joins the three.)

function unpack(packed, redraw) {
  const { data, shape } = decodeArray(packed.angles);
  const [frames, rows] = shape;
  const row = (_, t) => [...data.slice(t * rows, (t + 1) * rows)];
  const angles = Array.from({ length: frames }, row);
  const rest = packed.rest && [...decodeArray(packed.rest).data];
  return { ...packed, angles, rest, count: frames, sprite: loadSprite(packed.frames, redraw) };
}

const nonBlank = (rows) => rows.filter((row) => largest(row) !== 0).length;

/** Key -> step of the cursor; Home and End jump. */
const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10, Home: -1e9, End: 1e9 };

const MEANING = "The margin m, added to the blank's angle, leaves \u03ba \u2212 1 frames " +
  "(d + m > 0) closer to a label than to the blank.";

function render({ model, el }) {
  const data = model.get("_data");
  const { root, tools } = card(model, el, "alignment");
  const canvas = element("canvas", "vl-plot");
  const redraw = onNextFrame(root, draw);
  const sequences = data.sequences.map((packed) => unpack(packed, redraw));
  let radial = null; // what eta changes, for the sequence shown

  const current = () => sequences[model.get("sequence")];
  const cursor = () => Math.min(model.get("cursor"), current().count - 1);
  const names = sequences.map((s, i) => {
    const words = s.target.map((k) => s.names[k]).join(" ");
    return `${i + 1} \u00b7 ${words.length > 40 ? `${words.slice(0, 39)}\u2026` : words}`;
  });
  const picker = listPicker("sequence", names, (i) =>
    put(model, { sequence: i, cursor: Math.min(model.get("cursor"), sequences[i].count - 1) }));
  tools.append(picker.box);

  const eta = slider({
    label: "radial constraint \u03b7", min: 0, max: 1, step: 0.05,
    format: (value) => value.toFixed(2),
    onInput: (value) => put(model, { eta: value }),
  });
  const facts = element("p", "vl-facts");
  const panel = element("div", "vl-panel");
  const thumb = element("canvas", "vl-thumb");
  const reading = element("div", "vl-reading");
  panel.append(thumb, reading);
  const controls = element("div", "vl-controls");
  controls.append(eta.row, facts, element("p", "vl-note", MEANING));
  root.append(canvas, controls, panel);

  function compute() {
    const sequence = current();
    if (!sequence.posterior) Object.assign(sequence, analyse(sequence, data.scale));
    radial = analyseRadial(sequence, data.scale, model.get("eta"));
    const degrees = signed((radial.m * 180) / Math.PI, 1);
    const [was, is] = [nonBlank(sequence.before), nonBlank(radial.after)];
    facts.replaceChildren(
      fact("\u03ba =", String(radial.kappa), "kappa"),
      fact("m =", `${signed(radial.m, 4)} rad (${degrees}\u00b0)`, "m"),
      fact("d + m > 0 in", `${radial.active} frames`, "active"),
      fact("non-blank:", `${was} \u2192 ${is} of ${sequence.count} frames`, "nonblank"),
    );
    eta.show(model.get("eta"));
    picker.show(model.get("sequence"));
    redraw();
  }

  function readOut() {
    const sequence = current();
    const t = cursor();
    const [y, before, after] = [sequence.posterior[t], sequence.before[t], radial.after[t]];
    const weight = (k) => Math.max(y[k], before[k], after[k]);
    const top = sequence.names.map((_, k) => k).sort((a, b) => weight(b) - weight(a)).slice(0, 4);
    const head = element("p", "vl-facts");
    head.append(fact("frame", String(t), "frame"),
      fact("best path:", sequence.names[sequence.path[t]], "path"));
    if (sequence.truth) head.append(fact("truth:", sequence.names[sequence.truth[t]], "truth"));
    if (sequence.keys.includes(t)) head.append(element("span", "vl-key", "\u25b4 keyframe"));
    const colours = themeColours(root);
    const table = emptyTable();
    fillTable(table, ["class", "posterior", "pseudo label before", "after"], top.map((k) => [
      swatchName(rowColour(sequence, k, colours), sequence.names[k]),
      ...[y, before, after].map((v) => v[k].toFixed(3)),
    ]));
    reading.replaceChildren(head, table);
    canvas.setAttribute("aria-valuenow", t);
    canvas.setAttribute("aria-valuemax", sequence.count - 1);
    const spoken = top.slice(0, 2).map((k) => `${sequence.names[k]} ${y[k].toFixed(2)}`).join(", ");
    canvas.setAttribute("aria-valuetext", `frame ${t}: ${spoken}`);
    const height = 92;
    const context = fitCanvas(thumb, Math.round(height * sequence.sprite.aspect), height);
    context.imageSmoothingEnabled = false;
    sequence.sprite.draw(context, t, 0, 0, height * sequence.sprite.aspect, height);
  }

  let place = null;
  function draw() {
    const width = canvas.parentNode.clientWidth - 36; // the card's padding
    if (width < 80 || !radial) return;
    const sequence = current();
    const colours = themeColours(root);
    place = layOut(canvas.getContext("2d"), width, sequence, colours.font);
    const context = fitCanvas(canvas, width, place.height);
    const paint = drawing(context, place, sequence, colours);
    paint.frames();
    if (sequence.truth) paint.truth();
    paint.heat();
    paint.stack(place.bands.before, sequence.before, "Pseudo labels before: plain CTC");
    const after = `\u03b7 = ${model.get("eta").toFixed(2)}`;
    paint.stack(place.bands.after, radial.after,
      [`Pseudo labels after: radial constraint, ${after}`, `Pseudo labels after, ${after}`]);
    paint.axis(cursor());
    paint.cursor(cursor());
    readOut();
  }

  setAttributes(canvas, { role: "slider", tabindex: 0, "aria-label": "frame", "aria-valuemin": 0 });
  const moveTo = (t) => {
    const next = Math.min(Math.max(t, 0), current().count - 1);
    if (next !== model.get("cursor")) put(model, { cursor: next });
  };
  const fromPointer = (event) => {
    if (!place) return;
    const t = Math.floor((event.offsetX - place.left) / place.cell);
    if (t >= 0 && t < current().count) moveTo(t);
  };
  canvas.addEventListener("pointermove", fromPointer);
  canvas.addEventListener("pointerdown", fromPointer);
  canvas.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    moveTo(cursor() + step);
  });

  const stops = [
    followTheme(root, redraw),
    onWidth(root, redraw),
    follow(model, ["eta", "sequence"], compute),
    follow(model, ["cursor"], redraw),
    redraw.cancel,
  ];
  compute();
  return () => stops.forEach((stop) => stop());
}

export default { render };
