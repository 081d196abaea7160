// Confusion explorer, the controls: model, difference, order, and a cursor on true x predicted.
// (confusion_counts.js counts, the two others and matrix.js draw; Python joins the five.)

const ORDER_NAMES = [
  ["given", "as given"], ["frequency", "frequency"], ["error", "error rate"],
  ["cluster", "cluster"],
];
const NOTE = "Colours follow the square root, so that rare confusions show. Click an entry, or move " +
  "with the arrow keys, to see its clips; Enter plays and pauses them.";

const plus = (text) => minus(Number.parseFloat(text) > 0 ? `+${text}` : text);

function render({ model, el }) {
  const data = model.get("_data");
  const classes = data.classes.length;
  const { root, tools } = card(model, el, "confusion");
  const redraw = onNextFrame(root, draw);
  const truth = [...decodeArray(data.truth).data];
  const models = data.predictions.map((packed) => {
    const predicted = [...decodeArray(packed).data];
    const counts = countPairs(truth, predicted, classes);
    return { predicted, counts, ...totals(counts, classes) };
  });
  const modelAt = () => Math.max(data.models.indexOf(model.get("model")), 0);
  const otherAt = () => data.models.indexOf(model.get("compare")); // -1: none
  const order = () => (data.orders[model.get("order")] ?? data.orders.given)[data.models[modelAt()]];
  const row = () => within(model.get("row"), classes);
  const column = () => within(model.get("column"), classes);
  const normalised = () => model.get("normalised");

  // ---- page ----
  function named(label, options, change) {
    const box = element("label", "vl-choice", `${label} `);
    const select = choice(label, options, change);
    box.append(select);
    return { box, select };
  }
  const names = data.models.map((name) => [name, name]);
  const first = named("model", names, (value) => put(model, { model: value }));
  const second = named("minus", [["", "nothing"], ...names],
    (value) => put(model, { compare: value }));
  first.box.hidden = second.box.hidden = data.models.length < 2;
  const sort = named("order", ORDER_NAMES, (value) => put(model, { order: value }));
  const unit = named("show", [["share", "% of the true class"], ["count", "samples"]],
    (value) => put(model, { normalised: value === "share" }));
  tools.append(first.box, second.box, sort.box, unit.box);

  const canvas = element("canvas", "vl-plot");
  setAttributes(canvas, { tabindex: 0, role: "application", "aria-label": "confusion matrix" });
  const square = element("div", "vl-square");
  square.append(canvas);
  const bar = element("canvas", "vl-bar");
  bar.setAttribute("role", "img");
  const here = element("div", "vl-panel vl-entry");
  const table = emptyTable();
  const numbers = element("div", "vl-panel vl-numbers");
  numbers.append(table);
  const overall = element("p", "vl-facts");
  const meaning = element("p", "vl-note");
  const scale = element("div");
  scale.append(bar, meaning);
  const side = element("div", "vl-side");
  side.append(overall, scale, here, numbers, element("p", "vl-note", NOTE));
  const main = element("div", "vl-main");
  main.append(square, side);
  const sheet = contactSheet(data, redraw);
  const spoken = spokenLine();
  root.append(main, sheet.box, spoken);
  const tip = tooltip(root);

  // ---- words ----
  const pair = (i, j) => `${data.classes[i]} \u2192 ${data.classes[j]}`;
  const number = (value) => {
    const digits = normalised() ? (100 * value).toFixed(0) : value.toFixed(0);
    return otherAt() < 0 ? digits : plus(digits);
  };
  const countOf = (one, i, j) => one.counts[i * classes + j];
  const share = (one, i, j) => `${countOf(one, i, j)} of ${one.rows[i]} ` +
    `(${percent(entry(one, classes, i, j, true))})`;
  function difference(i, j) {
    const [a, b] = [models[modelAt()], models[otherAt()]];
    const points = 100 * (entry(a, classes, i, j, true) - entry(b, classes, i, j, true));
    const count = plus(String(countOf(a, i, j) - countOf(b, i, j)));
    return Number.isNaN(points) ? count : `${count} samples, ${plus(points.toFixed(1))} points`;
  }

  function readOut() {
    const [a, b] = [modelAt(), otherAt()];
    const [i, j] = [row(), column()];
    first.select.value = data.models[a];
    second.select.value = b < 0 ? "" : data.models[b];
    sort.select.value = model.get("order");
    unit.select.value = normalised() ? "share" : "count";
    const shown = b < 0 ? [a] : [a, b];
    overall.replaceChildren(...shown.map((m) => {
      const { correct, all } = models[m];
      return fact(data.models.length > 1 ? `${data.models[m]}, correct:` : "correct:",
        `${correct} of ${all} (${percent(correct / all)})`, `correct-${m}`);
    }));
    const what = normalised() ? "share of the true class" : "samples";
    meaning.textContent = b < 0 ? `Colour: ${what}` : `Colour: ${what}, ${data.models[a]} minus ` +
      `${data.models[b]} (blue: more with ${data.models[a]})`;
    const facts = [
      fact("true", data.classes[i], "true"),
      fact("taken for", data.classes[j], "taken"),
      ...shown.map((m) => fact(b < 0 ? "" : data.models[m], share(models[m], i, j), `entry-${m}`)),
    ];
    if (b >= 0) facts.push(fact("difference", difference(i, j), "difference"));
    here.replaceChildren(...facts);
    const nameOf = (words) => {
      const name = element("span", "vl-name", words);
      name.title = words;
      return name;
    };
    // Two models leave no room for the numbers of samples.
    const rows = [...new Set([i, j])].flatMap((k) => shown.map((m) => {
      const one = models[m];
      const rates = [percent(recall(one, classes, k)), percent(precision(one, classes, k))];
      const counts = [String(one.rows[k]), String(one.columns[k])];
      return [nameOf(data.classes[k]), ...(b < 0 ? [...rates, ...counts] :
        [nameOf(data.models[m]), ...rates])];
    }));
    const rates = ["recall", "precision"];
    fillTable(table, b < 0 ? ["class", ...rates, "true", "predicted"] : ["class", "model", ...rates],
      rows);
    spoken.textContent = `${pair(i, j)}: ${shown.map((m) => share(models[m], i, j)).join("; ")}`;
  }

  let sheetKey = "";
  function showClips() {
    const [a, b] = [modelAt(), otherAt()];
    const key = [row(), column(), a, b].join("/");
    if (key === sheetKey) return sheet.paint(); // a new order or theme keeps the clips
    sheetKey = key;
    const found = samplesOf(row(), column(), truth, models[a].predicted, models[b]?.predicted);
    const by = { first: `only ${data.models[a]}`, second: `only ${data.models[b]}`, both: "both" };
    sheet.show(found.map(({ n, by: who }) => ({ n, by: b < 0 ? "" : by[who] })),
      [fact(`${pair(row(), column())}:`,
        `${found.length} sample${found.length === 1 ? "" : "s"}`, "shown")]);
  }

  // ---- picture ----
  let box = null;
  let heat = { key: "" };
  function prepare(theme) {
    const [a, b] = [modelAt(), otherAt()];
    const key = [a, b, model.get("order"), normalised(), theme.theme].join("/");
    if (heat.key === key) return;
    const at = (m, i, j) => entry(models[m], classes, i, j, normalised());
    const value = (i, j) => at(a, i, j) - (b < 0 ? 0 : at(b, i, j));
    let most = normalised() ? 0.01 : 1;
    for (let i = 0; i < classes; i++) {
      for (let j = 0; j < classes; j++) most = Math.max(most, Math.abs(value(i, j)) || 0);
    }
    if (b < 0 && normalised()) most = 1;
    const place = b < 0 ? (v) => Math.sqrt(v / most) : (v) => (signedRoot(v / most) + 1) / 2;
    const colours = palette((v) =>
      (b < 0 ? sequential(v, theme.theme) : diverging(2 * v - 1, theme.theme)));
    const sorted = order();
    const image = heatImage(classes, classes, (y, x) => place(value(sorted[y], sorted[x])), colours);
    heat = { key, value, place, colours, order: sorted, image, most };
  }

  function barTicks() {
    const words = (v) => {
      const size = normalised() ? 100 * v : v;
      const text = Math.abs(size) < 10 && size % 1 ? size.toFixed(1) : size.toFixed(0);
      return (otherAt() < 0 ? text : plus(text)) + (normalised() ? " %" : "");
    };
    const parts = otherAt() < 0 ? [0, 0.05, 0.25, 1] : [-1, -0.25, 0, 0.25, 1];
    return parts.map((part) => [heat.place(part * heat.most), words(part * heat.most)]);
  }

  function draw() {
    readOut();
    showClips();
    const theme = themeColours(root);
    const width = Math.floor(square.clientWidth);
    if (width < 80) return;
    prepare(theme);
    box = drawConfusion(canvas, width, theme,
      { ...heat, names: data.classes, number, row: row(), column: column() });
    drawColourBar(bar, Math.min(Math.floor(side.clientWidth), 320), theme, heat.colours, barTicks());
    bar.setAttribute("aria-label", `colours: ${barTicks().map(([, words]) => words).join(", ")}`);
  }

  // ---- hands ----
  const entryAt = (event) => {
    if (!box) return null;
    const [x, y] = [event.offsetX - box.left, event.offsetY - box.top];
    if (x < 0 || y < 0 || x >= box.width || y >= box.height) return null;
    return [heat.order[Math.floor(y / box.cell)], heat.order[Math.floor(x / box.cell)]];
  };
  const moveTo = (i, j) => {
    if (i !== model.get("row") || j !== model.get("column")) put(model, { row: i, column: j });
  };
  canvas.addEventListener("pointerdown", (event) => {
    const at = entryAt(event);
    if (at) moveTo(...at);
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = entryAt(event);
    if (!at) return tip.hide();
    const words = otherAt() < 0 ? share(models[modelAt()], ...at) : difference(...at);
    tip.show(event.clientX, event.clientY, `${pair(...at)}: ${words}`);
  });
  canvas.addEventListener("pointerleave", tip.hide);
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if ((event.key === "Enter" && !event.shiftKey) || event.key === " ") {
      event.preventDefault();
      sheet.toggle();
      return;
    }
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    const sorted = order();
    moveTo(sorted[within(sorted.indexOf(row()) + move[0], classes)],
      sorted[within(sorted.indexOf(column()) + move[1], classes)]);
  });

  const stops = [
    followTheme(root, redraw),
    onWidth(root, redraw),
    follow(model, ["model", "compare", "order", "normalised", "row", "column"], redraw),
    redraw.cancel,
    sheet.stop,
  ];
  readOut();
  redraw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
