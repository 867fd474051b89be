"""Train a small BERT on a text file, one sentence a line; the directory it makes is a teacher."""

import argparse
from dataclasses import fields

from small_bert.options import PretrainOptions
from small_bert.pretrain import pretrain

from espnet_gmot.bin._command import run


def main() -> None:
    """Parse, train, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--text", required=True, help="training text, one sentence a line")
    parser.add_argument("--out", required=True, help="directory to make")
    for option in fields(PretrainOptions):
        parser.add_argument(
            f"--{option.name}", type=option.type, default=option.default, help=option.metadata["help"]
        )
    options = vars(parser.parse_args())
    text, out = options.pop("text"), options.pop("out")
    metrics = pretrain(text, out, PretrainOptions(**options))
    print(f"held-out masked-token accuracy {100 * metrics['masked_accuracy']:.1f} %: {out}")


if __name__ == "__main__":
    run(main)
