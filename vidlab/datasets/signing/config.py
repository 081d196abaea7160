"""What films of signing are like."""

from __future__ import annotations

from dataclasses import dataclass

from vidlab.datasets.limits import check_range, check_whole
from vidlab.datasets.signing.lexicon import LEXICON


@dataclass(frozen=True)
class SigningConfig:
    """Settings of films of signing.

    Attributes:
        size: height and width of a frame, 24 .. 256.
        fps: frames a second, 6 .. 60. A gloss takes about half a second: 6 to 9 frames at 12.5.
        glosses: how many of the lexicon are used, from its beginning, 2 .. 25.
        length: least and most glosses a sentence, 1 .. 30.
        repeats: probability that a clause of three or more glosses ends with its verb twice.
        noise: standard deviation of the sensor's noise, 0 .. 0.3.
        vary_signers: False: everybody looks and signs like one average person, and the camera
            stands still. Sentences still differ a little each time.

    Raises:
        ValueError: a value that is not allowed.
    """

    size: int = 64
    fps: float = 12.5
    glosses: int = len(LEXICON)
    length: tuple[int, int] = (3, 6)
    repeats: float = 0.1
    noise: float = 0.02
    vary_signers: bool = True

    def __post_init__(self):
        check_whole("size", self.size, 24, 256)
        check_whole("glosses", self.glosses, 2, len(LEXICON))
        check_range("fps", self.fps, 6, 60)
        check_range("repeats", self.repeats, 0, 1)
        check_range("noise", self.noise, 0, 0.3)
        if not isinstance(self.vary_signers, bool):
            raise ValueError(f"vary_signers is {self.vary_signers!r}; allowed: True or False")
        length = self.length
        if (
            not isinstance(length, (tuple, list))
            or len(length) != 2
            or not all(isinstance(n, int) and not isinstance(n, bool) for n in length)
            or not 1 <= length[0] <= length[1] <= 30
        ):
            raise ValueError(
                f"length is {length!r}; allowed: two whole numbers, 1 <= least <= most <= 30"
            )
