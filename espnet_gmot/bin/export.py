"""Turn a trained GM-OT model into a plain ESPnet model, which needs neither this package nor the teacher."""

import argparse

from espnet_gmot.bin import _command
from espnet_gmot.trained.export import export_model


def main() -> None:
    """Parse, export, report."""
    parser = argparse.ArgumentParser(prog="export", description=__doc__)
    parser.add_argument("--asr_train_config", required=True, help="e.g. exp/asr_train_gmot/config.yaml")
    parser.add_argument("--asr_model_file", required=True, help="its checkpoint, e.g. valid.cer_ctc.ave.pth")
    parser.add_argument("--out", required=True, help="directory to make, e.g. exp/asr_train_gmot_plain")
    parser.add_argument("--data", help="Kaldi data directory to compare both models on (default: noise)")
    args = parser.parse_args()

    print("exporting, and comparing with stock asr_inference in a fresh process …", flush=True)
    exported = export_model(args.asr_train_config, args.asr_model_file, args.out, args.data)
    print(f"config: {exported.config}")
    print(f"model:  {exported.model_file} (without {', '.join(exported.dropped)})")
    where = args.data or "noise"
    print(f"same {' and '.join(exported.heads)} values on {exported.num_probes} utterances of {where}")
    print(f"zip it: {exported.pack_command}")


if __name__ == "__main__":
    _command.run(main)
