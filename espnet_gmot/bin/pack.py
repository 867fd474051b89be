"""Pack a GM-OT model as ESPnet's usual zip, in which an ESPnet without this plugin finds what it lacks."""

import argparse
import logging
from contextlib import redirect_stdout
from pathlib import Path

from espnet2.main_funcs import pack_funcs

from espnet_gmot.bin import _command
from espnet_gmot.driver.packed_config import packed_config
from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file, write_aside
from espnet_gmot.trained.export import needed_files
from espnet_gmot.trained.load import NAME_CONFIG, TRAIN_FIRST
from espnet_gmot.yaml_mapping import read_mapping


def main() -> None:
    """Parse, choose the configuration, let ESPnet pack.

    Raises:
        InputError: a file is missing, or the archive's name is not one of ESPnet's.
    """
    logging.basicConfig(format="%(levelname)s: %(message)s")
    parser = argparse.ArgumentParser(prog="pack", description=__doc__)
    parser.add_argument("--asr_train_config", required=True, help="e.g. exp/asr_train_gmot/config.yaml")
    parser.add_argument("--asr_model_file", required=True, help="its checkpoint, e.g. valid.cer_ctc.ave.pth")
    parser.add_argument(
        "--option", action="append", default=[],
        help="a file to add; what the model is built from, such as feats_stats.npz, is added without it",
    )  # fmt: skip
    parser.add_argument("--outpath", required=True, help="the zip to write")
    args = parser.parse_args()

    if Path(args.outpath).suffix != ".zip":
        raise InputError(f"--outpath is {args.outpath}; name a .zip")
    config = require_file(args.asr_train_config, TRAIN_FIRST)
    model = require_file(args.asr_model_file, TRAIN_FIRST)
    others = [require_file(path, "correct --option") for path in args.option]
    others += map(Path, needed_files(read_mapping(config, NAME_CONFIG), config))
    with write_aside(args.outpath) as aside, redirect_stdout(None):  # ESPnet would tell where it is aside
        pack_funcs.pack(
            files={"asr_model_file": model},
            yaml_files={"asr_train_config": packed_config(config)},
            option=dict.fromkeys(others),
            outpath=aside,
        )
    print(f"packed: {args.outpath}")


if __name__ == "__main__":
    _command.run(main)
