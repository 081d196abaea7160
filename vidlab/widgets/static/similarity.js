// Similarity explorer, the controls: one cursor (row i, column j) over three matrices of cosines.
// (matrix.js and similarity_plot.js draw; Python joins the three.)

const PAIRS = [[0, 0], [1, 1], [0, 1]]; // rows and columns of the three matrices: first or second
const HEIGHT = 80; // of a frame on the page
const WIDE = 96; // at most
const NOTE = "Cosines at row i and column j. Diagonal mass: share of a row\u2019s positive " +
  "similarity within \u00b1n steps of the diagonal (dashed), mean over rows; \u201cflat\u201d: what " +
  "a matrix of equal entries has.";
const BOUNDARIES = " Solid lines: the true boundaries.";

function render({ model, el }) {
  const data = model.get("_data");
  const { root, tools } = card(model, el, "similarity");
  const redraw = onNextFrame(root, draw);
  const samples = data.samples.map((packed) => ({
    ...packed,
    count: packed.matrices[0].shape[1],
    sprite: packed.frames && loadSprite(packed.frames, redraw),
  }));
  // While a kernel's messages arrive one by one, values may still belong to the sample before.
  const current = () => samples[within(model.get("sample"), samples.length)];
  const method = () => Math.max(data.methods.indexOf(model.get("method")), 0);
  const row = () => within(model.get("row"), current().count);
  const column = () => within(model.get("column"), current().count);
  const band = () => within(model.get("band"), data.mostBand + 1);
  const className = (k) => data.classes?.[k] ?? (k ? `class ${k}` : "blank");
  const pairName = ([a, b]) => `${data.kinds[a]}\u2013${data.kinds[b]}`;

  // ---- page ----
  const words = samples.map(({ truth, count }, i) => {
    const runs = truth ? truth.filter((k, s) => k && k !== truth[s - 1]).map(className) : [];
    const text = runs.length ? runs.join(" ") : `${count} steps`;
    return `${i + 1} \u00b7 ${text.length > 40 ? `${text.slice(0, 39)}\u2026` : text}`;
  });
  const methods = listPicker("method", data.methods, (i) => put(model, { method: data.methods[i] }));
  const sampleList = listPicker("sample", words, (i) => put(model, {
    sample: i,
    row: within(model.get("row"), samples[i].count),
    column: within(model.get("column"), samples[i].count),
  }));
  tools.append(methods.box, sampleList.box);

  const matrices = element("div", "vl-matrices");
  setAttributes(matrices, {
    tabindex: 0, role: "application", "aria-label": "cursor over the matrices",
  });
  const canvases = PAIRS.map((_, m) => {
    const cell = element("div", "vl-matrix");
    const canvas = element("canvas", `vl-matrix-${m}`);
    canvas.setAttribute("role", "img");
    cell.append(canvas);
    matrices.append(cell);
    return canvas;
  });
  const bandSlider = slider({
    label: "band \u00b1n", min: 0, max: data.mostBand, step: 1, format: (n) => `\u00b1${n}`,
    onInput: (n) => put(model, { band: n }),
  });
  const scale = choice("colours over",
    [["signed", "\u22121 \u2026 1"], ["positive", "0 \u2026 1"]],
    (value) => put(model, { signed: value === "signed" }));
  const bar = element("canvas", "vl-bar");
  bar.setAttribute("role", "img");
  const colouring = element("div", "vl-colours");
  colouring.append(element("span", "vl-slider-name", "cosine"), bar, scale);
  const controls = element("div", "vl-controls");
  controls.append(bandSlider.row, colouring);

  /** A frame with its step, number and class; `axis` is row or column. */
  function seen(axis) {
    const node = element("div", "vl-seen");
    const canvas = element("canvas", `vl-thumb-${axis}`);
    canvas.setAttribute("role", "img");
    const text = element("p");
    const named = element("div", "vl-class");
    node.append(canvas, text, named);
    return { node, canvas, text, named };
  }
  const [seenRow, seenColumn] = [seen("row"), seen("column")];
  const table = emptyTable();
  const numbers = element("div", "vl-numbers");
  numbers.append(table);
  const panel = element("div", "vl-panel");
  panel.append(seenRow.node, seenColumn.node, numbers);
  const spoken = spokenLine();
  const note = element("p", "vl-note");
  root.append(matrices, controls, panel, note, spoken);

  // ---- what is shown ----
  const values = new Map(); // decoded matrices, by sample and method
  function shown() {
    const key = `${model.get("sample")}/${method()}`;
    if (!values.has(key)) {
      const packed = current();
      values.set(key, {
        cosines: decodeArray(packed.matrices[method()]).data,
        mass: decodeArray(packed.mass[method()]),
      });
    }
    return values.get(key);
  }
  const cosine = (m, i, j) => shown().cosines[(m * current().count + i) * current().count + j];

  function describe(place, axis, s) {
    const { steps, truth, sprite } = current();
    const letter = axis === "row" ? "i" : "j";
    place.canvas.hidden = !sprite;
    if (sprite) {
      const context = fitCanvas(place.canvas, Math.min(HEIGHT * sprite.aspect, WIDE), HEIGHT);
      const height = Math.min(HEIGHT, WIDE / sprite.aspect);
      context.imageSmoothingEnabled = false;
      sprite.draw(context, s, 0, (HEIGHT - height) / 2, height * sprite.aspect, height);
    }
    place.canvas.setAttribute("aria-label", `frame of step ${letter} = ${s}`);
    const lines = [element("span", "vl-fact", axis), element("b", "", `${letter} = ${s}`)];
    if (steps) lines.push(element("span", "vl-fact", `frame ${steps[s]}`));
    place.text.replaceChildren(...lines);
    if (!truth) return;
    const swatch = element("span", "vl-swatch");
    swatch.style.background = classColour(truth[s], themeColours(root));
    const name = element("span", "vl-name", className(truth[s]));
    name.dataset.fact = `class-${axis}`;
    name.title = className(truth[s]);
    place.named.replaceChildren(swatch, name);
  }

  function readOut() {
    const { flat } = current();
    const { mass } = shown();
    const [i, j, n] = [row(), column(), band()];
    note.textContent = NOTE + (current().truth ? BOUNDARIES : "");
    methods.show(method());
    sampleList.show(within(model.get("sample"), samples.length));
    bandSlider.show(n);
    scale.value = model.get("signed") ? "signed" : "positive";
    describe(seenRow, "row", i);
    describe(seenColumn, "column", j);
    const rows = PAIRS.map((pair, m) => {
      const share = mass.data[m * mass.shape[1] + n];
      const ratio = share / flat[n];
      return [pairName(pair), signed(cosine(m, i, j), 2), share.toFixed(3), flat[n].toFixed(3),
        `\u00d7 ${ratio.toFixed(2)}`];
    });
    fillTable(table, ["pair", "cosine", `mass \u00b1${n}`, "flat", "ratio"], rows);
    PAIRS.forEach((pair, m) => {
      canvases[m].setAttribute("aria-label", `${pairName(pair)}: cosines of ${current().count} ` +
        `steps; diagonal mass within ${n} steps ${rows[m][2]}, flat ${rows[m][3]}`);
    });
    spoken.textContent = `Row ${i}, column ${j}: ` +
      rows.map(([name, value]) => `${name} ${value}`).join(", ") + ".";
  }

  // ---- picture ----
  let boxes = [];
  let images = { key: "" };
  function draw() {
    readOut();
    const theme = themeColours(root);
    const width = Math.floor(canvases[0].parentNode.clientWidth);
    if (width < 80) return;
    const both = model.get("signed");
    const key = [model.get("sample"), method(), both, theme.theme].join("/");
    const { count, truth } = current();
    if (images.key !== key) {
      const colours = palette((at) =>
        (both ? diverging(2 * at - 1, theme.theme) : sequential(at, theme.theme)));
      const place = both ? (v) => (v + 1) / 2 : (v) => v;
      const heats = PAIRS.map((_, m) =>
        heatImage(count, count, (i, j) => place(cosine(m, i, j)), colours));
      images = { key, colours, heats };
    }
    boxes = PAIRS.map(([a, b], m) => drawMatrix(canvases[m], width, theme, {
      image: images.heats[m], count, truth, rowName: data.kinds[a], columnName: data.kinds[b],
      title: pairName([a, b]), band: band(), row: row(), column: column(),
    }));
    const ticks = both ? [[0, "\u22121"], [0.5, "0"], [1, "1"]] : [[0, "\u2264 0"], [0.5, "0.5"],
      [1, "1"]];
    drawColourBar(bar, 156, theme, images.colours, ticks);
    bar.setAttribute("aria-label", `colours from ${ticks[0][1]} to 1`);
  }

  // ---- hands ----
  function moveTo(i, j) {
    const next = { row: within(i, current().count), column: within(j, current().count) };
    if (next.row !== model.get("row") || next.column !== model.get("column")) put(model, next);
  }
  canvases.forEach((canvas, m) => {
    const follows = (event) => {
      const box = boxes[m];
      if (!box) return;
      const [x, y] = [event.offsetX - box.left, event.offsetY - box.top];
      if (x < 0 || y < 0 || x >= box.width || y >= box.height) return;
      moveTo(Math.floor(y / box.cell), Math.floor(x / box.cell));
    };
    canvas.addEventListener("pointermove", follows);
    canvas.addEventListener("pointerdown", follows);
  });
  matrices.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    moveTo(row() + move[0], column() + move[1]);
  });

  const stops = [
    followTheme(root, redraw),
    onWidth(root, redraw),
    follow(model, ["method", "sample", "row", "column", "band", "signed"], redraw),
    redraw.cancel,
  ];
  readOut();
  redraw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
