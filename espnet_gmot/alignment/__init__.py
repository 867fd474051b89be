"""What is aligned: encoder frames with the teacher's tokens, and the losses that come of it."""

from espnet_gmot.alignment.criterion import AlignmentCriterion, AlignmentOutput
from espnet_gmot.alignment.options import AlignmentOptions

__all__ = ["AlignmentCriterion", "AlignmentOptions", "AlignmentOutput"]
