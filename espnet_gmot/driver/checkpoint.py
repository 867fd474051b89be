"""A training that was killed while it saved must be able to start again, and with its own vocabulary."""

import os
from pathlib import Path
from typing import Any

from espnet_gmot.driver.needs import need
from espnet_gmot.errors import InputError
from espnet_gmot.files import write_aside
from espnet_gmot.saved import read_saved
from espnet_gmot.yaml_mapping import read_mapping


def set_damaged_aside(checkpoint: str | Path) -> Path | None:
    """Rename a checkpoint that was cut off while being written, so that ESPnet does not load it.

    ESPnet saves in place (espnet#5407).

    Returns:
        The new name, or None if the checkpoint is whole or there is none.
    """
    checkpoint = Path(checkpoint)
    if not checkpoint.exists() or _read(checkpoint) is not None:
        return None
    return checkpoint.replace(checkpoint.with_name(checkpoint.name + ".damaged"))


def restore_last_epoch(checkpoint: str | Path) -> Path | None:
    """Write the model of the last epoch from the checkpoint if a kill came between the two.

    ESPnet writes ``checkpoint.pth`` and then ``Nepoch.pth``. It goes on after epoch N, and averages the best
    epochs from their files at the end.

    Returns:
        The model's file, or None if it is whole or there is no whole checkpoint.
    """
    checkpoint = Path(checkpoint)
    states = _read(checkpoint)
    if states is None:
        return None
    model = checkpoint.with_name(f"{states['reporter']['epoch']}epoch.pth")
    if read_saved(model) is not None:
        return None
    import torch

    with write_aside(model) as aside:
        torch.save(states["model"], aside)
    return model


def mend_links(checkpoint: str | Path) -> list[Path]:
    """Let ``latest.pth`` and the links to the best epochs lead where the checkpoint's record says.

    ESPnet writes checkpoint and model of an epoch, and then these links, in this epoch or in a later one that
    is better: after a kill in between they would go on leading to earlier epochs.

    Args:
        checkpoint: of a training that has ended, with its ``config.yaml`` beside it.

    Returns:
        The links that led elsewhere.

    Raises:
        InputError: the checkpoint is missing or was cut off.
    """
    from espnet2.train.reporter import Reporter

    checkpoint = Path(checkpoint)
    config = read_mapping(checkpoint.with_name("config.yaml"), f"remove {checkpoint.parent} to train anew")
    reporter = Reporter()
    states = _read(checkpoint)
    if states is None:
        raise InputError(f"{checkpoint} is damaged, though its training has ended; run stage 11 again")
    reporter.load_state_dict(states["reporter"])
    epochs = {"latest.pth": reporter.get_epoch()}
    for phase, score, mode in config.get("best_model_criterion") or ():
        if reporter.has(phase, score):
            epochs[f"{phase}.{score}.best.pth"] = reporter.get_best_epoch(phase, score, mode)
    mended = []
    for name, epoch in epochs.items():
        link, model = checkpoint.with_name(name), f"{epoch}epoch.pth"
        if not link.is_symlink() or os.readlink(link) != model:
            link.unlink(missing_ok=True)
            link.symlink_to(model)
            mended.append(link)
    return mended


def require_same_vocabulary(checkpoint: str | Path, token_list: str | Path) -> None:
    """Refuse to go on from a checkpoint whose tokens are not those of ``token_list``, in its order.

    ESPnet writes the tokens of a training into the ``config.yaml`` beside the checkpoint.

    Raises:
        InputError: names both, with their sizes and the first line that differs.
    """
    checkpoint = Path(checkpoint)
    config = checkpoint.with_name("config.yaml")
    if not (checkpoint.exists() and config.exists()):
        return
    cure = f"remove {checkpoint.parent} to train anew"
    trained = read_mapping(config, cure).get("token_list")
    if trained is None:
        raise InputError(f"{config} holds no token_list; {cure}")
    with need(token_list, 5).open(encoding="utf-8") as lines:
        wanted = [line.rstrip() for line in lines]  # as ESPnet reads it
    if trained != wanted:
        changed = (n for n, (old, new) in enumerate(zip(trained, wanted, strict=False), 1) if old != new)
        line = next(changed, min(len(trained), len(wanted)) + 1)
        raise InputError(
            f"{checkpoint} was trained with {len(trained)} tokens; {token_list} has {len(wanted)}, and they "
            f"differ from line {line} on; train in another directory (--asr_tag, --lm_tag) or remove "
            f"{checkpoint.parent}"
        )


def _read(checkpoint: Path) -> Any | None:
    return read_saved(checkpoint, weights_only=False)  # ESPnet 202511 keeps times in it, which are no tensors
