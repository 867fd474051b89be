"""What the training benchmark trains: ESPnet's AISHELL CTC conformer with and without GM-OT, and a batch."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

SAMPLE_RATE = 16000
TEACHER_SIZE = 768  # of bert-base-chinese
MEAN_SECONDS = 4.5  # of an utterance of AISHELL-1
CHARACTERS_A_SECOND = 3.2  # AISHELL-1: 14.4 characters in 4.5 s

ENCODER = {
    "attention_heads": 4,
    "dropout_rate": 0.1,
    "positional_dropout_rate": 0.1,
    "attention_dropout_rate": 0.1,
    "input_layer": "conv2d",
    "normalize_before": True,
    "rel_pos_type": "latest",
    "pos_enc_layer_type": "rel_pos",
    "selfattention_layer_type": "rel_selfattn",
    "activation_type": "swish",
    "macaron_style": True,
    "use_cnn_module": True,
    "cnn_module_kernel": 31,
}
SPECAUG = {
    "apply_time_warp": True,
    "time_warp_window": 5,
    "time_warp_mode": "bicubic",
    "apply_freq_mask": True,
    "freq_mask_width_range": [0, 27],
    "num_freq_mask": 2,
    "apply_time_mask": True,
    "time_mask_width_ratio_range": [0.0, 0.05],
    "num_time_mask": 10,
}
# As in conf/mini_mandarin/train_gmot_full.yaml after its warm-up; a projection file would cost the same.
GMOT = {"alpha": 0.5, "fgw_weight": 5.0, "align_weight": 5.0, "warmup_steps": 0, "projection": "random"}


class Size(NamedTuple):
    """How large model and batch are.

    Attributes:
        encoder: what is scaled of the encoder, the keys of ESPnet's ``encoder_conf``.
        vocabulary: tokens, blank and end of sentence included.
        utterances: in the batch.
    """

    encoder: dict[str, int]
    vocabulary: int
    utterances: int


FULL = Size({"output_size": 256, "linear_units": 1024, "num_blocks": 15}, 4233, 32)
SMALL = Size({"output_size": 16, "linear_units": 32, "num_blocks": 1}, 50, 2)


def build_model(model: str, size: Size) -> nn.Module:
    """Build ``espnet`` or ``gmot`` through ESPnet's task, ready to train, with the same random weights.

    The configuration is that of ESPnet's ``train_asr_ctc_conformer_e15_linear1024`` (26.76 M parameters in
    its AISHELL results), but features are normalised by utterance: global statistics need a corpus.
    """
    from espnet_gmot.task import GMOTTask  # takes ten seconds: only the measuring processes need it

    args = GMOTTask.get_parser().parse_args([])
    args.model, args.model_conf = model, {"ctc_weight": 1.0, **(GMOT if model == "gmot" else {})}
    args.encoder, args.encoder_conf = "conformer", ENCODER | size.encoder
    args.specaug, args.specaug_conf = "specaug", SPECAUG
    args.normalize = "utterance_mvn"
    args.token_list = ["<blank>", "<unk>", *map(str, range(size.vocabulary - 3)), "<sos/eos>"]
    torch.manual_seed(0)
    return GMOTTask.build_model(args).train()


def make_batch(model: str, size: Size) -> dict[str, Tensor]:
    """Return noise of 2 to 7 seconds, random transcripts and, for ``gmot``, random cached embeddings.

    Returns:
        What ESPnet's collate function makes: ``speech`` (batch, samples), ``text`` (batch, characters) padded
        with -1, ``teacher`` (batch, characters + 2, 768) padded with 0, each with its lengths, and
        ``teacher_rows`` (batch, characters + 2, 3) padded with -1.
    """
    generator = torch.Generator().manual_seed(0)
    seconds = torch.empty(size.utterances).uniform_(2.0, 7.0, generator=generator)
    samples = (SAMPLE_RATE * seconds).long()
    characters = (CHARACTERS_A_SECOND * seconds).round().long()
    longest = int(characters.max())

    beyond = torch.arange(longest) >= characters[:, None]  # (batch, characters)
    text = torch.randint(2, size.vocabulary - 1, beyond.shape, generator=generator).masked_fill(beyond, -1)
    speech = torch.randn(size.utterances, int(samples.max()), generator=generator)
    batch = {"speech": speech, "speech_lengths": samples, "text": text, "text_lengths": characters}
    if model == "gmot":
        beyond = torch.arange(longest + 2) >= characters[:, None] + 2  # both special tokens count
        embeddings = torch.randn(*beyond.shape, TEACHER_SIZE, generator=generator)
        batch["teacher"] = embeddings.masked_fill(beyond[..., None], 0.0)
        batch["teacher_lengths"] = characters + 2
        places = torch.arange(longest + 2).expand_as(beyond)
        is_text = (places > 0) & (places <= characters[:, None])
        rows = torch.stack([places, places + 1, is_text.long()], dim=2)
        batch["teacher_rows"] = rows.masked_fill(beyond[..., None], -1)
    return batch
