// Sphere explorer, the geometry and the simplest strokes. Quaternions are [w, x, y, z]; the viewer
// looks along -z, so that a turned point with z >= 0 lies on the near side.

function multiply([a, b, c, d], [e, f, g, h]) {
  return [
    a * e - b * f - c * g - d * h,
    a * f + b * e + c * h - d * g,
    a * g - b * h + c * e + d * f,
    a * h + b * g - c * f + d * e,
  ];
}

function normalise(q) {
  const length = Math.hypot(...q) || 1;
  return q.map((value) => value / length);
}

/** A turn about the screen's axes, in radians, that moves the near side right and up. */
function screenTurn(right, up) {
  const angle = Math.hypot(right, up);
  if (angle === 0) return [1, 0, 0, 0];
  const s = Math.sin(angle / 2) / angle;
  return [Math.cos(angle / 2), -up * s, right * s, 0];
}

/** The function that turns a vector by a unit quaternion. */
function turner([w, x, y, z]) {
  const m = [
    1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
    2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
    2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
  ];
  return ([a, b, c]) => [
    m[0] * a + m[1] * b + m[2] * c, m[3] * a + m[4] * b + m[5] * c, m[6] * a + m[7] * b + m[8] * c,
  ];
}

/** Rows of three from a packed array, back on the unit sphere after quantisation. */
function unitVectors(packed) {
  const { data, shape } = decodeArray(packed);
  return Array.from({ length: shape[0] }, (_, i) =>
    normalise([data[3 * i], data[3 * i + 1], data[3 * i + 2]]));
}

/** Angle between unit vectors, in degrees. */
function degreesBetween(a, b) {
  const cosine = a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  return (Math.acos(Math.min(Math.max(cosine, -1), 1)) * 180) / Math.PI;
}

/** Meridians and parallels every 30 degrees, as lists of points. */
function graticule() {
  const lines = [];
  const arc = (point, from, to) =>
    Array.from({ length: 49 }, (_, i) => point(from + ((to - from) * i) / 48));
  for (let k = 0; k < 6; k++) {
    const a = (k * Math.PI) / 6;
    lines.push(arc((u) => [Math.cos(a) * Math.sin(u), Math.cos(u), Math.sin(a) * Math.sin(u)],
      0, 2 * Math.PI));
  }
  for (const degrees of [-60, -30, 0, 30, 60]) {
    const b = (degrees * Math.PI) / 180;
    lines.push(arc((u) => [Math.cos(b) * Math.cos(u), Math.sin(b), Math.cos(b) * Math.sin(u)],
      0, 2 * Math.PI));
  }
  return lines;
}

/**
 * Places for labels beside their anchors so that they cover neither each other nor the markers.
 * anchors: {x, y, width, height}; centre: the disc's middle, labels prefer to point away from it.
 */
function placeLabels(anchors, centre, size) {
  const taken = anchors.map(({ x, y }) => [x - 7, y - 7, x + 7, y + 7]);
  const clash = (a) =>
    taken.filter((b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]).length;
  return anchors.map(({ x, y, width, height }) => {
    const outward = Math.atan2(y - centre, x - centre);
    let best = null;
    for (const reach of [11, 20]) {
      for (const turn of [0, 0.8, -0.8, 1.6, -1.6, 2.4, -2.4, 3.14]) {
        const [c, s] = [Math.cos(outward + turn), Math.sin(outward + turn)];
        const left = Math.min(Math.max(x + reach * c + (c - 1) * (width / 2), 2), size - width - 2);
        const lift = y + reach * s + (s - 1) * (height / 2);
        const top = Math.min(Math.max(lift, 2), size - height - 2);
        const box = [left, top, left + width, top + height];
        const cost = clash(box);
        if (!best || cost < best.cost) best = { box, cost };
      }
      if (best.cost === 0) break;
    }
    taken.push(best.box);
    return best.box;
  });
}

function disc(context, x, y, radius, fill) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  if (fill) {
    context.fillStyle = fill;
    context.fill();
  }
}

function drawGrid(context, lines, colours, near) {
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.globalAlpha = near ? 0.75 : 0.3;
  context.beginPath();
  for (const line of lines) {
    line.forEach((p, i) => {
      const on = i > 0 && p.z >= 0 === near && line[i - 1].z >= 0 === near;
      if (on) context.lineTo(p.x, p.y);
      else context.moveTo(p.x, p.y);
    });
  }
  context.stroke();
  context.globalAlpha = 1;
}
