"""How seconds relate to samples and to the encoder's frames."""

from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.frontend.default import DefaultFrontend

from espnet_gmot.errors import InputError


def sampling_rate(frontend: AbsFrontend | None) -> int | None:
    """Return the rate in Hz that a frontend was built for; None where it does not say."""
    if not isinstance(frontend, DefaultFrontend):
        return None
    return frontend.logmel.mel_options["sr"]


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
