"""Tiny models whose every part speaks up, utterances of ragged lengths, and a trained model's files."""

import numpy as np
import pytest
import soundfile
import torch
import yaml
from torch import nn

RATE = 16000
# Also one frame apart, of equal length, just long enough for subsampling, too short for it, and for the STFT.
SAMPLES = (16000, 12345, 9000, 4000, 1200, 900, 500, 100, 24000, 16001, 16128, 16000)
OPTIONS = {
    "token_type": "char",
    "token_list": ["<blank>", "<unk>", *"abcdefgh", "<sos/eos>"],
    "model_conf": {"ctc_weight": 1.0},
    "encoder": "conformer",
    "encoder_conf": {
        "output_size": 16,
        "attention_heads": 2,
        "linear_units": 32,
        "num_blocks": 2,
        "rel_pos_type": "latest",
        "macaron_style": True,
    },
    "frontend_conf": {"fs": RATE, "n_mels": 20},
    "normalize": "utterance_mvn",
}


def train(options):
    """Return a model as if trained: biases and running statistics are not what they start as."""
    import espnet_gmot  # noqa: F401
    from espnet_gmot.task import GMOTTask

    args = GMOTTask.get_parser().parse_args([])
    for name, value in (OPTIONS | options).items():
        setattr(args, name, value)
    torch.manual_seed(0)
    model = GMOTTask.build_model(args).eval()
    for parameter in model.parameters():
        if parameter.dim() == 1:
            nn.init.normal_(parameter, std=0.3)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
    _vary_symbols(model)
    return model, args


@torch.no_grad()
def _vary_symbols(model):
    """Let the path change its symbol often: logits are 0 for the mean frame of some noise."""
    output = model.ctc.ctc_lo
    nn.init.normal_(output.weight, std=3.0)
    hidden, _ = model.encode(torch.randn(1, RATE), torch.tensor([RATE]))
    mean = (hidden[0] if isinstance(hidden, tuple) else hidden)[0].mean(0)
    output.bias.copy_(-(output.weight @ mean))


@pytest.fixture(scope="session")
def trained():
    """Build a tiny model; the keys are those of a YAML, ``encoder_conf`` is added to the conformer's."""

    def build(encoder="conformer", encoder_conf=None, **options):
        conf = OPTIONS["encoder_conf"] if encoder == "conformer" else {}
        return train({"encoder": encoder, "encoder_conf": conf | (encoder_conf or {}), **options})[0]

    return build


@pytest.fixture(scope="session")
def speech():
    """Noise, an entry for each of ``SAMPLES``."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(count, generator=generator) for count in SAMPLES]


@pytest.fixture(scope="session")
def model_files(tmp_path_factory):
    """``config.yaml`` and checkpoint of a trained model."""
    directory = tmp_path_factory.mktemp("exp")
    model, args = train({})
    (directory / "config.yaml").write_text(yaml.safe_dump(vars(args)))
    torch.save(model.state_dict(), directory / "model.pth")
    return directory / "config.yaml", directory / "model.pth"


@pytest.fixture
def wav_scp(tmp_path):
    """Five recordings of 0.3 to 0.7 s, not in the order of their lengths."""
    rng = np.random.default_rng(0)
    lines = []
    for number, seconds in enumerate((0.5, 0.3, 0.7, 0.4, 0.6), start=1):
        path = tmp_path / f"u{number}.wav"
        soundfile.write(path, rng.uniform(-0.5, 0.5, int(RATE * seconds)), RATE)
        lines.append(f"u{number} {path}\n")
    (tmp_path / "wav.scp").write_text("".join(lines))
    return tmp_path / "wav.scp"
