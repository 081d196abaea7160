"""The frame network that comes with vidlab: it learned hands from rendered people.

``data/signing/pretrain.py`` made it, of signers with numbers from 1000.
"""

from __future__ import annotations

from pathlib import Path

from vidlab.datasets.base import DataError, Found, shipped_file

NAME = "signing/frames.safetensors"
SHA256 = "ba2fef535c5f8af0ddd81ca7154f3a4ef56a837a86250b785eaf473ed71e5950"


def frame_weights() -> Path:
    """The file, its checksum verified; :func:`vidlab.train.checkpoint.load_checkpoint` reads it.

    It holds ``config`` (of a :class:`vidlab.nn.resnet2d.ResNet2D`), ``model`` (its state) and
    ``made`` (how it was made, and how well it does on people it had not seen).

    Raises:
        DataError: it is missing, or not as it was shipped.
    """
    return shipped_file(NAME, SHA256)


def check() -> list[Found]:
    """Is it there and whole?"""
    try:
        path = frame_weights()
    except DataError as error:
        remedy = "restore the file from the repository, or install vidlab again"
        return [Found("signing", False, NAME, str(error), remedy, shipped=True)]
    return [Found("signing", True, str(path), "frame network, checksum right", shipped=True)]
