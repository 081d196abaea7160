// Binarization explorer, the controls: one layer at a time, its threshold and its scale by hand.
// (binarization_method.js holds the method, the two others draw; Python joins the four.)

const FORMULA = `Error: ${ERROR}. The best scale for a bias b is ` +
  "\u03b1 = mean(w \u00b7 sign(w + b)), at b = 0 mean|w|; there the error is " +
  "1 \u2212 \u03b1\u00b2 / mean(w\u00b2).";

function render({ model, el }) {
  const data = model.get("_data");
  const layers = data.layers.map(openLayer);
  const { root, tools } = card(model, el, "binarization");
  const redraw = onNextFrame(root, draw);
  const current = () => layers[model.get("layer")];
  const half = layers[0].half;
  const biasOf = (step) => (step / half) * current().reach;
  const most = () => data.scaleReach * current().absmean;
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  // While a kernel's messages arrive one by one, values may still belong to the layer before.
  const bias = () => clamp(model.get("bias"), biasOf(-data.biasSteps), biasOf(data.biasSteps));
  const scale = () => clamp(model.get("scale"), 0, most());
  const filter = () => clamp(model.get("kernel"), 0, current().kernelShape[0] - 1);
  const channel = () => clamp(model.get("channel"), -1, current().kernelShape[1] - 1);

  function go(index) {
    const next = (index + layers.length) % layers.length;
    if (next === model.get("layer")) return;
    const [filters, channels] = layers[next].kernelShape;
    put(model, {
      layer: next, bias: 0, scale: layers[next].absmean,
      kernel: Math.min(filter(), filters - 1), channel: Math.min(channel(), channels - 1),
    });
  }

  // ---- page ----
  const picker = listPicker("layer", layers.map(({ name }, i) => `${i + 1} \u00b7 ${name}`), go);
  tools.append(picker.box);

  const cell = (kind) => {
    const node = element("div", "vl-cell");
    const canvas = element("canvas", kind);
    canvas.setAttribute("role", "img");
    node.append(canvas);
    return { node, canvas };
  };
  const [weights, curve] = [cell("vl-weights vl-hand"), cell("vl-curve vl-hand")];
  const [activations, kernels] = [cell("vl-activations"), cell("vl-kernels")];
  const [flips, cosines] = [cell("vl-flips"), cell("vl-cosines")];
  const grid = (...cells) => {
    const node = element("div", "vl-grid");
    node.append(...cells.map((one) => one.node));
    return node;
  };
  // Sliders count steps: one bin of the histogram, one hundredth of mean|w|.
  const biasSlider = slider({
    label: "bias b", min: -data.biasSteps, max: data.biasSteps, step: 1,
    format: () => short(bias()),
    onInput: (step) => put(model, { bias: biasOf(step) }),
  });
  const scaleSlider = slider({
    label: "scale \u03b1", min: 0, max: 100 * data.scaleReach, step: 1,
    format: () => short(scale()),
    onInput: (step) => put(model, { scale: (step / 100) * current().absmean }),
  });
  const best = button("best", "best scale for this bias", () =>
    put(model, { scale: clamp(bestScale(current(), bias()), 0, most()) }));
  const scaleRow = element("div", "vl-scale-row");
  scaleRow.append(scaleSlider.row, best);
  const controls = element("div", "vl-controls");
  controls.append(biasSlider.row, scaleRow);
  const facts = element("p", "vl-facts");
  const panel = element("div", "vl-panel");
  panel.append(facts, element("p", "vl-note", FORMULA));

  const filterSlider = slider({
    label: "filter", min: 0, max: 0, step: 1,
    format: (value) => `no. ${value} of ${current().shape[0]}`,
    onInput: (value) => put(model, { kernel: value }),
  });
  const channelSlider = slider({
    label: "input channel", min: -1, max: 0, step: 1,
    format: (value) => (value < 0
      ? `mean of ${current().kernelShape[1]}` : `no. ${value} of ${current().shape[1]}`),
    onInput: (value) => put(model, { channel: value }),
  });
  const held = element("p", "vl-note");
  const pick = element("div", "vl-pick");
  pick.append(filterSlider.row, channelSlider.row, held);
  kernels.node.append(pick);
  const beyond = element("p", "vl-note");
  activations.node.append(beyond);
  const last = grid(flips, cosines);
  last.style.marginTop = "18px";
  flips.node.hidden = layers.every((layer) => !layer.flips);
  cosines.node.hidden = layers.every((layer) => layer.cosine === null);
  last.hidden = flips.node.hidden && cosines.node.hidden;
  root.append(grid(weights, curve), controls, panel, grid(activations, kernels), last);
  const tip = tooltip(root);

  // ---- words ----
  function readOut() {
    const layer = current();
    const [b, a] = [bias(), scale()];
    const found = bestScale(layer, b);
    const error = quantisationError(layer, b, a);
    const plus = shareAbove(layer.countBelow, thresholdPlace(layer, b));
    const live = shareAbove(layer.activationBelow, layer.half);
    facts.replaceChildren(
      fact("error", error.toFixed(4), "error"),
      fact("least for this b", quantisationError(layer, b, found).toFixed(4), "least"),
      fact("at \u03b1 =", short(found, 4), "best"),
      fact("1 \u2212 mean|w|\u00b2 / mean(w\u00b2) =",
        (1 - (layer.absmean / layer.rms) ** 2).toFixed(4), "closed"),
      fact("one \u03b1 a filter (b = 0):", layer.filterError.toFixed(4), "filters"),
      fact("weights +1:", percent(plus), "plus"),
      fact("activations +1:", percent(live), "live"),
    );
    biasSlider.show(Math.round((b / layer.reach) * half));
    scaleSlider.show(Math.round((a / layer.absmean) * 100));
    picker.show(model.get("layer"));
    const [filters, channels] = layer.kernelShape;
    filterSlider.input.max = filters - 1;
    channelSlider.input.max = channels - 1;
    filterSlider.show(filter());
    channelSlider.show(channel());
    filterSlider.row.hidden = filters < 2;
    channelSlider.row.hidden = channels < 2;
    const part = filters < layer.shape[0] || channels < layer.shape[1];
    held.textContent = `Weights ${layer.shape.join(" \u00d7 ")}` + (part
      ? `; here the first ${filters} of ${layer.shape[0]} filters and ${channels} of ` +
        `${layer.shape[1]} input channels.` : ".");
    beyond.textContent = "Values just before the sign. Beyond the ends and counted in the " +
      `outermost bars: weights ${layer.weights.beyond}, activations ${layer.activationsBeyond}.`;
    describe(weights, `histogram of the weights of ${layer.name}: ${percent(plus)} at or above ` +
      `the threshold ${short(-b)}`);
    describe(curve, `error over the scale: ${error.toFixed(4)} at ${short(a)}, ` +
      `least at ${short(found)}`);
    describe(activations, `histogram of the activations of ${layer.name}: ` +
      `${percent(live)} at or above 0`);
    describe(kernels, `kernel of filter ${filter()}, real and as signs`);
    if (layer.flips) {
      const end = layer.flips[layer.flips.length - 1];
      describe(flips, `sign flips of ${layer.name} over ${layer.flips.length} epochs: ` +
        `${percent(layer.flips[0], 2)} at first, ${percent(end, 2)} at last`);
    } else describe(flips, `no sign flips given for ${layer.name}`);
    describe(cosines, `cosine of real and binary outputs of ${layer.name}: ` +
      (layer.cosine === null ? "not given" : short(layer.cosine)));
  }
  const describe = ({ canvas }, words) => canvas.setAttribute("aria-label", words);

  // ---- pictures ----
  let placed = null; // where the charts are, for the pointer
  function draw() {
    readOut();
    const width = (one) => Math.floor(one.node.clientWidth);
    if (width(weights) < 80) return;
    const layer = current();
    const colours = themeColours(root);
    placed = {
      weights: drawHistogram(weights.canvas, width(weights), colours, {
        counts: layer.counts, reach: layer.reach, threshold: -bias(), scale: scale(),
        title: `Real weights, threshold \u2212b = ${short(-bias())}`, label: "weight w",
      }),
      curve: drawErrorCurve(curve.canvas, width(curve), colours,
        { layer, bias: bias(), scale: scale(), reach: most() }),
    };
    drawHistogram(activations.canvas, width(activations), colours, {
      counts: layer.activations, reach: layer.activationReach, threshold: 0,
      title: "Real activations, threshold 0", label: "activation",
    });
    drawKernels(kernels.canvas, width(kernels), colours,
      kernelSlices(layer, filter(), channel(), bias()));
    const shown = { layers, current: model.get("layer"), stage: data.stage };
    if (!flips.node.hidden) placed.flips = drawFlips(flips.canvas, width(flips), colours, shown);
    if (!cosines.node.hidden) {
      placed.cosines = drawCosines(cosines.canvas, width(cosines), colours, shown);
    }
  }

  // ---- hands ----
  /** A pointer that is held down on a chart sets a value from its place along the axis. */
  function hold(canvas, name, set) {
    const move = (event) => {
      if (!placed || !(event.buttons & 1)) return;
      const { box: { left, right } } = placed[name];
      set(clamp((event.offsetX - left) / (right - left), 0, 1));
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      move(event);
    });
    canvas.addEventListener("pointermove", move);
  }
  hold(weights.canvas, "weights", (part) =>
    put(model, {
      bias: biasOf(clamp(Math.round((1 - 2 * part) * half), -data.biasSteps, data.biasSteps)),
    }));
  hold(curve.canvas, "curve", (part) => put(model, { scale: part * most() }));

  const layerAt = (event) => {
    const { top, row } = placed.cosines;
    const i = Math.floor((event.offsetY - top) / row);
    return i >= 0 && i < layers.length ? i : null;
  };
  cosines.canvas.addEventListener("pointerdown", (event) => {
    if (placed?.cosines && layerAt(event) !== null) go(layerAt(event));
  });
  cosines.canvas.addEventListener("pointermove", (event) => {
    const i = placed?.cosines ? layerAt(event) : null;
    if (i === null) return tip.hide();
    const value = layers[i].cosine === null ? "not given" : layers[i].cosine.toFixed(4);
    tip.show(event.clientX, event.clientY, `${layers[i].name}: ${value}`);
  });
  flips.canvas.addEventListener("pointermove", (event) => {
    if (!placed?.flips) return;
    const { X, Y, epochs, known } = placed.flips;
    const step = epochs > 1 ? X(2) - X(1) : 1;
    const e = clamp(Math.round((event.offsetX - X(1)) / step), 0, epochs - 1);
    const far = (layer) => Math.abs(Y(layer.flips[e]) - event.offsetY);
    const near = known.reduce((one, other) => (far(other) < far(one) ? other : one));
    tip.show(event.clientX, event.clientY,
      `${near.name}, epoch ${e + 1}: ${percent(near.flips[e], 2)}`);
  });
  for (const { canvas } of [flips, cosines]) canvas.addEventListener("pointerleave", tip.hide);

  // Left and right change the layer, except on sliders, which need them.
  root.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.tagName === "INPUT") return;
    event.preventDefault();
    go(model.get("layer") + step);
  });

  const stops = [
    followTheme(root, redraw),
    onWidth(root, redraw),
    follow(model, ["layer", "bias", "scale", "kernel", "channel"], redraw),
    redraw.cancel,
  ];
  readOut();
  redraw();
  return () => stops.forEach((stop) => stop());
}

export default { render };
