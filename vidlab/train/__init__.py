"""The training loop of every lab: progress, checkpoints, exact resume."""

from vidlab.train.checkpoint import CheckpointError
from vidlab.train.loop import FitConfig, NonFiniteLossError, fit
from vidlab.train.progress import Progress

__all__ = ["CheckpointError", "FitConfig", "NonFiniteLossError", "Progress", "fit"]
