// Sphere explorer: points, class centres and one trajectory on a globe to turn by hand.

const TURN_KEYS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1],
};
const TURN_STEP = (5 * Math.PI) / 180;
const HINT = "Drag or arrow keys: turn. Click, then wheel or + and \u2212: zoom.";

function render({ model, el }) {
  const data = model.get("_data");
  const points = unitVectors(data.points);
  const labels = decodeArray(data.labels).data;
  const centres = unitVectors(data.centres);
  const grid = graticule();
  const { root, tools } = card(model, el, "sphere");
  const redraw = onNextFrame(root, draw);
  const paths = data.trajectories.map((path) => ({
    points: unitVectors(path.points),
    sprite: path.frames && loadSprite(path.frames, redraw),
  }));
  let zoom = 1;
  let visible = []; // what the pointer can meet: {x, y, text}

  const path = () => paths[model.get("sequence")];
  const cursor = () => Math.min(model.get("cursor"), path().points.length - 1);
  const rotate = (right, up) =>
    put(model, { rotation: normalise(multiply(screenTurn(right, up), model.get("rotation"))) });

  // ---- page ----
  const picker = listPicker("sequence", paths.map((_, i) => `sequence ${i + 1}`), (i) =>
    put(model, { sequence: i, cursor: Math.min(model.get("cursor"), paths[i].points.length - 1) }));
  const reset = button("Reset", "reset view and classes", () => {
    zoom = 1;
    put(model, { rotation: [...data.view], hidden: [] });
    redraw();
  });
  tools.append(picker.box, reset);

  const body = element("div", "vl-body");
  const stage = element("div", "vl-stage");
  const canvas = element("canvas", "vl-globe");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", `globe. ${HINT}`);
  stage.append(canvas, element("p", "vl-note", HINT));
  const side = element("div", "vl-side");
  const time = slider({
    label: "frame t", min: 0, max: 1, step: 1, format: String,
    onInput: (value) => put(model, { cursor: value }),
  });
  const moment = element("div", "vl-moment");
  const thumb = element("canvas", "vl-thumb");
  const reading = element("div", "vl-reading");
  moment.append(thumb, reading);
  const track = element("div", "vl-panel");
  track.append(time.row, moment);
  track.hidden = paths.length === 0;
  const legend = element("div", "vl-legend");
  legend.setAttribute("role", "group");
  legend.setAttribute("aria-label", "classes shown");
  const longest = Math.max(...data.names.map((name) => name.length));
  legend.style.setProperty("--vl-column", `${Math.min(75 + 7 * longest, 200)}px`);
  side.append(track, legend);
  body.append(stage, side);
  root.append(body);
  const tip = tooltip(root);

  const switches = data.names.map((name, k) => {
    const toggle = button("", `class ${name}`, () => {
      const hidden = model.get("hidden");
      const next = hidden.includes(k) ? hidden.filter((h) => h !== k) : [...hidden, k];
      put(model, { hidden: next.sort((a, b) => a - b) });
    });
    toggle.classList.add("vl-class");
    toggle.title = name; // long ones are cut
    const count = labels.filter((label) => label === k).length;
    toggle.append(element("span", "vl-swatch"), element("span", "vl-name", name),
      element("span", "vl-count", String(count)));
    legend.append(toggle);
    return toggle;
  });

  function readOut() {
    const { points: steps, sprite } = path();
    const t = cursor();
    time.input.max = steps.length - 1;
    time.show(t);
    const ranked = centres.map((centre, k) => [degreesBetween(steps[t], centre), k])
      .sort((a, b) => a[0] - b[0]);
    const colours = themeColours(root);
    const table = emptyTable();
    fillTable(table, ["nearest centre", "angle"], ranked.slice(0, 3).map(([angle, k]) =>
      [swatchName(classColour(k, colours), data.names[k]), `${angle.toFixed(1)}\u00b0`]));
    reading.replaceChildren(table);
    thumb.hidden = !sprite;
    if (!sprite) return;
    const width = Math.min(84 * sprite.aspect, 130);
    const context = fitCanvas(thumb, Math.round(width), Math.round(width / sprite.aspect));
    context.imageSmoothingEnabled = false;
    sprite.draw(context, t, 0, 0, width, width / sprite.aspect);
  }

  // ---- picture ----
  const classColour = (k, colours) => (k === 0 ? colours.muted : categorical(k - 1));

  function draw() {
    const size = Math.floor(Math.min(stage.clientWidth, 540));
    if (size < 80) return;
    const colours = themeColours(root);
    const context = fitCanvas(canvas, size, size);
    const turn = turner(model.get("rotation"));
    const hidden = new Set(model.get("hidden"));
    const [middle, radius] = [size / 2, (size / 2 - 34) * zoom];
    const project = (vector) => {
      const [x, y, z] = turn(vector);
      return { x: middle + radius * x, y: middle - radius * y, z };
    };
    const shown = points.map((vector, i) => ({ ...project(vector), k: labels[i], i }))
      .filter(({ k }) => !hidden.has(k)).sort((a, b) => a.z - b.z);

    const ball = context.createRadialGradient(middle - radius * 0.35, middle - radius * 0.4,
      radius * 0.1, middle, middle, radius);
    ball.addColorStop(0, colours.bg);
    ball.addColorStop(1, colours.panel);
    disc(context, middle, middle, radius, ball);
    drawGrid(context, grid.map((line) => line.map(project)), colours, false);
    shown.filter(({ z }) => z < 0).forEach((p) => drawPoint(context, p, colours));
    if (paths.length) drawPath(context, path().points.map(project), cursor(), colours, false);
    drawGrid(context, grid.map((line) => line.map(project)), colours, true);
    context.strokeStyle = colours.line;
    context.lineWidth = 1.5;
    disc(context, middle, middle, radius, null);
    context.stroke();
    shown.filter(({ z }) => z >= 0).forEach((p) => drawPoint(context, p, colours));
    if (paths.length) drawPath(context, path().points.map(project), cursor(), colours, true);
    const marks = centres.map((vector, k) => ({ ...project(vector), k }))
      .filter(({ k }) => !hidden.has(k)).sort((a, b) => a.z - b.z);
    drawCentres(context, marks, middle, size, colours);

    visible = shown.filter(({ z }) => z >= 0)
      .map(({ x, y, k }) => ({ x, y, text: data.names[k] }));
    for (const { x, y, z, k } of marks) {
      const angle = degreesBetween(centres[k], centres[0]).toFixed(1);
      const text = `centre of ${data.names[k]}${k ? `, ${angle}\u00b0 from the blank's` : ""}`;
      if (z >= 0) visible.push({ x, y, text });
    }
    switches.forEach((toggle, k) => {
      toggle.setAttribute("aria-pressed", String(!hidden.has(k)));
      toggle.firstChild.style.background = classColour(k, colours);
    });
    picker.show(model.get("sequence"));
    if (paths.length) readOut();
  }

  function drawPoint(context, { x, y, z, k }, colours) {
    context.globalAlpha = z < 0 ? 0.13 : 0.45 + 0.4 * z;
    disc(context, x, y, (2 + 0.8 * z) * Math.sqrt(zoom), classColour(k, colours));
    context.globalAlpha = 1;
  }

  /** The way so far as a firm line, the rest thin; the far side faded. */
  function drawPath(context, steps, now, colours, near) {
    context.lineCap = "round";
    for (let t = 1; t < steps.length; t++) {
      const [a, b] = [steps[t - 1], steps[t]];
      if ((a.z + b.z >= 0) !== near) continue;
      const past = t <= now;
      context.globalAlpha = (near ? 1 : 0.3) * (past ? 0.95 : 0.45);
      context.strokeStyle = past ? colours.mark : colours.ink;
      context.lineWidth = past ? 2.4 : 1.3;
      context.beginPath();
      context.moveTo(a.x, a.y);
      context.lineTo(b.x, b.y);
      context.stroke();
      disc(context, b.x, b.y, past ? 2.4 : 1.7, past ? colours.mark : colours.ink);
    }
    const { x, y, z } = steps[now];
    context.globalAlpha = z >= 0 ? 1 : 0.5;
    if (z >= 0 === near) {
      disc(context, x, y, 7, colours.mark);
      context.lineWidth = 2.5;
      context.strokeStyle = colours.bg;
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  function drawCentres(context, marks, middle, size, colours) {
    context.font = `600 13px ${colours.font}`;
    const words = marks.map(({ k }) => fitText(context, data.names[k], 130));
    const anchors = marks.map(({ x, y }, i) =>
      ({ x, y, width: context.measureText(words[i]).width, height: 16 }));
    // Names of the near side choose their places first.
    const order = marks.map((_, i) => i).sort((a, b) => marks[b].z - marks[a].z);
    const boxes = placeLabels(order.map((i) => anchors[i]), middle, size);
    order.reverse().forEach((i, n) => {
      const { x, y, z, k } = marks[i];
      const box = boxes[boxes.length - 1 - n];
      context.globalAlpha = z >= 0 ? 1 : 0.4;
      disc(context, x, y, z >= 0 ? 6.5 : 5, classColour(k, colours));
      context.lineWidth = 2;
      context.strokeStyle = colours.ink;
      context.stroke();
      context.textAlign = "left";
      context.textBaseline = "middle";
      context.lineWidth = 4;
      context.lineJoin = "round";
      context.strokeStyle = colours.bg;
      context.strokeText(words[i], box[0], (box[1] + box[3]) / 2);
      context.fillStyle = colours.ink;
      context.fillText(words[i], box[0], (box[1] + box[3]) / 2);
    });
    context.globalAlpha = 1;
  }

  // ---- hands ----
  let held = null; // last place of the pointer while it drags
  canvas.addEventListener("pointerdown", (event) => {
    held = [event.clientX, event.clientY];
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    tip.hide();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return hover(event);
    const perPixel = 1 / ((canvas.clientWidth / 2 - 34) * zoom);
    rotate((event.clientX - held[0]) * perPixel, (held[1] - event.clientY) * perPixel);
    held = [event.clientX, event.clientY];
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, () => (held = null));
  }
  canvas.addEventListener("pointerleave", tip.hide);
  function hover({ offsetX, offsetY, clientX, clientY }) {
    let best = null;
    for (const spot of visible) {
      const distance = Math.hypot(spot.x - offsetX, spot.y - offsetY);
      if (distance <= 9 && (!best || distance <= best.distance)) best = { ...spot, distance };
    }
    if (best) tip.show(clientX, clientY, best.text);
    else tip.hide();
  }
  const zoomBy = (factor) => {
    zoom = Math.min(Math.max(zoom * factor, 0.6), 6);
    redraw();
  };
  canvas.addEventListener("wheel", (event) => {
    // Without focus the wheel belongs to the page.
    if (document.activeElement !== canvas && !event.ctrlKey) return;
    event.preventDefault();
    zoomBy(Math.exp(-0.0015 * event.deltaY));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const turn = TURN_KEYS[event.key];
    if (turn) rotate(turn[0] * TURN_STEP, turn[1] * TURN_STEP);
    else if (event.key === "+" || event.key === "=") zoomBy(1.2);
    else if (event.key === "-") zoomBy(1 / 1.2);
    else return;
    event.preventDefault();
  });

  const stops = [
    followTheme(root, redraw),
    onWidth(root, redraw),
    follow(model, ["rotation", "cursor", "sequence", "hidden"], redraw),
    redraw.cancel,
  ];
  redraw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
