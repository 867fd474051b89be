"""A trained GM-OT model as a plain ESPnet model: no plugin, no teacher."""

import inspect
import subprocess
import sys
import tempfile
from argparse import Namespace
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from espnet2.tasks.asr import ASRTask
from espnet2.utils.yaml_no_alias_safe_dump import yaml_no_alias_safe_dump

from espnet_gmot import NAME_IN_ARCHIVE
from espnet_gmot.alignment import AlignmentOptions
from espnet_gmot.data.audio import read_cuts, recordings_of
from espnet_gmot.data.kaldi_data import read_data_dir
from espnet_gmot.data.sound import to_float32
from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file, write_dir_aside
from espnet_gmot.preprocessor import GMOTPreprocessor
from espnet_gmot.trained import stock_logits
from espnet_gmot.trained.load import NAME_CONFIG, TRAIN_FIRST, read_parameters, require_fit
from espnet_gmot.yaml_mapping import read_mapping

NUM_PROBES = 3  # utterances that the exported model is compared on
NOISE_SAMPLES = (16000, 24000, 40000)  # their lengths without --data


@dataclass(frozen=True)
class Exported:
    """What was written and how it was checked.

    Attributes:
        config: the exported ``config.yaml``.
        model_file: the exported checkpoint.
        needed_files: files that the configuration names and that a packed model must hold.
        dropped: parameters and buffers that only GM-OT training needed.
        heads: what was compared, such as ``encoder`` and ``ctc``.
        num_probes: utterances that it was compared on.
    """

    config: Path
    model_file: Path
    needed_files: list[str]
    dropped: list[str]
    heads: list[str]
    num_probes: int

    @property
    def pack_command(self) -> str:
        """The command that makes ESPnet's usual zip of it."""
        options = "".join(f" --option {name}" for name in self.needed_files)
        return (
            f"python3 -m espnet2.bin.pack asr --asr_train_config {self.config} "
            f"--asr_model_file {self.model_file}{options} "
            f"--outpath {self.config.parent / self.config.parent.name}.zip"
        )


def export_model(
    config_file: str | Path, model_file: str | Path, out_dir: str | Path, data_dir: str | Path | None = None
) -> Exported:
    """Write ``config.yaml`` and checkpoint of the same recogniser for ESPnet alone.

    Before ``out_dir`` appears, a fresh process without this package loads it through stock ``asr_inference``;
    its encoder output and logits must be those of the original, bit for bit.

    Args:
        config_file: ``config.yaml`` of the trained model. Paths in it are kept; they start where the training
            was run.
        model_file: its checkpoint, such as ``valid.cer_ctc.ave.pth``.
        out_dir: directory to make.
        data_dir: Kaldi data directory whose first utterances are compared; None takes seeded noise.

    Raises:
        InputError: no plain ESPnet model can do the same, config and checkpoint do not fit, a file is
            missing, ``out_dir`` exists, or the exported model behaves differently.
    """
    config = read_mapping(require_file(config_file, TRAIN_FIRST), NAME_CONFIG)
    plain = plain_config(config, config_file)
    state = read_parameters(require_file(model_file, TRAIN_FIRST))
    needed = needed_files(plain, config_file)
    require_fit(state, ASRTask.build_model(Namespace(**config)).state_dict(), model_file, config_file)
    kept = ASRTask.build_model(Namespace(**plain)).state_dict().keys()
    audio = _noise() if data_dir is None else _read_audio(data_dir)
    with write_dir_aside(out_dir) as aside:
        new_config, new_model = aside / "config.yaml", aside / Path(model_file).name
        new_config.write_text(yaml_no_alias_safe_dump(plain, indent=4, sort_keys=False), encoding="utf-8")
        torch.save({name: value for name, value in state.items() if name in kept}, new_model)
        ours = stock_logits.stock_logits(str(config_file), str(model_file), audio)
        _compare(ours, _logits_without_plugin(new_config, new_model, audio))
    return Exported(
        config=Path(out_dir) / new_config.name,
        model_file=Path(out_dir) / new_model.name,
        needed_files=needed,
        dropped=sorted(state.keys() - kept),
        heads=sorted({name.partition(".")[0] for name in ours}),
        num_probes=len(audio),
    )


def plain_config(config: dict[str, Any], name: str | Path) -> dict[str, Any]:
    """Return the training configuration of ``model: gmot`` as one of ``model: espnet``.

    Args:
        config: what ``config.yaml`` holds; it is left as it is.
        name: its file, for messages.

    Raises:
        InputError: it is no GM-OT model, or its recogniser has the feedback that ESPnet's lacks.

    Example:
        >>> config = {"model": "gmot", "model_conf": {"ctc_weight": 1.0, "alpha": 0.3}}
        >>> plain_config(config, "config.yaml")
        {'model': 'espnet', 'model_conf': {'ctc_weight': 1.0}}
    """
    if config.get("model") not in ("gmot", NAME_IN_ARCHIVE):
        raise InputError(
            f"{name} has model: {config.get('model')}, not gmot; ESPnet can use that model as it is"
        )
    model_conf = dict(config["model_conf"])
    options = AlignmentOptions.take_from(model_conf)
    if options.feedback > 0:
        raise InputError(
            f"{name} has feedback: {options.feedback:g}: CTC and decoder see H + s · out(X), and no plain "
            "ESPnet model has a place for out(X); decode with the plugin, or train with feedback: 0"
        )
    plain = config | {"model": "espnet", "model_conf": model_conf}
    if config.get("preprocessor") == "gmot":
        own = inspect.signature(GMOTPreprocessor.__init__).parameters
        conf = {key: value for key, value in config["preprocessor_conf"].items() if key not in own}
        plain |= {"preprocessor": "default", "preprocessor_conf": conf}
    return plain


def needed_files(config: dict[str, Any], name: str | Path) -> list[str]:
    """List the files that the model is built from.

    Args:
        config: what ``config.yaml`` holds.
        name: its file, for messages.

    Raises:
        InputError: one of them is not there.
    """
    named = [(config.get("normalize_conf") or {}).get("stats_file")]
    if config.get("token_type") == "bpe":
        named.append(config.get("bpemodel"))
    cure = f"{name} names it: run this where the training was run"
    return [str(require_file(path, cure)) for path in named if path is not None]


def _noise() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.normal(scale=0.1, size=size).astype(np.float32) for size in NOISE_SAMPLES]


def _read_audio(data_dir: str | Path) -> list[np.ndarray]:
    recordings = recordings_of(read_data_dir(data_dir))
    cuts = (cut for recording in recordings for cut in read_cuts(recording))
    return [to_float32(samples) for _, samples, _ in islice(cuts, NUM_PROBES)]


def _logits_without_plugin(config: Path, model_file: Path, audio: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Compute the logits in a fresh process that does not import this package."""
    with tempfile.TemporaryDirectory() as directory:
        given, found = Path(directory) / "audio.npz", Path(directory) / "logits.npz"
        np.savez(given, *audio)
        # -P: the script's directory, this package's, holds modules named like installed ones (ot).
        command = [sys.executable, "-P", stock_logits.__file__, config, model_file, given, found]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if done.returncode != 0:
            raise InputError(
                "stock asr_inference cannot use the exported model, so it was not written:\n"
                + "\n".join(done.stderr.splitlines()[-5:])
            )
        with np.load(found) as logits:
            return dict(logits)


def _compare(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> None:
    different = sorted(
        (ours.keys() ^ theirs.keys())
        | {name for name in ours.keys() & theirs.keys() if not np.array_equal(ours[name], theirs[name])}
    )
    if different:
        raise InputError(
            f"the exported model gives other values than the original for {', '.join(different)}, so it was "
            "not written; please report this with the training's config.yaml"
        )
