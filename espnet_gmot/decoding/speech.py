"""The utterances to decode, read by ESPnet in data-loader workers."""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from espnet2.tasks.asr import ASRTask
from espnet2.train.iterable_dataset import DATA_TYPES
from torch import Tensor

from espnet_gmot.data.kaldi_text import has_marks, read_table, removing_marks
from espnet_gmot.decoding.speech_check import Expected, Preprocess, SpeechCheck
from espnet_gmot.errors import InputError, collect_faults

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
        expected: what the model takes.
    """

    data: Sequence[tuple[str, str, str]]
    train_args: argparse.Namespace
    expected: Expected = Expected()

    def utterances(self, key_file: str | None) -> list[str]:
        """Return the ids in ``key_file`` (all of the data if None), in the order of the data.

        Raises:
            InputError: a file is missing or empty, or an id is not in the data or read otherwise by ESPnet.
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

    def read(
        self, keys: Sequence[str], batch_size: int, num_workers: int, ngpu: int
    ) -> Iterator[tuple[str, Tensor]]:
        """Read the utterances ``keys``, which are in the order of the data.

        Returns:
            Ids, each with its speech (samples,).

        Raises:
            InputErrors: utterances cannot be read, or are not what the model takes.
        """
        received = set()
        try:
            for batch_keys, batch in self._batches(keys, batch_size, num_workers, ngpu):
                lengths = batch["speech_lengths"].tolist()
                for key, speech, length in zip(batch_keys, batch["speech"], lengths, strict=True):
                    received.add(key)
                    yield key, speech[:length]
        except READING_ERRORS:
            self._name_faults([key for key in keys if key not in received], len(keys))
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
                preprocess_fn=self._check(ASRTask.build_preprocess_fn(self.train_args, False)),
                collate_fn=ASRTask.build_collate_fn(self.train_args, False),
                ngpu=ngpu,
                inference=True,
            )

    def _check(self, preprocess: Preprocess | None = None) -> SpeechCheck:
        _, name, kind = self.data[0]
        return SpeechCheck(name, kind, self._entries(), self.expected, preprocess)

    def _name_faults(self, keys: Sequence[str], among: int) -> None:
        """Read one by one; workers stop at the first utterance and do not tell which it was."""
        path, _, kind = self.data[0]
        check, load = self._check(), DATA_TYPES.get(kind)

        def read(key: str) -> None:
            try:
                speech = load(check.entries[key])
            except READING_ERRORS as error:
                raise InputError(
                    f"{key} ({check.entries[key]}) cannot be read: {error}; put the recording right or take "
                    f"the utterance out of {path}"
                ) from error
            check.check(key, speech)

        if load is not None:
            list(collect_faults(read, keys, f"{among} recordings"))

    def _entries(self) -> dict[str, str]:
        path, _, _ = self.data[0]
        entries = read_table(path, AGAIN)
        if has_marks(Path(path)):
            raise InputError(
                f"{path} holds a byte-order mark, which ESPnet takes for a part of the id; remove it: "
                f"{removing_marks(Path(path))}"
            )
        return entries
