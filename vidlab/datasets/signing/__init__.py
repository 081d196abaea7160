"""Signing: films of an articulated signer, with the truth of every frame.

The signs are invented; see :mod:`~vidlab.datasets.signing.lexicon`. One module an idea:
``lexicon`` and ``grammar`` (what is signed), ``signers`` (by whom), ``hands``, ``body`` and
``movement`` (how), ``stage`` and ``paint`` (what it looks like), ``film`` and ``sentences`` (films
with truth, and the data set of them).

>>> made = sign(["ME", "BREAD", "EAT"], SigningConfig(size=32))
>>> made.frames.shape[1:], made.targets.tolist()
(torch.Size([3, 32, 32]), [1, 13, 2])
>>> [LEXICON[k].name for k in minimal_pairs()[0][:2]]
['EAT', 'SISTER']
"""

from vidlab.datasets.signing.body import BONES, JOINTS
from vidlab.datasets.signing.config import SigningConfig
from vidlab.datasets.signing.film import Poses, SignedSentence, poses
from vidlab.datasets.signing.lexicon import LEXICON, PARAMETERS, SHAPES, Gloss, minimal_pairs
from vidlab.datasets.signing.sentences import Signing, sign
from vidlab.datasets.signing.signers import Signer, make_signer
from vidlab.datasets.signing.weights import frame_weights

__all__ = [
    "BONES",
    "JOINTS",
    "LEXICON",
    "PARAMETERS",
    "SHAPES",
    "Gloss",
    "Poses",
    "SignedSentence",
    "Signer",
    "Signing",
    "SigningConfig",
    "frame_weights",
    "make_signer",
    "minimal_pairs",
    "poses",
    "sign",
]
