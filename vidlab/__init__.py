"""vidlab: a laboratory bench for papers on visual sequences and video."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidlab.labs.lab import Lab

__version__ = "0.1.0"
__all__ = ["Lab", "__version__"]


def __getattr__(name: str):
    # Loaded on first use: `import vidlab` and `vidlab --help` stay quick.
    if name == "Lab":
        from vidlab.labs.lab import Lab

        return Lab
    raise AttributeError(f"module 'vidlab' has no attribute {name!r}")
