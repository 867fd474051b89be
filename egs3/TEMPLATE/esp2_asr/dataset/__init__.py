"""The corpus as ESPnet3 sees it: local/data.sh makes it, dump/raw holds it."""

from espnet_gmot.espnet3.builder import KaldiBuilder as DatasetBuilder
from espnet_gmot.espnet3.dataset import KaldiDataset as Dataset

__all__ = ["Dataset", "DatasetBuilder"]
