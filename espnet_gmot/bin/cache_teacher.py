"""Write the teacher's embeddings of all transcripts to a cache directory."""

import argparse

from espnet_gmot.bin._command import run
from espnet_gmot.teacher.cache import DTYPES, build_cache
from espnet_gmot.teacher.embed import read_transcripts
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.tokenizer import load_tokenizer


def main() -> None:
    """Parse, build, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teacher", required=True, help="local directory or name on the Hugging Face hub")
    parser.add_argument("--layer", type=int, default=-1, help="hidden state: 0 = input embeddings, -1 = last")
    parser.add_argument("--text", nargs="+", required=True, help="Kaldi text files: utterance id, transcript")
    parser.add_argument("--out", required=True, help="cache directory; one that exists is completed")
    parser.add_argument("--dtype", choices=DTYPES, default="float16", help="of the numbers on disk")
    parser.add_argument("--batch_size", type=int, default=64, help="texts a batch")
    parser.add_argument(
        "--allow_download", choices=("true", "false"), default="false", help="use the network"
    )
    parser.add_argument(
        "--random_init", choices=("true", "false"), default="false",
        help="control: the teacher's architecture and tokenizer, its weights drawn with a fixed seed",
    )  # fmt: skip
    args = parser.parse_args()

    download = args.allow_download == "true"
    tokenizer = load_tokenizer(args.teacher, download)
    teacher = FrozenTeacher.load(args.teacher, args.layer, download, args.random_init == "true")
    transcripts = read_transcripts(args.text)
    meta = build_cache(transcripts, teacher, tokenizer, args.out, args.dtype, args.batch_size)
    print(f"{meta.num_texts} texts, {meta.identity}, {meta.dtype}: {args.out}")


if __name__ == "__main__":
    run(main)
