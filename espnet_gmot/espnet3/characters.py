"""The token list of a text's characters."""

import logging
from pathlib import Path

from espnet2.bin.tokenize_text import tokenize

from espnet_gmot.driver.freshness import Record, content
from espnet_gmot.driver.lines import count_lines
from espnet_gmot.driver.stages.tokens import SYMBOLS
from espnet_gmot.files import require_file, write_aside


def list_characters(text: str | Path, token_list: Path) -> None:
    """List the characters of a Kaldi text by frequency, between ESPnet's symbols, unless that was done.

    Args:
        text: utterance id and transcript a line.
        token_list: the file to make; its directory has the record of what it was made from.

    Raises:
        InputError: there is no such text.
    """
    text = require_file(text, "run the stage create_dataset")
    record = Record(token_list.parent, text=content(text))
    if record.is_still_done(text):
        return
    token_list.parent.mkdir(parents=True, exist_ok=True)
    record.begin()
    with write_aside(token_list) as aside:
        tokenize(
            input=str(text), output=str(aside), field="2-", delimiter=None, token_type="char",
            space_symbol="<space>", non_linguistic_symbols=None, bpemodel=None, log_level="INFO",
            write_vocabulary=True, vocabulary_size=0, remove_non_linguistic_symbols=False, cutoff=0,
            add_symbol=list(SYMBOLS), cleaner=None, g2p=None, add_nonsplit_symbol=[],
        )  # fmt: skip
    record.finish()
    logging.info("%d tokens in %s", count_lines(token_list), token_list)
