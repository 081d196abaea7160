// Attention explorer, the controls: one query of one sample, in one layer, seen by one head.
// (matrix.js, attention_tokens.js and attention_plot.js draw; Python joins the four.)

const MODE_NAMES = { head: "one head", mean: "mean of heads", rollout: "rollout" };
const SHOWN = 5; // keys in the table
const NOTE = "Colours run from 0 to the query\u2019s largest weight. Entropy: 0, all on one key; 1, " +
  "the same on all. Bars: of this query; ticks: mean over all queries. Click a query, a row or a " +
  "bar; ";
const KEYS = "arrows move the query, [ and ] change the head.";

function render({ model, el }) {
  const data = model.get("_data");
  const { root, tools } = card(model, el, "attention");
  const redraw = onNextFrame(root, draw);
  const samples = data.samples.map((packed) => {
    const keys = openAxis(packed.keys, redraw);
    return { ...packed, keys, queries: packed.queries ? openAxis(packed.queries, redraw) : keys,
      spread: decodeArray(packed.spread).data };
  });
  const heads = data.heads.length;
  const rows = [...data.heads, "mean", ...(data.rollout ? ["rollout"] : [])];
  // While a kernel's messages arrive one by one, values may still belong to the sample before.
  const sample = () => within(model.get("sample"), samples.length);
  const current = () => samples[sample()];
  const layer = () => within(model.get("layer"), data.layers.length);
  const head = () => within(model.get("head"), heads);
  const query = () => within(model.get("query"), current().queries.count);
  const chosen = () => ({ mean: heads, rollout: heads + 1 }[model.get("mode")] ?? head());

  // ---- page ----
  const sampleList = listPicker("sample", samples.map(({ name }, i) =>
    (name ? `${i + 1} \u00b7 ${name}` : `sample ${i + 1}`)), (i) =>
    put(model, { sample: i, query: within(model.get("query"), samples[i].queries.count) }));
  const layerList = listPicker("layer", data.layers, (i) => put(model, { layer: i }));
  const headList = listPicker("head", data.heads, (i) => put(model, { head: i, mode: "head" }));
  const modes = choice("show", Object.entries(MODE_NAMES)
    .filter(([mode]) => mode !== "rollout" || data.rollout), (mode) => put(model, { mode }));
  modes.hidden = heads === 1 && !data.rollout;
  tools.append(sampleList.box, layerList.box, headList.box, modes);

  const asked = element("p", "vl-facts vl-heading");
  const ask = element("div", "vl-ask");
  setAttributes(ask, { tabindex: 0, role: "application", "aria-label": `query: ${KEYS}` });
  const askCanvas = element("canvas", "vl-queries");
  setAttributes(askCanvas, { role: "img" });
  const told = element("p", "vl-facts vl-heading");
  const answer = element("div", "vl-answer");
  const answerCanvas = element("canvas", "vl-keys");
  setAttributes(answerCanvas, { role: "img" });
  const bar = element("canvas", "vl-bar");
  setAttributes(bar, { role: "img" });
  const colouring = element("div", "vl-colours");
  colouring.append(element("span", "vl-slider-name", "weight"), bar);
  const overlay = slider({
    label: "colour over frames", min: 0, max: 1, step: 0.05, format: (v) => percent(v, 0),
    onInput: (value) => put(model, { overlay: value }),
  });
  const controls = element("div", "vl-controls");
  controls.append(colouring, overlay.row);

  const part = (name, title) => {
    const [node, canvas] = [element("div", "vl-part"), element("canvas", name)];
    setAttributes(canvas, { role: "img" });
    node.append(element("b", "", title), canvas);
    return { node, canvas };
  };
  const [matrix, bars] = [part("vl-thumbnail", "all queries"), part("vl-entropies", "entropy")];
  const facts = element("p", "vl-facts");
  const table = emptyTable();
  const numbers = element("div", "vl-part vl-numbers");
  numbers.append(facts, table);
  const panel = element("div", "vl-panel vl-parts");
  panel.append(matrix.node, bars.node, numbers);
  const spoken = spokenLine();
  root.append(asked, ask, told, answer, controls, panel, element("p", "vl-note", NOTE + KEYS), spoken);
  const tip = tooltip(root);

  // ---- what is shown ----
  const opened = new Map(); // weights by sample, layer and row of the bars: (Q, K), one after another
  function weightsOf(i, l, which) {
    const key = [i, l, which].join("/");
    if (!opened.has(key)) opened.set(key, which === heads ? meanOf(i, l) : unpack(i, l, which));
    return opened.get(key);
  }
  const codes = new Map(); // of one layer: all its heads and its rollout
  function unpack(i, l, which) {
    const [packed, size] = [samples[i].layers[l], samples[i].queries.count * samples[i].keys.count];
    if (!codes.has(packed)) {
      codes.set(packed, [decodeArray(packed.codes).data, decodeArray(packed.largest).data]);
    }
    const [all, largest] = codes.get(packed);
    const map = Math.min(which, heads); // the mean is not packed
    const [Q, K] = [samples[i].queries.count, samples[i].keys.count];
    return all.slice(map * size, (map + 1) * size)
      .map((code, at) => (code / 255) * largest[map * Q + Math.floor(at / K)]);
  }
  function meanOf(i, l) {
    const sum = new Float64Array(samples[i].queries.count * samples[i].keys.count);
    data.heads.forEach((_, h) => weightsOf(i, l, h).forEach((w, at) => (sum[at] += w / heads)));
    return sum;
  }
  const shown = () => weightsOf(sample(), layer(), chosen());
  const spread = (which, q) =>
    current().spread[(layer() * rows.length + which) * current().queries.count + q];
  function row() {
    const K = current().keys.count;
    return shown().slice(query() * K, (query() + 1) * K);
  }

  let [askChips, answerChips, chipsOf] = [null, null, -1];
  function placeTokens() {
    if (chipsOf === sample()) return;
    chipsOf = sample();
    const { keys, queries } = current();
    askChips = chipLine(queries, moveTo);
    answerChips = chipLine(keys, askFor);
    ask.replaceChildren(askChips.box, askCanvas);
    answer.replaceChildren(answerChips.box, answerCanvas);
    askCanvas.hidden = !queries.times;
    answerCanvas.hidden = overlay.row.hidden = !keys.times;
    answer.classList.toggle("vl-hand", keys === queries);
  }

  function readOut(weights, strongest) {
    const { keys, queries } = current();
    const q = query();
    const name = tokenName(queries, q);
    sampleList.show(sample());
    layerList.show(layer());
    headList.show(head());
    modes.value = model.get("mode");
    overlay.show(model.get("overlay"));
    asked.replaceChildren(fact("query", name, "query"));
    told.replaceChildren(fact("looks at the keys:",
      `${data.layers.length > 1 ? `${data.layers[layer()]}, ` : ""}${rows[chosen()]}`, "seen-by"));
    const most = weights[strongest[0]];
    const seen = spread(chosen(), q);
    facts.replaceChildren(fact("entropy", seen.toFixed(3), "entropy"),
      fact("of log K, K =", String(keys.count), "keys"));
    const title = keys.patches > 1 ? "key (row, column)" : "strongest keys";
    fillTable(table, [title, "weight", "\u00d7 even"], strongest.map((token) => {
      const words = element("span", "vl-name", shortName(keys, token));
      words.title = tokenName(keys, token);
      return [words, percent(weights[token]), (weights[token] * keys.count).toFixed(1)];
    }));
    askChips.chips.forEach((chip, token) => chip.classList.toggle("vl-chosen", token === q));
    answerChips.chips.forEach((chip, token) => {
      const ground = heat(weights[token] / most);
      chip.style.background = ground;
      chip.style.color = inkOn(`#${ground.match(/\d+/g).map((c) =>
        Number(c).toString(16).padStart(2, "0")).join("")}`);
      chip.classList.toggle("vl-strongest", token === strongest[0]);
      chip.lastChild.textContent = percent(weights[token]);
    });
    const list = strongest.slice(0, 3).map((token) =>
      `${tokenName(keys, token)} ${percent(weights[token])}`).join("; ");
    askCanvas.setAttribute("aria-label", `frames of the queries; chosen: ${name}`);
    answerCanvas.setAttribute("aria-label", `frames under the weights of ${name}; most: ${list}`);
    bar.setAttribute("aria-label", `colours from 0 to ${percent(most)}`);
    matrix.canvas.setAttribute("aria-label",
      `weights of ${queries.count} queries over ${keys.count} keys; row ${q} is chosen`);
    bars.canvas.setAttribute("aria-label", "entropy of this query: " +
      rows.map((words, i) => `${words} ${spread(i, q).toFixed(2)}`).join(", "));
    spoken.textContent = `${name}, ${rows[chosen()]}: ${list}. Entropy ${seen.toFixed(2)}.`;
  }

  // ---- picture ----
  const colours = palette(heat);
  const images = new Map();
  let [askBoxes, answerBoxes, matrixBox, barHeight] = [[], [], null, 0];
  function draw() {
    placeTokens();
    const { keys, queries } = current();
    const weights = row();
    const order = [...weights.keys()].sort((a, b) => weights[b] - weights[a] || a - b);
    const strongest = order.slice(0, SHOWN);
    readOut(weights, strongest);
    const theme = themeColours(root);
    const width = Math.floor(root.clientWidth - 36); // the card's padding
    if (width < 80) return;
    if (queries.times) askBoxes = drawQueries(askCanvas, width, theme, queries, query());
    if (keys.times) {
      answerBoxes = drawKeys(answerCanvas, width, theme, keys, {
        weights, overlay: model.get("overlay"), strongest: strongest.slice(0, STRONGEST),
      });
    }
    drawColourBar(bar, 156, theme, colours,
      [[0, "0"], [1, percent(weights[strongest[0]])]]);
    const key = [sample(), layer(), chosen()].join("/");
    if (!images.has(key)) images.set(key, matrixImage(shown(), queries.count, keys.count));
    matrixBox = drawThumbnail(matrix.canvas, Math.floor(matrix.node.clientWidth), theme,
      { image: images.get(key), query: query(), queries: queries.count, keys: keys.count });
    const means = rows.map((_, i) => queries.count && Array.from({ length: queries.count },
      (_, q) => spread(i, q)).reduce((sum, value) => sum + value, 0) / queries.count);
    barHeight = drawEntropies(bars.canvas, Math.floor(bars.node.clientWidth), theme, {
      names: rows, values: rows.map((_, i) => spread(i, query())), means, chosen: chosen(),
    });
  }
  /** Every row up to its own largest, like the colours over the keys. */
  function matrixImage(weights, Q, K) {
    const largest = Array.from({ length: Q }, (_, q) =>
      weights.slice(q * K, (q + 1) * K).reduce((a, b) => Math.max(a, b), 0));
    return heatImage(Q, K, (q, k) => weights[q * K + k] / largest[q], colours);
  }

  // ---- hands ----
  function moveTo(token) {
    const next = within(token, current().queries.count);
    if (next !== model.get("query")) put(model, { query: next });
  }
  /** In self-attention a key can be asked in turn. */
  function askFor(token) {
    if (current().keys === current().queries) moveTo(token);
  }
  function select(which) {
    if (which < heads) put(model, { head: which, mode: "head" });
    else put(model, { mode: which === heads ? "mean" : "rollout" });
  }
  askCanvas.addEventListener("pointerdown", (event) => {
    const token = tokenAt(current().queries, askBoxes, event.offsetX, event.offsetY);
    if (token !== null) moveTo(token);
  });
  answerCanvas.addEventListener("click", (event) => {
    const token = tokenAt(current().keys, answerBoxes, event.offsetX, event.offsetY);
    if (token !== null) askFor(token);
  });
  answerCanvas.addEventListener("pointermove", (event) => {
    const token = tokenAt(current().keys, answerBoxes, event.offsetX, event.offsetY);
    if (token === null) return tip.hide();
    const { keys } = current();
    tip.show(event.clientX, event.clientY, `${tokenName(keys, token)}: ${percent(row()[token], 2)}`);
  });
  answerCanvas.addEventListener("pointerleave", tip.hide);
  matrix.canvas.addEventListener("pointerdown", (event) => {
    if (matrixBox) moveTo(Math.floor((event.offsetY - matrixBox.top) / matrixBox.row));
  });
  bars.canvas.addEventListener("pointerdown", (event) => {
    const which = Math.floor((event.offsetY - 2) / barHeight);
    if (which >= 0 && which < rows.length) select(which);
  });
  root.addEventListener("keydown", (event) => {
    const turn = { "[": -1, "]": 1 }[event.key];
    if (!turn || event.ctrlKey || event.metaKey) return; // Alt writes brackets on some keyboards
    event.preventDefault();
    select((Math.min(chosen(), heads - 1) + turn + heads) % heads);
  });
  ask.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = stepTo(current().queries, query(), event.key);
    if (next === null) return;
    event.preventDefault();
    moveTo(next);
  });

  const stops = [
    followTheme(root, redraw),
    onWidth(root, redraw),
    follow(model, ["sample", "layer", "head", "mode", "query", "overlay"], redraw),
    redraw.cancel,
  ];
  placeTokens();
  redraw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
