// Tag explorer, the controls: a window, a token, a text to tag.
// (tagging_words.js lists the windows, tagging_plot.js draws the trellis; Python joins them.)

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0],
  PageUp: [-10, 0], PageDown: [10, 0], Home: [0, -1e9], End: [0, 1e9] };
const WAIT = 15000; // milliseconds after which a silent kernel is mentioned

function render({ model, el }) {
  const data = model.get("_data");
  const { root, tools } = card(model, el, "tagging");
  const redraw = onNextFrame(root, draw);
  const shipped = data.windows.map((packed, i) => ({ ...openWindow(packed, i), mark: `${i + 1}` }));
  const moves = data.moves && Object.fromEntries(
    Object.entries(data.moves).map(([name, packed]) => [name, decodeArray(packed).data]));
  const live = data.asks && typeof model.send === "function"; // a saved page has no kernel
  let windows = shipped;
  let listed = shipped;
  let order = "given";
  let patience = 0;

  // While a kernel's messages arrive one by one, values may still belong to the window before.
  const current = () => windows[within(model.get("window"), windows.length)];
  const token = () => within(model.get("token"), current().size);

  // ---- page ----
  const orders = [["given", "as given"], ["unsure", "least sure first"]];
  if (shipped[0].truth) orders.push(["wrong", "only with errors"]);
  const sort = choice("order of windows", orders, (value) => {
    order = value;
    arrange();
  });
  sort.hidden = shipped.length < 2;
  const step = (by) => {
    const at = listed.indexOf(current()) + by;
    go(listed[(at + listed.length) % listed.length].index);
  };
  const arrows = element("div", "vl-picker");
  arrows.append(button("\u2039", "previous window", () => step(-1)),
    button("\u203a", "next window", () => step(1)));
  arrows.hidden = shipped.length < 2;
  tools.append(sort, arrows);

  const score = element("p", "vl-facts");
  const list = wordList((window, t) => put(model, { window, token: t }));
  const key = element("p", "vl-note vl-key");
  key.append(
    swatched("vl-tint", "colour: how likely part of a name"),
    swatched("vl-box", "box: predicted name"),
    ...(shipped[0].truth ? [swatched("vl-line", "line: true name")] : []),
  );
  const form = askForm();
  const canvas = element("canvas", "vl-trellis");
  canvas.setAttribute("role", "img");
  const shades = element("p", "vl-note", "Upper strips: the fainter, the further behind the best " +
    "tag of its token. Click a column, or use the arrow keys in the list.");
  shades.hidden = !moves;
  const facts = element("p", "vl-facts vl-chosen-facts");
  const table = emptyTable();
  const reading = element("div", "vl-panel");
  reading.append(element("h4", "vl-subtitle", "The chosen token"), facts, table);
  const chain = element("div", "vl-panel");
  chain.hidden = !moves;
  if (moves) chain.append(...moveTable());
  const panels = element("div", "vl-panels");
  panels.append(reading, chain);
  const spoken = spokenLine();
  root.append(score, key, list.node, form.node, canvas, shades, panels, spoken);

  function swatched(className, words) {
    const box = element("span", "vl-key-entry");
    box.append(element("span", `vl-key-mark ${className}`), words);
    return box;
  }

  /** Scores of the moves, from row to column. */
  function moveTable() {
    const grid = emptyTable();
    const { transitions, start, end } = moves;
    const rows = data.tags.map((name, i) => [
      name, ...data.tags.map((_, j) => scoreText(transitions[3 * i + j])), scoreText(end[i]),
    ]);
    rows.unshift(["start", ...[...start].map(scoreText), ""]);
    fillTable(grid, ["from \\ to", ...data.tags, "end"], rows);
    const head = element("h4", "vl-subtitle", "Moves: what tags think of their neighbours");
    return [head, grid];
  }

  // ---- a typed text ----
  function askForm() {
    const node = element("form", "vl-ask");
    node.hidden = !data.asks;
    const note = element("p", "vl-note");
    note.setAttribute("aria-live", "polite");
    if (!live) {
      note.textContent = "Tagging a text of your own needs the running notebook; here the windows " +
        "above can be explored.";
      node.append(note);
      return { node, note };
    }
    const label = element("label", "vl-ask-label", "Your own text");
    const area = element("textarea", "vl-text");
    Object.assign(area, { rows: 2, maxLength: data.mostTyped, spellcheck: false });
    label.append(area);
    const send = element("button", "vl-button", "Tag it");
    send.type = "submit";
    node.append(label, send, note);
    const submit = () => {
      if (!area.value.trim()) return;
      put(model, { _ask: { turn: model.get("_ask").turn + 1, text: area.value } });
      note.textContent = "Tagging \u2026";
      clearTimeout(patience);
      patience = setTimeout(() => {
        note.textContent = "The kernel has not answered yet: is it busy or gone?";
      }, WAIT);
    };
    node.addEventListener("submit", (event) => {
      event.preventDefault();
      submit();
    });
    area.addEventListener("keydown", (event) => { // Enter tags, Shift and Enter breaks the line
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      submit();
    });
    return { node, note };
  }

  /** The kernel's answer: one more window at the top of the list, or a sentence. */
  function answered() {
    const { window: packed, problem, turn } = model.get("_answer");
    if (packed) {
      const own = { ...openWindow(packed, shipped.length), mark: "yours" };
      windows = [...shipped, own];
      arrange();
    }
    if (!live || turn !== model.get("_ask").turn) return;
    clearTimeout(patience);
    form.note.textContent = problem;
  }

  // ---- windows ----
  function go(index) {
    if (index !== model.get("window")) put(model, { window: index, token: liveliest(index) });
  }
  function liveliest(index) {
    const { size, p } = windows[index];
    return [...Array(size).keys()].reduce((best, t) => (p(t, 0) < p(best, 0) ? t : best), 0);
  }
  /** Fill the list; a typed text stands first, and the window that is open always stays. */
  function arrange() {
    listed = [...shipped];
    if (order === "wrong") listed = listed.filter((one) => one.wrong || one === current());
    if (order === "unsure") listed.sort((a, b) => b.unsure - a.unsure || a.index - b.index);
    listed = [...windows.slice(shipped.length), ...listed];
    list.fill(listed);
    list.tint(root.dataset.theme, data.tags);
    redraw();
  }

  function readWindow() {
    const one = current();
    const names = (spans) => spans.map(one.words).join(" \u00b7 ") || "none";
    score.replaceChildren();
    if (data.scores) {
      const [precision, recall, f1] = data.scores;
      const many = shipped.length === 1 ? "window" : "windows";
      score.append(
        fact(`strict F1 of ${shipped.length} ${many}`, percent(f1), "f1"),
        fact("precision", percent(precision), "precision"),
        fact("recall", percent(recall), "recall"),
      );
    }
    score.append(fact(`${one.name}, predicted:`, names(one.predicted), "predicted"));
    if (one.truth) score.append(fact("true:", names(one.truth), "true"));
  }

  function readToken() {
    const one = current();
    const t = token();
    facts.replaceChildren(
      fact("token", one.tokens[t], "token"),
      fact("predicted", data.tags[one.tags[t]], "tag"),
      ...(one.truth ? [fact("true", data.tags[one.trueTags[t]], "truth")] : []),
      ...(one.trellis ? [fact("log Z", signed(one.trellis.logZ, 2), "logZ")] : []),
    );
    const titles = ["tag", ...(one.trellis ? ["emission", "log \u03b1", "log \u03b2"] : []), "p"];
    fillTable(table, titles, data.tags.map((name, k) => [
      name,
      ...(one.trellis ? [0, 1, 2].map((kind) => scoreText(one.score(kind, t, k))) : []),
      one.p(t, k).toFixed(3),
    ]));
    const said = data.tags.map((name, k) => `${name} ${percent(one.p(t, k), 0)}`).join(", ");
    spoken.textContent = `${one.tokens[t]}: ${said}`;
    canvas.setAttribute("aria-label",
      `Trellis of ${one.name} around "${one.tokens[t]}": ${said}. The table below has its numbers.`);
  }

  // ---- picture ----
  let place = null;
  let theme = "";
  function draw() {
    const width = root.clientWidth - 36; // the card's padding
    if (width < 80) return;
    const colours = themeColours(root);
    if (theme !== colours.theme) list.tint(colours.theme, data.tags);
    theme = colours.theme;
    readWindow();
    readToken();
    const focus = list.node.contains(document.activeElement);
    list.mark(current().index, token(), focus);
    place = drawTrellis(canvas, width, current(), token(), data.tags, colours);
  }

  list.node.addEventListener("keydown", (event) => {
    const move = STEPS[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (move[0]) {
      const next = listed[within(listed.indexOf(current()) + move[0], listed.length)];
      put(model, { window: next.index, token: Math.min(token(), next.size - 1) });
    } else {
      put(model, { token: within(token() + move[1], current().size) });
    }
  });
  canvas.addEventListener("pointerdown", (event) => {
    if (!place) return;
    const t = place.first + Math.floor((event.offsetX - SIDE) / place.cell);
    if (event.offsetX >= SIDE && t < place.first + place.count) put(model, { token: t });
  });

  const stops = [
    followTheme(root, redraw),
    onWidth(root, redraw),
    follow(model, ["_answer"], answered),
    follow(model, ["window", "token"], redraw),
    redraw.cancel,
    () => clearTimeout(patience),
  ];
  answered();
  arrange();
  return () => stops.forEach((stop) => stop());
}

export default { render };
