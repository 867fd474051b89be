"""How many parameters of a trained model recognition needs."""

import re
from pathlib import Path

from espnet_gmot.saved import read_saved

# What ESPnet's models keep beside their parameters: feature statistics, mel filters, batch normalisation.
BUFFER = re.compile(
    r"^normalize\.(mean|std)$|\.melmat$|\.running_(mean|var)$|\.num_batches_tracked$|^align_steps$"
)
ATTENTION = ("decoder.", "joint_network.")  # idle in greedy CTC decoding
ALIGNMENT = ("criterion_align.",)  # trains the encoder and is idle afterwards
ADAPTER = "adapter."
FEEDBACK = "adapter.out.weight"


def inference_parameters(experiment: Path, ctc_alone: bool) -> int | None:
    """Count the parameters that recognition runs, from a checkpoint of the experiment.

    Left out are the teacher, which is in no checkpoint; the adapter of the alignment where it has no
    feedback; and the attention decoder or transducer of a model that is decoded by CTC alone.

    ESPnet's own figure in ``train.log`` counts whatever is trained, rounded.

    Args:
        experiment: directory of one training.
        ctc_alone: whether decoding uses nothing but CTC.

    Returns:
        The number, or None if there is no whole checkpoint.
    """
    models = (path for path in sorted(experiment.glob("*.pth")) if path.name != "checkpoint.pth")
    weights = next((weights for model in models if (weights := read_saved(model)) is not None), None)
    if weights is None:
        return None
    idle = ALIGNMENT + (ATTENTION if ctc_alone else ()) + (() if FEEDBACK in weights else (ADAPTER,))
    return sum(
        weight.numel()
        for name, weight in weights.items()
        if not name.startswith(idle) and not BUFFER.search(name)
    )
