// Proposal explorer, the points: their proposals, their true partners and their similarities.
// Point p lies in frame p / (rows * columns); `axis` is from attention_tokens.js.

/** The true partners; `data` is what Python packed. */
function openTruth(packed, axis) {
  const partners = packed && decodeArray(packed).data; // shifted by one: 0 is none
  const frameOf = (p) => Math.floor(p / axis.patches);
  /** The point of frame s that shows the same as point p; -1: none, or no truth. */
  const partner = (p, s) => (partners && s !== frameOf(p) ? partners[p * axis.times + s] - 1 : -1);
  const judged = (p) => Array.from({ length: axis.times }, (_, s) => partner(p, s))
    .some((q) => q >= 0);
  function apart(a, b) {
    const [one, other] = [placeOf(axis, a), placeOf(axis, b)];
    return Math.max(Math.abs(one.row - other.row), Math.abs(one.column - other.column));
  }
  /** "right", "wrong", or "" where the point is not judged. */
  function verdict(p, proposal, slack) {
    if (!judged(p)) return "";
    const true_ = partner(p, frameOf(proposal));
    return true_ >= 0 && apart(true_, proposal) <= slack ? "right" : "wrong";
  }
  return { known: Boolean(partners), frameOf, partner, judged, verdict };
}

/** One variant: its proposals, and its similarities where there are any. */
function openVariant(packed, axis) {
  const { data, shape } = decodeArray(packed.neighbours);
  const k = shape[1];
  const of = (p) => [...data.slice(p * k, (p + 1) * k)];
  return { ...packed, k, of, alike: packed.similarity && openPairs(packed.similarity, axis) };
}

/** Similarities of points in different frames: Python sends those above the diagonal, by row. */
function openPairs(packed, axis) {
  const values = decodeArray(packed).data;
  const [inside, count] = [axis.patches, axis.count];
  const starts = [0];
  for (let s = 1; s < axis.times; s++) {
    starts.push(starts[s - 1] + inside * (count - s * inside));
  }
  function at(i, j) {
    if (i > j) return at(j, i);
    const s = Math.floor(i / inside);
    const first = (s + 1) * inside; // the first point of the frames that follow
    if (j < first) return NaN; // the same frame
    return values[starts[s] + (i - s * inside) * (count - first) + j - first];
  }
  const [low, high] = packed.range;
  return { at, low, high, share: (i, j) => (at(i, j) - low) / (high - low || 1) };
}
