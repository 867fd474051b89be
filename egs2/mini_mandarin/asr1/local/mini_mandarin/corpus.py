"""The whole corpus: three Kaldi data directories and the teacher's text."""

import json
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

from espnet_gmot.data.kaldi_data import check_data_dir, write_data_dir
from espnet_gmot.errors import InputError
from espnet_gmot.files import write_text
from mini_mandarin import espeak, text
from mini_mandarin.presets import Preset
from mini_mandarin.speech import SAMPLE_RATE, Utterance, make_wavs, times_path


def prepare(preset: Preset, out: str | Path, seed: int, nj: int) -> str:
    """Make ``train``, ``dev``, ``test`` and ``local/teacher.txt`` under ``out``; keep wavs already there.

    Beside Kaldi's tables each set has ``ctm``, the true character times
    (``utterance 1 start duration character``, seconds).

    Args:
        preset: sizes and voices.
        out: the data directory.
        seed: everything drawn depends on it.
        nj: number of processes.

    Returns:
        a report, a line a set and one for the teacher's text.

    Raises:
        InputError: a negative seed, ``out`` holds another preset or seed, a package is missing, a voice is
            unknown, or the disk is too small.
    """
    if seed < 0:
        raise InputError(f"--seed is {seed}; give 0 or more")
    out = Path(out)
    espeak.require_voices(preset.train_voices + preset.dev_voices + preset.test_voices)
    paragraphs = text.read_paragraphs()
    candidates = text.candidate_sentences(paragraphs, preset)
    sentences = text.select_sentences(candidates, preset, seed)
    _claim(out, preset, seed)
    voices = {"train": preset.train_voices, "dev": preset.dev_voices, "test": preset.test_voices}
    report = [f"{len(candidates)} distinct sentences to draw from"]
    for name in sentences:
        utterances = plan_utterances(name, sentences[name], voices[name])
        wavs = make_wavs(utterances, out / "local" / "wav" / name, preset, seed, nj)
        _write_set(out / name, utterances, wavs)
        report.append(_describe(name, sentences, wavs, voices[name]))
    lines = text.teacher_lines(paragraphs, sentences["dev"] + sentences["test"], seed)
    write_text(out / "local" / "teacher.txt", "\n".join(lines) + "\n")
    report.append(f"teacher: {len(lines)} lines, {sum(map(len, lines))} characters")
    return "\n".join(report)


def plan_utterances(name: str, sentences: list[str], voices: tuple[str, ...]) -> list[Utterance]:
    """Give each sentence of set ``name`` its id ``<voice>-<set><number>``, voice (in turn) and syllables.

    Raises:
        InputError: pypinyin is not installed.

    Example:
        >>> plan_utterances("dev", ["人民"], ("m1",))  # doctest: +NORMALIZE_WHITESPACE
        [Utterance(id='m1-dev00000', voice='m1', sentence='人民', pinyin=('ren2', 'min2'))]
    """
    try:
        from pypinyin import Style, lazy_pinyin
    except ImportError as error:
        raise InputError(f"the package pypinyin is not installed; {text.INSTALL}") from error
    utterances = []
    for number, sentence in enumerate(sentences):
        voice = voices[number % len(voices)]
        pinyin = lazy_pinyin(sentence, style=Style.TONE3, neutral_tone_with_five=True)
        utterances.append(Utterance(f"{voice}-{name}{number:05d}", voice, sentence, tuple(pinyin)))
    return utterances


def _claim(out: Path, preset: Preset, seed: int) -> None:
    """Write down preset and seed in ``out``; refuse an ``out`` made with others."""
    claim = out / "local" / "corpus.json"
    content = json.dumps({"seed": seed, "preset": asdict(preset)}, indent=1) + "\n"
    if not claim.exists():
        write_text(claim, content)
    elif _claimed(claim) != json.loads(content):
        raise InputError(
            f"{out} was made with another preset or seed (see {claim}); "
            f"remove {out} or choose another directory"
        )


def _claimed(claim: Path) -> Any:
    """What an earlier run wrote down; settings that there were not yet had their defaults."""
    content = json.loads(claim.read_text(encoding="utf-8"))
    defaults = {field.name: field.default for field in fields(Preset) if field.default is not MISSING}
    return content | {"preset": json.loads(json.dumps(defaults)) | content["preset"]}


def _write_set(directory: Path, utterances: list[Utterance], wavs: dict[str, Path]) -> None:
    ctms = [times_path(wavs[utterance_id]) for utterance_id in sorted(wavs)]
    write_text(directory / "ctm", "".join(ctm.read_text(encoding="utf-8") for ctm in ctms))
    write_data_dir(
        directory,
        wav_scp={utterance_id: str(wav) for utterance_id, wav in wavs.items()},
        text={utterance.id: utterance.sentence for utterance in utterances},
        utt2spk={utterance.id: utterance.voice for utterance in utterances},
    )
    check_data_dir(directory)


def _describe(
    name: str, sentences: dict[str, list[str]], wavs: dict[str, Path], voices: tuple[str, ...]
) -> str:
    hours = sum(wav.stat().st_size for wav in wavs.values()) / (2 * SAMPLE_RATE * 3600)
    characters = "".join(sentences[name])
    unseen = set(characters) - set("".join(sentences["train"]))
    return (
        f"{name}: {len(wavs)} utterances, {hours:.2f} h, {len(voices)} voices, {len(characters)} characters "
        f"({len(set(characters))} distinct, {len(unseen)} not in train)"
    )
