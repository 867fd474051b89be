"""Fit the principal axes of a teacher's embeddings: the fixed projection to the encoder's dimension."""

import argparse
from pathlib import Path

from espnet2.utils.types import str2bool

from espnet_gmot.bin._command import add_embedding_options, at_least, run
from espnet_gmot.teacher.cache import TeacherCache
from espnet_gmot.teacher.coverage import show_coverage
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.projection import MAX_TEXTS, cache_embeddings, fit_projection, teacher_embeddings
from espnet_gmot.teacher.reading import Reading
from espnet_gmot.teacher.texts import read_transcripts
from espnet_gmot.teacher.tokenizer import load_tokenizer
from espnet_gmot.teacher.transcript import require_characters


def main() -> None:
    """Parse, fit, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--cache", help="teacher cache: no teacher is run")
    source.add_argument("--teacher", help="local directory or name on the Hugging Face hub; needs --text")
    add_embedding_options(parser)
    parser.add_argument("--text", nargs="+", help="of --teacher: Kaldi text files")
    parser.add_argument("--out", required=True, help=".npz file to write")
    parser.add_argument("--max_texts", type=at_least(1), default=MAX_TEXTS, help="distinct texts to fit to")
    parser.add_argument("--allow_download", type=str2bool, default=False, help="true uses the network")
    args = parser.parse_args()
    if args.teacher and not args.text:
        parser.error("--teacher needs --text")
    asked = (args.layer, args.context, args.pool)
    if args.cache and asked != tuple(map(parser.get_default, ("layer", "context", "pool"))):
        parser.error(
            "--layer, --context and --pool are for --teacher; the vectors of --cache have been chosen"
        )

    if args.cache:
        cache = TeacherCache(args.cache)
        identity = cache.meta.identity
        embeddings = cache_embeddings(cache, args.max_texts)
    else:
        show_coverage()
        tokenizer = load_tokenizer(args.teacher, args.allow_download)
        teacher = FrozenTeacher.load(args.teacher, args.layer, args.allow_download)
        reading = Reading(args.context, args.pool)
        identity = teacher.identity(reading)
        require_characters(tokenizer, reading)
        embeddings = teacher_embeddings(
            teacher, tokenizer, read_transcripts(args.text), args.max_texts,
            reading=reading, scratch=Path(args.out).parent,
        )  # fmt: skip
    projection = fit_projection(embeddings, identity, args.out)
    print(f"{len(projection.mean)} axes of {identity}: {args.out}")


if __name__ == "__main__":
    run(main)
