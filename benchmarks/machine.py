"""What a benchmark ran on: processor, threads, GPU and versions."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

PACKAGES = ("torch", "numpy", "numba", "triton", "POT", "jax", "ott-jax", "torchgw")


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


def cpu_name() -> str:
    """Name of the processor as Linux gives it, or else its architecture."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
