"""The utterances to decode, read by ESPnet in data-loader workers."""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import soundfile
from espnet2.tasks.asr import ASRTask
from torch import Tensor

from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.errors import InputError

MOST_NAMED = 5
AGAIN = "format the data again (stage 3) or correct the path"
# What soundfile, kaldiio and ESPnet's own checks raise, in a worker or here.
READING_ERRORS = (OSError, RuntimeError, ValueError, KeyError)


@dataclass(frozen=True)
class SpeechSource:
    """Where the speech is.

    Attributes:
        data: ``(path, name, type)`` as ESPnet takes them, e.g. ``("test/wav.scp", "speech", "sound")``.
        train_args: arguments of the training, for ESPnet's preprocessing.
    """

    data: Sequence[tuple[str, str, str]]
    train_args: argparse.Namespace

    def utterances(self, key_file: str | None) -> list[str]:
        """Return the ids in ``key_file`` (all of the data if None), in the order of the data.

        Raises:
            InputError: a file is missing or empty, or an id is not in the data.
        """
        path, _, _ = self.data[0]
        available = self._entries()
        wanted = available if key_file is None else read_table(key_file, AGAIN, allow_empty=True)
        if not wanted:
            raise InputError(f"{key_file or path} is empty; {AGAIN}")
        missing = [key for key in wanted if key not in available]
        if missing:
            named = " ".join(missing[:MOST_NAMED]) + (" …" if len(missing) > MOST_NAMED else "")
            raise InputError(
                f"{len(missing)} utterances of {key_file} are not in {path}: {named}; make the key file anew"
            )
        return [key for key in available if key in wanted]  # ESPnet reads the data forward only

    def check_rate(self, key: str, rate: int | None) -> None:
        """Compare the sampling rate of one recording with the model's, where both are known.

        Raises:
            InputError: they differ, or the recording cannot be read.
        """
        _, _, kind = self.data[0]
        if rate is None or kind != "sound":
            return
        recording = self._entries()[key]
        try:
            found = soundfile.info(recording).samplerate
        except READING_ERRORS as error:
            raise self._unreadable(key, error) from error
        if found != rate:
            raise InputError(
                f"{key} ({recording}) has {found} Hz, but the model was trained on {rate} Hz; format "
                f"the data with --fs {rate} (stage 3)"
            )

    def read(
        self, keys: Sequence[str], batch_size: int, num_workers: int, ngpu: int
    ) -> Iterator[tuple[str, Tensor]]:
        """Read the utterances ``keys``, which are in the order of the data.

        Returns:
            Ids, each with its speech (samples,).

        Raises:
            InputError: an utterance cannot be read; it is named.
        """
        received = set()
        try:
            for batch_keys, batch in self._batches(keys, batch_size, num_workers, ngpu):
                lengths = batch["speech_lengths"].tolist()
                for key, speech, length in zip(batch_keys, batch["speech"], lengths, strict=True):
                    received.add(key)
                    yield key, speech[:length]
        except READING_ERRORS:
            self._name_unreadable([key for key in keys if key not in received])
            raise

    def _batches(
        self, keys: Sequence[str], batch_size: int, num_workers: int, ngpu: int
    ) -> Iterator[tuple[list[str], dict[str, Tensor]]]:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as key_file:
            key_file.write("".join(f"{key}\n" for key in keys))
            key_file.flush()
            yield from ASRTask.build_streaming_iterator(
                self.data,
                dtype="float32",
                batch_size=batch_size,
                key_file=key_file.name,
                num_workers=num_workers,
                preprocess_fn=ASRTask.build_preprocess_fn(self.train_args, False),
                collate_fn=ASRTask.build_collate_fn(self.train_args, False),
                ngpu=ngpu,
                inference=True,
            )

    def _name_unreadable(self, keys: Sequence[str]) -> None:
        """Read one by one until one fails; workers do not tell which it was."""
        for key in keys:
            try:
                list(self._batches([key], batch_size=1, num_workers=0, ngpu=0))
            except READING_ERRORS as error:
                raise self._unreadable(key, error) from error

    def _unreadable(self, key: str, error: Exception) -> InputError:
        path, _, _ = self.data[0]
        return InputError(
            f"{key} ({self._entries()[key]}) cannot be read: {error}; put the recording right or take the "
            f"utterance out of {path}"
        )

    def _entries(self) -> dict[str, str]:
        path, _, _ = self.data[0]
        return read_table(path, AGAIN)
