// Gloss alignment explorer, the controls: one sentence of one method, a radius, a step in time.
// (gloss_alignment_words.js writes the sentences, gloss_alignment_plot.js draws; Python joins them.)

const MOST_SHOWN = 5; // classes in the read-out
const MOVES = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10, Home: -1e9, End: 1e9 };
const ORDERS = [
  ["given", "as given"], ["worst", "most errors first"], ["wrong", "only with errors"],
];

function openSentence(packed, redraw) {
  const { data, shape } = decodeArray(packed.outputs);
  const [, modules, steps, rows] = shape;
  const value = (method, module, step, row) =>
    data[((method * modules + module) * steps + step) * rows + row];
  /** Probabilities as [row][step]. */
  const lines = (method, module) => packed.names.map((_, row) =>
    Array.from({ length: steps }, (_, step) => value(method, module, step, row)));
  const sprite = packed.frames && loadSprite(packed.frames, redraw);
  return { ...packed, steps, lines, sprite };
}

function render({ model, el }) {
  const data = model.get("_data");
  const { root, tools } = card(model, el, "gloss");
  const redraw = onNextFrame(root, draw);
  const sentences = data.sentences.map((packed) => openSentence(packed, redraw));
  let order = "given";
  let listed = []; // sentences in the list, as the order says
  let lines = []; // [module][row][step] of what is shown

  // While a kernel's messages arrive one by one, values may still belong to the sentence before.
  const method = () => Math.max(data.methods.indexOf(model.get("method")), 0);
  const sample = () => within(model.get("sample"), sentences.length);
  const current = () => sentences[sample()];
  const scored = () => current().methods[method()];
  const radius = () => within(model.get("radius"), data.radii);
  const step = () => within(model.get("step"), current().steps);

  // ---- page ----
  const methods = choice("method", data.methods.map((name) => [name, name]),
    (name) => put(model, { method: name }));
  methods.hidden = data.methods.length < 2;
  const list = choice("sentence", [], (index) => go(Number(index)));
  const sort = choice("order of sentences", ORDERS, (value) => {
    order = value;
    arrange();
    if (order === "wrong" && !countErrors(scored()) && listed.some(wrong)) go(listed.find(wrong));
    if (order === "worst") go(listed[0]);
  });
  const box = element("div", "vl-picker");
  box.append(button("\u2039", "previous sentence", () => walk(-1)), list,
    button("\u203a", "next sentence", () => walk(1)));
  box.hidden = sort.hidden = sentences.length < 2;
  tools.append(methods, box, sort);

  const score = element("p", "vl-facts");
  const words = wordLines();
  const canvas = element("canvas", "vl-plot");
  const radiusSlider = slider({
    label: "GSBA radius d", min: 0, max: Math.max(data.radii - 1, 0), step: 1, format: String,
    onInput: (value) => put(model, { radius: value }),
  });
  const accuracy = element("p", "vl-facts");
  const chart = element("canvas", "vl-accuracies");
  chart.setAttribute("role", "img");
  const gsba = element("div", "vl-panel vl-gsba");
  gsba.append(radiusSlider.row, accuracy, chart);
  gsba.hidden = data.radii === 0;
  const thumb = element("canvas", "vl-thumb");
  const reading = element("div", "vl-reading");
  const now = element("div", "vl-panel vl-now");
  now.append(thumb, reading);
  const panels = element("div", "vl-panels");
  panels.append(now, gsba);
  root.append(score, words.box, canvas, panels);

  // ---- sentences ----
  const errorsOf = (i) => countErrors(sentences[i].methods[method()]);
  const wrong = (i) => errorsOf(i) > 0;
  const werOf = (i) => werText(errorsOf(i), sentences[i].reference.length);

  function go(index) {
    if (index === model.get("sample")) return;
    put(model, { sample: index, step: within(model.get("step"), sentences[index].steps) });
  }
  function walk(by) {
    const at = listed.indexOf(sample()) + by;
    go(listed[(at + listed.length) % listed.length]);
  }
  /** Fill the list of sentences; the one shown always stays in it. */
  function arrange() {
    listed = sentences.map((_, i) => i);
    const rate = (i) => errorsOf(i) / Math.max(sentences[i].reference.length, 1);
    if (order === "wrong") listed = listed.filter((i) => wrong(i) || i === sample());
    if (order === "worst") listed.sort((a, b) => rate(b) - rate(a) || a - b);
    list.replaceChildren(...listed.map((i) => {
      const said = sentences[i].reference.map((row) => sentences[i].names[row]).join(" ");
      const short = said.length > 60 ? `${said.slice(0, 59)}\u2026` : said;
      const option = element("option", "", `${i + 1} \u00b7 WER ${werOf(i)} \u00b7 ${short}`);
      option.value = i;
      return option;
    }));
    list.value = sample();
  }

  // ---- read-outs ----
  function readSentence() {
    const [substituted, deleted, inserted] = scored().errors;
    const all = sentences.map((_, i) => i);
    const sum = (count) => all.reduce((total, i) => total + count(i), 0);
    score.replaceChildren(
      fact("WER", werOf(sample()), "wer"),
      fact("substituted S", String(substituted), "sub"),
      fact("deleted D", String(deleted), "del"),
      fact("inserted I", String(inserted), "ins"),
      fact("words in the reference", String(current().reference.length), "words"),
    );
    if (sentences.length > 1) {
      const total = werText(sum(errorsOf), sum((i) => sentences[i].reference.length));
      score.append(fact(`WER of these ${sentences.length} sentences`, total, "wer-all"));
    }
    words.show(current(), scored());
  }

  function readRadius() {
    radiusSlider.show(radius());
    const shares = scored().accuracies;
    chart.hidden = !current().truth;
    chart.style.visibility = shares ? "" : "hidden"; // its room stays: nothing jumps
    if (!shares) {
      const reason = scored().segments ? "no true segments to compare with" :
        "no segments for this method";
      accuracy.replaceChildren(element("span", "vl-fact", reason));
      return;
    }
    const best = Math.max(...shares);
    const others = sentences.map((s) => [s.methods[method()].accuracies, s.steps]);
    const mean = others.every(([found]) => found) &&
      others.reduce((sum, [found, steps]) => sum + found[radius()] * steps, 0) /
      others.reduce((sum, [, steps]) => sum + steps, 0);
    accuracy.replaceChildren(
      fact("frame accuracy:", percent(shares[radius()]), "accuracy"),
      fact("best:", `${percent(best)} at d = ${shares.indexOf(best)}`, "best"),
    );
    if (mean !== false && sentences.length > 1) {
      accuracy.append(fact("all sentences:", percent(mean), "accuracy-all"));
    }
    const spoken = shares.map((share, r) => `${r}: ${percent(share)}`).join(", ");
    chart.setAttribute("aria-label", `frame accuracy by radius: ${spoken}`);
  }

  function readStep(colours) {
    const sentence = current();
    const t = step();
    const at = (row) => lines.map((module) => module[row][t]);
    const rows = sentence.names.map((_, row) => row)
      .sort((a, b) => Math.max(...at(b)) - Math.max(...at(a)) || a - b).slice(0, MOST_SHOWN);
    const head = element("p", "vl-facts");
    head.append(fact("step", String(t), "step"));
    if (sentence.frameOf) head.append(fact("frame", String(sentence.frameOf[t]), "frame"));
    const labels = element("p", "vl-facts vl-one-line"); // long names are cut, nothing jumps
    const runs = scored().segments?.[radius()];
    if (runs) labels.append(fact("GSBA:", sentence.names[labelAt(runs, t)], "gsba"));
    const truth = sentence.truth && sentence.names[labelAt(sentence.truth, t)];
    if (truth !== null) labels.append(fact("truth:", truth, "truth"));
    const table = emptyTable();
    fillTable(table, ["class", "visual", "contextual"], rows.map((row) => {
      const name = document.createDocumentFragment();
      name.append(swatchOf(sentence, row), element("span", "vl-name", sentence.names[row]));
      return [name, ...at(row).map((value) => value.toFixed(2))];
    }));
    reading.replaceChildren(head, labels, table);
    canvas.setAttribute("aria-valuenow", t);
    canvas.setAttribute("aria-valuemax", sentence.steps - 1);
    const spoken = lines.map((module, m) => {
      const top = rows.reduce((best, row) => (module[row][t] > module[best][t] ? row : best));
      return `${MODULES[m]} ${sentence.names[top]} ${module[top][t].toFixed(2)}`;
    });
    canvas.setAttribute("aria-valuetext", `step ${t}: ${spoken.join(", ")}`);
    thumb.hidden = !sentence.sprite;
    if (!sentence.sprite) return;
    const width = Math.round(150 * Math.min(sentence.sprite.aspect, 1));
    const context = fitCanvas(thumb, width, width / sentence.sprite.aspect);
    sentence.sprite.draw(context, t, 0, 0, width, width / sentence.sprite.aspect);
  }

  // ---- picture ----
  let place = null;
  function draw() {
    const width = canvas.parentNode.clientWidth - 36; // the card's padding
    if (width < 80) return;
    const sentence = current();
    const colours = themeColours(root);
    place = layOut(width, sentence, data.radii > 0);
    const paint = drawing(fitCanvas(canvas, width, place.height), place, sentence, colours);
    if (sentence.sprite) paint.frames();
    lines.forEach((module, m) => paint.spikes(m, module));
    if (data.radii) paint.segments(scored(), radius());
    if (sentence.truth) paint.truth(Boolean(scored().accuracies));
    paint.axis(step());
    paint.cursor(step());
    readStep(colours);
    if (data.radii && sentence.truth) {
      const room = Math.min(gsba.clientWidth - 28, 520);
      drawAccuracies(chart, room, scored().accuracies ?? [], radius(), colours);
    }
  }

  function changeSentence() {
    lines = [0, 1].map((module) => current().lines(method(), module));
    methods.value = data.methods[method()];
    arrange();
    readSentence();
    changeRadius();
  }
  function changeRadius() {
    readRadius();
    redraw();
  }

  Object.entries({ role: "slider", tabindex: 0, "aria-label": "step", "aria-valuemin": 0 })
    .forEach(([name, value]) => canvas.setAttribute(name, value));
  const moveTo = (t) => {
    const next = within(t, current().steps);
    if (next !== model.get("step")) put(model, { step: next });
  };
  const fromPointer = (event) => {
    if (!place) return;
    const t = Math.floor((event.offsetX - LEFT) / place.cell);
    if (t >= 0 && t < current().steps) moveTo(t);
  };
  canvas.addEventListener("pointermove", fromPointer);
  canvas.addEventListener("pointerdown", fromPointer);
  canvas.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    moveTo(step() + move);
  });

  const stops = [
    followTheme(root, redraw),
    onWidth(root, redraw),
    follow(model, ["method", "sample"], changeSentence),
    follow(model, ["radius"], changeRadius),
    follow(model, ["step"], redraw),
    redraw.cancel,
  ];
  changeSentence();
  return () => stops.forEach((stop) => stop());
}

export default { render };
