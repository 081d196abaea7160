"""What decoders print: for some kinds of damage the only sign of it.

Runs in the decoding process only.
"""

from __future__ import annotations

import os

# Notes that sound decoding of sound files also prints.
_HARMLESS = (
    b"mmco: unref short failure",
    b"co located POCs unavailable",
    b"packed B-frames",
    b"in packed xvid",
    b"Last message repeated",
    b"[libdav1d @",
    b"[swscaler @",
    b"[in @",  # the entry of a filter graph, decord's and PyAV's: colours that are not as announced
    b"[buffer @",
    b"filter context",
    b"[Parsed_",
)


class Complaints:
    """What the native libraries have printed to standard error since the last look."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def clear(self) -> None:
        os.ftruncate(self._fd, 0)

    def any(self) -> bool:
        """Whether a decoder complained since the last ``clear``."""
        size = os.fstat(self._fd).st_size
        if not size:
            return False
        lines = os.pread(self._fd, min(size, 1 << 16), 0).splitlines()
        return any(line.strip() and not any(h in line for h in _HARMLESS) for line in lines)
