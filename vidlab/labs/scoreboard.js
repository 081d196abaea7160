// Filters, count and order of one scoreboard. Without this script all rows are shown.
(() => {
  const board = document.currentScript.closest(".vidlab-board");
  const [form, count, table] = ["form", ".vb-count", "table"].map((s) => board.querySelector(s));
  const labs = [...table.tBodies];
  const rows = [...board.querySelectorAll(".vb-claim")];
  const home = new Map(rows.map((row) => [row, row.parentElement]));
  const flat = document.createElement("tbody"); // all rows, when the order is not the course's
  flat.setAttribute("role", "rowgroup");
  table.append(flat);
  const text = new Map(
    rows.map((row) => [row, `${row.textContent} ${row.dataset.words}`.toLowerCase()]),
  );
  const words = [
    ["holds", "holds", "hold"],
    ["fails", "does not hold", "do not hold"],
    ["untested", "not tested", "not tested"],
  ];
  const rank = { fails: 0, untested: 1, holds: 2 };
  const chosen = (name) => form.elements[name].value;
  const verdict = (row) => row.dataset[chosen("profile")]; // undefined: not run at this profile

  function wanted(row) {
    const wish = chosen("verdict");
    if (!verdict(row) || (chosen("lab") && row.dataset.lab !== chosen("lab"))) return false;
    if (wish && (wish === "differs" ? !row.dataset.differs : verdict(row) !== wish)) return false;
    const sought = chosen("search").toLowerCase().split(/\s+/);
    return sought.every((word) => text.get(row).includes(word));
  }

  function sentence(shown) {
    const claims = shown.filter((row) => !row.dataset.changed);
    const all = rows.filter((row) => !row.dataset.changed).length;
    const parts = words.map(([key, one, many]) => {
      const n = claims.filter((row) => verdict(row) === key).length;
      return `${n} ${n === 1 ? one : many}`;
    });
    const others = shown.length - claims.length;
    const of = claims.length === all ? `${all}` : `${claims.length} of ${all}`;
    const rest = others ? `; ${others} more with other settings` : "";
    return `${of} claims: ${parts.join(", ")}${rest}`;
  }

  function arrange() {
    const order = chosen("order");
    const before = {
      course: (a, b) => a.dataset.place - b.dataset.place,
      verdict: (a, b) => (rank[verdict(a)] ?? 3) - (rank[verdict(b)] ?? 3),
      date: (a, b) => (a.dataset.date < b.dataset.date) - (a.dataset.date > b.dataset.date),
    };
    const sorted = [...rows].sort((a, b) => before[order](a, b) || before.course(a, b));
    for (const row of sorted) (order === "course" ? home.get(row) : flat).append(row);
  }

  function update() {
    const shown = rows.filter(wanted);
    for (const row of rows) row.hidden = !shown.includes(row);
    arrange();
    for (const lab of labs) lab.hidden = ![...lab.rows].some((row) => home.has(row) && !row.hidden);
    const now = sentence(shown);
    if (count.textContent !== now) count.textContent = now;
  }

  form.hidden = false;
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(update)); // the fields change after the event
  update(); // a browser may restore what was chosen before
})();
