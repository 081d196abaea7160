// Order explorer, the controls: one clip, its cards in one of all their orders, and every model's
// answer. (order_cards.js has the hands, order_plot.js draws; Python joins them.)

const NOTE = "Drag a card, or focus it and press the arrow keys. Bars: softmax in this order; " +
  "ticks: in the true order; \u25b8: the true class. Below: that class\u2019s probability in all ";

function render({ model, el }) {
  const data = model.get("_data");
  const { root, tools } = card(model, el, "order");
  const redraw = onNextFrame(root, draw);
  const classes = data.classes.length;
  const every = permutations(data.cards.length);
  const rankOf = new Map(every.map((order, p) => [order.join(), p]));
  const cards = framesOf(data.cards);
  const clips = data.clips.map((packed) =>
    ({ ...packed, sprite: loadSprite(packed.sheet, redraw) }));
  // While a kernel's messages arrive one by one, values may still belong to the clip before.
  const clip = () => within(model.get("clip"), clips.length);
  const order = () => within(model.get("order"), every.length);
  const go = (p) => p !== model.get("order") && put(model, { order: p });

  // ---- page ----
  const clipList = listPicker("clip",
    clips.map(({ truth }, i) => `${i + 1} \u00b7 ${data.classes[truth]}`),
    (i) => put(model, { clip: i }));
  tools.append(clipList.box);

  const player = clipPlayer(() => every[order()].flatMap((c) => cards[c]),
    () => clips[clip()].sprite);
  const strip = cardStrip(cards, () => every[order()], (next) => go(rankOf.get(next.join())));
  const others = () =>
    (order() + 1 + Math.floor(Math.random() * (every.length - 1))) % every.length;
  let searched = data.models.length - 1;
  const finder = choice("find the order most like",
    [["", "most like \u2026"],
      ...data.classes.map((name, k) => [k, `most like \u201c${name}\u201d`])],
    (k) => k !== "" && go(bestOrder(searched, Number(k))));
  const asked = choice("for the model", data.models.map((name, m) => [m, `to ${name}`]),
    (m) => {
      searched = Number(m);
      redraw();
    });
  asked.value = searched;
  asked.hidden = data.models.length < 2;
  const buttons = element("div", "vl-buttons");
  buttons.append(
    button("true order", "true order", () => go(0)),
    button("reversed", "cards in reversed order", () => go(every.length - 1)),
    button("shuffle", "shuffle the cards", () => go(others())),
    finder, asked,
  );
  const facts = element("p", "vl-facts");
  const desk = element("div", "vl-desk");
  desk.append(strip.list, facts, buttons);
  const stage = element("div", "vl-stage");
  stage.append(player.box, desk);

  const panels = data.models.map((name) => {
    const node = element("div", "vl-part");
    const [bars, spread] = [element("canvas", "vl-bars"), element("canvas", "vl-spread")];
    for (const canvas of [bars, spread]) canvas.setAttribute("role", "img");
    const heading = element("b", "vl-name", name);
    heading.title = name;
    const [says, keeps] = [element("p", "vl-says"), element("p", "vl-says")];
    node.append(heading, says, bars, keeps, spread);
    return { node, bars, spread, says, keeps };
  });
  const panel = element("div", "vl-panel vl-parts");
  panel.append(...panels.map(({ node }) => node));
  const spoken = spokenLine();
  root.append(stage, panel, element("p", "vl-note", `${NOTE}${every.length} orders.`), spoken);

  // ---- numbers ----
  const opened = new Map(); // by clip: of each model (P, K) probabilities and (P) answers
  function shown() {
    if (!opened.has(clip())) {
      const { offsets, answers, truth } = clips[clip()];
      const probabilities = offsets.map((of) => softmaxRows(decodeArray(of).data, classes));
      opened.set(clip(), {
        truth,
        probabilities,
        answers: answers.map((of) => decodeArray(of).data),
        totals: classTotals(probabilities, classes),
      });
    }
    return opened.get(clip());
  }
  const rowOf = (m, p) => shown().probabilities[m].slice(p * classes, (p + 1) * classes);
  const classRows = () =>
    shownClasses(shown().totals, [shown().truth, ...shown().answers.map((of) => of[order()])]);
  const column = (m, k) => every.map((_, p) => shown().probabilities[m][p * classes + k]);
  function bestOrder(m, k) {
    const values = column(m, k);
    return values.indexOf(Math.max(...values));
  }

  function readOut() {
    const { truth, answers } = shown();
    const [p, rows] = [order(), classRows()];
    clipList.show(clip());
    strip.show(every[p]);
    const like = finder.value;
    finder.value = like !== "" && bestOrder(searched, Number(like)) === p ? like : "";
    facts.replaceChildren(
      fact("cards", every[p].map((c) => c + 1).join(" "), "cards"),
      fact("order", `${p + 1} of ${every.length}`, "order"),
      fact("true class", data.classes[truth], "truth"),
    );
    const lines = panels.map(({ says, keeps, bars, spread }, m) => {
      const now = rowOf(m, p);
      const answer = answers[m][p];
      const verdict = answer === truth ? "right" : "wrong";
      const kept = answers[m].filter((k) => k === answers[m][0]).length;
      const name = data.classes[answer];
      says.replaceChildren(fact(`answer (${verdict}):`, name, `answer-${m}`));
      says.title = name;
      keeps.replaceChildren(fact("keeps its answer in", `${kept} of ${every.length}`, `kept-${m}`),
        " orders");
      const list = rows.map((k) => `${data.classes[k]} ${percent(now[k], 0)}`).join(", ");
      bars.setAttribute("aria-label", `${data.models[m]}, probability of each class: ${list}`);
      const all = column(m, truth);
      spread.setAttribute("aria-label", `${data.models[m]}, probability of the true class over ` +
        `${every.length} orders: ${percent(Math.min(...all), 0)} to ` +
        `${percent(Math.max(...all), 0)}, here ${percent(now[truth], 0)}`);
      return `${data.models[m]} ${verdict}: ${name}, ${percent(now[answer], 0)}`;
    });
    spoken.textContent = `Cards ${every[p].map((c) => c + 1).join(" ")}. ${lines.join(". ")}.`;
  }

  // ---- picture ----
  function draw() {
    readOut();
    player.paint();
    const theme = themeColours(root);
    const width = Math.floor(desk.clientWidth);
    if (width < 80) return;
    strip.paint(clips[clip()].sprite, width);
    const { truth, answers } = shown();
    const rows = classRows();
    panels.forEach(({ node, bars, spread }, m) => {
      const wide = Math.floor(node.clientWidth);
      const now = rowOf(m, order());
      drawBars(bars, wide, theme, { names: data.classes, rows, now, before: rowOf(m, 0), truth,
        answer: answers[m][order()] });
      drawSpread(spread, wide, theme, column(m, truth), now[truth]);
    });
  }

  const stops = [
    followTheme(root, redraw),
    onWidth(root, redraw),
    follow(model, ["clip", "order"], redraw),
    redraw.cancel,
    player.stop,
  ];
  readOut();
  redraw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
