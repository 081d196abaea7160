"""Checkpoints in one file: tensors as safetensors, everything else as JSON in its header.

Nothing is unpickled. A checkpoint is written beside its place and moved there, so a crash leaves
the previous one whole.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

_KEY = "vidlab"
_TENSOR = "$tensor"


class CheckpointError(RuntimeError):
    """A checkpoint is damaged or belongs to another run."""


def save_checkpoint(path: Path, state: dict) -> None:
    """Write a nested dict/list of tensors and JSON values (string keys, or integer ones)."""
    tensors: dict[str, Tensor] = {}
    tree = _pack(state, tensors)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        save_file(tensors, part, metadata={_KEY: json.dumps(tree)})
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict:
    """Read what :func:`save_checkpoint` wrote.

    Raises:
        CheckpointError: the file is damaged, or is no checkpoint of vidlab's.
    """
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            tree = json.loads((file.metadata() or {})[_KEY])
            return _unpack(tree, file.get_tensor)
    except RecursionError:
        raise CheckpointError(f"{path} is not a readable checkpoint: nested too deep") from None
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path} is not a readable checkpoint: {error}") from error


def _pack(node, tensors: dict[str, Tensor]):
    if isinstance(node, Tensor):
        name = str(len(tensors))
        # A copy of its own: safetensors refuses tensors that share memory (tied weights).
        tensors[name] = node.detach().cpu().clone().contiguous()
        return {_TENSOR: name}
    if isinstance(node, dict):
        return {"$dict": [[key, _pack(value, tensors)] for key, value in node.items()]}
    if isinstance(node, list | tuple):
        return [_pack(value, tensors) for value in node]
    return node


def _unpack(node, get_tensor):
    if isinstance(node, dict) and _TENSOR in node:
        return get_tensor(node[_TENSOR])
    if isinstance(node, dict):
        return {key: _unpack(value, get_tensor) for key, value in node["$dict"]}
    if isinstance(node, list):
        return [_unpack(value, get_tensor) for value in node]
    return node
