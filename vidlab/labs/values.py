"""Measured values (numpy, torch or plain) made plain for the record."""

from __future__ import annotations

import json
import math
from typing import Any

_LIMIT = 4000  # characters of JSON: a claim holds a few numbers, not a curve


def finite_number(value: Any, where: str) -> int | float:
    """A number, numpy or torch scalar as a plain finite number.

    Raises TypeError for anything else, ValueError for NaN and infinity; ``where`` names it.
    """
    value = _unwrapped(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{where}: got {type(value).__name__}; allowed: one finite number.")
    if not math.isfinite(value):
        raise ValueError(f"{where}: got {value}; allowed: a finite number.")
    return int(value) if isinstance(value, int) else float(value)


def plain_json(value: Any, where: str) -> Any:
    """A number, text, or small dict or list of them, as plain JSON values.

    Raises TypeError for other things, ValueError for what is not finite or too long.
    """
    plain = _plain(value, where)
    if len(json.dumps(plain)) > _LIMIT:
        raise ValueError(f"{where}: longer than {_LIMIT} characters; record a summary instead.")
    return plain


def plain_verdict(value: Any, where: str) -> bool | None:
    """True, False or None, also from a numpy or torch truth value."""
    value = _unwrapped(value)
    if value is None or isinstance(value, bool):
        return value
    raise TypeError(f"{where}: got {value!r}; allowed: True, False or None.")


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item, where) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, where) for item in value]
    value = _unwrapped(value)
    if value is None or isinstance(value, (bool, str)):
        return value
    return finite_number(value, where)


def _unwrapped(value: Any) -> Any:
    # numpy and torch scalars, without importing either.
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    return value
