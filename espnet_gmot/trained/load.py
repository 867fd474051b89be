"""A trained model from its files, or why it cannot be had."""

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.frontend.default import DefaultFrontend
from espnet2.tasks.asr import ASRTask

from espnet_gmot.driver.statistics_inputs import OF_THE_TEACHER
from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file
from espnet_gmot.model import ESPnetGMOTModel
from espnet_gmot.yaml_mapping import read_mapping

TRAIN_FIRST = "train the model first (stage 11) or correct the path"
NAME_CONFIG = "name the config.yaml of the training"
ONE_TRAINING = "name files of one training"
SHOWN_FAULTS = 3  # parameters that a message lists


def load_trained_model(
    config: str | Path, checkpoint: str | Path, device: str = "cpu"
) -> tuple[ESPnetASRModel, Namespace]:
    """Load a model in evaluation mode, and the arguments it was trained with.

    ESPnet alone passes over parameters that are missing or unknown, and leaves the model with random ones.

    Args:
        config: ``config.yaml`` of the training.
        checkpoint: the parameters.
        device: ``cpu`` or ``cuda``.

    Raises:
        InputError: a file is missing or damaged, or the two are not of one training.
    """
    config, checkpoint = require_file(config, TRAIN_FIRST), require_file(checkpoint, TRAIN_FIRST)
    parameters = read_parameters(checkpoint)
    _require_vocabulary(parameters, checkpoint, config)
    try:
        model, args = ASRTask.build_model_from_file(config, checkpoint, device)
    except RuntimeError as error:
        if "size mismatch" not in str(error):
            raise
        raise InputError(f"{checkpoint} does not fit {config}: {error}; {ONE_TRAINING}") from error
    if getattr(args, "save_strategy", "all") == "all":  # otherwise a checkpoint holds but what was trained
        require_fit(parameters, model.state_dict(), checkpoint, config)
    model.load_state_dict(parameters, strict=False)  # ESPnet 202511 does not look into files of Lightning
    if isinstance(model, ESPnetGMOTModel):
        _name_preprocessor(args)
    return model.eval(), args


def load_experiment(directory: str | Path, checkpoint: str) -> tuple[ESPnetASRModel, Namespace]:
    """Load a model from the directory of its training, as :func:`load_trained_model` does."""
    return load_trained_model(Path(directory) / "config.yaml", Path(directory) / checkpoint)


def read_parameters(checkpoint: str | Path) -> dict[str, torch.Tensor]:
    """Read the parameters that a model file holds, also one of DeepSpeed or Lightning.

    Raises:
        InputError: it is damaged, or holds something else.
    """
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"{checkpoint} cannot be read ({reason}); make or copy it again, or name another"
        ) from error
    if isinstance(state, dict):
        state = state.get("module", state.get("state_dict", state))  # where ESPnet looks too
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise InputError(
            f"{checkpoint} holds more than a model's parameters; name a model file, such as "
            "valid.cer_ctc.ave.pth"
        )
    return state


def require_fit(
    parameters: Mapping[str, torch.Tensor],
    expected: Mapping[str, torch.Tensor],
    checkpoint: str | Path,
    config: str | Path,
) -> None:
    """Compare a checkpoint's parameters, names and shapes, with those of the model of ``config``.

    Raises:
        InputError: they differ; the first that do are named.
    """
    faults = [f"{name} is missing" for name in expected.keys() - parameters.keys()]
    faults += [f"{name} is unknown" for name in parameters.keys() - expected.keys()]
    for name in expected.keys() & parameters.keys():
        found, wanted = tuple(parameters[name].shape), tuple(expected[name].shape)
        if found != wanted:
            faults.append(f"{name} is {found} and not {wanted}")
    if faults:
        more = f" and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
        raise InputError(
            f"{checkpoint} does not fit {config}: {'; '.join(sorted(faults)[:SHOWN_FAULTS])}{more}; "
            f"{ONE_TRAINING}"
        )


def _name_preprocessor(args: Namespace) -> None:
    """ESPnet3 writes the keys of its preprocessor beside all others, and ``preprocessor: default``."""
    teacher = {key: value for key, value in vars(args).items() if key in OF_THE_TEACHER}
    if teacher:
        args.preprocessor, args.preprocessor_conf = "gmot", args.preprocessor_conf | teacher


def _require_vocabulary(parameters: Mapping[str, torch.Tensor], checkpoint: Path, config: Path) -> None:
    """Compare the CTC output with the token list: the most frequent reason why the two do not fit."""
    tokens = read_mapping(config, NAME_CONFIG)["token_list"]
    if isinstance(tokens, str):
        tokens = Path(tokens).read_text(encoding="utf-8").splitlines()
    output = parameters.get("ctc.ctc_lo.weight")
    if output is not None and len(output) != len(tokens):
        raise InputError(
            f"{checkpoint} was trained for {len(output)} tokens, but {config} lists {len(tokens)}; "
            f"{ONE_TRAINING}"
        )


def sampling_rate(frontend: AbsFrontend | None) -> int | None:
    """Return the rate in Hz that a frontend was built for; None where it does not say."""
    if not isinstance(frontend, DefaultFrontend):
        return None
    return frontend.logmel.mel_options["sr"]
