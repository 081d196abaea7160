// Tag explorer, the words: windows as lines of tokens, tinted by the tagger's belief.

/** Spans [start, end) of strict IOB2 tags: 1 begins, 2 goes on; a 2 after no span belongs to none. */
function spansOf(tags) {
  const spans = [];
  tags.forEach((tag, i) => {
    if (tag !== 1) return;
    let end = i + 1;
    while (tags[end] === 2) end += 1;
    spans.push([i, end]);
  });
  return spans;
}

/** The page's form of a packed window; p(token, tag) and score(kind, token, tag) read its arrays. */
function openWindow(packed, index) {
  const marginals = decodeArray(packed.marginals).data;
  const size = packed.tokens.length;
  const scores = packed.trellis && decodeArray(packed.trellis.scores).data;
  const predicted = spansOf(packed.tags);
  const truth = packed.truth && spansOf(packed.truth);
  const same = (a) => (b) => a[0] === b[0] && a[1] === b[1];
  const missed = truth ? truth.filter((span) => !predicted.some(same(span))) : [];
  const extra = truth ? predicted.filter((span) => !truth.some(same(span))) : [];
  const p = (t, k) => marginals[3 * t + k];
  const unsure = packed.tokens.reduce((most, _, t) =>
    Math.max(most, 1 - Math.max(p(t, 0), p(t, 1), p(t, 2))), 0);
  return {
    ...packed, index, size, p, predicted, truth, missed, extra, unsure, trueTags: packed.truth,
    wrong: missed.length + extra.length,
    score: (kind, t, k) => scores[(kind * size + t) * 3 + k],
    words: ([start, end]) => packed.tokens.slice(start, end).join(" "),
  };
}

/** A scrolling list of windows; `choose(window, token)` is called for a token that is picked. */
function wordList(choose) {
  const list = element("ol", "vl-windows");
  list.setAttribute("aria-label", "windows and their words");
  const tokens = new Map(); // window index -> its token buttons
  let chosen = null;

  function line(window) {
    const row = element("li", "vl-window");
    row.append(element("span", "vl-number", window.mark));
    const words = element("span", "vl-words");
    const buttons = window.tokens.map((word, t) => {
      const node = element("button", "vl-token", word);
      node.type = "button";
      node.tabIndex = -1;
      node.addEventListener("click", () => choose(window.index, t));
      return node;
    });
    const inTruth = (t) => window.truth?.some(([start, end]) => t >= start && t < end);
    const wrap = (from, to, className) => {
      const group = element("span", className);
      group.append(...buttons.slice(from, to));
      return group;
    };
    let t = 0;
    while (t < window.size) { // predicted names are boxes, true ones have a line below
      const span = window.predicted.find(([start]) => start === t);
      const end = span ? span[1] : t + 1;
      words.append(span ? wrap(t, end, "vl-predicted") : buttons[t]);
      t = end;
    }
    buttons.forEach((node, i) => node.classList.toggle("vl-true", Boolean(inTruth(i))));
    row.append(words);
    if (window.truth) {
      const verdict = window.wrong
        ? [window.missed.length && `${window.missed.length} missed`,
          window.extra.length && `${window.extra.length} false`].filter(Boolean).join(", ")
        : "right";
      row.append(element("span", `vl-verdict${window.wrong ? " vl-wrong" : ""}`, verdict));
    }
    tokens.set(window.index, { row, buttons, window });
    return row;
  }

  return {
    node: list,
    fill(windows) {
      tokens.clear();
      chosen = null;
      list.replaceChildren(...windows.map(line));
    },
    /** Colours of all tokens: the more of one, the likelier a name. */
    tint(theme, tags) {
      for (const { buttons, window } of tokens.values()) {
        buttons.forEach((node, t) => {
          const name = 1 - window.p(t, 0);
          node.style.background = sequential(0.36 * name, theme); // dark ink stays readable
          const truth = node.classList.contains("vl-true") ? ", truly part of a name" : "";
          node.setAttribute("aria-label",
            `${window.tokens[t]}: ${tags[window.tags[t]]}, a name with ${percent(name, 0)}${truth}`);
        });
      }
    },
    mark(window, token, focus) {
      chosen?.classList.remove("vl-chosen");
      chosen?.removeAttribute("aria-current");
      if (chosen) chosen.tabIndex = -1;
      list.querySelector(".vl-open")?.classList.remove("vl-open");
      const line = tokens.get(window);
      chosen = line?.buttons[token] ?? null;
      if (!chosen) return;
      chosen.classList.add("vl-chosen");
      chosen.setAttribute("aria-current", "true");
      chosen.tabIndex = 0;
      line.row.classList.add("vl-open");
      if (focus) chosen.focus({ preventScroll: true });
      // Only the list scrolls: the page itself stays where the reader is.
      const [top, bottom] = [line.row.offsetTop, line.row.offsetTop + line.row.offsetHeight];
      if (top < list.scrollTop) list.scrollTop = top;
      if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
    },
  };
}
