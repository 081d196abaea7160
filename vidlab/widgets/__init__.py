"""Explorers: interactive pictures of arrays that stay alive without a kernel."""

from vidlab.widgets.alignment import AlignmentExplorer
from vidlab.widgets.attention import AttentionExplorer, AttentionView, Tokens
from vidlab.widgets.base import Explorer
from vidlab.widgets.binarization import BinarizationExplorer, LayerView
from vidlab.widgets.confusion import ConfusionExplorer
from vidlab.widgets.gloss_alignment import GlossAlignmentExplorer
from vidlab.widgets.order import OrderExplorer, orders
from vidlab.widgets.proposals import ProposalExplorer
from vidlab.widgets.similarity import SimilarityExplorer
from vidlab.widgets.sphere import SphereExplorer
from vidlab.widgets.tagging import TagExplorer, TagView

__all__ = [
    "AlignmentExplorer",
    "AttentionExplorer",
    "AttentionView",
    "BinarizationExplorer",
    "ConfusionExplorer",
    "Explorer",
    "GlossAlignmentExplorer",
    "LayerView",
    "OrderExplorer",
    "ProposalExplorer",
    "SimilarityExplorer",
    "SphereExplorer",
    "TagExplorer",
    "TagView",
    "Tokens",
    "orders",
]
