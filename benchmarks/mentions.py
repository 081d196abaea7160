"""The dataset-mention corpus, all folds: position, regular expression, gazetteer, CRF, BiLSTM-CRF.

    python benchmarks/mentions.py DATA_DIR [--neural 5] [--out benchmarks/results/mentions.json]

Needs the corpus (DATA_DIR/dataset_mentions.bio.txt) and ``pip install 'vidlab[text]'``. Prints a
table of precision, recall and F1 in per cent and writes them as JSON: numbers, no text. On one
thread of a laptop some ten minutes without networks, and two to five minutes a network and fold
(``--neural 0`` leaves them out). Rows are written as they are ready.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from vidlab.datasets.mentions import baselines
from vidlab.datasets.mentions.audit import CORPUS_REGIONS, audit
from vidlab.datasets.mentions.bio import FILE_NAME, read_bio
from vidlab.datasets.mentions.leakage import ngrams
from vidlab.datasets.mentions.names import load_names
from vidlab.datasets.mentions.silver import silver
from vidlab.datasets.mentions.splits import (
    components,
    random_split,
    split_a,
    split_b,
    without_duplicates,
)
from vidlab.datasets.mentions.windows import (
    crop,
    mention,
    normal_form,
    normal_text,
    retokenise,
    spans,
)
from vidlab.metrics.spans import recall_on, span_scores, tags_from
from vidlab.papers import mention_features as features
from vidlab.papers import mention_tagger as tagger
from vidlab.papers.mention_batches import TrainingWindows, build_vocabulary, collate
from vidlab.train import FitConfig, fit

CRFS = {
    "crf": features.FeatureConfig(),
    "crf+position": features.FeatureConfig(position=True),
    "crf-shape": features.FeatureConfig(words=False),
}
NETWORKS = {  # word embedding, M6
    "bilstm-crf": (32, False),
    "bilstm-crf+m6": (32, True),
    "bilstm-crf-chars": (0, False),
    "bilstm-crf-chars+m6": (0, True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--neural", type=int, default=5, help="folds of split B, 0 .. 5")
    parser.add_argument("--settings", nargs="+", help="some rows only, such as 'B silver'")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/mentions.json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: dict[str, dict] = {}
    if options.settings and options.out.is_file():  # the other rows stay
        rows = json.loads(options.out.read_text())["per cent"]

    def keep(setting: str, model: str, folds: list[dict]) -> None:
        rows.setdefault(setting, {})[model] = summary(folds)
        mean = rows[setting][model]
        print(
            f"{setting:<24}{model:<22}"
            + "  ".join(
                f"{key} {mean[key]:5.1f}"
                for key in ("p", "r", "f1", "unseen", "seconds")
                if mean[key] is not None
            ),
            flush=True,
        )
        options.out.parent.mkdir(parents=True, exist_ok=True)
        result = {"seed": options.seed, "epochs": options.epochs, "per cent": rows}
        options.out.write_text(json.dumps(result, indent=1) + "\n")

    names = load_names()
    for setting, parts in settings(options.data_dir / FILE_NAME, names, options.seed).items():
        if options.settings and setting not in options.settings:
            continue
        for model in ("position", "regex", "gazetteer", *CRFS):
            keep(setting, model, [evaluate(model, train, test) for train, test in parts])
        for model in NETWORKS if setting == "B silver" and options.neural else ():
            trained = []
            for train, test in parts[: options.neural]:
                trained.append(evaluate(model, train, test, options.epochs, options.seed))
                keep(setting, model, trained)


def settings(path: Path, names, seed: int) -> dict[str, list]:
    """(train, test) of every fold of every setting, in finer tokens."""
    windows = read_bio(path).windows
    kinds = audit(windows, names, CORPUS_REGIONS)
    clean = [windows[i] for i in kinds.where("listed")]
    once = without_duplicates(clean)
    groups = components(once)
    fine = [retokenise(window) for window in once]
    better = [silver(window, names) for window in once]
    rng = np.random.default_rng(seed)
    cropped = [crop(window, rng) for window in fine]
    zero_shot = split_b(once, groups, names, seed=seed)
    disjoint = split_a(groups, seed=seed)
    everything = random_split(len(windows), seed=seed)
    doubled = random_split(len(clean), seed=seed)
    return {
        "clean random": [pick([retokenise(w) for w in clean], doubled)],
        "A single": [pick(fine, fold) for fold in disjoint],
        "A single, cropped": [pick(cropped, fold) for fold in disjoint[:1]],
        "A silver": [pick(better, fold) for fold in disjoint],
        "B single": [pick(fine, fold) for fold in zero_shot],
        "B silver": [pick(better, fold) for fold in zero_shot],
        "raw blocks": [blocks(windows, seed)],
        "raw random": [pick(windows, everything)],
    }


def blocks(windows, seed: int, count: int = 200):
    """Whole stretches of the file as test, duplicates once, no five words in common."""
    order = np.random.default_rng(seed).permutation(count)[: count // 5]
    block = np.arange(len(windows)) * count // len(windows)
    kept = {}
    for window in windows:
        kept.setdefault((window.tokens, window.tags), window)
    test = [w for w in kept.values() if block[w.index] in order]
    known = {gram for w in test for gram in ngrams(normal_text(w), 5)}
    texts = {w.tokens for w in test}
    train = [
        w
        for w in kept.values()
        if block[w.index] not in order
        and w.tokens not in texts
        and known.isdisjoint(ngrams(normal_text(w), 5))
    ]
    return train, test


def pick(windows, fold):
    return [windows[i] for i in fold.train], [windows[i] for i in fold.test]


def evaluate(model: str, train, test, epochs: int = 12, seed: int = 0) -> dict:
    """Per cent, on one fold; ``unseen``: recall on names that no training window has."""
    began = time.perf_counter()
    predicted = predict(model, train, test, epochs, seed)
    seconds = time.perf_counter() - began
    truth = [window.tags for window in test]
    scores = span_scores(truth, predicted)
    known = {normal_form(mention(w, span)) for w in train for span in spans(w.tags)}
    unseen = [[normal_form(mention(w, s)) not in known for s in spans(w.tags)] for w in test]
    recall, count = recall_on(truth, predicted, unseen)
    return {
        "p": 100 * scores.precision,
        "r": 100 * scores.recall,
        "f1": 100 * scores.f1,
        "unseen": 100 * recall if count else None,
        "unseen_names": count,
        "train": len(train),
        "test": len(test),
        "seconds": seconds,
    }


def predict(model: str, train, test, epochs: int, seed: int):
    """Tags of every test window."""
    words = [window.tokens for window in train]
    tags = [window.tags for window in train]
    asked = [window.tokens for window in test]
    if model in CRFS:
        trained = features.train_feature_crf(words, tags, CRFS[model])
        return features.feature_crf_tags(trained, asked)
    if model in NETWORKS:
        size, respell = NETWORKS[model]
        vocabulary = build_vocabulary(words)
        torch.manual_seed(seed)
        network = tagger.MentionTagger(vocabulary, tagger.TaggerConfig(word_size=size))
        data = TrainingWindows(
            words, tags, vocabulary, seed=seed, respell=tagger.perturb if respell else None
        )
        optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
        fit(
            network,
            data,
            tagger.full_loss,
            optimizer,
            FitConfig(epochs, 64, seed, clip_norm=5.0),
            collate=collate,
            device=torch.device("cpu"),
        )
        return [each.tags for each in tagger.tag(network, vocabulary, asked)]
    fitted = {
        "position": baselines.fit_position,
        "gazetteer": baselines.fit_gazetteer,
        "regex": lambda _: baselines.ShapeRegex(),
    }[model](train)
    found = fitted.predict(test)
    return [tags_from(each, len(w.tokens)) for each, w in zip(found, test, strict=True)]


def summary(folds: list[dict]) -> dict:
    """Mean over folds, the spread of F1, and the folds' F1."""
    mean = {
        key: round(float(np.mean([fold[key] for fold in folds])), 2)
        for key in ("p", "r", "f1", "train", "test", "seconds")
    }
    counted = [fold for fold in folds if fold["unseen"] is not None]
    total = sum(fold["unseen_names"] for fold in counted)
    hits = sum(fold["unseen"] * fold["unseen_names"] for fold in counted)
    return mean | {
        "sd_f1": round(float(np.std([fold["f1"] for fold in folds], ddof=1)), 2)
        if len(folds) > 1
        else None,
        "unseen": round(hits / total, 2) if total else None,
        "unseen_names": total,
        "f1_folds": [round(fold["f1"], 2) for fold in folds],
    }


if __name__ == "__main__":
    main()
