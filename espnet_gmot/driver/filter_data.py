"""Stage 4: leave out utterances that are too short, too long, or without text."""

from collections import Counter
from pathlib import Path

from espnet_gmot.data.kaldi_data import write_data_dir, write_table
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.errors import InputError
from espnet_gmot.files import write_text


def filter_data_dir(
    source: str | Path, target: str | Path, rate: int, min_seconds: float, max_seconds: float
) -> str:
    """Copy the tables of ``source`` to ``target`` without unusable utterances.

    Args:
        source: a directory made by stage 3 (with utt2num_samples).
        target: directory to make.
        rate: sampling rate in Hz.
        min_seconds: keep what lasts longer than this, as ESPnet does.
        max_seconds: keep what lasts less than this.

    Returns:
        One line that says how many were left out and why.

    Raises:
        InputError: a missing table, or nothing is left.
    """
    source, target = Path(source), Path(target)
    samples = read_table(source / "utt2num_samples")
    text = read_table(source / "text", allow_empty=True)
    reasons = {
        utterance: _why_not(int(samples[utterance]) / rate, text[utterance], min_seconds, max_seconds)
        for utterance in text
    }
    kept = [utterance for utterance, reason in reasons.items() if reason is None]
    count = Counter(reason for reason in reasons.values() if reason is not None)
    told = ", ".join(f"{number} {reason}" for reason, number in sorted(count.items())) or "none left out"
    summary = f"{target}: {len(kept)} of {len(text)} utterances kept ({told})"
    if not kept:
        raise InputError(f"{summary}; widen --min_wav_duration and --max_wav_duration")
    _write_kept(source, target, kept, samples, text)
    return summary


def _why_not(seconds: float, words: str, min_seconds: float, max_seconds: float) -> str | None:
    if not words:
        return "without text"
    if seconds <= min_seconds:
        return f"not longer than {min_seconds:g} s"
    if seconds >= max_seconds:
        return f"not shorter than {max_seconds:g} s"
    return None


def _write_kept(
    source: Path, target: Path, kept: list[str], samples: dict[str, str], text: dict[str, str]
) -> None:
    wav_scp, utt2spk = read_table(source / "wav.scp"), read_table(source / "utt2spk")
    write_table(target / "utt2num_samples", {utterance: samples[utterance] for utterance in kept})
    write_text(target / "feats_type", "raw\n")
    write_data_dir(
        target,
        {utterance: wav_scp[utterance] for utterance in kept},
        {utterance: text[utterance] for utterance in kept},
        {utterance: utt2spk[utterance] for utterance in kept},
    )
