"""Stage 5, token type bpe: a sentencepiece model and its token list as ESPnet lays them out."""

import shutil
from pathlib import Path

import sentencepiece

from espnet_gmot.data.kaldi_data import write_table
from espnet_gmot.data.kaldi_text import UNKNOWN, read_table
from espnet_gmot.driver.needs import need
from espnet_gmot.errors import InputError
from espnet_gmot.files import temporary_directory, write_aside, write_text

UNUSED = "\ue000"  # of Unicode's private use: sentencepiece leaves it whole, in the place of <unk>
CONTROL_PIECES = 3  # <unk>, <s> and </s> open every sentencepiece vocabulary


def train_bpe(
    text: str | Path,
    directory: str | Path,
    n_pieces: int,
    mode: str,
    symbols: str = "",
    coverage: float = 1.0,
    max_sentences: int = 100_000_000,
) -> Path:
    """Train sentencepiece and write bpe.model, bpe.vocab and, last, tokens.txt into ``directory``.

    Args:
        text: table of transcripts.
        directory: e.g. ``data/en_token_list/bpe_unigram5000``.
        n_pieces: vocabulary size.
        mode: ``unigram`` or ``bpe``.
        symbols: symbols never split, separated by commas.
        coverage: share of the characters that get a piece.
        max_sentences: train on at most this many lines.

    Returns:
        The path of tokens.txt: ``<blank>``, ``<unk>``, the pieces, ``<sos/eos>``.

    Raises:
        InputError: no text, or a vocabulary size that does not suit it.
    """
    sentences, directory = list(read_table(text).values()), Path(directory)
    if not sentences:
        raise InputError(f"{text} holds no text; run stages 1 to 4 first")
    directory.mkdir(parents=True, exist_ok=True)
    with temporary_directory(directory) as aside:
        prefix = aside / "bpe"
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(sentences),
                model_prefix=str(prefix),
                vocab_size=n_pieces,
                model_type=mode,
                character_coverage=coverage,
                input_sentence_size=max_sentences,
                user_defined_symbols=symbols,
                minloglevel=1,
            )
        except RuntimeError as error:
            raise InputError(f"sentencepiece refuses --nbpe {n_pieces} for {text}: {error}") from error
        return _install(prefix, directory)


def encode_bpe(model: str | Path, text: str | Path, target: str | Path) -> None:
    """Write table ``text`` with each transcript as bpe pieces separated by spaces; ``<unk>`` stays whole."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(need(model, 5)))
    table = read_table(text, allow_empty=True)
    write_table(target, {key: " ".join(_pieces(processor, words)) for key, words in table.items()})


def _pieces(processor: sentencepiece.SentencePieceProcessor, words: str) -> list[str]:
    pieces = processor.encode(words.replace(UNKNOWN, UNUSED), out_type=str)
    return [part for piece in pieces for part in piece.replace(UNUSED, f" {UNKNOWN} ").split()]


def _install(prefix: Path, directory: Path) -> Path:
    vocabulary = prefix.with_suffix(".vocab").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    pieces = [line.split("\t")[0] for line in vocabulary[CONTROL_PIECES:]]
    for suffix in (".model", ".vocab"):
        with write_aside(directory / f"bpe{suffix}") as aside:
            shutil.copyfile(prefix.with_suffix(suffix), aside)
    tokens = directory / "tokens.txt"
    write_text(tokens, "\n".join(["<blank>", UNKNOWN, *pieces, "<sos/eos>"]) + "\n")
    return tokens
