// Proposal explorer, the controls: one point of the clip and where one variant looks for it.
// (attention_tokens.js has the grid, proposals_points.js the numbers, proposals_plot.js draws.)

const LISTED = 10; // proposals in the table
const KEYS = "arrows move the point, Page Up and Page Down change its frame, [ and ] the variant";
const SHARES = "Bar: share of right proposals; tick: chance; \u25cb: share of points with a " +
  "right one.";
const NOTE = "Click a point of the clip or a row of the matrix. Proposals always lie in other " +
  "frames";

function render({ model, el }) {
  const data = model.get("_data");
  const { root, tools } = card(model, el, "proposals");
  const redraw = onNextFrame(root, draw);
  const axis = openAxis(data.axis, redraw);
  const truth = openTruth(data.truth, axis);
  const variants = data.variants.map((packed) => openVariant(packed, axis));
  const names = variants.map(({ name }) => name);
  const point = () => within(model.get("point"), axis.count);
  const chosen = () => Math.max(names.indexOf(model.get("variant")), 0);
  const slack = () => within(model.get("slack"), data.mostSlack + 1);
  const links = () => variants[chosen()].of(point())
    .map((p) => [p, truth.verdict(point(), p, slack())]);
  const goTo = (p) => p !== model.get("point") && put(model, { point: p });
  const choose = (i) => put(model, { variant: names[(i + names.length) % names.length] });

  // ---- page ----
  const variantList = listPicker("variant", names, choose);
  tools.append(variantList.box);
  const about = element("p", "vl-facts vl-heading");
  const stage = element("div", "vl-stage");
  setAttributes(stage, { tabindex: 0, role: "application", "aria-label": `point: ${KEYS}` });
  const clip = element("canvas", "vl-clip");
  clip.setAttribute("role", "img");
  stage.append(clip);
  const slackSlider = slider({
    label: "right within", min: 0, max: data.mostSlack, step: 1,
    format: (n) => (n === 1 ? "1 cell" : `${n} cells`), onInput: (n) => put(model, { slack: n }),
  });
  slackSlider.row.hidden = !truth.known;
  const key = element("p", "vl-facts vl-key");
  const kinds = truth.known ? [["right", "right proposal"], ["wrong", "wrong proposal"],
    ["open", "not judged"], ["true", "true place"]] : [["open", "proposal"]];
  key.append(...[["here", "the point"], ...kinds].map(([kind, words]) => {
    const item = element("span", "vl-fact");
    item.append(element("span", `vl-sign vl-sign-${kind}`), words);
    return item;
  }));
  const controls = element("div", "vl-controls");
  controls.append(key, slackSlider.row);

  const part = (className, title) => {
    const [node, canvas] = [element("div", "vl-part"), element("canvas", className)];
    canvas.setAttribute("role", "img");
    const heading = element("b", "", title);
    node.append(heading, canvas);
    return { node, canvas, heading };
  };
  const table = emptyTable();
  const numbers = element("div", "vl-part vl-numbers");
  numbers.append(element("b", "", "proposals, nearest first"), table);
  const pairs = part("vl-pairs", "similarity of all points, by frame");
  const bar = element("canvas", "vl-bar");
  bar.setAttribute("role", "img");
  const [least, most] = [element("span", "vl-fact"), element("span", "vl-fact")];
  const scale = element("div", "vl-scale");
  scale.append(least, bar, most);
  pairs.node.append(scale);
  pairs.node.hidden = variants.every(({ alike }) => !alike);
  const shares = part("vl-shares", "right proposals");
  const told = element("p", "vl-facts");
  shares.node.append(element("p", "vl-note", SHARES), told);
  shares.node.hidden = !truth.known || variants.some(({ scores }) => !scores[0]);
  const panel = element("div", "vl-panel vl-parts");
  panel.append(numbers, shares.node, pairs.node);
  const spoken = spokenLine();
  root.append(about, stage, controls, panel, element("p", "vl-note", `${NOTE}; ${KEYS}.`), spoken);
  const tip = tooltip(root);

  // ---- numbers ----
  const nameOf = (p) => shortName(axis, p);
  const alikeWords = (value) =>
    minus(Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));
  function listed(list) {
    const { alike } = variants[chosen()];
    const titles = ["rank", "point (row, column)", ...(alike ? ["similarity"] : []),
      ...(truth.known ? ["is"] : [])];
    const rows = list.slice(0, LISTED).map(([p, verdict], i) => [String(i + 1), nameOf(p),
      ...(alike ? [alikeWords(alike.at(point(), p))] : []),
      ...(truth.known ? [verdict || "\u2013"] : [])]);
    if (list.length > LISTED) rows.push(["\u2026", `${list.length - LISTED} more`]);
    fillTable(table, titles, rows);
  }
  function readOut() {
    const [p, list, variant] = [point(), links(), variants[chosen()]];
    const right = list.filter(([, verdict]) => verdict === "right").length;
    variantList.show(chosen());
    slackSlider.show(slack());
    const words = truth.judged(p) ? `${right} of ${list.length} right`
      : "not judged: no true partner in another frame";
    about.replaceChildren(fact("point", tokenName(axis, p), "point"),
      ...(truth.known ? [fact("its proposals:", words, "verdict")] : []));
    listed(list);
    const scores = variant.scores?.[slack()];
    if (scores) {
      told.replaceChildren(
        fact("right", percent(scores.share), "share"),
        fact("points with a right one", percent(scores.found), "found"),
        fact("chance", percent(scores.chance), "chance"),
        fact("points judged", String(scores.points), "judged"),
      );
      shares.canvas.setAttribute("aria-label", "right proposals: " +
        variants.map(({ name, scores: of }) => `${name} ${percent(of[slack()].share)}, ` +
          `points with one ${percent(of[slack()].found)}`).join("; "));
    }
    const said = list.slice(0, 4)
      .map(([q, verdict]) => `${nameOf(q)} ${verdict}`.trim()).join("; ");
    clip.setAttribute("aria-label", `${axis.times} frames; ${tokenName(axis, p)} is linked with ` +
      said);
    pairs.canvas.setAttribute("aria-label",
      `similarities of ${axis.count} points; row ${p} is chosen`);
    spoken.textContent = `${tokenName(axis, p)}, ${variant.name}: ${said}.` +
      (truth.known ? ` ${words}.` : "");
  }

  // ---- picture ----
  let pointed = []; // points under the pointer
  let [clipBoxes, pairBox, shareRows, heat] = [[], null, null, { key: "" }];
  function draw() {
    readOut();
    const theme = themeColours(root);
    const width = Math.floor(stage.clientWidth);
    if (width < 80) return;
    const [p, list, variant] = [point(), links(), variants[chosen()]];
    const partners = Array.from({ length: axis.times }, (_, s) => truth.partner(p, s))
      .filter((q) => q >= 0);
    clipBoxes = drawClip(clip, width, theme, axis, { point: p, links: list, partners, pointed });
    if (!shares.node.hidden) {
      const scores = variants.map((variant) => variant.scores[slack()]);
      shareRows = drawShares(shares.canvas, Math.floor(shares.node.clientWidth), theme,
        { names, scores, chosen: chosen() });
    }
    pairBox = null;
    pairs.canvas.hidden = scale.hidden = !variant.alike;
    if (!variant.alike) return;
    const { low, high, share } = variant.alike;
    const wanted = [chosen(), theme.theme].join("/");
    if (heat.key !== wanted) {
      const colours = palette((value) => sequential(value, theme.theme));
      heat = { key: wanted, colours, image: heatImage(axis.count, axis.count, share, colours) };
    }
    const wide = Math.floor(pairs.node.clientWidth);
    pairBox = drawPairs(pairs.canvas, wide, theme, axis,
      { image: heat.image, point: p, links: list, pointed });
    drawColourBar(bar, 150, theme, heat.colours, [[0, ""], [1, ""]]);
    [least.textContent, most.textContent] = [alikeWords(low), alikeWords(high)];
    bar.setAttribute("aria-label", `colours from ${alikeWords(low)} to ${alikeWords(high)}`);
  }

  // ---- hands ----
  function pointAt(found) {
    if (found.join() === pointed.join()) return;
    pointed = found;
    redraw();
  }
  const leave = () => {
    tip.hide();
    pointAt([]);
  };
  function describe(p, q) {
    const { alike } = variants[chosen()];
    const rank = links().findIndex(([other]) => other === q) + 1;
    return [nameOf(q), ...(alike && !Number.isNaN(alike.at(p, q)) ?
      [`similarity ${alikeWords(alike.at(p, q))}`] : []),
    ...(p === point() && rank ? [`proposal ${rank}`] : []),
    ...(truth.partner(p, truth.frameOf(q)) === q ? ["true place"] : [])].join(", ");
  }
  clip.addEventListener("pointerdown", (event) => {
    const p = tokenAt(axis, clipBoxes, event.offsetX, event.offsetY);
    if (p !== null) goTo(p);
  });
  clip.addEventListener("pointermove", (event) => {
    const p = tokenAt(axis, clipBoxes, event.offsetX, event.offsetY);
    if (p === null) return leave();
    tip.show(event.clientX, event.clientY, describe(point(), p));
    pointAt([p]);
  });
  /** [row, column] of the matrix under the pointer, or null. */
  function pairAt(event) {
    if (!pairBox) return null;
    const at = [event.offsetY - pairBox.top, event.offsetX - pairBox.left]
      .map((place) => Math.floor(place / pairBox.size));
    return at.every((i) => i >= 0 && i < axis.count) ? at : null;
  }
  pairs.canvas.addEventListener("pointerdown", (event) => {
    const at = pairAt(event);
    if (at) goTo(at[0]);
  });
  pairs.canvas.addEventListener("pointermove", (event) => {
    const at = pairAt(event);
    if (!at) return leave();
    tip.show(event.clientX, event.clientY, `${nameOf(at[0])} \u2192 ${describe(...at)}`);
    pointAt([at[1]]);
  });
  for (const canvas of [clip, pairs.canvas]) canvas.addEventListener("pointerleave", leave);
  shares.canvas.addEventListener("pointerdown", (event) => {
    const i = Math.floor((event.offsetY - shareRows.top) / shareRows.row);
    if (i >= 0 && i < names.length) choose(i);
  });
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = stepTo(axis, point(), event.key);
    if (next === null) return;
    event.preventDefault();
    goTo(next);
  });
  root.addEventListener("keydown", (event) => {
    const turn = { "[": -1, "]": 1 }[event.key];
    if (!turn || event.ctrlKey || event.metaKey) return; // Alt writes brackets on some keyboards
    event.preventDefault();
    choose(chosen() + turn);
  });

  const stops = [
    followTheme(root, redraw),
    onWidth(root, redraw),
    follow(model, ["point", "variant", "slack"], redraw),
    redraw.cancel,
  ];
  readOut();
  redraw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
