"""Real-time factor of ESPnet3's inference: with our best-path decoder, and with ESPnet's search.

    python -m benchmarks.decoding_espnet3

writes ``benchmarks/decoding_espnet3.md``.
"""

import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import yaml
from espnet2.bin.asr_inference import Speech2Text
from torch import Tensor

from benchmarks.decoding import CALIBRATION, decoding_parser
from benchmarks.decoding_contenders import OURS, Contender, best_path, reference
from benchmarks.decoding_measure import Row, measure
from benchmarks.decoding_model import make_speech, write_model
from benchmarks.decoding_page import factor_cell, targets_table, verdict
from benchmarks.machine import cpu_name
from benchmarks.training_step_models import FULL, SMALL, Size
from espnet_gmot.bin._command import run
from espnet_gmot.decoding.decoder import BATCH_SIZE
from espnet_gmot.errors import InputError
from espnet_gmot.files import write_text
from espnet_gmot.score.markdown_table import markdown_table
from espnet_gmot.score.results_page import environment
from espnet_gmot.trained.load import load_trained_model

GREEDY, SEARCH = "ESPnet3, best path", "ESPnet3, search"
YAML = Path(__file__).parents[1] / "egs3/TEMPLATE/esp2_asr/conf/inference.yaml"
A_CALL = yaml.safe_load(YAML.read_text(encoding="utf-8"))["batch_size"]  # utterances
LIMIT = 1.05
HEADER = ["", "batch", "real-time factor", f"× {OURS}", "differing"]
TEXT = f"""\
From waveforms in memory to text, on the CPU. Model, speech and columns are those of
[decoding.md](decoding.md).

- {OURS}: our decoder as stage 12 of egs2 calls it.
- {GREEDY}: the same in ESPnet3's inference, as `conf/inference.yaml` of egs3 asks for it:
  {A_CALL} utterances a call, with the checks of ESPnet3's contract.
- {SEARCH}: ESPnet's `asr_inference` there, with CTC alone and beam 1, as
  `conf/inference_beam.yaml`. It runs once, on fewer utterances.
- × {OURS}: median of the rounds' ratios; of the search, the ratio to the others' median.
- Differing: texts other than that of the collapsed argmax."""


def main() -> None:
    args = decoding_parser(__doc__, utterances=64, page=Path(__file__).with_suffix(".md")).parse_args()
    if find_spec("espnet3") is None:
        raise InputError("ESPnet3 is not installed; it comes with ESPnet 202611 and later")
    size, speech = SMALL if args.small else FULL, make_speech(args.utterances)
    rows = decode(size, speech, args.rounds, args.beam_utterances)
    command = shlex.join(["python", "-m", "benchmarks.decoding_espnet3", *sys.argv[1:]])
    write_text(args.out, page(command, rows))
    print(f"{args.out} written")


def decode(size: Size, speech: Sequence[Tensor], rounds: int, beam_utterances: int) -> list[Row]:
    """Let the three decode in turn."""
    from espnet_gmot.espnet3.greedy import GreedySpeech2Text

    with tempfile.TemporaryDirectory() as directory:
        config, checkpoint = write_model(Path(directory), size, speech[:CALIBRATION])
        model, _ = load_trained_model(config, checkpoint, "cpu")

        def texts(hypotheses: Sequence[Sequence[int]]) -> list[str]:
            return ["".join(model.token_list[index] for index in ids) for ids in hypotheses]

        ours = best_path(model, BATCH_SIZE)
        expected = texts(reference(config, checkpoint, speech))
        greedy = GreedySpeech2Text(str(config), str(checkpoint))
        search = Speech2Text(
            str(config), str(checkpoint), ctc_weight=1.0, lm_weight=0.0, ngram_weight=0.0, beam_size=1
        )
        contenders = [
            Contender(OURS, "cpu", BATCH_SIZE, decode=lambda each: texts(ours(each))),
            Contender(GREEDY, "cpu", BATCH_SIZE, decode=_inference(greedy, A_CALL)),
            Contender(SEARCH, "cpu", 1, beam_size=1, decode=_inference(search, None)),
        ]
        return measure(contenders, speech, expected, rounds, beam_utterances)


def _inference(recogniser: Callable, a_call: int | None) -> Callable[[Sequence[Tensor]], list[str]]:
    """ESPnet3's way through contract, model and formatting, as its stage ``infer`` goes it.

    Args:
        recogniser: its ``model``.
        a_call: utterances that come in a list; None gives them one by one.
    """
    from espnet3.contract.inference import load_inference_contract

    from espnet_gmot.espnet3.runner import ASRRunner

    template = files("egs3.TEMPLATE.esp2_asr").joinpath("conf/inference.yaml").read_text(encoding="utf-8")
    contract = load_inference_contract(yaml.safe_load(template)["contract"])

    def decode(speech: Sequence[Tensor]) -> list[str]:
        dataset = [{"utt_id": str(place), "speech": each.numpy()} for place, each in enumerate(speech)]
        infer = partial(
            ASRRunner.forward,
            dataset=dataset,
            model=recogniser,
            input_key="speech",
            inference_contract=contract,
        )
        places = list(range(len(dataset)))
        if a_call is None:
            return [infer(place)["text"] for place in places]
        calls = (places[first : first + a_call] for first in range(0, len(places), a_call))
        return [found["text"] for call in calls for found in infer(call)]

    return decode


def page(command: str, rows: Sequence[Row]) -> str:
    """Return the whole page."""
    ours, greedy, _ = rows
    ratio = _ratio(greedy, ours)
    target = [f"{GREEDY}: at most {LIMIT} × {OURS}", f"{ratio:.3f}", verdict(ratio <= LIMIT)]
    parts = [
        f"<!-- Generated by `{command}` -->\n# Speed of ESPnet3's inference",
        TEXT,
        f"Command: `{command}`.",
        targets_table(["target", "measured", "verdict"], [target]),
        markdown_table(HEADER, [_cells(row, ours) for row in rows], left={0, 2}),
        f"{environment(Path(__file__).parent)}\n- CPU: `{cpu_name()}`, threads: {torch.get_num_threads()}",
    ]
    return "\n\n".join(parts) + "\n"


def _cells(row: Row, ours: Row) -> list[str]:
    return [
        row.contender.name,
        str(row.contender.batch_size),
        factor_cell(row),
        f"{_ratio(row, ours):.3f}",
        f"{row.differing} of {row.compared}",
    ]


def _ratio(row: Row, ours: Row) -> float:
    """Of the real-time factors: round by round, or of a row that ran once, to the others' median."""
    theirs = np.array(ours.seconds) / ours.audio
    factors = np.array(row.seconds) / row.audio
    return float(np.median(factors / (theirs if len(factors) == len(theirs) else np.median(theirs))))


if __name__ == "__main__":
    run(main)
