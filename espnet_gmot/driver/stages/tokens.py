"""Stage 5: the token list, and which tokens of the transcripts it lacks."""

import logging
from collections.abc import Sequence
from pathlib import Path

from espnet_gmot.data.kaldi_text import first_names, read_symbols, read_table
from espnet_gmot.driver.bpe import train_bpe
from espnet_gmot.driver.commands import Commands
from espnet_gmot.driver.freshness import Record, content
from espnet_gmot.driver.lines import count_lines, join_lines
from espnet_gmot.driver.names import Names
from espnet_gmot.driver.needs import need
from espnet_gmot.driver.options import Options
from espnet_gmot.files import require_file, write_aside

SYMBOLS = ("<blank>:0", "<unk>:1", "<sos/eos>:-1")  # with their places


def token_list(options: Options, commands: Commands) -> None:
    """Make the token list and report what the transcripts hold besides."""
    names = Names(options)
    texts = [need(text, 4) for text in names.token_texts]
    record = Record(
        names.token_dir,
        **names.text_inputs,
        **({} if options.token_type == "bpe" else names.token_model),  # bpe's is what is made here
        text=content(*texts),
        bpe_nlsyms=names.bpe_symbols,
        bpe_char_cover=options.bpe_char_cover,
        bpe_input_sentence_size=options.bpe_input_sentence_size,
    )
    if not record.is_still_done(*texts):
        record.begin()
        _make_token_list(options, commands, join_lines(texts, names.token_dir / "train.txt"))
        record.finish()
        logging.info("%d tokens in %s", count_lines(names.token_list), names.token_list)
    _report_unknown_tokens(options)


def _make_token_list(options: Options, commands: Commands, text: Path) -> None:
    names = Names(options)
    if options.token_type == "bpe":
        train_bpe(
            text,
            names.token_dir,
            options.nbpe,
            options.bpemode,
            names.bpe_symbols,
            options.bpe_char_cover,
            options.bpe_input_sentence_size,
        )
        return
    log = names.token_dir / "tokens.log"
    with write_aside(names.token_list) as aside:
        if options.token_type == "hugging_face":
            commands.run_jobs(
                options.train_cmd, log, "espnet2.bin.hugging_face_export_vocabulary",
                "--model_name_or_path", options.hugging_face_model_name_or_path, "--output", aside,
            )  # fmt: skip
        else:
            symbols = [word for each in SYMBOLS for word in ("--add_symbol", each)]
            commands.run_jobs(
                options.train_cmd, log, "espnet2.bin.tokenize_text", "--token_type", options.token_type,
                "--field", "2-", "--input", text, "--output", aside, "--cleaner", options.cleaner,
                "--g2p", options.g2p, "--non_linguistic_symbols", options.nlsyms_txt,
                "--write_vocabulary", "true", *symbols,
            )  # fmt: skip
        require_file(aside, f"{log} says why, or typeguard is older than 4.2, with which ESPnet loses it")


def _report_unknown_tokens(options: Options) -> None:
    names = Names(options)
    texts = [names.data_feats / dset / "text" for dset in names.all_sets]
    inputs = {f"{dset} text": content(text) for dset, text in zip(names.all_sets, texts, strict=True)}
    record = Record(names.token_dir / "unknown_tokens", **names.token_inputs, **inputs)
    if record.is_still_done(names.token_list, *texts):
        return
    from espnet_gmot.driver.unknown_tokens import find_unknown_tokens  # imports ESPnet, ten seconds

    record.begin()
    bpemodel, cleaner, symbols = (
        None if value == "none" else value for value in (names.bpemodel, options.cleaner, options.nlsyms_txt)
    )
    for text in texts:
        logging.info(
            find_unknown_tokens(text, names.token_list, options.token_type, bpemodel, cleaner, symbols)
        )
    if symbols is not None:
        _warn_of_unused_symbols(symbols, texts)
    record.finish()


def _warn_of_unused_symbols(nlsyms_txt: str, texts: Sequence[Path]) -> None:
    written = "\n".join(words for text in texts for words in read_table(text, allow_empty=True).values())
    symbols = read_symbols(nlsyms_txt)
    unused = [symbol for symbol in symbols if symbol not in written]
    if unused:
        logging.warning(
            "--nlsyms_txt %s: %d of %d symbols stand in no transcript (%s); where one is misspelled, that of "
            "the transcripts is split and counted",
            nlsyms_txt,
            len(unused),
            len(symbols),
            first_names(unused),
        )
