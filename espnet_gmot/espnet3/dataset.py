"""A Kaldi data directory as a dataset of ESPnet3."""

from pathlib import Path

import numpy as np
from espnet3.components.data.base_dataset import BaseDataset
from espnet3.contract import Field

from espnet_gmot.data.kaldi_data import read_data_dir
from espnet_gmot.data.sound import read_sound, to_float32
from espnet_gmot.errors import InputError

TRAINING_FIELDS = (Field("speech", "audio"), Field("text", "text"))
MAKE_IT = "run the stage create_dataset"


class KaldiDataset(BaseDataset):
    """Audio and transcripts of a data directory such as ``dump/raw/train``.

    For training its items are found by utterance id, so that shape files and messages name utterances. For
    inference ESPnet3 counts them; each item then has its ``utt_id`` too.

    Args:
        data_dir: the directory; no ``segments``.
        inference: whether ESPnet3 decodes it.

    Raises:
        InputError: it is not there, is empty, or has ``segments``.
    """

    def __init__(self, data_dir: str | Path, inference: bool = False):
        self._data = read_data_dir(data_dir)
        if self._data.segments is not None:
            raise InputError(f"{data_dir} has segments, which ESPnet3 does not know; {MAKE_IT}")
        if not self._data.text:
            raise InputError(f"{data_dir} holds no utterance; {MAKE_IT}")
        self._utterances = list(self._data.text)
        self._inference = inference
        self.fields = (*TRAINING_FIELDS, *([Field("utt_id", "text")] if inference else []))

    def __len__(self) -> int:
        return len(self._utterances)

    def keys(self) -> list[str]:
        """The utterance ids, in their order."""
        return self._utterances

    def __getitem__(self, index: str | int) -> dict[str, np.ndarray | str]:
        """Return ``speech`` (samples,), float32 in [-1, 1], and ``text``; for inference ``utt_id`` too.

        Raises:
            KeyError: there is no such utterance; a number counts for inference alone.
            InputError: its audio cannot be read, or has several channels.
        """
        utterance = self._utterances[index] if self._inference and isinstance(index, int) else index
        if utterance not in self._data.text:
            raise KeyError(utterance)
        item: dict[str, np.ndarray | str] = {
            "speech": self._speech(str(utterance)),
            "text": self._data.text[utterance],
        }
        if self._inference:
            item["utt_id"] = str(utterance)
        return item

    def _speech(self, utterance: str) -> np.ndarray:
        source = self._data.wav_scp[utterance]
        samples = read_sound(source).samples
        if samples.ndim > 1:
            raise InputError(f"utterance {utterance}: {source} has several channels; {MAKE_IT}")
        return to_float32(samples)
