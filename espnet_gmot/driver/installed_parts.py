"""The parts of an installation, each a function that uses its part and says what it found.

A part that cannot be used raises. ``python -m espnet_gmot.driver.installed_parts PART`` runs a function, in a
process of its own because a compiled library that does not fit may end it, and prints one line of JSON:
``found``, or ``fault`` and ``cure``.
"""

import io
import json
import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from espnet_gmot.driver.jobs import driver_gpus

CHECKOUT = Path(__file__).parents[2]
PIP = f"{sys.executable} -m pip install"
DISTRIBUTIONS = {"ot": "POT", "pot": "POT"}  # where it is called otherwise than the module or the part


class BrokenPart(Exception):
    """A part that cannot be used: its fault and what mends it, where that is not the usual cure."""

    def __init__(self, fault: str, cure: str) -> None:
        super().__init__(fault)
        self.cure = cure


def python() -> str:
    """The interpreter."""
    return f"{platform.python_version()} ({sys.executable})"


def packages() -> str:
    """Every requirement that the project declares, by its version alone."""
    if _version("espnet_gmot") is None:
        raise BrokenPart("espnet_gmot is on the path and not installed", f"{PIP} --editable {CHECKOUT}")
    declared = [Requirement(line) for line in metadata.requires("espnet_gmot") or []]
    required = [need for need in declared if need.marker is None or need.marker.evaluate({"extra": ""})]
    missing = " ".join(f'"{need}"' for need in required if not _is_met(need))
    if missing:
        raise BrokenPart(f"missing or of another version: {missing}", f"{PIP} {missing}")
    return f"all {len(required)} that are declared"


def torch() -> str:
    """PyTorch and torchaudio, loaded: versions that do not fit each other are found in no other way."""
    import torch

    try:
        import torchaudio
    except (ImportError, OSError, RuntimeError) as error:
        found = _version("torchaudio")
        raise BrokenPart(
            f"torchaudio {found} cannot be loaded beside torch {torch.__version__}: {error}"
            if found
            else f"torchaudio is missing beside torch {torch.__version__}, and ESPnet's ASR task imports it",
            torchaudio_cure(),
        ) from error
    return f"{torch.__version__} with torchaudio {torchaudio.__version__}"


def cuda() -> str:
    """The GPUs, with Triton for the kernel that runs there; a machine without a GPU is no fault."""
    import torch

    if torch.version.cuda is None:
        return "torch is a build without CUDA"
    if not torch.cuda.is_available():
        if driver_gpus() and os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1"):
            raise BrokenPart(
                f"nvidia-smi lists a GPU that torch's CUDA {torch.version.cuda} cannot use",
                "a newer NVIDIA driver, or a torch that was built for this driver's CUDA",
            )
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

    if not transformers.utils.import_utils.is_torch_available():
        fault = f"{transformers.__version__} does not take this torch: {_version('torch')}"
        raise BrokenPart(fault, f'{PIP} "transformers<5"')
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
        raise RuntimeError("the ASR task does not list model gmot")
    return f"{espnet2.__version__}, with model gmot"


def usual_cure(name: str) -> str:
    """Say what mends a part that fails for a reason it does not know, and leaves the others alone."""
    if name == "espnet":  # pip might put its own in the place of a checkout
        return f'look at what this prints: {sys.executable} -c "import espnet2.tasks.asr"'
    if name == "numba":  # too old for numpy, as a rule
        return f"{PIP} --upgrade numba"
    distribution = DISTRIBUTIONS.get(name, name)
    if name in ("torch", "cuda"):
        distribution = f'"torch=={_version("torch")}"'
    return f"{PIP} --force-reinstall --no-deps {distribution}"


def torchaudio_cure() -> str:
    """The command that brings the torchaudio of the torch that is here."""
    return f'{PIP} --force-reinstall --no-deps "{torchaudio_for(Version(metadata.version("torch")))}"'


def torchaudio_for(torch: Version) -> str:
    """The torchaudio that loads beside a torch: that of the same number until 2.11, and 2.11.0 from then on.

    2.11.1, which pip takes on its own, loads beside torch 2.13 and later alone.

    Example:
        >>> torchaudio_for(Version("2.7.1+cu126")), torchaudio_for(Version("2.12.1"))
        ('torchaudio==2.7.1', 'torchaudio==2.11.0')
    """
    return f"torchaudio=={min(Version(torch.base_version), Version('2.11.0'))}"


def _is_met(need: Requirement) -> bool:
    found = _version(need.name)
    return found is not None and need.specifier.contains(found, prereleases=True)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def try_part(name: str) -> dict[str, str]:
    """Call the part's function; return ``found``, or ``fault`` and ``cure``."""
    try:
        return {"found": globals()[name]()}
    except BrokenPart as broken:
        fault, cure = str(broken), broken.cure
    except ModuleNotFoundError as missing:
        module = (missing.name or name).partition(".")[0]
        fault, cure = str(missing), f"{PIP} {DISTRIBUTIONS.get(module, module)}"
    except Exception as error:
        fault, cure = f"{type(error).__name__}: {error}", usual_cure(name)
    return {"fault": " ".join(fault.split()), "cure": cure}


if __name__ == "__main__":
    print(json.dumps(try_part(sys.argv[1])))
