"""Stages 12 and 13: decoding and scoring."""

import os
from pathlib import Path

import pytest

from espnet_gmot.driver.commands import CommandFailed
from espnet_gmot.errors import InputError

EXP = Path("exp/asr_train_small_raw_char")
DECODED = EXP / "inference_asr_model_valid.acc.ave" / "test"


def test_results_of_an_earlier_model_do_not_outlive_a_decoding_that_failed(recipe):
    recipe.run()
    (DECODED / "score_cer").mkdir()
    (DECODED / "logdir" / "asr_inference.7.log").touch()
    assert (DECODED / "text").is_file()
    (EXP / "valid.acc.ave.pth").write_text("new")
    with pytest.raises(CommandFailed):
        recipe.run(stage=12, fails_in="espnet2.bin.asr_inference")
    assert not (DECODED / "text").exists()
    assert not (DECODED / "score_cer").exists()
    assert not list(DECODED.glob("logdir/*.log"))
    with pytest.raises(InputError, match=f"{DECODED}/text does not exist; run stage 12 first"):
        recipe.run(stage=13)


def test_another_decoder_decodes_anew_into_the_same_directory(recipe, said_again):
    Path("conf/decode.yaml").write_text("beam_size: 1\n")
    recipe.run(inference_config="conf/decode.yaml")
    assert "--config conf/decode.yaml" in recipe.called("asr_inference")[0]
    log = recipe.run(stage=12, inference_config="conf/decode.yaml", ctc_greedy=True)
    assert said_again(EXP / "decode_asr_model_valid.acc.ave" / "test", "decoder") in log
    assert "asr_ctc_greedy" in recipe.modules


def test_ctc_greedy_decodes_by_our_command(recipe):
    log = recipe.run(ctc_greedy=True, inference_args="--batch_size 4")
    (call,) = recipe.called("asr_ctc_greedy")
    target = EXP / "ctc_greedy_batch_size4_asr_model_valid.acc.ave" / "test"
    assert call.startswith(
        f"now --quietly --gpu 0 JOB=1:1 {target}/logdir/asr_inference.JOB.log py -m espnet_gmot"
    )
    assert "asr_ctc_greedy --ngpu 0 --data_path_and_name_and_type dump/raw/test/wav.scp,speech,sound" in call
    assert call.endswith("--batch_size 4")
    assert f"decoding test, 1 job(s); log: {target}/logdir/asr_inference.*.log" in log
    assert f"{target}/text: 1 utterances" in log


def test_on_the_gpu_by_its_launcher(recipe):
    recipe.run(gpu_inference=True, cuda_cmd="slurm.pl --config conf/slurm.conf")
    (call,) = recipe.called("asr_inference")
    assert call.startswith("slurm.pl --config conf/slurm.conf --gpu 1 JOB=1:1 ")
    assert "--ngpu 1" in call


def test_a_model_file_that_is_not_there_the_message_lists_those_that_are(recipe):
    recipe.run()
    message = "valid.none.pth does not exist; --inference_asr_model names one of: valid.acc.ave.pth"
    with pytest.raises(InputError, match=message):
        recipe.run(stage=12, inference_asr_model="valid.none.pth")


def test_the_text_is_scored_cleaned_and_without_non_linguistic_symbols(recipe, no_report):
    Path("nlsyms").write_text("<소음>\n", encoding="utf-8")
    options = {"cleaner": "korean_cleaner", "nlsyms_txt": "nlsyms"}
    recipe.run(stop_stage=12, **options)
    Path("dump/raw/test/text").write_text("u1 LG  5\u3000<소음> <소음>.\n", encoding="utf-8")
    (DECODED / "text").write_text("u1 LG 오 <소음>\n", encoding="utf-8")
    recipe.run(stage=13, **options)
    scored = DECODED / "score_text"
    assert f"score --ref {scored}/ref --hyp {scored}/hyp " in recipe.called("score")[0]
    # what is recognised is not cleaned, as in ESPnet's asr.sh
    assert (scored / "ref").read_text() == "u1 엘지 오 <소음>.\n"
    assert (scored / "hyp").read_text() == "u1 LG 오\n"
    assert sorted(path.name for path in scored.iterdir()) == ["hyp", "ref"]


def test_characters_and_words_are_scored_and_the_page_is_written(recipe):
    recipe.run()
    cer, wer = recipe.called("score")
    assert f"--utt2spk dump/raw/test/utt2spk --token_type char --out {DECODED}/score_cer" in cer
    assert f"--token_type word --out {DECODED}/score_wer" in wer
    assert recipe.calls[-1].endswith("stage results_page --expdir exp --out exp/RESULTS.md")


def test_facts_of_another_decoder_go_with_its_text(recipe):
    recipe.run(stop_stage=12, ctc_greedy=True, inference_tag="same")
    decoded = Path("exp/asr_train_small_raw_char/same/test")
    for place in (decoded, decoded / "logdir/output.1"):
        (place / "decoding.json").write_text("{}")
    recipe.run(stage=12, stop_stage=12, inference_tag="same")
    assert not list(decoded.rglob("decoding.json"))


@pytest.mark.parametrize("command", ["train_cmd", "cuda_cmd", "decode_cmd"])
def test_an_empty_command_of_cmd_sh_is_refused_by_name(recipe, command):
    with pytest.raises(InputError, match="cmd.sh leaves a command empty; set train_cmd"):
        recipe.run(stop_stage=12, **{command: ""})


def test_a_decoding_of_an_earlier_version_is_made_again_for_a_new_model(recipe):
    recipe.run(stop_stage=12, inference_tag="same")
    (Path("exp/asr_train_small_raw_char/same/test") / ".done").write_text("123 4 5\n")
    assert "is of an earlier version" in recipe.run(stage=12, stop_stage=12, inference_tag="same")
    assert not recipe.calls
    done = Path("exp/asr_train_small_raw_char/same/test/.done")
    done.write_text("123 4 5\n")
    os.utime(done, (1, 1))
    recipe.run(stage=12, stop_stage=12, inference_tag="same")
    assert "asr_inference" in recipe.modules


@pytest.mark.parametrize(("lang", "asked"), [("en", True), ("noinfo", True), ("zh", False), ("ja", False)])
def test_spaces_are_characters_in_languages_that_write_them(recipe, lang, asked):
    recipe.run(lang=lang)
    assert [call.endswith("--spaces true") for call in recipe.called("score")][0] == asked
    assert not [call for call in recipe.called("score")[1:] if "--spaces" in call]


def test_non_linguistic_symbols_inside_of_words_are_taken_out_of_characters(recipe, no_report):
    Path("nlsyms").write_text("<noise>\n")
    recipe.run(nlsyms_txt="nlsyms", lang="zh")
    (cer,) = recipe.called("score")
    assert cer.endswith("score_cer --nlsyms_txt nlsyms")


@pytest.mark.parametrize("interrupted", [True, False])
def test_hypotheses_are_gone_on_from_only_after_an_interruption(recipe, interrupted):
    recipe.run(stop_stage=12, inference_tag="same")
    decoded = Path("exp/asr_train_small_raw_char/same/test")
    journal = decoded / "logdir/output.1/best_paths.jsonl"
    journal.write_text("{}\n")
    (decoded / ".done").rename(decoded / ".begun") if interrupted else (decoded / ".done").unlink()
    recipe.run(stage=12, stop_stage=12, inference_tag="same")
    assert journal.exists() == interrupted
    assert (decoded / "text").is_file()


def test_an_interrupted_decoding_of_other_inputs_is_not_gone_on_from(recipe):
    recipe.run(stop_stage=12, inference_tag="same")
    decoded = Path("exp/asr_train_small_raw_char/same/test")
    journal = decoded / "logdir/output.1/best_paths.jsonl"
    journal.write_text("{}\n")
    (decoded / ".done").rename(decoded / ".begun")
    recipe.run(stage=12, stop_stage=12, inference_tag="same", inference_args="--beam_size 2")
    assert not journal.exists()
