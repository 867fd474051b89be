"""How seconds relate to samples and to the encoder's frames."""

from espnet2.asr.frontend.abs_frontend import AbsFrontend

from espnet_gmot.errors import InputError
from espnet_gmot.trained.load import sampling_rate


def frame_shift(frontend: AbsFrontend | None, subsampling: int | None) -> float:
    """Return the seconds between two frames of the encoder: hop · subsampling / rate.

    Args:
        frontend: of the model.
        subsampling: feature frames to an encoder's frame, or None where that is not known.

    Raises:
        InputError: one of them does not tell.
    """
    rate = sampling_rate(frontend)
    if frontend is None or rate is None or subsampling is None:
        part = f"the frontend {type(frontend).__name__}" if rate is None else "the encoder"
        raise InputError(
            f"--timestamps: the time between frames of {part} is not known; decode with --timestamps false"
        )
    return frontend.hop_length * subsampling / rate
