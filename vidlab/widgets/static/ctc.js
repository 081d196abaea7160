// CTC and the radial constraint for one sequence, computed in the page, as it may have no kernel.
// Row 0 is the blank. `angles` is a list of T rows of angles theta (radians) between a frame's
// feature and each class centre; `target` lists rows, without blanks.

function logSumExp(values) {
  const top = Math.max(...values);
  if (top === -Infinity) return top;
  return top + Math.log(values.reduce((sum, value) => sum + Math.exp(value - top), 0));
}

/** Rows of log-probabilities: log-softmax of s cos(theta), the classes not shown included. */
function logProbabilities(angles, rest, scale) {
  return angles.map((row, t) => {
    const logits = row.map((angle) => scale * Math.cos(angle));
    const total = logSumExp(rest ? [...logits, rest[t]] : logits);
    return logits.map((logit) => logit - total);
  });
}

/** Extended labelling l' = (b, l1, b, ..., lU, b) and the states reachable from two back. */
function lattice(target) {
  const symbols = [0];
  for (const label of target) symbols.push(label, 0);
  const skip = symbols.map((k, s) => s > 1 && k !== 0 && k !== symbols[s - 2]);
  return { symbols, skip };
}

/** Pseudo labels: posterior of emitting each row at each frame given the labelling. */
function pseudoLabels(logProbs, target) {
  const { symbols, skip } = lattice(target);
  const [frames, states] = [logProbs.length, symbols.length];
  const at = (line, s) => (s >= 0 && s < states ? line[s] : -Infinity);
  const alpha = [symbols.map((k, s) => (s < 2 ? logProbs[0][k] : -Infinity))];
  for (let t = 1; t < frames; t++) {
    const from = alpha[t - 1];
    alpha.push(symbols.map((k, s) => logProbs[t][k] +
      logSumExp([from[s], at(from, s - 1), skip[s] ? from[s - 2] : -Infinity])));
  }
  const beta = Array(frames);
  beta[frames - 1] = symbols.map((_, s) => (s >= states - 2 ? 0 : -Infinity));
  for (let t = frames - 2; t >= 0; t--) {
    const onward = beta[t + 1].map((b, s) => b + logProbs[t + 1][symbols[s]]);
    beta[t] = symbols.map((_, s) =>
      logSumExp([onward[s], at(onward, s + 1), skip[s + 2] ? onward[s + 2] : -Infinity]));
  }
  return alpha.map((line, t) => {
    const joint = line.map((a, s) => a + beta[t][s]);
    const total = logSumExp(joint);
    const row = Array(logProbs[0].length).fill(0);
    joint.forEach((value, s) => (row[symbols[s]] += Math.exp(value - total)));
    return row;
  });
}

/** Viterbi: the most probable path that collapses to the labelling. Ties: stay, step, skip. */
function bestPath(logProbs, target) {
  const { symbols, skip } = lattice(target);
  let score = symbols.map((k, s) => (s < 2 ? logProbs[0][k] : -Infinity));
  const moves = [[]];
  for (let t = 1; t < logProbs.length; t++) {
    const old = score;
    moves.push(symbols.map((_, s) => {
      let move = 0;
      if (s > 0 && old[s - 1] > old[s - move]) move = 1;
      if (skip[s] && old[s - 2] > old[s - move]) move = 2;
      return move;
    }));
    score = symbols.map((k, s) => old[s - moves[t][s]] + logProbs[t][k]);
  }
  let state = symbols.length - 1;
  if (state > 0 && score[state - 1] >= score[state]) state -= 1;
  const path = Array(logProbs.length);
  for (let t = path.length - 1; t >= 0; t--) {
    path[t] = symbols[state];
    state -= moves[t][state] ?? 0;
  }
  return path;
}

/** One frame for each run of equal symbols: where that symbol's logit is largest. */
function keyFrames(path, angles) {
  const keys = [];
  path.forEach((k, t) => {
    if (t === 0 || k !== path[t - 1]) keys.push(t);
    else if (angles[t][k] < angles[keys[keys.length - 1]][k]) keys[keys.length - 1] = t;
  });
  return keys;
}

/** The radial constraint's kappa and m, and the frames that lie on the labels' side after it. */
function radialMargin(angles, target, eta) {
  const [frames, labels] = [angles.length, target.length];
  const kappa = Math.min(frames, labels + 1 + Math.floor((frames - labels) * eta));
  const lead = angles.map((row) => row[0] - Math.min(...target.map((k) => row[k])));
  const sorted = [...lead].sort((a, b) => b - a);
  const m = labels === 0 || kappa < 2 ? 0 : -0.5 * (sorted[kappa - 2] + sorted[kappa - 1]);
  return { kappa, m, active: labels ? lead.filter((d) => d + m > 0).length : 0 };
}

/** Blank angles moved by m, in all frames. */
function perturb(angles, m) {
  return angles.map(([blank, ...others]) => [Math.min(Math.max(blank + m, 0), Math.PI), ...others]);
}

/** What does not depend on eta. */
function analyse(sequence, scale) {
  const logProbs = logProbabilities(sequence.angles, sequence.rest, scale);
  const path = bestPath(logProbs, sequence.target);
  return {
    posterior: logProbs.map((row) => row.map(Math.exp)),
    path,
    keys: keyFrames(path, sequence.angles),
    before: pseudoLabels(logProbs, sequence.target),
  };
}

/** What eta changes. */
function analyseRadial(sequence, scale, eta) {
  const margin = radialMargin(sequence.angles, sequence.target, eta);
  const logProbs = logProbabilities(perturb(sequence.angles, margin.m), null, scale);
  return { ...margin, after: pseudoLabels(logProbs, sequence.target) };
}
