"""Small things that many tests need: a model, a batch, a teacher directory."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from small_corpus import TOKENS, TRANSCRIPTS
from small_training import framed_rows, gmot_conf

ASR_SH = Path(__file__).parents[1] / "egs2" / "TEMPLATE" / "asr1" / "asr.sh"

# A machine that is busy with other things is no fault of a test.
settings.register_profile("without_deadline", deadline=None)
settings.load_profile("without_deadline")

# Triton reads this when it is imported: without a GPU its kernels run in the interpreter.
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"


@pytest.fixture(scope="session")
def teacher_dir(tmp_path_factory):
    """A BERT with random weights (2 layers, size 16) over the test characters, with its tokenizer."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    directory = tmp_path_factory.mktemp("teacher")
    vocabulary = directory / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *TOKENS[2:-1]]) + "\n")
    tokenizer = BertTokenizerFast(str(vocabulary), do_lower_case=False)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
    )
    BertModel(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


@pytest.fixture
def build_model():
    """Build a tiny model through ESPnet's own task, from the same keys as a YAML."""
    import espnet2.tasks.asr  # noqa: F401

    import espnet_gmot  # noqa: F401

    def build(model_conf=None, model="gmot", encoder="conformer", decoder=None, **top_level):
        from espnet_gmot.task import GMOTTask

        model_conf = {"ctc_weight": 1.0, **(model_conf or {})}
        encoder_conf = {"output_size": 8, "attention_heads": 2, "linear_units": 16, "num_blocks": 2}
        if encoder == "conformer":
            encoder_conf["rel_pos_type"] = "latest"
        if encoder == "e_branchformer":
            encoder_conf["cgmlp_linear_units"] = 16
        options = {
            "token_list": TOKENS,
            "token_type": "char",
            "model": model,
            "model_conf": gmot_conf(model_conf) if model == "gmot" else model_conf,
            "encoder": encoder,
            "encoder_conf": encoder_conf,
            "frontend_conf": {"n_fft": 256, "hop_length": 128, "n_mels": 20},
            "normalize": None,
            **top_level,
        }
        if decoder is not None:
            options |= {
                "decoder": decoder,
                "decoder_conf": {"linear_units": 16, "num_blocks": 1, "attention_heads": 2},
            }
        args = GMOTTask.get_parser().parse_args([])
        for name, value in options.items():
            setattr(args, name, value)
        torch.manual_seed(0)
        return GMOTTask.build_model(args)

    return build


@pytest.fixture
def projection(tmp_path):
    """A projection for embeddings of size 16, and the identity of its teacher."""
    from espnet_gmot.teacher.identity import TeacherIdentity
    from espnet_gmot.teacher.projection import fit_projection

    rng = np.random.default_rng(0)
    identity = TeacherIdentity("老师", 2, "abc", random_init=True)
    path = tmp_path / "projection.npz"
    fit_projection([rng.normal(size=(9, 16)) for _ in range(4)], identity, path)
    return str(path), identity


@pytest.fixture
def batch():
    """Three utterances of noise with transcripts and random teacher embeddings of size 16."""
    rng = np.random.default_rng(0)
    speech_lengths = torch.tensor([9600, 8000, 6400])
    text_lengths = torch.tensor([len(text) for text in TRANSCRIPTS])
    text = torch.full((3, 5), -1)
    embeddings = torch.zeros(3, 7, 16)
    for i, transcript in enumerate(TRANSCRIPTS):
        text[i, : len(transcript)] = torch.tensor([TOKENS.index(char) for char in transcript])
        embeddings[i, : len(transcript) + 2] = torch.from_numpy(rng.normal(size=(len(transcript) + 2, 16)))
    return {
        "speech": torch.from_numpy(rng.normal(size=(3, 9600)).astype("float32")),
        "speech_lengths": speech_lengths,
        "text": text,
        "text_lengths": text_lengths,
        "teacher": embeddings,
        "teacher_lengths": text_lengths + 2,
        "teacher_rows": framed_rows(text_lengths),
    }


@pytest.fixture(scope="session")
def asr_sh_options() -> dict[str, str]:
    """The options of asr.sh with their defaults, as bash reads them."""
    block = ASR_SH.read_text().split("# >>> options")[1].split("# <<< options")[0]
    names = re.findall(r"^([a-z][a-z0-9_]*)=", block, re.MULTILINE)
    script = block + "\n".join(f'printf "%s\\0" "${{{name}}}"' for name in names)
    values = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True).stdout
    return dict(zip(names, values.removesuffix("\0").split("\0"), strict=True))
