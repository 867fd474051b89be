"""Show a trained model in the browser: speech in, transcript with times and confidences and coupling out."""

import argparse
from pathlib import Path

from espnet_gmot.bin import _command
from espnet_gmot.demo_page.page import build_page, serve
from espnet_gmot.demo_page.recogniser import Recogniser
from espnet_gmot.driver.training_yaml import CTC_CHECKPOINT


def main() -> None:
    """Parse, load the model, serve."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--experiment", required=True, help="e.g. exp/asr_train_gmot, with config.yaml")
    parser.add_argument("--inference_asr_model", default=CTC_CHECKPOINT, help="file in the experiment")
    _command.add_address_options(parser)
    args = parser.parse_args()

    recogniser = Recogniser.from_experiment(args.experiment, args.inference_asr_model)
    serve(build_page(recogniser, Path(args.experiment).resolve().name), args.host, args.port)


if __name__ == "__main__":
    _command.run(main)
