"""What is known of a decoding, whoever decoded."""

from dataclasses import replace
from pathlib import Path

import humanfriendly

from espnet_gmot.data.decoding_facts import DecodingFacts, read_facts
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.score.decoded_sets import decoded_set
from espnet_gmot.score.decoding_logs import decoding_logs, facts_of_logs
from espnet_gmot.yaml_mapping import read_mapping

DECODE_AGAIN = "decode the set again with stage 12"


def facts_of_decoding(experiment: Path, decode: str, dataset: str) -> DecodingFacts | None:
    """Tell what is known of a decoded set: what the decoder wrote itself, or else what its logs show.

    Args:
        experiment: directory of the training, whose ``config.yaml`` has the sampling rate.
        decode: name of the decoding directory in it.
        dataset: name of the set.

    Returns:
        The facts; None if neither file nor log is there.

    Raises:
        InputError: the decoder's file, or that of the hypotheses, or ``config.yaml`` is damaged.
    """
    directory = decoded_set(experiment, decode, dataset)
    text = directory / "text"
    facts = read_facts(directory, text)
    if facts is None:
        utterances = len(read_table(text, DECODE_AGAIN, allow_empty=True)) if text.is_file() else 0
        facts = facts_of_logs(decoding_logs(directory), utterances)
    if facts is None or facts.sampling_rate is not None:
        return facts
    return replace(facts, sampling_rate=sampling_rate(experiment))


def sampling_rate(experiment: Path) -> int | None:
    """The rate of the model's input in Hz from ``config.yaml``; None without one."""
    config = experiment / "config.yaml"
    if not config.is_file():
        return None
    rate = (read_mapping(config, "train again with stage 11").get("frontend_conf") or {}).get("fs")
    return None if rate is None else humanfriendly.parse_size(str(rate))  # as ESPnet reads it
