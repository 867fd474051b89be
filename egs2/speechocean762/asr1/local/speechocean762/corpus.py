"""speechocean762 in any state, from an empty folder to an unpacked copy, made into Kaldi data directories."""

import shutil
from pathlib import Path

from espnet_gmot.data.kaldi_data import check_data_dir, write_data_dir
from espnet_gmot.driver.archive import find_unpacked, require_writable, unpack_folder
from espnet_gmot.driver.download import Archive, fetch
from espnet_gmot.errors import InputError
from speechocean762.split import split
from speechocean762.tables import Utterances, read_set
from speechocean762.voices import tell_voices

BASE_URL = "https://www.openslr.org/resources/101"
# Size as in Kaldi's egs/gop_speechocean762/s5/local/download_and_untar.sh; nobody publishes a checksum.
ARCHIVE = Archive("speechocean762.tar.gz", 520_810_923)
GROWTH = 1.5  # 5,000 recordings of 4 s in 16 bits, and their scores: 0.7 GB
LOOK_AT = "train/wav.scp"  # a folder that has it is the corpus


def prepare(corpus: str | Path, out: str | Path, url: str = BASE_URL) -> str:
    """Make ``train``, ``dev``, ``test`` and ``test_seen`` under ``out``; download what is not there yet.

    Args:
        corpus: ``speechocean762`` itself or the folder that holds it, packed or unpacked; or a folder to
            download to.
        out: the data directory.
        url: where the archive is.

    Returns:
        A report: a line a set, and warnings where the corpus is not the whole one.

    Raises:
        InputError: a bad download, archive or table, a recording that is missing, or a set without an
            utterance.
    """
    if not str(corpus):
        raise InputError(
            "SPEECHOCEAN762 is not set; let it name the corpus, or a folder to download it to, in db.sh or "
            "by --local_data_opts '--corpus DIR'"
        )
    corpus = find_or_fetch(Path(corpus), url)
    train, warnings = read_set(corpus, "train")
    test, more = read_set(corpus, "test")
    sets, report = split(train, test)
    for name, utterances in sets.items():
        report += _write_set(Path(out) / name, utterances)
    voices = tell_voices(corpus, {name: sets[name].speakers for name in ("train", "dev")})
    return "\n".join([*warnings, *more, *report, *voices])


def find_or_fetch(corpus: Path, url: str) -> Path:
    """Return the folder ``speechocean762`` of ``corpus``; unpack or download it if it is not there."""
    if found := find_unpacked(corpus, "speechocean762", LOOK_AT, "SPEECHOCEAN762"):
        return found
    if not (corpus / ARCHIVE.name).exists():
        require_writable(corpus, "let SPEECHOCEAN762 name the corpus, or a folder to download it to")
        print(f"{corpus} holds no speechocean762: downloading it from {url} (0.5 GB)", flush=True)
        fetch(ARCHIVE, corpus, url)
    cure = f"copy it again, or remove it and run again: {ARCHIVE.name} is then downloaded"
    return unpack_folder(corpus / ARCHIVE.name, corpus, "speechocean762", cure, GROWTH)


def _write_set(directory: Path, utterances: Utterances) -> list[str]:
    if not utterances.wavs:
        shutil.rmtree(directory, ignore_errors=True)  # an earlier run's
        return [f"warning: {directory} would be empty and is not made; run with --test_sets 'dev test'"]
    wavs = {utterance: str(wav) for utterance, wav in utterances.wavs.items()}
    write_data_dir(directory, wavs, utterances.text, utterances.utt2spk)
    check_data_dir(directory)
    return []
