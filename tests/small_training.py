"""A training without randomness: configuration, batch, and one process's share of a batch."""

from pathlib import Path

import numpy as np
import torch
import yaml
from small_corpus import TOKENS, TRANSCRIPTS

Batch = dict[str, torch.Tensor]
NO_DROPOUT = {"dropout_rate": 0.0, "positional_dropout_rate": 0.0}
FULL_WEIGHT = {"fgw_weight": 1.0, "align_weight": 1.0, "warmup_steps": 0}


def gmot_conf(model_conf: dict) -> dict:
    """Return ``model_conf`` with the full weight at once and no projection file, unless it names its own."""
    projection = {} if model_conf.get("projected_side") == "acoustic" else {"projection": "random"}
    return FULL_WEIGHT | projection | model_conf


def write_config(path: Path, model_conf: dict, encoder_conf: dict | None = None, **top_level) -> Path:
    """Write a training YAML of a tiny hybrid or CTC model; its optimiser takes steps of length 0.

    The convolution module is left out: the BatchNorm in it sees one process's share of a batch.
    """
    config = {
        "token_type": "char",
        "token_list": TOKENS,
        "frontend_conf": {"n_fft": 256, "hop_length": 128, "n_mels": 20},
        "encoder": "conformer",
        "encoder_conf": {
            "output_size": 8,
            "attention_heads": 2,
            "linear_units": 16,
            "num_blocks": 2,
            "rel_pos_type": "latest",
            "use_cnn_module": False,
            **NO_DROPOUT,
            **(encoder_conf or {}),
        },
        "decoder": "transformer",
        "decoder_conf": {"linear_units": 16, "num_blocks": 1, "attention_heads": 2, **NO_DROPOUT},
        "model": "gmot",
        "model_conf": gmot_conf(model_conf) if top_level.get("model", "gmot") == "gmot" else model_conf,
        "optim": "sgd",
        "optim_conf": {"lr": 0.0},
        "grad_clip": 1e9,
        **top_level,
    }
    path.write_text(yaml.safe_dump(config, allow_unicode=True))
    return path


def save_model(directory: Path, **top_level) -> Path:
    """Write ``config.yaml`` and ``model.pth`` of a tiny CTC model that never says blank.

    Args:
        directory: to make.
        top_level: keys of the training YAML.

    Returns:
        The directory.
    """
    import espnet2.tasks.asr  # noqa: F401

    from espnet_gmot.task import GMOTTask

    directory.mkdir(parents=True)
    options = {"decoder": None, "normalize": "utterance_mvn", **top_level}
    config = write_config(directory / "train.yaml", **options)
    args = GMOTTask.get_parser().parse_args(["--config", str(config)])
    torch.manual_seed(0)
    model = GMOTTask.build_model(args)
    torch.nn.init.constant_(model.ctc.ctc_lo.bias[:1], -1e3)
    (directory / "config.yaml").write_text(yaml.safe_dump(vars(args), allow_unicode=True))
    torch.save(model.state_dict(), directory / "model.pth")
    return directory


def framed_rows(text_lengths: torch.Tensor) -> torch.Tensor:
    """Return ``teacher_rows`` (batch, N, 3) of texts with a special token on each side, a row a token."""
    lengths = text_lengths[:, None] + 2
    places = torch.arange(int(lengths.max())).expand(len(lengths), -1)  # (batch, N)
    is_text = (places > 0) & (places < lengths - 1)
    rows = torch.stack([places, places + 1, is_text.long()], dim=2)
    return rows.masked_fill((places >= lengths)[..., None], -1)


def make_batch(samples: list[int], text: list[int], constant: tuple[int, ...] = ()) -> Batch:
    """Return noise of these lengths with random transcripts and teacher embeddings of size 16.

    Args:
        samples: lengths of the utterances.
        text: lengths of the transcripts.
        constant: utterances of constant audio, whose frames are all the same.
    """
    generator = torch.Generator().manual_seed(0)
    lengths = torch.tensor(text)
    tokens = torch.randint(2, len(TOKENS) - 1, (len(text), max(text)), generator=generator)
    speech = torch.randn(len(samples), max(samples), generator=generator)
    speech[list(constant)] = 0.5
    return {
        "speech": speech,
        "speech_lengths": torch.tensor(samples),
        "text": tokens.masked_fill(torch.arange(max(text)) >= lengths[:, None], -1),
        "text_lengths": lengths,
        "teacher": torch.randn(len(text), max(text) + 2, 16, generator=generator),
        "teacher_lengths": lengths + 2,
        "teacher_rows": framed_rows(lengths),
    }


def teacher_of(batch: Batch) -> list[torch.Tensor]:
    """Return what a batch holds of the teacher, in the order in which the model takes it."""
    return [batch[name] for name in ("teacher", "teacher_lengths", "teacher_rows")]


def with_token_ids(batch: Batch) -> Batch:
    """Replace the embeddings by token ids of the teacher fixture: [CLS] is 2, [SEP] is 3."""
    text, lengths = batch["text"], batch["text_lengths"]
    ids = torch.full((len(text), text.size(1) + 2), -1)
    ids[:, 0] = 2
    ids[:, 1:-1] = torch.where(text < 0, -1, text + 3)
    ids[torch.arange(len(text)), lengths + 1] = 3
    return {**batch, "teacher": ids}


def share(batch: Batch, rank: int, world_size: int = 2) -> Batch:
    """Return every ``world_size``-th utterance, as ESPnet deals a batch out.

    Texts and teacher inputs are padded to the share's own lengths. Audio keeps the batch's padding.
    """
    dealt = {name: value[rank::world_size] for name, value in batch.items()}
    for name in ("text", "teacher"):
        dealt[name] = dealt[name][:, : int(dealt[f"{name}_lengths"].max())]
    dealt["teacher_rows"] = dealt["teacher_rows"][:, : int(dealt["teacher_lengths"].max())]
    return dealt


def train_a_step(experiment: Path, model_conf: dict, preprocessor_conf: dict) -> tuple[float, ...]:
    """Run preprocessor, collate function, model and optimiser once, keep the model, and give its losses."""
    import espnet2.tasks.asr  # noqa: F401

    from espnet_gmot.task import GMOTTask

    experiment.mkdir()
    config = write_config(
        experiment / "train.yaml", model_conf, preprocessor="gmot", preprocessor_conf=preprocessor_conf,
        decoder=None, encoder_conf={"output_size": 8},
    )  # fmt: skip
    args = GMOTTask.get_parser().parse_args(["--config", str(config)])
    torch.manual_seed(0)
    model = GMOTTask.build_model(args).train()
    process, collate = GMOTTask.build_preprocess_fn(args, True), GMOTTask.build_collate_fn(args, True)
    draw = np.random.default_rng(0)
    utterances = [
        (f"u{n}", process(f"u{n}", {"speech": draw.normal(0, 0.1, 9600).astype("float32"), "text": text}))
        for n, text in enumerate(TRANSCRIPTS)
    ]
    _, batch = collate(utterances)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = model.encoder.after_norm.weight.clone()
    loss, stats, _ = model(**batch)
    loss.backward()
    optimizer.step()
    assert all(p.grad.isfinite().all() for p in model.parameters())
    assert not torch.equal(before, model.encoder.after_norm.weight)
    (experiment / "config.yaml").write_text(yaml.safe_dump(vars(args), allow_unicode=True))
    torch.save(model.state_dict(), experiment / "model.pth")
    return float(stats["loss_fgw"]), float(stats["loss_align"])
