"""Write the teacher's embeddings of all transcripts to a cache directory, and the projection fitted to them.

What is there already is kept: a rerun continues where it stopped, and with nothing to do it ends at once.
"""

import argparse
from pathlib import Path

from espnet2.utils.types import str2bool

from espnet_gmot.bin._command import at_least, run
from espnet_gmot.driver.freshness import NewInput, Record, content, stamp_of_directory
from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file
from espnet_gmot.teacher.cache import BATCH_SIZE, DTYPE, DTYPES, TeacherCache
from espnet_gmot.teacher.coverage import REFUSED_SHARE


def get_parser() -> argparse.ArgumentParser:
    """Options of this command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", required=True, help="local directory or name on the Hugging Face hub")
    parser.add_argument("--layer", type=int, default=-1, help="hidden state: 0 = input embeddings, -1 = last")
    parser.add_argument("--text", nargs="+", required=True, help="Kaldi text files: utterance id, transcript")
    parser.add_argument("--out", type=Path, required=True, help="cache directory; one there is completed")
    parser.add_argument("--projection", type=Path, help=".npz file to fit if it is missing (default: none)")
    parser.add_argument("--dtype", choices=DTYPES, default=DTYPE, help="of the numbers on disk")
    parser.add_argument("--batch_size", type=at_least(1), default=BATCH_SIZE, help="texts a batch")
    parser.add_argument("--allow_download", type=str2bool, default=False, help="true uses the network")
    parser.add_argument(
        "--random_init", type=str2bool, default=False,
        help="true: a control, the teacher's architecture and tokenizer, its weights drawn with a fixed seed",
    )  # fmt: skip
    return parser


def main() -> None:
    """Parse, make what is missing, report."""
    args = get_parser().parse_args()
    for text in args.text:
        require_file(text, "run stages 1 to 5, or give Kaldi text files: utterance id and transcript a line")
    if args.projection and args.projection.exists():
        require_file(args.projection, "remove it, or name another --projection")
    record = Record(
        args.out,
        teacher=args.teacher,
        weights=stamp_of_directory(args.teacher),
        layer=args.layer,
        dtype=args.dtype,
        random_init=str(args.random_init).lower(),  # as earlier versions recorded it
        texts=content(*args.text),
        unknown=NewInput(REFUSED_SHARE),  # so that a cache of an earlier version is checked once
    )
    if not (_is_whole(args.out) and record.is_done()):
        if args.projection and not (args.out / "meta.json").exists() and _made_with_cache(args):
            args.projection.unlink(missing_ok=True)  # fitted to a cache that is gone
        _fill(args)
        record.begin()  # only now: the cache itself knows where it stopped, and may have been refused
        record.finish()
    meta = TeacherCache(args.out).meta
    print(f"{meta.num_texts} texts, {meta.identity}, {meta.dtype}: {args.out}")
    if args.projection and not args.projection.exists():
        _fit(args)


def _is_whole(directory: Path) -> bool:
    try:
        TeacherCache(directory)
    except InputError:
        return False
    return True


def _made_with_cache(args: argparse.Namespace) -> bool:
    return args.projection.parent.resolve() == args.out.parent.resolve()


def _fill(args: argparse.Namespace) -> None:
    # Imported here: torch and transformers take seconds that a rerun with nothing to do need not wait.
    from espnet_gmot.teacher.build_cache import build_cache
    from espnet_gmot.teacher.coverage import show_coverage
    from espnet_gmot.teacher.embed import read_transcripts
    from espnet_gmot.teacher.frozen import FrozenTeacher
    from espnet_gmot.teacher.tokenizer import load_tokenizer

    show_coverage()
    tokenizer = load_tokenizer(args.teacher, args.allow_download)
    teacher = FrozenTeacher.load(args.teacher, args.layer, args.allow_download, args.random_init)
    build_cache(read_transcripts(args.text), teacher, tokenizer, args.out, args.dtype, args.batch_size)


def _fit(args: argparse.Namespace) -> None:
    from espnet_gmot.teacher.projection import cache_embeddings, fit_projection

    cache = TeacherCache(args.out)
    projection = fit_projection(cache_embeddings(cache), cache.meta.identity, args.projection)
    print(f"{len(projection.mean)} axes of {projection.teacher}: {args.projection}")


if __name__ == "__main__":
    run(main)
