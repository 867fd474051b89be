"""Best-path CTC decoding in batches, with the output files of ``espnet2.bin.asr_inference``."""

import argparse
import logging

from espnet2.utils import config_argparse
from espnet2.utils.types import str2bool, str2triple_str

from espnet_gmot.bin import _command
from espnet_gmot.decoding.decoder import BATCH_SIZE
from espnet_gmot.decoding.job import decode_data
from espnet_gmot.errors import InputError

# What best-path decoding is in the words of asr_inference, so that both read the same configuration.
GREEDY_SEARCH = {"ctc_weight": 1.0, "lm_weight": 0.0, "penalty": 0.0, "beam_size": 1}


def get_parser() -> argparse.ArgumentParser:
    """Return the parser; the names are those of ``espnet2.bin.asr_inference``."""
    parser = config_argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--asr_train_config", required=True, help="config.yaml of the trained model")
    parser.add_argument("--asr_model_file", required=True, help="checkpoint of the trained model")
    parser.add_argument(
        "--data_path_and_name_and_type", type=str2triple_str, required=True, action="append",
        help="e.g. dump/raw/test/wav.scp,speech,sound",
    )  # fmt: skip
    parser.add_argument("--key_file", default=None, help="file whose first column lists the utterances")
    parser.add_argument("--output_dir", required=True, help="gets 1best_recog/{text,token,token_int,score}")
    parser.add_argument("--batch_size", type=int, default=BATCH_SIZE, help="most utterances in a batch")
    parser.add_argument("--num_workers", type=_command.at_least(0), default=1, help="data-loader processes")
    parser.add_argument("--ngpu", type=_command.at_least(0), default=0, help="0 decodes on the CPU")
    parser.add_argument(
        "--timestamps", type=str2bool, default=False,
        help="write 1best_recog/ctm too: utterance, 1, start and duration in seconds, token, confidence",
    )  # fmt: skip
    for name, value in GREEDY_SEARCH.items():
        parser.add_argument(
            f"--{name}", type=float, default=value, help=f"accepted with the value {value:g} only"
        )
    return parser


def decode(args: argparse.Namespace) -> None:
    """Decode as ``args`` say and print where the hypotheses are."""
    options = vars(args)
    options.pop("config", None)
    for name, value in GREEDY_SEARCH.items():
        given = options.pop(name)
        if given != value:
            raise InputError(
                f"--{name} is {given:g}, but greedy decoding is --{name} {value:g}; "
                "decode with espnet2.bin.asr_inference for anything else (asr.sh --ctc_greedy false)"
            )
    print(f"hypotheses: {decode_data(**options) / 'text'}")


def main() -> None:
    """Parse the command line and decode."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s (%(module)s:%(lineno)d) %(levelname)s: %(message)s"
    )
    decode(get_parser().parse_args())


if __name__ == "__main__":
    _command.run(main)
