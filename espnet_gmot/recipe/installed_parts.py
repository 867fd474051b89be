"""The parts of an installation, each a function that uses its part and says what it found.

A part that cannot be used raises. ``python -m espnet_gmot.recipe.installed_parts PART`` runs a function, in a
process of its own because a compiled library that does not fit may end it.
"""

import io
import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata

from espnet_gmot.errors import InputError

MISSING = "missing or of another version: "
TOO_OLD_TORCH = "does not take this torch"


def python() -> str:
    """The interpreter."""
    return f"{platform.python_version()} ({sys.executable})"


def packages() -> str:
    """Every requirement that the project declares, by its version alone."""
    from packaging.requirements import Requirement

    if _version("espnet_gmot") is None:
        raise InputError("espnet_gmot is on the path and not installed")
    declared = [Requirement(line) for line in metadata.requires("espnet_gmot") or []]
    required = [need for need in declared if need.marker is None or need.marker.evaluate({"extra": ""})]
    missing = [need for need in required if not _is_met(need)]
    if missing:
        raise InputError(MISSING + " ".join(f'"{need}"' for need in missing))
    return f"all {len(required)} that are declared"


def torch() -> str:
    """PyTorch and torchaudio, loaded: versions that do not fit each other are found in no other way."""
    import torch

    try:
        import torchaudio
    except (ImportError, OSError, RuntimeError) as error:
        found = _version("torchaudio")
        raise InputError(
            f"torchaudio {found} cannot be loaded beside torch {torch.__version__}: {error}"
            if found
            else f"torchaudio is missing beside torch {torch.__version__}, and ESPnet's ASR task imports it"
        ) from error
    return f"{torch.__version__} with torchaudio {torchaudio.__version__}"


def cuda() -> str:
    """The GPUs, with Triton for the kernel that runs there; a machine without a GPU is no fault."""
    import torch

    if torch.version.cuda is None:
        return "torch is a build without CUDA"
    if not torch.cuda.is_available():
        if _driver_lists_a_gpu() and os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1"):
            raise InputError(f"nvidia-smi lists a GPU that torch's CUDA {torch.version.cuda} cannot use")
        return f"CUDA {torch.version.cuda}, no GPU here: training runs on the CPU"
    names = ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    triton = _version("triton") or "not installed, which leaves the solver to torch"
    return f"CUDA {torch.version.cuda} on {names}, Triton {triton}"


def numba() -> str:
    """The compiled solver of the CPU."""
    import numba
    import numpy

    return f"{numba.__version__} with numpy {numpy.__version__}"


def transformers() -> str:
    """The library of the teachers, which takes no torch that is too old for it."""
    import transformers

    if not transformers.utils.is_torch_available():
        raise InputError(f"{transformers.__version__} {TOO_OLD_TORCH}: {metadata.version('torch')}")
    return transformers.__version__


def soundfile() -> str:
    """The audio formats, written and read."""
    import numpy as np
    import soundfile

    for kind in ("WAV", "FLAC"):
        file = io.BytesIO()
        soundfile.write(file, np.zeros(160, dtype="int16"), 16000, format=kind)
        file.seek(0)
        soundfile.read(file)
    formats = ["WAV", "FLAC", *sorted({"MP3", "OGG"} & set(soundfile.available_formats()))]
    return f"{soundfile.__version__} with libsndfile {soundfile.__libsndfile_version__}: {', '.join(formats)}"


def pot() -> str:
    """POT, the solver that the project's own is compared with, and the backend of that name."""
    import ot

    return ot.__version__


def espnet() -> str:
    """ESPnet's ASR task, imported, with the plugin in its list of models."""
    import espnet2
    from espnet2.tasks.asr import model_choices

    if "gmot" not in model_choices.classes:
        raise InputError("the ASR task does not list model gmot")
    return f"{espnet2.__version__}, with model gmot"


def _driver_lists_a_gpu() -> bool:
    listing = ["nvidia-smi", "-L"]
    return bool(shutil.which(listing[0])) and not subprocess.call(listing, stdout=subprocess.DEVNULL)


def _is_met(need) -> bool:
    found = _version(need.name)
    return found is not None and need.specifier.contains(found, prereleases=True)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def main() -> None:
    """Print what the part found; a part that cannot be used ends with one line and status 1."""
    try:
        print(globals()[sys.argv[1]]())
    except InputError as error:
        sys.exit(str(error))
    except Exception as error:
        sys.exit(" ".join(f"{type(error).__name__}: {error}".split()))


if __name__ == "__main__":
    main()
