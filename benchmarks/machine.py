"""What a benchmark ran on: processor, threads, GPU and versions."""

import gc
import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path

import torch

PACKAGES = ("torch", "numpy", "numba", "triton", "POT", "jax", "ott-jax", "torchgw")
NO_GPU = "no CUDA GPU here"
NOT_RUN = f"not run: {NO_GPU}"  # in place of a GPU row
RESTRICTED = ("torchgw",)  # not free software: the page says under which licence this version comes


def describe_machine() -> dict[str, str]:
    """Return what the page says about the machine, in its order."""
    spinning = os.environ.get("GOMP_SPINCOUNT", "not set")
    return {
        "CPU": f"{cpu_name()}, {len(os.sched_getaffinity(0))} cores for this process",
        "Threads": f"{torch.get_num_threads()} in torch, GOMP_SPINCOUNT {spinning}",
        "GPU": gpu_name() or "none",
        "Python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
    }


def gpu_name() -> str | None:
    """Name of the CUDA GPU, or None."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def begin_gpu_peak() -> None:
    """From here on ``torch.cuda.max_memory_allocated`` counts, without what was of use before."""
    gc.collect()
    torch.cuda.reset_peak_memory_stats()


def told(machine: Mapping[str, str]) -> str:
    """Say on a page what :func:`describe_machine` found."""
    return "\n".join(f"- {name}: {value}" for name, value in machine.items())


def cpu_name() -> str:
    """Name of the processor as Linux gives it, or else its architecture."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        found = version(package)
    except PackageNotFoundError:
        return "not installed"
    return f"{found}, licence: {licence(package)}" if package in RESTRICTED else found


def licence(package: str) -> str:
    """Return the licence that an installed package's own metadata name."""
    facts = metadata(package)
    return facts.get("License-Expression") or facts.get("License") or "not stated"
