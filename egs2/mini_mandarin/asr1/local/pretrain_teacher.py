"""Train a small BERT on a text file, one sentence a line; the directory it makes is a teacher."""

import argparse
from dataclasses import fields
from pathlib import Path

from small_bert.options import PRESETS, PretrainOptions
from small_bert.pretrain import pretrain

from espnet_gmot.bin._command import run


def main() -> None:
    """Parse, train, report."""
    preset = argparse.ArgumentParser(add_help=False)
    preset.add_argument("--preset", choices=PRESETS, default="demo", help="defaults of the other options")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter, parents=[preset]
    )
    parser.add_argument("--text", required=True, help="training text, one sentence a line")
    parser.add_argument("--out", required=True, help="directory to make")
    for option in fields(PretrainOptions):
        parser.add_argument(
            f"--{option.name}", type=option.type, default=option.default, help=option.metadata["help"]
        )
    parser.set_defaults(**PRESETS[preset.parse_known_args()[0].preset])
    options = vars(parser.parse_args())
    text, out = options.pop("text"), options.pop("out")
    del options["preset"]
    if not Path(out).exists():
        print(f"training a small BERT; log: {out}.partial/pretrain.log, then {out}/pretrain.log", flush=True)
    metrics = pretrain(text, out, PretrainOptions(**options))
    print(f"held-out masked-token accuracy {100 * metrics['masked_accuracy']:.1f} %: {out}")


if __name__ == "__main__":
    run(main)
