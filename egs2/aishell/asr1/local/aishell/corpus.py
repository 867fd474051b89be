"""AISHELL-1 in any state, from an empty folder to an unpacked copy, made into Kaldi data directories."""

from collections.abc import Collection, Mapping
from pathlib import Path

from aishell.unpack import unpack_outer, unpack_speakers
from espnet_gmot.data.kaldi_data import c_sorted, check_data_dir, write_data_dir
from espnet_gmot.data.kaldi_text import first_names, read_table
from espnet_gmot.driver.archive import find_unpacked, require_writable
from espnet_gmot.driver.download import Archive, fetch
from espnet_gmot.errors import InputError

BASE_URL = "https://www.openslr.org/resources/33"
# Sizes as in ESPnet's egs2/aishell/asr1/local/download_and_untar.sh, checksums as in PaddleSpeech's
# dataset/aishell/aishell.py; openslr.org itself shows none.
DATA = Archive("data_aishell.tgz", 15_582_913_665, "2f494334227864a8a8fec932999db9d8")
RESOURCE = Archive("resource_aishell.tgz", 1_246_920, "957d480a0fcac85fc18e550756f624e5")
TRANSCRIPT = "transcript/aishell_transcript_v0.8.txt"
WAVS = 141_925
UTTERANCES = {"train": 120_098, "dev": 14_326, "test": 7_176}  # with a transcript

SAMPLE_CURE = (
    "make one with local/make_sample.py, or let --aishell name a folder with data_aishell/{wav,transcript}"
)

Wavs = dict[str, dict[str, Path]]  # set → utterance → wav


def prepare_sample(aishell: str | Path, out: str | Path) -> str:
    """Make ``train_sample``, ``dev_sample`` and ``test_sample`` under ``out``; nothing is downloaded.

    Args:
        aishell: a corpus in the unpacked layout of AISHELL-1, but smaller.
        out: the data directory.

    Returns:
        A report: a line a set, and which speakers of dev and test are heard in train.

    Raises:
        InputError: there is no such corpus, it is the whole of AISHELL-1, or a set is without an utterance.
    """
    folders = [Path(aishell), Path(aishell) / "data_aishell"]
    corpus = next((folder for folder in folders if str(aishell) and (folder / TRANSCRIPT).exists()), None)
    if corpus is None:
        raise InputError(f"'{aishell}' holds no sample in the layout of AISHELL-1; {SAMPLE_CURE}")
    wavs = find_wavs(corpus)
    if _count(wavs) == WAVS:
        raise InputError(f"{corpus} is the whole of AISHELL-1: leave out --preset sample")
    sample = {f"{name}_sample": found for name, found in wavs.items()}
    report = write_sets(sample, corpus / TRANSCRIPT, Path(out), {})
    heard = {path.parent.name for path in wavs["train"].values()}
    for name in ("dev", "test"):
        speakers = {path.parent.name for path in wavs[name].values()}
        report.append(f"{name}_sample: {len(speakers & heard)} of its {len(speakers)} speakers are in train")
    return "\n".join([f"a sample of {_count(wavs)} of the {WAVS} wavs of AISHELL-1's size", *report])


def prepare(aishell: str | Path, out: str | Path, nj: int, url: str = BASE_URL) -> str:
    """Make ``train``, ``dev`` and ``test`` under ``out``; download and unpack what is not there yet.

    Args:
        aishell: ``data_aishell`` itself or the folder that holds it, packed or unpacked; or a folder
            to download to.
        out: the data directory.
        nj: processes that unpack.
        url: where the archives are.

    Returns:
        A report: a line a set, and warnings where the counts are not those of AISHELL-1.

    Raises:
        InputError: a bad download or archive, a bad transcript file, or a set without an utterance.
    """
    if not str(aishell):
        raise InputError(
            "AISHELL is not set; let it name the corpus, or a folder to download it to, in db.sh or by "
            "--local_data_opts '--aishell DIR'"
        )
    corpus = find_or_fetch(Path(aishell), url)
    wavs = find_wavs(corpus)
    if _count(wavs) != WAVS and unpack_speakers(corpus / "wav", nj):
        wavs = find_wavs(corpus)
    report = _tell_count("wavs", _count(wavs), WAVS)
    return "\n".join(report + write_sets(wavs, corpus / TRANSCRIPT, Path(out), UTTERANCES))


def find_or_fetch(aishell: Path, url: str) -> Path:
    """Return the folder ``data_aishell`` of ``aishell``; unpack or download it if it is not there."""
    if found := find_unpacked(aishell, "data_aishell", TRANSCRIPT, "AISHELL"):
        return found
    if not (aishell / DATA.name).exists():
        require_writable(aishell, "let AISHELL name the corpus, or a folder to download it to")
        print(f"{aishell} holds no AISHELL-1: downloading it from {url} (15.6 GB)", flush=True)
        fetch(RESOURCE, aishell, url)
        fetch(DATA, aishell, url)
    resource = aishell / RESOURCE.name
    if resource.exists() and not (aishell / resource.stem).exists():
        unpack_outer(resource, aishell)
    return unpack_outer(aishell / DATA.name, aishell)


def find_wavs(corpus: Path) -> Wavs:
    """List ``wav/SET/SPEAKER/UTTERANCE.wav`` for each set."""
    return {
        name: {path.stem: path for path in sorted((corpus / "wav" / name).glob("*/*.wav"))}
        for name in UTTERANCES
    }


def write_sets(wavs: Wavs, transcript: Path, out: Path, expected: Mapping[str, int]) -> list[str]:
    """Write a data directory for each set, of the utterances that have both audio and transcript.

    Args:
        wavs: what :func:`find_wavs` returns.
        transcript: table of utterance and words; the words are joined without spaces.
        out: the data directory.
        expected: how many utterances a set is to have; of another number the report warns.

    Returns:
        The lines of the report.

    Raises:
        InputError: a malformed transcript file, or a set without an utterance.
    """
    table = read_table(transcript, "let AISHELL name a whole copy")
    text = {utterance: "".join(words.split()) for utterance, words in table.items()}
    report = []
    for name, found in wavs.items():
        both = [utterance for utterance in found if utterance in text]
        if not both:
            raise InputError(
                f"{name}: none of {len(found)} wavs has one of the {len(text)} transcripts of {transcript}; "
                "let AISHELL name a whole copy of AISHELL-1, or an empty folder to download it to"
            )
        _write_set(out / name, {utterance: found[utterance] for utterance in both}, text)
        speakers = {found[utterance].parent.name for utterance in both}
        report.append(f"{name}: {len(both)} utterances of {len(speakers)} speakers in {out / name}")
        report += _tell_count(f"{name} utterances", len(both), expected.get(name, len(both)))
    heard = {utterance for found in wavs.values() for utterance in found}
    return report + _tell_missing(heard - text.keys(), text.keys() - heard)


def _write_set(directory: Path, wavs: dict[str, Path], text: dict[str, str]) -> None:
    write_data_dir(
        directory,
        wav_scp={utterance: str(path) for utterance, path in wavs.items()},
        text={utterance: text[utterance] for utterance in wavs},
        utt2spk={utterance: path.parent.name for utterance, path in wavs.items()},
    )
    check_data_dir(directory)


def _count(wavs: Wavs) -> int:
    return sum(len(found) for found in wavs.values())


def _tell_count(what: str, found: int, expected: int) -> list[str]:
    if found == expected:
        return []
    difference = f"{expected - found} missing" if found < expected else f"{found - expected} too many"
    return [f"warning: {found} {what}, and AISHELL-1 has {expected}: {difference}"]


def _tell_missing(untranscribed: Collection[str], unheard: Collection[str]) -> list[str]:
    lines = []
    if untranscribed:
        lines.append(
            f"{len(untranscribed)} wavs have no transcript and are left out: "
            + first_names(c_sorted(untranscribed))
        )
    if unheard:
        lines.append(
            f"warning: {len(unheard)} transcripts have no wav and are left out: "
            f"{first_names(c_sorted(unheard))}; where wavs got lost, remove data_aishell and unpack it again"
        )
    return lines
