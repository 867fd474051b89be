"""A recipe whose commands are noted instead of run; they leave the files that later stages look for."""

import logging
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_gmot.data.kaldi_data import write_data_dir, write_table
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.driver.commands import CommandFailed, Commands
from espnet_gmot.driver.job_workers import run_share
from espnet_gmot.driver.options import Options
from espnet_gmot.driver.plan import IN_PYTHON, check, selected

TOKENS = "<blank>\n<unk>\na\n<sos/eos>\n"
SETS = ("train", "dev", "test")


class NotedCommands(Commands):
    """Notes each command with its launcher; ``fails_in`` names a module that ends with an error."""

    def __init__(self, options: Options, calls: list[str], fails_in: str | None):
        super().__init__(options.python)
        self._calls, self._fails_in = calls, fails_in

    def _wait(self, command: Sequence[str]) -> None:
        module, arguments = self._note(command)
        numbers = [word for word in command if word.startswith("JOB=1:")]
        for job in range(1, int(numbers[0].removeprefix("JOB=1:")) + 1 if numbers else 2):
            _leave_files(module, [word.replace("JOB", str(job)) for word in arguments])

    def _watch(self, command: Sequence[str], log: Path, meanwhile: Callable[[], None]) -> None:
        meanwhile()
        _leave_files(*self._note(command))

    def _note(self, command: Sequence[str]) -> tuple[str, list[str]]:
        self._calls.append(shlex.join(command).replace("'", ""))
        place = list(command).index("-m") + 1
        if command[place] == self._fails_in:
            raise CommandFailed(self._fails_in)
        return command[place].rpartition(".")[2], list(command[place + 1 :])


def _leave_files(module: str, arguments: list[str]) -> None:
    given = dict(zip(arguments, arguments[1:], strict=False))
    output = Path(given.get("--output") or given.get("--output_dir") or "none")
    match module:
        case "tokenize_text" | "hugging_face_export_vocabulary":
            output.write_text(TOKENS)
        case "aggregate_stats_dirs":
            for part in ("train", "valid"):
                for shape, length in (("speech_shape", "4000"), ("text_shape", "1")):
                    write_table(output / part / shape, {"u1": length})
            (output / "train" / "feats_stats.npz").write_bytes(b"statistics")
        case "launch":
            score = "loss" if "espnet2.bin.lm_train" in arguments else "acc"
            (output / f"valid.{score}.ave.pth").write_bytes(b"model")
            (output / "config.yaml").write_text("model: espnet\n")
        case "lm_calc_perplexity":
            output.mkdir(parents=True, exist_ok=True)
            (output / "ppl").write_text("7.5\n")
        case "asr_inference" | "asr_ctc_greedy":
            keys = read_table(given["--key_file"])
            write_table(output / "1best_recog" / "text", dict.fromkeys(keys, "a"))
        case "run_share":
            run_share(Path(arguments[0]))
        case "pack":
            Path(given["--outpath"]).write_bytes(b"zip")
        case "stage":  # results_page
            Path(given["--out"]).write_text("RESULTS\n")


class Recipe:
    """Stages as asr.sh runs them; ``calls`` and ``log`` are those of the last run."""

    def __init__(self, defaults: dict[str, str], caplog: pytest.LogCaptureFixture):
        self._defaults, self._caplog = defaults, caplog
        self.calls: list[str] = []
        self.log = ""

    def options(self, **changes: object) -> Options:
        """The options of a small recipe, with changes."""
        sets = {"train_set": "train", "valid_set": "dev", "test_sets": "test"}
        commands = dict.fromkeys(("train_cmd", "cuda_cmd", "decode_cmd"), "now --quietly")
        own = {"nj": "2", "ngpu": "0", "python": "py", "asr_config": "conf/train_small.yaml", "fs": "8k"}
        given = {name: _as_bash(value) for name, value in changes.items()}
        words = self._defaults | sets | commands | own | given
        return Options.parse([word for name, value in words.items() for word in (f"--{name}", value)])

    def run(self, fails_in: str | None = None, **changes: object) -> str:
        """Run the stages that are selected but for stage 1; return what they log."""
        options = self.options(**changes)
        self.calls.clear()
        self._caplog.clear()
        try:
            check(options)
            for stage in IN_PYTHON.values():
                if stage.number in selected(options):
                    stage.run(options, NotedCommands(options, self.calls, fails_in))
        finally:
            self.log = self._caplog.text
        return self.log

    @property
    def modules(self) -> list[str]:
        """The last names of the modules that were started."""
        return [call.split(" -m ")[1].split()[0].rpartition(".")[2] for call in self.calls]

    def called(self, module: str) -> list[str]:
        """The calls of a module."""
        return [call for call, name in zip(self.calls, self.modules, strict=True) if name == module]


def _as_bash(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture
def recipe(
    tmp_path: Path,
    asr_sh_options: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Recipe:
    """A recipe's directory after stage 1: an utterance a set."""
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO)
    Path("local").mkdir()
    Path("local/data.sh").touch(mode=0o755)
    Path("conf").mkdir()
    for name in ("train_small", "train_lm"):
        Path(f"conf/{name}.yaml").write_text("max_epoch: 1\n")
    for dset in SETS:
        wav = Path(f"wav/{dset}.wav")
        wav.parent.mkdir(exist_ok=True)
        soundfile.write(wav, np.ones(4000, dtype=np.int16), 8000)
        write_data_dir(f"data/{dset}", {"u1": str(wav)}, {"u1": "a"}, {"u1": "s"})
    return Recipe(asr_sh_options, caplog)


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the report of unknown tokens, for which ESPnet wants what the test lacks."""
    from espnet_gmot.driver import unknown_tokens

    monkeypatch.setattr(unknown_tokens, "find_unknown_tokens", lambda text, *_: text)


@pytest.fixture
def said_again() -> Callable[[str, str], str]:
    """What the log says of a directory that is made again for an input."""
    return lambda directory, inputs: f"the inputs of {directory} have changed ({inputs}); making it again"
