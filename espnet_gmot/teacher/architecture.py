"""What a teacher's architecture allows: its encoder, its vocabulary, its positions."""

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.hub import first_line, from_config, quiet

POSITION_TABLES = ("position_embeddings", "embed_positions", "wpe")  # names of a module with a row a position
PROBE_LENGTH = 3  # tokens of the text that tells what a model gives
ROUNDING = 1e-4  # of the largest number: what a batch may change in a text's vectors


@dataclass(frozen=True)
class Limits:
    """Which token ids a teacher takes.

    Args:
        vocabulary: number of input embeddings; ids are below it.
        positions: tokens of the longest text, None without a limit (relative positions).
        padding: the id that gets no position of its own, as in RoBERTa; None where every token has one.
    """

    vocabulary: int
    positions: int | None
    padding: int | None


def read_limits(name_or_dir: str, allow_download: bool) -> Limits:
    """Tell a teacher's limits from its ``config.json`` alone: the model is built without memory for weights.

    Raises:
        InputError: no such model can be built, or it has no input embeddings.
    """
    with torch.device("meta"):
        model = from_config("AutoModel", name_or_dir, allow_download)
    try:
        vocabulary = model.get_input_embeddings().weight.shape[0]
    except (NotImplementedError, AttributeError) as error:
        raise InputError(
            f"teacher {name_or_dir} has no embeddings of tokens ({type(model).__name__}); "
            "choose a text model as docs/teachers.md lists them"
        ) from error
    encoder = encoder_of(model, name_or_dir)
    tables = _position_tables(encoder)
    paddings = {table.padding_idx for table in tables if getattr(table, "padding_idx", None) is not None}
    return Limits(vocabulary, _position_limit(encoder, tables), max(paddings, default=None))


def encoder_of(model: Any, name: str) -> Any:
    """Return the part of a model that reads a text: the encoder of an encoder–decoder, otherwise all of it.

    T5's encoder saved alone says that it is no encoder–decoder, and AutoModel adds the decoder again.

    Raises:
        InputError: an encoder–decoder that does not give its encoder away.
    """
    has_decoder = "decoder_input_ids" in inspect.signature(model.forward).parameters
    if not (has_decoder or getattr(model.config, "is_encoder_decoder", False)):
        return model
    try:
        return model.get_encoder()
    except (NotImplementedError, AttributeError) as error:
        raise InputError(
            f"teacher {name} is an encoder–decoder ({type(model).__name__}) without an encoder to be used "
            "alone; choose a text model as docs/teachers.md lists them"
        ) from error


def hidden_states(encoder: Any, ids: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
    """Return the hidden states (B, N, d) of each layer, input embeddings first, of token ids (B, N)."""
    states: tuple[Tensor, ...] = encoder(
        input_ids=ids, attention_mask=mask.long(), output_hidden_states=True, return_dict=True
    ).hidden_states
    return states


def probe(encoder: Any, name: str) -> tuple[Tensor, ...]:
    """Return the hidden states (1, PROBE_LENGTH, d) of a short text, which tell what a model gives.

    Raises:
        InputError: the model does not run over a text, does not give one embedding a token, or gives other
            embeddings where a longer text is in the batch.
    """
    family = f"teacher {name} ({type(encoder).__name__})"
    try:
        ids = torch.arange(PROBE_LENGTH, device=encoder.device)[None]
        with quiet():
            states = hidden_states(encoder, ids, torch.ones_like(ids))
            with_padding = hidden_states(encoder, *_beside_a_longer_text(ids))
        lengths = {state.shape[1] for state in states}
    except Exception as error:  # any family has its own
        raise InputError(
            f"{family} gives no hidden states of a text ({first_line(error)}); choose a text model as "
            "docs/teachers.md lists them"
        ) from error
    if lengths != {PROBE_LENGTH}:
        raise InputError(
            f"{family} does not give one embedding a token in each layer; choose a text model as "
            "docs/teachers.md lists them"
        )
    for alone, padded in zip(states, with_padding, strict=True):
        if (alone[0] - padded[0, :PROBE_LENGTH]).abs().max() > ROUNDING * alone.abs().max():
            raise InputError(
                f"{family} gives a text other embeddings where a longer one is in the batch, so that they "
                "depend on the other texts; choose a text model as docs/teachers.md lists them"
            )
    return states


def _beside_a_longer_text(ids: Tensor) -> tuple[Tensor, Tensor]:
    """A text (1, N), padded, in a batch with itself twice (2, 2 N); and the mask."""
    longer = torch.cat([ids, ids], 1)
    mask = torch.ones_like(longer).repeat(2, 1)
    mask[0, ids.size(1) :] = 0
    return longer * mask, mask


def _position_tables(encoder: nn.Module) -> list[Any]:
    return [
        module
        for name, module in encoder.named_modules()
        if name.rpartition(".")[2] in POSITION_TABLES and hasattr(module, "weight")
    ]


def _position_limit(encoder: Any, tables: list[Any]) -> int | None:
    """Count the positions: rows of the table without those before the first token's.

    BART's positions begin at ``offset``, RoBERTa's behind ``padding_idx``. Nyströmformer's table has two
    rows more than its ``position_ids``. Without a table ``config.json`` says how long the texts were
    (ModernBERT), unless positions are relative (T5, DeBERTa).
    """
    if not tables:
        relative = getattr(encoder.config, "relative_attention", False)
        stated = getattr(encoder.config, "max_position_embeddings", None)
        return None if relative or stated is None or stated < 1 else stated
    counts = [len(table.weight) - _first_position(table) for table in tables]
    counts += [
        ids.shape[-1] for name, ids in encoder.named_buffers() if name.rpartition(".")[2] == "position_ids"
    ]
    return min(counts)


def _first_position(table: Any) -> int:
    if hasattr(table, "offset"):
        return int(table.offset)
    padding = getattr(table, "padding_idx", None)
    return 0 if padding is None else padding + 1
