"""Load an archive in each way that ESPnet has, with the plugin or without it; run in a fresh process."""

import json
import sys
import traceback

import torch

SAMPLES = 32000


def log_posteriors(speech2text):
    """CTC's log posteriors of the first frame of some noise."""
    noise = torch.randn(1, SAMPLES, generator=torch.Generator().manual_seed(0))
    hidden, _ = speech2text.asr_model.encode(noise, torch.tensor([SAMPLES]))
    return speech2text.asr_model.ctc.log_softmax(hidden)[0, 0].tolist()


def ways(archive):
    """The ways, by name: functions that return ESPnet's Speech2Text."""
    from espnet2.bin.asr_inference import Speech2Text
    from espnet_model_zoo.downloader import ModelDownloader

    ModelDownloader.__init__.__defaults__ = (f"{archive}.unpacked",)  # else beside the package or in HOME
    found = {
        "from_pretrained": lambda: Speech2Text.from_pretrained(archive),
        "download_and_unpack": lambda: Speech2Text(**ModelDownloader().download_and_unpack(archive)),
    }
    try:
        import espnet
        from espnet2.bin.align import ForcedAligner
    except ImportError:
        return found  # these are of ESPnet 202611
    return found | {
        "espnet.load": lambda: espnet.load(archive, task="asr", device="cpu"),
        "espnet align": lambda: ForcedAligner.from_pretrained(archive).model,
    }


def main(archive, plugin):
    """Print what each way gives: log posteriors, or the last line of the error."""
    if plugin == "without":
        sys.modules["espnet_gmot"] = None  # importing it fails, as if it were not installed
    else:
        import espnet_gmot  # noqa: F401
    found = {}
    for way, load in ways(archive).items():
        try:
            found[way] = log_posteriors(load())
        except ValueError as error:
            found[way] = traceback.format_exception_only(error)[-1]
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
