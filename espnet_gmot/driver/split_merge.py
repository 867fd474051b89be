"""Split tables over jobs, and put together again what the jobs wrote."""

from pathlib import Path

from espnet_gmot.data import decoding_facts
from espnet_gmot.data.kaldi_data import c_sorted, write_table
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.driver.lines import count_lines
from espnet_gmot.driver.needs import need
from espnet_gmot.errors import InputError
from espnet_gmot.files import write_aside

DECODED = ("token", "token_int", "score", "text")  # text last: scoring looks for it


def split_scp(scp: str | Path, pattern: str, nj: int) -> int:
    """Split a table into contiguous parts of (almost) equal size, as Kaldi's split_scp.pl does.

    Args:
        scp: the table.
        pattern: name of the parts, with ``JOB`` for the number from 1.
        nj: number of parts wanted.

    Returns:
        The number of parts written: ``nj``, or the number of lines where that is smaller.

    Raises:
        InputError: a missing or empty table, or a pattern without ``JOB``.
    """
    table = read_table(scp)
    if not table:
        raise InputError(f"{scp} is empty; run the earlier stages again")
    if "JOB" not in pattern:
        raise InputError(f"{pattern} would be written by every part; put JOB into the name")
    ids = c_sorted(table)
    parts = max(1, min(nj, len(ids)))
    for part in range(parts):
        chosen = ids[part * len(ids) // parts : (part + 1) * len(ids) // parts]
        write_table(pattern.replace("JOB", str(part + 1)), {key: table[key] for key in chosen})
    return parts


def append_vocabulary_size(shape: str | Path, token_list: str | Path, target: str | Path) -> None:
    """Write the shape file ``id LENGTH`` as ``id LENGTH,VOCAB``, which ESPnet counts batch bins with."""
    size = count_lines(need(token_list, 5))
    write_table(target, {key: f"{length},{size}" for key, length in read_table(shape).items()})


def merge_decoded(pattern: str, nj: int, directory: str | Path) -> int:
    """Put the ``1best_recog`` files of all decoding jobs together, sorted by utterance id, and their facts.

    Args:
        pattern: output directory of the jobs, with ``JOB`` for the number from 1.
        nj: number of jobs.
        directory: where ``text``, ``token``, ``token_int`` and ``score`` go, and ``ctm`` and
            ``decoding.json`` if all jobs have them.

    Returns:
        The number of utterances.

    Raises:
        InputError: a job wrote no ``text``.
    """
    jobs = [Path(pattern.replace("JOB", str(job))) / "1best_recog" for job in range(1, nj + 1)]
    merged: dict[str, str] = {}
    for name in DECODED:
        files = [job / name for job in jobs]
        if name != "text" and not files[0].exists():
            continue
        merged = {}
        for file in files:
            merged |= read_table(file, allow_empty=True)
        write_table(Path(directory) / name, merged)
    times = [job / "ctm" for job in jobs]
    (Path(directory) / "ctm").unlink(missing_ok=True)  # of hypotheses that are no more
    if all(file.exists() for file in times):
        with write_aside(Path(directory) / "ctm") as aside:
            aside.write_bytes(b"".join(file.read_bytes() for file in times))
    _merge_facts(jobs, Path(directory))
    return len(merged)


def _merge_facts(jobs: list[Path], directory: Path) -> None:
    """Write what all jobs together know of the decoding, if each of them says so."""
    every = [decoding_facts.read_facts(job.parent, job / "text") for job in jobs]
    facts = [known for known in every if known is not None]
    (directory / decoding_facts.NAME).unlink(missing_ok=True)  # of hypotheses that are no more
    if len(facts) == len(every):
        decoding_facts.write_facts(directory, decoding_facts.merge_facts(facts), directory / "text")
