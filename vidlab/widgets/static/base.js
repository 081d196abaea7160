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

/** A sprite sheet of frames; draw(context, t, x, y, width, height) paints frame t. */
function loadSprite(sheet, onLoad) {
  const image = new Image();
  image.onload = onLoad;
  image.src = sheet.src;
  const draw = (context, t, x, y, width, height) => {
    if (!image.complete || !image.naturalWidth) return;
    const column = t % sheet.columns;
    const row = Math.floor(t / sheet.columns);
    context.drawImage(
      image, column * sheet.width, row * sheet.height, sheet.width, sheet.height,
      x, y, width, height,
    );
  };
  return { draw, aspect: sheet.width / sheet.height, count: sheet.count };
}

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

/** Black or white, whichever reads better on a filled colour. */
function inkOn(hex) {
  const [r, g, b] = channels(hex).map((c) => (c / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.2 ? "#111418" : "#ffffff";
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

// ---- page elements --------------------------------------------------------------------------

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

/** The explorer's card: heading at the left, a place for controls at the right. */
function card(model, el, kind) {
  const root = element("section", `vl-explorer vl-${kind}`);
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", model.get("alt"));
  const header = element("header", "vl-header");
  header.append(element("h3", "vl-title", model.get("title")));
  const tools = element("div", "vl-tools");
  header.append(tools);
  root.append(header);
  root.addEventListener("keydown", keepKeys);
  el.replaceChildren(root);
  return { root, tools };
}

/** Plain keys stay in the explorer: JupyterLab would take arrows from sliders, and D D for more. */
function keepKeys(event) {
  const command = event.ctrlKey || event.metaKey || event.altKey;
  const leaves = event.key === "Escape" || (event.key === "Enter" && event.shiftKey);
  if (!command && !leaves) event.stopPropagation();
}

function button(text, label, onClick) {
  const node = element("button", "vl-button", text);
  node.type = "button";
  node.setAttribute("aria-label", label);
  node.addEventListener("click", onClick);
  return node;
}

/** A labelled range input with a text value behind it. */
function slider({ label, min, max, step, format, onInput }) {
  const row = element("label", "vl-slider");
  const input = element("input");
  const value = element("output", "vl-value");
  Object.assign(input, { type: "range", min, max, step });
  input.addEventListener("input", () => onInput(Number(input.value)));
  row.append(element("span", "vl-slider-name", label), input, value);
  const show = (number) => {
    input.value = number;
    value.textContent = format(number);
    input.setAttribute("aria-valuetext", format(number));
  };
  return { row, input, show };
}

/** Previous, a list and next for the `sequence` trait; nothing where there is only one. */
function sequencePicker(model, names, change) {
  const box = element("div", "vl-picker");
  const select = element("select", "vl-select");
  select.setAttribute("aria-label", "sequence");
  names.forEach((name, i) => {
    const option = element("option", "", name);
    option.value = i;
    select.append(option);
  });
  const go = (i) => change((i + names.length) % names.length);
  select.addEventListener("change", () => go(Number(select.value)));
  const back = button("\u2039", "previous sequence", () => go(model.get("sequence") - 1));
  const on = button("\u203a", "next sequence", () => go(model.get("sequence") + 1));
  box.append(back, select, on);
  box.hidden = names.length < 2;
  return { box, show: () => (select.value = model.get("sequence")) };
}

/** A small text beside the pointer. */
function tooltip(root) {
  const node = element("div", "vl-tooltip");
  node.setAttribute("role", "tooltip");
  node.hidden = true;
  root.append(node);
  return {
    show(clientX, clientY, text) {
      const box = root.getBoundingClientRect();
      node.textContent = text;
      node.hidden = false;
      const room = box.width - node.offsetWidth - 8;
      node.style.left = `${Math.max(4, Math.min(clientX - box.left + 14, room))}px`;
      node.style.top = `${clientY - box.top + 16}px`;
    },
    hide: () => (node.hidden = true),
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

/** Text cut to a width, with an ellipsis where something is missing. */
function fitText(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 0 && context.measureText(`${text.slice(0, end)}\u2026`).width > width) end -= 1;
  return end ? `${text.slice(0, end)}\u2026` : "";
}

/** Call draw at most once per screen refresh. */
function onNextFrame(draw) {
  let waiting = 0;
  const request = () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(draw);
  };
  request.cancel = () => cancelAnimationFrame(waiting);
  return request;
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
