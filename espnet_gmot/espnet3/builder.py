"""The builder of a dataset of ESPnet3: stages 1 to 4 of asr.sh, by the same functions."""

import logging
from collections.abc import Sequence
from pathlib import Path

from espnet3.components.data.dataset_builder import DatasetBuilder

from espnet_gmot.data.audio import parse_rate
from espnet_gmot.driver.filter_data import filter_data_dir
from espnet_gmot.driver.format_wav_scp import format_unless_done
from espnet_gmot.driver.freshness import Record
from espnet_gmot.driver.jobs import usable_cpus
from espnet_gmot.driver.parallel import Processes
from espnet_gmot.driver.speed_perturb import perturb_unless_done
from espnet_gmot.errors import InputError
from espnet_gmot.espnet3.scripts import run_script
from espnet_gmot.files import require_file

OF_THE_TEMPLATE = {"func", "dataset_dir"}  # in ESPnet3's default configuration, for recipes without a builder
DATA, DUMP = Path("data"), Path("dump/raw")


class KaldiBuilder(DatasetBuilder):
    """Make ``dump/raw/SET`` of a corpus for which the recipe's ``local/data.sh`` makes ``data/SET``.

    Each step looks itself at what is there: a rerun continues, and makes again what its inputs changed for.
    The methods take the block ``create_dataset`` of the training YAML:

    - ``command``: makes ``data/SET``, e.g. ``local/data.sh --preset demo``.
    - ``train``, ``valid``, ``test``: names of the sets; of the last several.
    - ``speed_perturb_factors``: with some, ``train`` also comes at other speeds, as ``train_sp``.
    - ``audio_format``: ``wav``, ``flac`` or ``flac.ark``.
    - ``fs``: the sampling rate that the audio must have, e.g. ``16k``.
    - ``min_wav_duration``, ``max_wav_duration``: train and valid keep what lies between (seconds).
    """

    def is_source_prepared(self, command: str, **_options: object) -> bool:
        """Whether the command has run to its end."""
        return _command_record(command).is_still_done()

    def prepare_source(self, command: str, **_options: object) -> None:
        """Run the command.

        Raises:
            CommandFailed: it ended with an error, which it has printed.
        """
        record = _command_record(command)
        DATA.mkdir(exist_ok=True)
        record.begin()
        run_script(command)
        record.finish()

    def is_built(self, **_options: object) -> bool:
        """Never: :meth:`build` looks at each set."""
        return False

    def build(
        self,
        train: str,
        valid: str,
        test: Sequence[str] = (),
        speed_perturb_factors: Sequence[float] = (),
        audio_format: str = "wav",
        fs: str = "16k",
        min_wav_duration: float = 0.1,
        max_wav_duration: float = 20.0,
        **others: object,
    ) -> None:
        """Perturb the speed, check and format the audio, leave out what is too long or short to train on.

        Raises:
            InputError: an unknown option; or a data directory or its audio is not as it must be.
        """
        if unknown := others.keys() - {"command"} - OF_THE_TEMPLATE:
            raise InputError(
                f"create_dataset has unknown keys: {', '.join(sorted(unknown))}; correct the YAML"
            )
        rate, workers = parse_rate(fs), Processes(usable_cpus())
        if speed_perturb_factors:
            train = _at_speeds(
                train, [str(factor) for factor in speed_perturb_factors], audio_format, workers
            )
        for name in (train, valid, *test):
            filtered = name in (train, valid)
            _format(
                DATA / name, DUMP / "org" / name if filtered else DUMP / name, audio_format, rate, workers
            )
        for name in (train, valid):
            kept = filter_data_dir(DUMP / "org" / name, DUMP / name, rate, min_wav_duration, max_wav_duration)
            logging.info(kept)


def _command_record(command: str) -> Record:
    return Record(DATA, command=command)


def _at_speeds(train: str, factors: list[str], audio_format: str, workers: Processes) -> str:
    source, target = DATA / train, DATA / f"{train}_sp"
    require_file(source / "wav.scp", "create_dataset.command does not make it; correct create_dataset.train")
    perturb_unless_done(source, target, factors, audio_format, workers)
    return target.name


def _format(source: Path, target: Path, audio_format: str, rate: int, workers: Processes) -> None:
    require_file(source / "wav.scp", "create_dataset.command does not make it; correct the names of the sets")
    format_unless_done(source, target, audio_format, rate, workers)
