// Confusion explorer, the numbers: counts, shares of rows, recall and precision.

/** Counts[i * C + j] of samples of class i taken for j. */
function countPairs(truth, predicted, classes) {
  const counts = new Float64Array(classes * classes);
  truth.forEach((i, n) => (counts[i * classes + predicted[n]] += 1));
  return counts;
}

/** Sums of rows (true samples) and of columns (predictions), and the share on the diagonal. */
function totals(counts, classes) {
  const [rows, columns] = [new Float64Array(classes), new Float64Array(classes)];
  let [correct, all] = [0, 0];
  counts.forEach((count, at) => {
    const [i, j] = [Math.floor(at / classes), at % classes];
    rows[i] += count;
    columns[j] += count;
    all += count;
    if (i === j) correct += count;
  });
  return { rows, columns, correct, all };
}

/** What an entry shows: a share of its row (NaN in empty rows) or a count. */
const entry = (one, classes, i, j, normalised) =>
  one.counts[i * classes + j] / (normalised ? one.rows[i] || NaN : 1);

const recall = (one, classes, k) => one.counts[k * classes + k] / (one.rows[k] || NaN);
const precision = (one, classes, k) => one.counts[k * classes + k] / (one.columns[k] || NaN);

/** The sign of a number times the root of its size: small entries keep a colour of their own. */
const signedRoot = (value) => Math.sign(value) * Math.sqrt(Math.abs(value));

/** Samples of an entry: number and who made it so; where the models differ first. */
function samplesOf(i, j, truth, first, second) {
  const found = [];
  truth.forEach((k, n) => {
    if (k !== i) return;
    const [a, b] = [first[n] === j, second ? second[n] === j : false];
    if (a || b) found.push({ n, by: a && b ? "both" : a ? "first" : "second" });
  });
  const rank = { first: 0, second: 1, both: 2 };
  return found.sort((x, y) => rank[x.by] - rank[y.by] || x.n - y.n);
}
