"""The benchmarks lie beside the package, so they are not installed with it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
