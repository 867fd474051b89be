"""Stage 5: the token list of each kind, and what it lacks."""

from pathlib import Path

import pytest

from espnet_gmot.driver.commands import CommandFailed
from espnet_gmot.errors import InputError


def test_characters_by_espnets_command(recipe, no_report):
    log = recipe.run(stop_stage=5, cleaner="korean_cleaner")
    (call,) = recipe.called("tokenize_text")
    assert call.startswith("now --quietly data/token_list/char/tokens.log py -m espnet2.bin.tokenize_text")
    for part in (
        "--token_type char --field 2- --input data/token_list/char/train.txt",
        "--cleaner korean_cleaner --g2p none --non_linguistic_symbols none",
        "--write_vocabulary true --add_symbol <blank>:0 --add_symbol <unk>:1 --add_symbol <sos/eos>:-1",
    ):
        assert part in call
    assert "4 tokens in data/token_list/char/tokens.txt" in log


def test_hugging_face_tokens(recipe, no_report):
    recipe.run(stop_stage=5, token_type="hugging_face", hugging_face_model_name_or_path="a/b")
    (call,) = recipe.called("hugging_face_export_vocabulary")
    assert "--model_name_or_path a/b" in call
    assert Path("data/token_list/hugging_face_a-b/tokens.txt").read_text().startswith("<blank>")


@pytest.mark.parametrize(
    ("module", "changes"),
    [
        ("espnet2.bin.tokenize_text", {}),
        (
            "espnet2.bin.hugging_face_export_vocabulary",
            {"token_type": "hugging_face", "hugging_face_model_name_or_path": "a/b"},
        ),
    ],
)
def test_a_token_list_appears_whole_or_not_at_all(recipe, module, changes):
    with pytest.raises(CommandFailed):
        recipe.run(stop_stage=5, fails_in=module, **changes)
    (directory,) = Path("data/token_list").iterdir()
    assert {path.name for path in directory.iterdir()} == {".begun", "train.txt"}


def test_unknown_tokens_of_every_set_are_reported_once(recipe):
    Path("data/test/text").write_text("u1 ab\n")
    log = recipe.run(stop_stage=5)
    assert "dump/raw/train/text: all 1 tokens are in the token list" in log
    assert "dump/raw/dev/text: all 1 tokens are in the token list" in log
    assert "dump/raw/test/text: 1 of 2 tokens are outside the token list, in 1 utterances (u1): b ×1" in log
    log = recipe.run(stage=5, stop_stage=5)
    assert "already done (remove data/token_list/char/unknown_tokens/.done to redo)" in log
    assert "tokens are" not in log


def test_several_texts_are_joined_line_by_line(recipe):
    Path("more.txt").write_text("x1 a\nx2")
    recipe.run(stop_stage=4)
    recipe.run(stage=5, stop_stage=5, lm_train_text="more.txt data/tr*/text")
    assert Path("data/token_list/char/train.txt").read_text() == "x1 a\nx2\nu1 a\n"


def test_symbols_that_espnet_would_misread_are_refused(recipe):
    Path("nlsyms").write_bytes(b"\xef\xbb\xbf<noise>\n")
    with pytest.raises(InputError, match="nlsyms holds a byte-order mark, which ESPnet takes for a part of"):
        recipe.run(stop_stage=5, nlsyms_txt="nlsyms")
    assert not Path("data/token_list").exists()


@pytest.mark.parametrize(
    ("symbols", "unused"),
    [
        ("<noise>\n<laugh>\n", None),
        ("<noise>\n<laugh>\n<sil>\n", "1 of 3 symbols stand in no transcript (<sil>)"),
    ],
)
def test_symbols_that_stand_in_no_transcript_are_told(recipe, symbols, unused):
    for dset, text in (("train", "u1 a <noise>\n"), ("test", "u1 a<laugh>\n")):
        Path(f"data/{dset}/text").write_text(text)
    Path("nlsyms").write_text(symbols)
    log = recipe.run(stop_stage=5, nlsyms_txt="nlsyms")
    assert ("symbols stand in no transcript" in log) == (unused is not None)
    assert unused is None or f"--nlsyms_txt nlsyms: {unused}" in log
