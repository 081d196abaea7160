// Binarization explorer, the method: the error of ±1 weights from a histogram of the real ones.
//
// With s = sign(w + b), c = mean(w s) and r² = mean(w²), all over one layer's weights:
//   ||w - a s||² / ||w||² = 1 - 2 (a / r) (c / r) + (a / r)²,
// least at a = c, where it is 1 - (c / r)². c / r is the cosine between w and s. A bin of the
// histogram lies on one side of the threshold -b or on the other, so that sums over bins are exact
// wherever the threshold is an edge; the bias slider steps from edge to edge, and ends before the
// outermost bins, which also hold the weights beyond the axis.

/** What lies below each edge of the bins, from 0 at the first to everything at the last. */
function sumsBelow(values) {
  const below = new Float64Array(values.length + 1);
  values.forEach((value, k) => (below[k + 1] = below[k] + value));
  return below;
}

/** One layer as Python's pack_layer packed it, with the sums that the error needs. */
function openLayer(packed) {
  const counts = decodeArray(packed.weights.counts).data;
  const activations = decodeArray(packed.activations.counts).data;
  const kernels = decodeArray(packed.kernels);
  return {
    ...packed,
    counts,
    activations,
    activationReach: packed.activations.reach,
    activationsBeyond: packed.activations.beyond,
    half: counts.length / 2,
    reach: packed.weights.reach,
    countBelow: sumsBelow(counts),
    sumBelow: sumsBelow(decodeArray(packed.weights.sums).data),
    activationBelow: sumsBelow(activations),
    kernels: kernels.data,
    kernelShape: kernels.shape, // filters and channels held, kT, kH, kW
    flips: packed.flips && decodeArray(packed.flips).data,
  };
}

/** A running sum at a place between the edges, in bins. */
function sumAt(below, place) {
  const at = Math.min(Math.max(place, 0), below.length - 1);
  const k = Math.min(Math.floor(at), below.length - 2);
  return below[k] + (at - k) * (below[k + 1] - below[k]);
}

/** The threshold -b in bins from the first edge. */
const thresholdPlace = (layer, bias) => layer.half - (bias / layer.reach) * layer.half;

/** c / r: the cosine between the weights and their signs. */
function signCosine(layer, bias) {
  const all = layer.sumBelow[layer.sumBelow.length - 1];
  return all - 2 * sumAt(layer.sumBelow, thresholdPlace(layer, bias));
}

function quantisationError(layer, bias, scale) {
  const a = scale / layer.rms;
  return 1 - 2 * a * signCosine(layer, bias) + a * a;
}

/** The scale of least error; never negative. At b = 0 it is mean|w|. */
const bestScale = (layer, bias) =>
  bias === 0 ? layer.absmean : Math.max(0, signCosine(layer, bias) * layer.rms);

/** Share of values at or above a place. */
const shareAbove = (below, place) => 1 - sumAt(below, place) / below[below.length - 1];

/**
 * One filter's kernel and its signs, as {real, binary, most, mean}: kT slices of kH·kW values each
 * and the largest |value| of the real one. Channel -1: means over the channels held.
 */
function kernelSlices(layer, filter, channel, bias) {
  const [, channels, time, height, width] = layer.kernelShape;
  const size = time * height * width;
  const mean = channel < 0;
  const chosen = mean ? [...Array(channels).keys()] : [channel];
  const real = new Float64Array(size);
  const binary = new Float64Array(size);
  for (const c of chosen) {
    for (let i = 0; i < size; i++) {
      const w = layer.kernels[(filter * channels + c) * size + i];
      real[i] += w / chosen.length;
      binary[i] += (w >= -bias ? 1 : -1) / chosen.length;
    }
  }
  const most = real.reduce((found, value) => Math.max(found, Math.abs(value)), 0);
  const slices = (all) =>
    Array.from({ length: time }, (_, t) => all.slice(t * height * width, (t + 1) * height * width));
  return { real: slices(real), binary: slices(binary), most, mean, height, width };
}
