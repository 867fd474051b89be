"""Save with torch as a training does that Ctrl-C stops on the way."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import torch


class _Interrupted(torch._C.PyTorchFileWriter):
    def write_record(self, name: str, *data: Any) -> None:
        if name.startswith("data/"):
            raise KeyboardInterrupt
        super().write_record(name, *data)


def save_interrupted(content: Any, path: Path) -> None:
    """Write an archive that has a directory and lacks the records of its tensors."""
    whole, torch._C.PyTorchFileWriter = torch._C.PyTorchFileWriter, _Interrupted
    try:
        with suppress(KeyboardInterrupt):
            torch.save(content, path)
    finally:
        torch._C.PyTorchFileWriter = whole
