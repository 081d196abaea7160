// Order explorer, the hands: cards of frames that are dragged into an order, and the clip that
// plays in it.

const FRAME = { least: 30, most: 84 }; // width on a card, in pixels
const PLAYER = { side: 132, pause: 210, rest: 3 }; // rest: ticks on the last frame

/** All orders of so many cards, lexicographic: the list that Python made the logits for. */
function permutations(count) {
  let found = [[]];
  for (let length = 0; length < count; length++) {
    found = found.flatMap((head) => Array.from({ length: count }, (_, c) => c)
      .filter((c) => !head.includes(c)).map((c) => [...head, c]));
  }
  return found;
}

/** The frames of each card, e.g. [[0, 1], [2]] for sizes 2 and 1. */
function framesOf(sizes) {
  let first = 0;
  return sizes.map((size) => Array.from({ length: size }, () => first++));
}

const framesName = (frames) => (frames.length === 1 ? `frame ${frames[0]}` :
  `frames ${frames[0]}\u2013${frames[frames.length - 1]}`);

/** The order after a card has moved to a place. */
function withMoved(order, card, place) {
  const rest = order.filter((c) => c !== card);
  return [...rest.slice(0, place), card, ...rest.slice(place)];
}

/**
 * Cards in a row; `reorder` gets their new order. show() and paint() keep them up to date;
 * `current()` is the order as it stands: keys may come faster than the page is drawn.
 */
function cardStrip(cards, current, reorder) {
  const list = element("div", "vl-cards"); // an <ol> would take the host page's indent
  list.setAttribute("role", "list");
  let [order, held] = [cards.map((_, c) => c), null];
  const nodes = cards.map((frames, c) => {
    const item = element("div");
    item.setAttribute("role", "listitem");
    const node = element("button", "vl-card");
    node.type = "button";
    node.style.borderTopColor = categorical(c);
    const canvas = element("canvas");
    canvas.setAttribute("aria-hidden", "true");
    node.append(canvas, element("span", "vl-card-name", frames.join(" ")));
    node.addEventListener("keydown", (event) => onKey(event, c));
    node.addEventListener("pointerdown", (event) => grab(event, c));
    item.append(node);
    return { item, node, canvas };
  });

  function onKey(event, card) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = current().indexOf(card);
    const to = { ArrowLeft: at - 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowDown: at + 1,
      Home: 0, End: cards.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(card, within(to, cards.length));
  }
  function move(card, place) {
    const now = current();
    if (now.indexOf(card) !== place) reorder(withMoved(now, card, place));
  }

  // The list holds the pointer: a card that moves within the page would lose it.
  function grab(event, card) {
    if (event.button !== 0) return;
    event.preventDefault();
    held = card;
    list.setPointerCapture(event.pointerId);
    nodes[card].node.focus({ preventScroll: true });
    nodes[card].node.classList.add("vl-held");
  }
  list.addEventListener("pointermove", ({ clientX, clientY }) => {
    if (held === null) return;
    // Its place: after every other card whose middle lies before the pointer, row by row.
    const before = order.filter((c) => {
      if (c === held) return false;
      const box = nodes[c].node.getBoundingClientRect();
      if (clientY > box.bottom) return true;
      return clientY >= box.top && clientX > (box.left + box.right) / 2;
    });
    move(held, before.length);
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    list.addEventListener(name, () => {
      if (held !== null) nodes[held].node.classList.remove("vl-held");
      held = null;
    });
  }

  function show(next) {
    const same = list.childElementCount && next.every((c, place) => c === order[place]);
    order = next;
    order.forEach((c, place) => nodes[c].node.setAttribute("aria-label",
      `card ${c + 1}, ${framesName(cards[c])}, at place ${place + 1} of ${cards.length}; ` +
      "arrow keys move it"));
    if (same) return;
    const focused = nodes.find(({ node }) => node === document.activeElement);
    list.replaceChildren(...order.map((c) => nodes[c].item));
    focused?.node.focus({ preventScroll: true }); // the card that moved keeps it
  }
  function paint(sprite, width) {
    const count = cards.flat().length;
    const room = (width - cards.length * 20) / count;
    const wide = Math.floor(Math.min(Math.max(room, FRAME.least), FRAME.most));
    const high = Math.max(Math.round(wide / sprite.aspect), 1);
    nodes.forEach(({ canvas }, c) => {
      const context = fitCanvas(canvas, wide * cards[c].length + cards[c].length - 1, high);
      context.imageSmoothingEnabled = false;
      cards[c].forEach((t, i) => sprite.draw(context, t, i * (wide + 1), 0, wide, high));
    });
  }
  return { list, show, paint };
}

/** The clip in its order, moving; `sequence()` gives the frames, `sprite()` the sheet. */
function clipPlayer(sequence, sprite) {
  const box = element("div", "vl-player");
  const canvas = element("canvas");
  canvas.setAttribute("role", "img");
  let [tick, playing, timer] = [0, false, 0];
  const play = button("play", "play the clip in this order", () => setPlaying(!playing));
  box.append(canvas, play);
  function paint() {
    const [frames, sheet] = [sequence(), sprite()];
    const wide = Math.min(PLAYER.side, PLAYER.side * sheet.aspect);
    const context = fitCanvas(canvas, wide, wide / sheet.aspect);
    context.imageSmoothingEnabled = false;
    const at = Math.min(tick % (frames.length + PLAYER.rest), frames.length - 1);
    sheet.draw(context, frames[at], 0, 0, wide, wide / sheet.aspect);
    canvas.dataset.frame = frames[at];
    canvas.setAttribute("aria-label", `the clip in this order: frames ${frames.join(", ")}`);
  }
  function setPlaying(now) {
    playing = now;
    play.textContent = playing ? "pause" : "play";
    play.setAttribute("aria-label", `${play.textContent} the clip in this order`);
    clearInterval(timer);
    if (!playing) return;
    timer = setInterval(() => {
      if (document.hidden) return;
      tick += 1;
      paint();
    }, PLAYER.pause);
  }
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) setPlaying(true);
  return { box, paint, stop: () => clearInterval(timer) };
}
