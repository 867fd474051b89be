"""Text for masked-language-model training: character tokenizer, held-out lines, batches, masks."""

import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.hub import import_transformers

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNK, CLS, SEP, MASK = range(len(SPECIAL_TOKENS))
MAX_HELD_OUT = 1000  # lines; enough for an accuracy to half a percent


def character_tokenizer(lines: Iterable[str], min_count: int, max_length: int) -> Any:
    """Make a BertTokenizer whose vocabulary is the characters that occur ``min_count`` times.

    BertTokenizer keeps Chinese characters apart. Words of other scripts become their first character
    and ``##`` continuations, one a character.

    Raises:
        InputError: no character is frequent enough.
    """
    splitter = _bert_tokenizer(SPECIAL_TOKENS).backend_tokenizer
    counts: Counter[str] = Counter()
    for line in lines:
        for word, _ in splitter.pre_tokenizer.pre_tokenize_str(splitter.normalizer.normalize_str(line)):
            counts[word[0]] += 1
            counts.update(f"##{character}" for character in word[1:])
    frequent = sorted((c for c, n in counts.items() if n >= min_count), key=lambda c: (-counts[c], c))
    if not frequent:
        raise InputError(f"no character occurs {min_count} times; lower --min_count or give more text")
    return _bert_tokenizer((*SPECIAL_TOKENS, *frequent), model_max_length=max_length)


def hold_out(lines: list[str], share: float, seed: int) -> tuple[list[str], list[str]]:
    """Return (training lines, held-out lines); no held-out line occurs among the training lines."""
    distinct = sorted(set(lines))
    if len(distinct) < 2:
        raise InputError(f"{len(distinct)} distinct lines are too few to train and test on; give more text")
    count = min(max(1, round(share * len(distinct))), MAX_HELD_OUT)
    drawn = np.random.default_rng(seed).choice(len(distinct), count, replace=False)
    held_out = {distinct[index] for index in drawn}
    return [line for line in lines if line not in held_out], sorted(held_out)


def token_sequences(tokenizer: Any, lines: list[str]) -> list[Tensor]:
    """Return [CLS] line [SEP] of each line; a line beyond the tokenizer's limit gives several."""
    room = tokenizer.model_max_length - 2
    return [
        torch.tensor([CLS, *ids[start : start + room], SEP])
        for ids in tokenizer(lines, add_special_tokens=False, verbose=False)["input_ids"]
        for start in range(0, len(ids), room)
    ]


def batches_of_epoch(lengths: np.ndarray, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Return the indices of each batch: like lengths together, batches in random order.

    Args:
        lengths: (S,) of the sequences.
        batch_size: sequences a batch.
        seed: of the draw; the same seed and epoch give the same batches, so a resumed run repeats them.
        epoch: from 0.
    """
    rng = np.random.default_rng((seed, epoch))
    order = rng.permutation(len(lengths))
    order = order[np.argsort(lengths[order], kind="stable")]  # ties stay shuffled
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    rng.shuffle(batches)
    return batches


def pad(sequences: list[Tensor]) -> Tensor:
    """Return (B, N) token ids of sequences (N,), PAD behind."""
    return pad_sequence(sequences, batch_first=True, padding_value=PAD)


def choose_masked(ids: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """Draw which tokens to predict: (B, N) bool, each known character with probability ``rate``."""
    return (torch.rand(ids.shape, generator=generator) < rate) & (ids > MASK)


def corrupt(ids: Tensor, masked: Tensor, vocabulary: int, generator: torch.Generator) -> Tensor:
    """Replace 80 % of the masked tokens by [MASK], 10 % by a random character, and keep 10 %.

    Source: Devlin et al., BERT, NAACL 2019, section 3.1.
    """
    targets = ids[masked]  # (M,)
    draw = torch.rand(targets.shape, generator=generator)
    random = torch.randint(MASK + 1, vocabulary, targets.shape, generator=generator)
    replaced = torch.where(draw < 0.8, MASK, torch.where(draw < 0.9, random, targets))
    return ids.masked_scatter(masked, replaced)


def _bert_tokenizer(tokens: Iterable[str], **options: Any) -> Any:
    """Make a BertTokenizer of a vocabulary, by the one way that transformers 4 and 5 share: from its file."""
    with tempfile.TemporaryDirectory() as directory:
        vocabulary = Path(directory) / "vocab.txt"
        vocabulary.write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8")
        return import_transformers().BertTokenizerFast(str(vocabulary), **options)
