// Confusion explorer, the contact sheet: the clips of one entry, moving on request.

const CLIP = { height: 96, widest: 128, page: 12, names: 48, pause: 170 };

/**
 * A sheet of clips; show(samples, heading) fills it, paint() draws it again, `redraw` is called when
 * frames have arrived. `data` has clips and clipNames.
 */
function contactSheet(data, redraw) {
  const box = element("div", "vl-contact");
  const head = element("div", "vl-contact-head");
  const heading = element("p", "vl-facts");
  heading.setAttribute("aria-live", "polite");
  const list = element("div", "vl-clips");
  const sprites = new Map();
  let [samples, start, tick, playing, timer] = [[], 0, 0, false, 0];
  const size = data.clips ? CLIP.page : CLIP.names;
  const nameOf = (n) => data.clipNames?.[n] ?? `sample ${n}`;

  const turn = (by) => {
    const pages = Math.ceil(samples.length / size);
    start = (((start / size + by) % pages) + pages) % pages * size;
    fill();
  };
  const back = button("\u2039", "previous clips", () => turn(-1));
  const on = button("\u203a", "next clips", () => turn(1));
  const where = element("span", "vl-fact");
  const play = button("play", "play the clips", () => setPlaying(!playing));
  const tools = element("div", "vl-picker");
  tools.append(back, where, on, play);
  head.append(heading, tools);
  box.append(head, list);

  function sprite(n) {
    if (!data.clips?.[n]) return null;
    if (!sprites.has(n)) sprites.set(n, loadSprite(data.clips[n], redraw));
    return sprites.get(n);
  }

  function paint() {
    for (const canvas of list.querySelectorAll("canvas")) {
      const clip = sprite(Number(canvas.dataset.sample));
      const width = Math.min(CLIP.height * clip.aspect, CLIP.widest);
      const height = width / clip.aspect;
      const context = fitCanvas(canvas, width, CLIP.height);
      context.imageSmoothingEnabled = false;
      const t = playing || tick ? tick % clip.count : Math.floor(clip.count / 2);
      clip.draw(context, t, 0, (CLIP.height - height) / 2, width, height);
    }
  }

  function fill() {
    const many = samples.length > size;
    back.hidden = on.hidden = !many;
    const last = Math.min(start + size, samples.length);
    where.textContent = many ? `${start + 1}\u2013${last} of ${samples.length}` : "";
    const shown = samples.slice(start, last);
    play.hidden = !shown.some(({ n }) => data.clips?.[n]);
    list.replaceChildren(...shown.map(({ n, by }) => {
      const figure = element("figure", "vl-clip");
      if (data.clips?.[n]) {
        const canvas = element("canvas");
        canvas.dataset.sample = n;
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `clip of ${nameOf(n)}`);
        figure.append(canvas);
      } else if (data.clips) figure.append(element("div", "vl-no-clip", "no clip"));
      const caption = element("figcaption", "", nameOf(n));
      caption.title = nameOf(n);
      figure.append(caption);
      if (by) figure.append(element("span", "vl-by", by));
      return figure;
    }));
    if (!shown.length) list.append(element("p", "vl-note", "No sample here."));
    paint();
  }

  function setPlaying(now) {
    playing = now;
    play.textContent = playing ? "pause" : "play";
    play.setAttribute("aria-label", playing ? "pause the clips" : "play the clips");
    play.setAttribute("aria-pressed", playing);
    clearInterval(timer);
    if (!playing) return;
    timer = setInterval(() => {
      if (document.hidden) return;
      tick += 1;
      paint();
    }, CLIP.pause);
  }

  function show(found, facts) {
    [samples, start] = [found, 0];
    heading.replaceChildren(...facts);
    fill();
  }
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (data.clips && !still) setPlaying(true);
  return { box, show, paint, toggle: () => setPlaying(!playing), stop: () => clearInterval(timer) };
}
