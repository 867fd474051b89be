"""Best-path CTC decoding, with the output files of ``espnet2.bin.asr_inference``."""

import argparse
import logging
from pathlib import Path

import torch
from espnet2.fileio.datadir_writer import DatadirWriter
from espnet2.tasks.asr import ASRTask
from espnet2.text.build_tokenizer import build_tokenizer
from espnet2.utils import config_argparse
from espnet2.utils.types import str2triple_str
from tqdm import tqdm

from espnet_gmot.bin import _command
from espnet_gmot.errors import InputError
from espnet_gmot.files import require_file

# What best-path decoding is in the words of asr_inference, so that both read the same configuration.
GREEDY_SEARCH = {"ctc_weight": 1.0, "lm_weight": 0.0, "penalty": 0.0, "beam_size": 1}


def best_path(log_probs: torch.Tensor, lengths: torch.Tensor, blank_id: int) -> list[tuple[list[int], float]]:
    """Collapse the most likely CTC path of each utterance.

    Args:
        log_probs: CTC log posteriors (batch, T, vocabulary).
        lengths: valid frames (batch,).
        blank_id: index of the blank symbol.

    Returns:
        For each utterance the token ids and the path's log probability.

    Example:
        >>> probs = torch.eye(3)[torch.tensor([[0, 1, 1, 0, 1, 2]])]
        >>> best_path(probs.clamp(min=1e-9).log(), torch.tensor([6]), blank_id=0)[0][0]
        [1, 1, 2]
    """
    scores, paths = log_probs.max(dim=-1)  # (batch, T)
    results = []
    for path, score, length in zip(paths.cpu(), scores.cpu(), lengths.tolist(), strict=True):
        tokens = torch.unique_consecutive(path[:length])
        results.append((tokens[tokens != blank_id].tolist(), score[:length].sum().item()))
    return results


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
    parser.add_argument(
        "--batch_size", type=int, default=1,
        help="utterances in a batch; above 1, ESPnet's convolutions see the padding behind the shorter ones, "
        "which can add a token at their end",
    )  # fmt: skip
    parser.add_argument("--num_workers", type=int, default=1, help="data-loader processes")
    parser.add_argument("--ngpu", type=int, default=0, help="0 decodes on the CPU")
    for name, value in GREEDY_SEARCH.items():
        parser.add_argument(
            f"--{name}", type=float, default=value, help=f"accepted with the value {value:g} only"
        )
    return parser


@torch.no_grad()
def decode(args: argparse.Namespace) -> None:
    """Decode every utterance that ``args`` names and write the hypotheses."""
    for name, value in GREEDY_SEARCH.items():
        if getattr(args, name) != value:
            raise InputError(
                f"--{name} is {getattr(args, name):g}, but greedy decoding is --{name} {value:g}; "
                "decode with espnet2.bin.asr_inference for anything else (asr.sh --ctc_greedy false)"
            )
    require_file(args.asr_train_config, "train the model first (stage 11)")
    require_file(args.asr_model_file, "train the model first (stage 11) or name another checkpoint")
    device = "cuda" if args.ngpu > 0 else "cpu"
    model, train_args = ASRTask.build_model_from_file(args.asr_train_config, args.asr_model_file, device)
    if model.ctc is None:
        raise InputError(f"{args.asr_train_config}: the model has no CTC (ctc_weight: 0)")
    model.eval()
    tokenizer = build_tokenizer(token_type=train_args.token_type, bpemodel=train_args.bpemodel)
    batches = ASRTask.build_streaming_iterator(
        args.data_path_and_name_and_type,
        dtype="float32",
        batch_size=args.batch_size,
        key_file=args.key_file,
        num_workers=args.num_workers,
        preprocess_fn=ASRTask.build_preprocess_fn(train_args, False),
        collate_fn=ASRTask.build_collate_fn(train_args, False),
        inference=True,
    )
    with DatadirWriter(args.output_dir) as writer:
        out = writer["1best_recog"]
        for keys, batch in tqdm(batches, desc="decoding", unit="batch"):
            encoded, lengths = model.encode(batch["speech"].to(device), batch["speech_lengths"].to(device))
            hidden = encoded[0] if isinstance(encoded, tuple) else encoded
            log_probs = model.ctc.log_softmax(hidden)  # (batch, T, vocabulary)
            for key, (ids, score) in zip(keys, best_path(log_probs, lengths, model.blank_id), strict=True):
                tokens = [model.token_list[i] for i in ids]
                out["token"][key] = " ".join(tokens)
                out["token_int"][key] = " ".join(map(str, ids))
                out["score"][key] = str(score)
                out["text"][key] = tokenizer.tokens2text(tokens)


def main() -> None:
    """Parse the command line and decode."""
    logging.basicConfig(level=logging.INFO)
    args = get_parser().parse_args()
    decode(args)
    print(f"hypotheses: {Path(args.output_dir) / '1best_recog' / 'text'}")


if __name__ == "__main__":
    _command.run(main)
