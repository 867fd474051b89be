"""Draw the coupling of an utterance under one or several trained models, below its spectrogram."""

import argparse

from espnet_gmot.bin import _command
from espnet_gmot.data.character_times import read_character_times
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.driver.training_yaml import CTC_CHECKPOINT
from espnet_gmot.files import require_file
from espnet_gmot.trained.coupling_panels import coupling_panels
from espnet_gmot.trained.coupling_plot import plot_coupling

NAME_DATA = "name a Kaldi data directory"


def _experiment(text: str) -> tuple[str, str]:
    title, equals, path = text.partition("=")
    if not (title and equals and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not TITLE=EXPDIR, e.g. CTC=exp/asr_train_ctc")
    return title, path


def main() -> None:
    """Parse, compute, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--experiment", type=_experiment, action="append", required=True, help="TITLE=EXPDIR; may be repeated"
    )
    parser.add_argument("--inference_asr_model", default=CTC_CHECKPOINT, help="file in each EXPDIR")
    parser.add_argument("--data", required=True, help="Kaldi data directory, e.g. dump/raw/dev")
    parser.add_argument("--utt_id", help="utterance to draw (default: the first)")
    parser.add_argument("--ctm", help="true character times to draw, e.g. data/dev/ctm")
    parser.add_argument("--out", required=True, help="picture to write (.png, .pdf)")
    args = parser.parse_args()

    text = read_table(require_file(f"{args.data}/text", NAME_DATA), NAME_DATA)
    utt_id = args.utt_id or next(iter(text))
    spectrogram, frame_seconds, panels = coupling_panels(
        args.experiment, args.inference_asr_model, args.data, utt_id
    )
    spoken = read_character_times(args.ctm).get(utt_id, []) if args.ctm else []
    plot_coupling(args.out, spectrogram, frame_seconds, panels, title=utt_id, spoken=spoken)
    print(f"couplings of {utt_id}: {args.out}")


if __name__ == "__main__":
    _command.run(main)
