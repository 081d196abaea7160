// Shared front end, the page's elements: cards, controls, facts and tables (after base.js).

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

/** A list to choose from; `options` are [value, words], `change` gets the value. */
function choice(label, options, change) {
  const select = element("select", "vl-select");
  select.setAttribute("aria-label", label);
  for (const [value, words] of options) {
    const option = element("option", "", words);
    option.value = value;
    select.append(option);
  }
  select.addEventListener("change", () => change(select.value));
  return select;
}

/** Previous, a list and next; `change` gets an index. Nothing where there is only one. */
function listPicker(label, names, change) {
  const box = element("div", "vl-picker");
  const go = (i) => change((i + names.length) % names.length);
  const select = choice(label, names.map((name, i) => [i, name]), (value) => go(Number(value)));
  const step = (by) => go(Number(select.value) + by);
  box.append(button("\u2039", `previous ${label}`, () => step(-1)), select,
    button("\u203a", `next ${label}`, () => step(1)));
  box.hidden = names.length < 2;
  return { box, select, show: (i) => (select.value = i) };
}

/** "name value" for a line of facts; `key` is how a test or a script finds it. */
function fact(name, value, key) {
  const node = element("span", "vl-fact", name ? `${name} ` : "");
  const strong = element("b", "", value);
  strong.dataset.fact = key;
  node.append(strong);
  return node;
}

function emptyTable() {
  const table = element("table", "vl-table");
  table.append(element("thead"), element("tbody"));
  return table;
}

/** A table's rows of words or elements; each row starts with its heading. */
function fillTable(table, titles, rows) {
  const head = element("tr");
  head.append(...titles.map((words) => element("th", "", words)));
  table.tHead.replaceChildren(head);
  table.tBodies[0].replaceChildren(...rows.map(([name, ...values]) => {
    const row = element("tr");
    const first = element("th");
    first.scope = "row";
    first.append(name);
    row.append(first, ...values.map((value) => {
      const cell = element("td");
      cell.append(value);
      return cell;
    }));
    return row;
  }));
}

/** A class's colour and name, as the heading of a row. */
function swatchName(colour, name) {
  const box = document.createDocumentFragment();
  const swatch = element("span", "vl-swatch");
  swatch.style.background = colour;
  const words = element("span", "vl-name", name);
  words.title = name; // long ones are cut
  box.append(swatch, words);
  return box;
}

/** A line that is read aloud when it changes, and not seen. */
function spokenLine() {
  const node = element("p", "vl-spoken");
  node.setAttribute("aria-live", "polite");
  return node;
}

function setAttributes(node, values) {
  for (const [name, value] of Object.entries(values)) node.setAttribute(name, value);
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
