"""A linear-chain CRF on hand-made features: the strongest reader of names before networks.

Each token becomes a handful of named facts (its spelling, its shape, its neighbours); the chain
learns one weight per fact and tag, and one per move between tags (Lafferty et al., ICML 2001). The
training is CRFsuite's (Okazaki, 2007; L-BFGS with both penalties), through ``sklearn-crfsuite``.

Three sets of features are the point of it:

- all of them: what it knows of seen names it knows by heart;
- with the absolute position: where windows are cut around the mention, that alone finds it;
- without words (the *shape CRF*): no word and no affix of any token, only how they look.

Two readings: the place is counted from the window's start (told from its end as well, it would
leak more), and the shape CRF does not see its neighbours' words either.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vidlab.iob2 import TAGS


@dataclass(frozen=True)
class FeatureConfig:
    """What the chain is told about a token.

    Attributes:
        words: the token as it is, its neighbours in lower case, prefixes and suffixes of 1 to 3
            characters. False: the shape CRF.
        position: also the place in the window, counted from its start.
        c1: weight of the L1 penalty, >= 0.
        c2: weight of the L2 penalty, >= 0.
        iterations: of L-BFGS, >= 1.
    """

    words: bool = True
    position: bool = False
    c1: float = 0.1
    c2: float = 0.1
    iterations: int = 100

    def __post_init__(self):
        for name in ("c1", "c2"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; allowed: 0 or more")
        if self.iterations < 1:
            raise ValueError(f"iterations is {self.iterations}; allowed: whole numbers from 1 on")


@dataclass(frozen=True)
class FeatureCRF:
    """A trained chain and the features it was trained on.

    Attributes:
        model: the library's ``sklearn_crfsuite.CRF``.
        config: which features it expects.
    """

    model: object
    config: FeatureConfig


def word_shape(token: str) -> str:
    """Its looks: capitals X, small letters x, digits 9, the rest as it is, repeats once.

    >>> word_shape("FB15k-237"), word_shape("HMDB51")
    ('X9x-9', 'X9')
    """
    shape = re.sub(r"[^\W\d_]", lambda c: "X" if c[0].isupper() else "x", token)
    return re.sub(r"(.)\1+", r"\1", re.sub(r"\d", "9", shape))


def token_features(tokens: Sequence[str], config: FeatureConfig) -> list[dict]:
    """Named facts about each token of a window, as CRFsuite wants them.

    >>> sorted(token_features(["on", "UCF101"], FeatureConfig(words=False))[1])[:3]
    ['+1:end', '+2:end', '-1:shape']
    """
    shapes = [word_shape(token) for token in tokens]
    return [_features_at(t, tokens, shapes, config) for t in range(len(tokens))]


def train_feature_crf(
    sentences: Sequence[Sequence[str]],
    tags: Sequence[Sequence[int]],
    config: FeatureConfig | None = None,
) -> FeatureCRF:
    """Train on windows of tokens and their tags (0 O, 1 B-DAT, 2 I-DAT).

    The result depends on nothing random.

    Raises:
        ImportError: the library is not there; says how to get it.
        ValueError: unequal numbers of windows, or of tokens and tags.
    """
    try:
        import sklearn_crfsuite
    except ImportError as error:
        raise ImportError(
            "the CRF on hand-made features needs sklearn-crfsuite: pip install 'vidlab[text]'"
        ) from error
    config = config or FeatureConfig()
    if len(sentences) != len(tags) or not len(sentences):
        raise ValueError(f"there are {len(sentences)} windows and {len(tags)} lists of tags")
    for n, (tokens, marks) in enumerate(zip(sentences, tags, strict=True)):
        if len(tokens) != len(marks):
            raise ValueError(f"window {n} has {len(tokens)} tokens and {len(marks)} tags")
    model = sklearn_crfsuite.CRF(
        algorithm="lbfgs", c1=config.c1, c2=config.c2, max_iterations=config.iterations
    )
    features = [token_features(tokens, config) for tokens in sentences]
    model.fit(features, [[TAGS[mark] for mark in marks] for marks in tags])
    return FeatureCRF(model, config)


def feature_crf_tags(trained: FeatureCRF, sentences: Sequence[Sequence[str]]) -> list[list[int]]:
    """The best tags of each window."""
    features = [token_features(tokens, trained.config) for tokens in sentences]
    return [[TAGS.index(name) for name in path] for path in trained.model.predict(features)]


def _features_at(
    t: int, tokens: Sequence[str], shapes: Sequence[str], config: FeatureConfig
) -> dict:
    token = tokens[t]
    facts: dict = {
        "bias": 1.0,
        "shape": shapes[t],
        "upper": token.isupper(),
        "title": token.istitle(),
        "digit": any(c.isdigit() for c in token),
        "hyphen": "-" in token,
        "mixed": any(c.isupper() for c in token[1:]) and any(c.islower() for c in token),
        "length": str(min(len(token), 10)),
    }
    if config.words:
        facts["word"] = token
        for size in (1, 2, 3):
            facts[f"prefix{size}"] = token[:size]
            facts[f"suffix{size}"] = token[-size:]
    if config.position:
        facts["position"] = str(t)
    for step in (-2, -1, 1, 2):
        place = t + step
        if place < 0:
            facts[f"{step}:start"] = True
        elif place >= len(tokens):
            facts[f"{step:+d}:end"] = True
        else:
            facts[f"{step:+d}:shape"] = shapes[place]
            if config.words:
                facts[f"{step:+d}:word"] = tokens[place].lower()
    return facts
