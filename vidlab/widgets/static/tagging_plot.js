// Tag explorer, the trellis: strips of three tags by as many tokens as there is room for.

const SIDE = 58; // room for the tags' names
const COLUMN = 50; // a token's least width
const ROW = 22;
const HEAD = 19;
const WORDS = 26;
const BEHIND = 5; // scores this far behind the best of their token are all equally pale
const NEVER = -5000; // lower scores belong to forbidden moves
const STRIPS = [
  ["emissions P: each token alone", 0],
  ["log \u03b1: all paths up to here", 1],
  ["log \u03b2: all paths from here on", 2],
];

/** Which tokens are drawn, and where. */
function layOutTrellis(width, window, token) {
  const strips = window.trellis ? STRIPS.length + 1 : 1;
  const most = Math.max(Math.floor((width - SIDE) / COLUMN), 1);
  const count = Math.min(most, window.size);
  const first = within(Math.min(token - Math.floor(count / 2), window.size - count), window.size);
  const cell = Math.min((width - SIDE) / count, 92);
  return { strips, first, count, cell, height: WORDS + strips * (HEAD + 3 * ROW + 8) + 8 };
}

const scoreText = (value) =>
  (value < NEVER ? "never" : signed(Math.abs(value) < 0.05 ? 0 : value, 1)); // no minus zero

/** Black or white over "rgb(r,g,b)". */
function inkOver(colour) {
  const hex = colour.match(/\d+/g).map((c) => Number(c).toString(16).padStart(2, "0")).join("");
  return inkOn(`#${hex}`);
}

function drawTrellis(canvas, width, window, token, tags, theme) {
  const place = layOutTrellis(width, window, token);
  const { first, count, cell, strips } = place;
  const context = fitCanvas(canvas, width, place.height);
  const write = inscriber(context, theme);
  const x = (t) => SIDE + (t - first) * cell;
  for (let t = first; t < first + count; t++) {
    const chosen = t === token;
    write(window.tokens[t], x(t) + cell / 2, WORDS / 2, {
      align: "center", room: cell - 4, font: 12, ink: theme.ink, weight: chosen ? "700" : "",
    });
  }
  const top = (strip) => WORDS + strip * (HEAD + 3 * ROW + 8);
  for (let strip = 0; strip < strips; strip++) {
    const last = strip === strips - 1;
    const read = last ? window.p : (t, k) => window.score(STRIPS[strip][1], t, k);
    const title = last ? "probability of each tag" : STRIPS[strip][0];
    const path = last && window.trellis ? "; framed: the best path" : "";
    write(title + path, 0, top(strip) + HEAD / 2, { room: width, font: 12 });
    tags.forEach((name, k) =>
      write(name, SIDE - 6, top(strip) + HEAD + (k + 0.5) * ROW, { align: "right" }));
    for (let t = first; t < first + count; t++) {
      const values = [0, 1, 2].map((k) => read(t, k));
      const best = Math.max(...values);
      values.forEach((value, k) => {
        const level = last ? value : 1 + Math.max((value - best) / BEHIND, -1);
        const colour = sequential(level, theme.theme);
        const y = top(strip) + HEAD + k * ROW;
        context.fillStyle = colour;
        context.fillRect(x(t) + 0.5, y + 0.5, cell - 1, ROW - 1);
        write(last ? value.toFixed(2) : scoreText(value), x(t) + cell / 2, y + ROW / 2,
          { align: "center", ink: inkOver(colour), font: 11, room: cell - 4 });
      });
    }
  }
  for (let strip = 0; strip < strips; strip++) { // the chosen token's column
    frame(context, theme, theme.accent, x(token), top(strip) + HEAD, cell, 3 * ROW);
  }
  if (window.trellis) {
    for (let t = first; t < first + count; t++) {
      const y = top(strips - 1) + HEAD + window.trellis.path[t] * ROW;
      frame(context, theme, theme.mark, x(t) + 2, y + 2, cell - 4, ROW - 4);
    }
  }
  return place;
}

/** A frame that shows on light and on dark: a wide one in the background's colour below it. */
function frame(context, theme, ink, x, y, width, height) {
  for (const [wide, stroke] of [[4, theme.bg], [2, ink]]) {
    context.lineWidth = wide;
    context.strokeStyle = stroke;
    context.strokeRect(x, y, width, height);
  }
}
