"""Directories as ESPnet names them."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from espnet_gmot.driver.names import Names
from espnet_gmot.driver.options import Options
from espnet_gmot.errors import InputError


@pytest.fixture
def names(asr_sh_options):
    def make(**changes):
        own = {
            "train_set": "train",
            "valid_set": "dev",
            "test_sets": "test dev",
            "asr_config": "conf/train_asr.yaml",
        }
        own |= dict.fromkeys(("train_cmd", "cuda_cmd", "decode_cmd"), "run.pl")
        given = asr_sh_options | own | changes
        return Names(Options.parse([word for name, value in given.items() for word in (f"--{name}", value)]))

    return make


@pytest.mark.parametrize(
    ("changes", "what", "name"),
    [
        ({}, "asr_exp", "exp/asr_train_asr_raw_char"),
        ({"asr_config": ""}, "asr_exp", "exp/asr_train_raw_char"),
        ({"lang": "zh", "expdir": "other"}, "asr_exp", "other/asr_train_asr_raw_zh_char"),
        ({"asr_tag": "mine"}, "asr_exp", "exp/asr_mine"),
        ({"asr_exp": "a/b", "asr_tag": "mine"}, "asr_exp", "a/b"),
        ({"asr_exp": "a/b"}, "results_page", "a/RESULTS.md"),
        ({"asr_args": "--optim_conf lr=0.1 --init_param a/b"}, "asr_exp",
         "exp/asr_train_asr_raw_char_optim_conflr0.1_init_paramab"),
        ({"speed_perturb_factors": "0.9 1.0"}, "asr_stats_dir", "exp/asr_stats_raw_char_sp"),
        ({"asr_stats_dir": "exp/stats"}, "feats_stats", "exp/stats/train/feats_stats.npz"),
        ({"token_type": "bpe", "nbpe": "50", "lang": "en"}, "token_dir", "data/en_token_list/bpe_unigram50"),
        ({"token_type": "hugging_face", "hugging_face_model_name_or_path": "a/b"}, "token_dir",
         "data/token_list/hugging_face_a-b"),
        ({"token_type": "word"}, "token_list", "data/token_list/word/tokens.txt"),
        ({}, "lm_exp", "exp/lm_train_char"),
        ({"lm_config": "conf/lm.yaml", "lm_args": "--max_epoch 3"}, "lm_exp", "exp/lm_lm_char_max_epoch3"),
        ({"lm_tag": "mine"}, "lm_file", "exp/lm_mine/valid.loss.ave.pth"),
        ({}, "lm_test_text", "dump/raw/test/text"),
        ({"lm_test_text": "my.txt"}, "lm_test_text", "my.txt"),
        ({"dumpdir": "d"}, "lm_dev_text", "d/raw/dev/text"),
        ({"inference_config": "conf/decode.yaml"}, "decode_dir",
         "exp/asr_train_asr_raw_char/decode_asr_model_valid.acc.ave"),
        ({"inference_tag": "mine"}, "decode_dir", "exp/asr_train_asr_raw_char/mine"),
    ],
)  # fmt: skip
def test_names(names, changes, what, name):
    assert getattr(names(**changes), what) == Path(name)


def test_each_set_is_named_once(names):
    assert names(speed_perturb_factors="0.9").all_sets == ["train_sp", "dev", "test"]


def test_models_that_split_text(names):
    assert names().bpemodel == "none"
    assert names(token_type="bpe").bpemodel == "data/token_list/bpe_unigram30/bpe.model"
    assert names(token_type="hugging_face", hugging_face_model_name_or_path="a/b").bpemodel == "a/b"


def test_texts_for_tokens(names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "b.txt"):
        Path(name).touch()
    default = [Path("dump/raw/train/text")]
    assert names().token_texts == names(token_type="bpe", lm_train_text="x").token_texts == default
    assert names(lm_train_text="*.txt none").token_texts == [Path("a.txt"), Path("b.txt"), Path("none")]
    assert names(token_type="bpe", bpe_train_text="x").token_texts == [Path("x")]


@pytest.mark.parametrize("token_type", ["char", "word"])
@pytest.mark.parametrize("version", ["202511", "202611"])
def test_an_empty_line_among_symbols_is_refused_where_espnet_would_never_end(
    names, tmp_path, monkeypatch, token_type, version
):
    symbols = tmp_path / "symbols"
    symbols.write_text("<noise>\n\n<笑>\n", encoding="utf-8")

    def tokenizer(path):
        lines = set(Path(path).read_text(encoding="utf-8").split("\n"))
        return SimpleNamespace(non_linguistic_symbols=lines - {""} if version == "202611" else lines)

    monkeypatch.setattr("espnet2.text.char_tokenizer.CharTokenizer", tokenizer)
    made = names(nlsyms_txt=str(symbols), token_type=token_type)
    if (token_type, version) == ("char", "202511"):
        with pytest.raises(
            InputError, match=r"symbols has an empty line, .*; remove it: sed -i .* .*symbols$"
        ):
            _ = made.text_inputs
    else:
        assert "symbols" in made.text_inputs["--nlsyms_txt"]


def test_bpe_symbols_may_stand_in_a_file_as_espnet_has_it(names, tmp_path):
    symbols = tmp_path / "symbols"
    symbols.write_text("<noise> any remark\n\n<笑>\n", encoding="utf-8")
    assert names(bpe_nlsyms=str(symbols)).bpe_symbols == "<noise>,<笑>"
    assert names(bpe_nlsyms="<a>,<b>").bpe_symbols == "<a>,<b>"
    assert names().bpe_symbols == ""
