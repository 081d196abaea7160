// Gloss alignment explorer, the words: reference and hypothesis below each other, scored, and the
// places of names above spikes.

const KINDS = { ok: "ok", sub: "S", del: "D", ins: "I" };
const SPOKEN = { ok: "right", sub: "substituted", del: "deleted", ins: "inserted" };

/** Word error rate as text; without a word in the reference there is none. */
function werText(errors, words) {
  if (!words) return errors ? "\u221e" : "0 %";
  return `${((100 * errors) / words).toFixed(0)} %`;
}

const countErrors = (scored) => scored.errors.reduce((sum, count) => sum + count, 0);

function swatchOf(sentence, row) {
  const swatch = element("span", "vl-swatch");
  if (row > 0) swatch.style.background = categorical(sentence.colours[row]);
  return swatch;
}

/** One column of the alignment as a list item: reference, hypothesis and ok, S, D or I. */
function pairItem(sentence, [reference, hypothesis, kind]) {
  const item = element("li", `vl-pair vl-${kind}`);
  item.dataset.kind = kind;
  const word = (row) => {
    const node = element("span", "vl-word");
    if (row < 0) node.append(element("span", "vl-none", "\u2217\u2217\u2217"));
    else node.append(swatchOf(sentence, row), element("span", "vl-word-text", sentence.names[row]));
    return node;
  };
  const said = [reference, hypothesis].map((row) => (row < 0 ? "nothing" : sentence.names[row]));
  item.title = `${said[0]} \u2192 ${said[1]}: ${SPOKEN[kind]}`;
  item.append(word(reference), word(hypothesis), element("span", "vl-kind", KINDS[kind]));
  return item;
}

/** The alignment with its heads at the left; show(sentence, scored) fills it. */
function wordLines() {
  const box = element("div", "vl-lines");
  const heads = element("div", "vl-heads");
  heads.append(...["reference", "hypothesis", "error"].map((text) => element("div", "", text)));
  const list = element("ol", "vl-pairs");
  list.setAttribute("aria-label", "reference against hypothesis");
  box.append(heads, list);
  const show = (sentence, scored) => {
    const items = scored.pairs.map((pair) => pairItem(sentence, pair));
    const nothing = element("li", "vl-note", "no word in the reference, none recognised");
    list.replaceChildren(...(items.length ? items : [nothing]));
  };
  return { box, show };
}

/** Peaks worth a name, the main one of each class first; `lines` are [row][step], row 0 blank. */
function spikesOf(lines) {
  const main = [];
  const more = [];
  lines.forEach((line, row) => {
    if (row === 0) return;
    const found = [];
    line.forEach((value, step) => {
      if (value < 0.1) return;
      const last = found[found.length - 1];
      if (last && last.end === step - 1) {
        last.end = step;
        if (value > last.peak) Object.assign(last, { step, peak: value });
      } else found.push({ row, step, peak: value, end: step });
    });
    found.sort((a, b) => b.peak - a.peak);
    main.push(...found.slice(0, 1));
    more.push(...found.slice(1).filter((spike) => spike.peak >= 0.4));
  });
  const byPeak = (a, b) => b.peak - a.peak;
  return [...main.sort(byPeak), ...more.sort(byPeak)];
}

/**
 * Places for labels of a `width` above the points `at`, in lanes between low and high, none on
 * another. Early labels choose first; where there is no room left, a label is left out.
 */
function placeLabels(labels, lanes, low, high) {
  const taken = Array.from({ length: lanes }, () => []);
  const placed = [];
  for (const label of labels) {
    const last = Math.max(low, high - label.width);
    const tries = taken.flatMap((_, lane) => [0.5, 0.3, 0.7, 0.08, 0.92].map((share) => ({
      lane, x: Math.min(Math.max(label.at - share * label.width, low), last),
    })));
    const free = tries.find(({ lane, x }) =>
      taken[lane].every((other) => x + label.width + 6 <= other.x || other.x + other.width + 6 <= x));
    if (!free) continue;
    const found = { ...label, ...free };
    taken[free.lane].push(found);
    placed.push(found);
  }
  return placed;
}
