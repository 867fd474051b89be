"""The average of the best epochs, the last epoch among them."""

from typing import Any

from espnet3.components.callbacks.default_callbacks import AverageCheckpointsCallback
from lightning.pytorch.callbacks import Callback


class AverageAfterLastEpoch(Callback):
    """Average the best epochs once more when the training ends.

    ESPnet3 averages after each validation, but Lightning saves the epoch only then: its average lacks the
    last epoch, however good that is.
    """

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Let ESPnet3's callback do it again."""
        for callback in trainer.callbacks:
            if isinstance(callback, AverageCheckpointsCallback):
                callback.on_validation_end(trainer, pl_module)
