// Shared front end of all explorers. Python puts this text in front of an explorer's own module
// (a module inside a widget or an inline script cannot import a sibling), after three constants:
// CATEGORICAL, SEQUENTIAL and DIVERGING, the palettes. Labels only ever reach the page through
// textContent, attributes or a canvas, never as HTML.

// ---- data -----------------------------------------------------------------------------------

function halfToNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
}

/** An array packed by Python's encode_array, as {data: Float64Array, shape}. */
function decodeArray(packed) {
  const bytes = Uint8Array.from(atob(packed.data), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const [width, read] = {
    uint8: [1, (i) => view.getUint8(i)],
    uint16: [2, (i) => view.getUint16(i, true)],
    float16: [2, (i) => halfToNumber(view.getUint16(i, true))],
    float32: [4, (i) => view.getFloat32(i, true)],
  }[packed.dtype];
  const data = new Float64Array(bytes.length / width);
  const levels = packed.dtype === "uint8" ? 255 : 65535;
  const step = packed.range ? (packed.range[1] - packed.range[0]) / levels : 1;
  const low = packed.range ? packed.range[0] : 0;
  for (let i = 0; i < data.length; i++) data[i] = low + step * read(i * width);
  return { data, shape: packed.shape };
}

let missing = 0; // frames wanted by the drawing under way whose sheet is still being decoded

/** A sprite sheet of frames; draw(context, t, x, y, width, height) paints frame t. */
function loadSprite(sheet, onLoad) {
  const image = new Image();
  image.onload = onLoad;
  image.src = sheet.src;
  const draw = (context, t, x, y, width, height) => {
    if (!image.complete || !image.naturalWidth) {
      missing += 1;
      return;
    }
    const column = t % sheet.columns;
    const row = Math.floor(t / sheet.columns);
    context.drawImage(
      image, column * sheet.width, row * sheet.height, sheet.width, sheet.height,
      x, y, width, height,
    );
  };
  return { draw, aspect: sheet.width / sheet.height, count: sheet.count };
}

// ---- numbers --------------------------------------------------------------------------------

/** A value kept in 0 .. count-1 (0 where there is nothing). */
const within = (value, count) => Math.min(Math.max(value, 0), Math.max(count - 1, 0));
/** A number with a typographic minus. */
const minus = (text) => text.replaceAll("-", "\u2212");
const signed = (value, digits) => minus(value.toFixed(digits));
const percent = (share, digits = 1) =>
  (Number.isNaN(share) ? "\u2013" : `${(100 * share).toFixed(digits)} %`);

// ---- colour ---------------------------------------------------------------------------------

function channels(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

/** The colour at `value` in 0..1 along evenly spaced stops. */
function ramp(stops, value) {
  const at = Math.min(Math.max(value, 0), 1) * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  const [a, b] = [channels(stops[i]), channels(stops[i + 1])];
  return `rgb(${a.map((c, k) => Math.round(c + (b[k] - c) * (at - i))).join(",")})`;
}

const sequential = (value, theme) => ramp(SEQUENTIAL[theme], value); // value 0..1
const diverging = (value, theme) => ramp(DIVERGING[theme], (value + 1) / 2); // value -1..1
const categorical = (index) => CATEGORICAL[index % CATEGORICAL.length];

/** Black or white, whichever reads better on a filled colour: at least 4.5 to 1 (WCAG 2). */
function inkOn(hex) {
  const [r, g, b] = channels(hex).map((c) => (c / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000000" : "#ffffff";
}

/** The theme's colours, read from the style sheet's variables, for drawing on a canvas. */
function themeColours(root) {
  const style = getComputedStyle(root);
  const names = ["bg", "panel", "ink", "muted", "line", "blank", "accent", "mark", "font"];
  const found = { theme: root.dataset.theme };
  for (const name of names) found[name] = style.getPropertyValue(`--vl-${name}`).trim();
  return found;
}

/** Light or dark: what the page says (JupyterLab, the book's theme), else what the reader set. */
function pageTheme() {
  const lab = document.body?.dataset.jpThemeLight;
  if (lab) return lab === "false" ? "dark" : "light";
  const book = document.documentElement.dataset.theme;
  if (book === "dark" || book === "light") return book;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Keep root's theme in step with the page; returns a function that stops. */
function followTheme(root, redraw) {
  const apply = () => {
    root.dataset.theme = pageTheme();
    redraw();
  };
  const watcher = new MutationObserver(apply);
  const attributeFilter = ["data-theme", "data-jp-theme-light"];
  watcher.observe(document.documentElement, { attributes: true, attributeFilter });
  watcher.observe(document.body, { attributes: true, attributeFilter });
  const query = matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", apply);
  root.dataset.theme = pageTheme();
  return () => {
    watcher.disconnect();
    query.removeEventListener("change", apply);
  };
}

// ---- canvas ---------------------------------------------------------------------------------

/** Size a canvas in CSS pixels, sharp on any screen; returns a cleared context. */
function fitCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/**
 * Text cut to a width, with an ellipsis where something is missing. Of several wordings, longest
 * first, the first that fits; only the last one is ever cut.
 */
function fitText(context, wordings, width) {
  const all = [].concat(wordings);
  const whole = all.find((words) => context.measureText(words).width <= width);
  if (whole !== undefined) return whole;
  const text = all[all.length - 1];
  let end = text.length;
  while (end > 0 && context.measureText(`${text.slice(0, end)}\u2026`).width > width) end -= 1;
  return end ? `${text.slice(0, end)}\u2026` : "";
}

/** Call draw at most once per screen refresh; mark root when its first whole picture is there. */
function onNextFrame(root, draw) {
  let waiting = 0;
  const request = () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => {
      missing = 0;
      draw();
      if (!root.dataset.painted && !missing && isDrawn(root)) markPainted(root);
    });
  };
  request.cancel = () => cancelAnimationFrame(waiting);
  return request;
}

/** Whether there is a canvas on show, and each of them was drawn (fitCanvas gives it a width). */
function isDrawn(root) {
  const seen = (node) => node.checkVisibility?.() ?? node.getClientRects().length > 0;
  const shown = [...root.querySelectorAll("canvas")].filter(seen);
  return shown.length > 0 && shown.every((node) => node.hasAttribute("width"));
}

/**
 * data-painted: milliseconds from the opening of the page until the first whole picture (all
 * canvases, their frames decoded) was on screen. For tests and measurements; set once.
 */
function markPainted(root) {
  requestAnimationFrame(() => { // by now the screen has been refreshed with what was drawn
    root.dataset.painted ??= performance.now().toFixed(1);
  });
}

/** Call redraw whenever the width changes (a height that follows must not start a loop). */
function onWidth(node, redraw) {
  let width = -1;
  const watcher = new ResizeObserver(() => {
    if (Math.abs(node.clientWidth - width) < 1) return;
    width = node.clientWidth;
    redraw();
  });
  watcher.observe(node);
  return () => watcher.disconnect();
}

// ---- traits ---------------------------------------------------------------------------------

/** Write traits and tell the kernel, if there is one. */
function put(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

/** Call `update` when one of the traits changes; returns a function that stops. */
function follow(model, names, update) {
  for (const name of names) model.on(`change:${name}`, update);
  return () => names.forEach((name) => model.off(`change:${name}`, update));
}
