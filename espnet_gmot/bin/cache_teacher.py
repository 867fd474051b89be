"""Write the teacher's embeddings of all transcripts to a cache directory, and the projection fitted to them.

What is there already is kept: a rerun continues where it stopped, and with nothing to do it ends at once.
Several of these commands may fill one cache at the same time.
"""

import argparse
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from espnet2.utils.types import str2bool

from espnet_gmot.bin._command import add_embedding_options, at_least, run
from espnet_gmot.driver.freshness import NewInput, Record, content, stamp_of_directory
from espnet_gmot.driver.job_workers import workers_of
from espnet_gmot.driver.jobs import usable_cpus
from espnet_gmot.driver.parallel import Processes, parallel_map
from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file
from espnet_gmot.teacher.cache import BATCH_BINS, DTYPE, DTYPES, TeacherCache
from espnet_gmot.teacher.coverage import REFUSED_SHARE
from espnet_gmot.teacher.identity import FLOAT32, PRECISIONS
from espnet_gmot.teacher.reading import NONE, Reading

if TYPE_CHECKING:
    from espnet_gmot.teacher.build_cache import Parts

THIS_MACHINE = "run_jobs"


def get_parser() -> argparse.ArgumentParser:
    """Options of this command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", required=True, help="local directory or name on the Hugging Face hub")
    add_embedding_options(parser)
    parser.add_argument(
        "--text", nargs="+", required=True,
        help="Kaldi text files or pipes, - for the standard input: utterance id, transcript",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="cache directory; one there is completed")
    parser.add_argument("--projection", type=Path, help=".npz file to fit if it is missing (default: none)")
    parser.add_argument(
        "--projected_size", type=at_least(1),
        help="store so many coordinates in --projection for each embedding: the encoder's output_size",
    )  # fmt: skip
    parser.add_argument("--dtype", choices=DTYPES, default=DTYPE, help="of the numbers on disk")
    parser.add_argument(
        "--precision", choices=PRECISIONS, default=FLOAT32,
        help="that the teacher runs in; bfloat16 is faster on GPUs, and on CPUs with AMX or AVX512-BF16",
    )  # fmt: skip
    parser.add_argument(
        "--batch_bins", type=at_least(1), default=BATCH_BINS, help="tokens a batch, padding included"
    )
    parser.add_argument("--nj", type=at_least(1), default=1, help="number of processes or jobs")
    parser.add_argument(
        "--cmd", default="", help="what starts the jobs, as train_cmd of cmd.sh (default: this machine)"
    )
    parser.add_argument("--allow_download", type=str2bool, default=False, help="true uses the network")
    parser.add_argument(
        "--random_init", type=str2bool, default=False,
        help="true: a control, the teacher's architecture and tokenizer, its weights drawn with a fixed seed",
    )  # fmt: skip
    return parser


def main() -> None:
    """Parse, make what is missing, report."""
    args = get_parser().parse_args()
    files = _check_inputs(args)
    texts = content(*args.text) if files else None
    if texts is None or not (_is_whole(args.out) and _record(args, texts).is_done()):
        if _made_with_cache(args) and not (args.out / "meta.json").exists():
            args.projection.unlink(missing_ok=True)  # fitted to a cache that is gone
        _fill(args)
        if texts is not None:
            record = _record(args, texts)  # with a projection that may be new
            record.begin()  # only now: the cache itself knows where it stopped, and may have been refused
            record.finish()
    meta = TeacherCache(args.out).meta
    print(f"{meta.num_texts} texts, {meta.said}: {args.out}")
    if args.projection and not args.projection.exists():
        _fit(args)


def _check_inputs(args: argparse.Namespace) -> bool:
    """Refuse what cannot be read, and tell whether all texts are files, which can be read again."""
    pipes = [text for text in args.text if text == "-" or Path(text).is_fifo()]
    for text in args.text:
        if text not in pipes:
            require_file(
                text, "run stages 1 to 5, or give Kaldi text files: utterance id and transcript a line"
            )
    if args.projection and args.projection.exists():
        require_file(args.projection, "remove it, or name another --projection")
    if args.projected_size and not args.projection:
        raise InputError("--projected_size stores coordinates in --projection; name that too")
    if args.projected_size and pipes and not args.projection.exists():
        raise InputError(
            f"{args.projection} is fitted first, and then {pipes[0]} is at its end; give a file in place of "
            "the pipe, or a --projection that is there"
        )
    return not pipes


def _record(args: argparse.Namespace, texts: str) -> Record:
    return Record(
        args.out,
        teacher=args.teacher,
        weights=stamp_of_directory(args.teacher),
        layer=args.layer[0] if len(args.layer) == 1 else args.layer,
        # None as records of earlier versions, which lack it
        context=None if args.context == NONE else args.context,
        pool=None if args.pool == NONE else args.pool,
        precision=None if args.precision == FLOAT32 else args.precision,
        projected_size=args.projected_size,
        projection=content(args.projection) if args.projected_size else None,
        dtype=args.dtype,
        random_init=str(args.random_init).lower(),  # as earlier versions recorded it
        texts=texts,
        unknown=NewInput(REFUSED_SHARE),  # so that a cache of an earlier version is checked once
    )


def _is_whole(directory: Path) -> bool:
    try:
        return TeacherCache(directory).is_whole()
    except InputError:
        return False


def _made_with_cache(args: argparse.Namespace) -> bool:
    """Whether the projection is fitted to the cache, and lies beside it."""
    if not args.projection or args.projected_size:  # a cache of coordinates is made of its projection
        return False
    return args.projection.parent.resolve() == args.out.parent.resolve()


def _fill(args: argparse.Namespace) -> None:
    # Imported here: torch and transformers take seconds that a rerun with nothing to do need not wait.
    from espnet_gmot.teacher.build_cache import build_cache
    from espnet_gmot.teacher.coverage import show_coverage
    from espnet_gmot.teacher.frozen import FrozenTeacher
    from espnet_gmot.teacher.projection import Coordinates, fit_projection, teacher_embeddings
    from espnet_gmot.teacher.texts import read_transcripts
    from espnet_gmot.teacher.tokenizer import load_tokenizer

    show_coverage()
    tokenizer = load_tokenizer(args.teacher, args.allow_download)
    teacher = FrozenTeacher.load(
        args.teacher, args.layer, args.allow_download, args.random_init, args.precision
    )
    reading = Reading(args.context, args.pool)
    coordinates = None
    if args.projected_size:
        if not args.projection.exists():
            drawn = teacher_embeddings(
                teacher,
                tokenizer,
                read_transcripts(args.text),
                batch_bins=args.batch_bins,
                reading=reading,
                scratch=args.out.parent,
            )
            fit_projection(drawn, teacher.identity(reading), args.projection)
        coordinates = Coordinates(args.projection, args.projected_size)
    build_cache(
        read_transcripts(args.text), teacher, tokenizer, args.out, args.dtype, args.batch_bins,
        reading=reading, coordinates=coordinates, spread=partial(_spread, args),
    )  # fmt: skip


def _spread(args: argparse.Namespace, function: Callable[[Path], int], parts: "Parts") -> None:
    """Embed the parts here, in processes of this machine, or in jobs of ``--cmd``."""
    from espnet_gmot.teacher.build_cache import in_this_process

    workers = workers_of(args.cmd or THIS_MACHINE, args.nj, args.out / "log" / str(os.getpid()))
    if workers == Processes(1):
        in_this_process(function, parts)
        return
    if isinstance(workers, Processes):
        function = partial(
            _in_threads, max(1, usable_cpus() // min(args.nj, len(parts.files) or 1)), function
        )
    parallel_map(function, parts.files, workers, "teacher cache", unit="part", chunk=1)


def _in_threads(threads: int, function: Callable[[Path], int], part: Path) -> int:
    """Leave the other processes their share of the cores."""
    import torch

    torch.set_num_threads(threads)
    return function(part)


def _fit(args: argparse.Namespace) -> None:
    from espnet_gmot.teacher.projection import cache_embeddings, fit_projection

    cache = TeacherCache(args.out)
    projection = fit_projection(cache_embeddings(cache), cache.meta.identity, args.projection)
    print(f"{len(projection.mean)} axes of {projection.teacher}: {args.projection}")


if __name__ == "__main__":
    run(main)
