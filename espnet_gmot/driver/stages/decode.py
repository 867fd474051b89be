"""Stage 12: decoding of the test sets."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from espnet_gmot.data import decoding_facts
from espnet_gmot.driver.audio_key import audio_key
from espnet_gmot.driver.commands import Commands
from espnet_gmot.driver.espnet_words import triple
from espnet_gmot.driver.freshness import NewInput, Record, content, newest, stamp
from espnet_gmot.driver.names import Names
from espnet_gmot.driver.needs import need, need_model
from espnet_gmot.driver.options import Options
from espnet_gmot.driver.split_merge import merge_decoded, split_scp
from espnet_gmot.driver.training_inputs import file_inputs
from espnet_gmot.yaml_mapping import read_mapping


def decode(options: Options, commands: Commands) -> None:
    """Decode each test set in jobs, with the language model where one is used."""
    names = Names(options)
    config, model = (
        need(names.asr_exp / "config.yaml", 11),
        need_model(names.asr_model, "inference_asr_model"),
    )
    arguments: list[object] = ["--config", options.inference_config] if options.inference_config else []
    arguments += ["--asr_train_config", config, "--asr_model_file", model]
    inputs: dict[str, Any] = {
        "decoder": decoding_facts.GREEDY if options.ctc_greedy else "espnet2.bin.asr_inference",
        "inference_args": options.inference_args,
        "inference_config": content(options.inference_config),
        "model": stamp(model),
        "the model's config.yaml": NewInput(content(config), newest(config)),
        "--audio_format": NewInput(options.audio_format),
        **names.token_model,
        **file_inputs({"arguments": options.words("inference_args")} | _configuration(options)),
    }
    if options.use_lm:
        lm_config, lm = need(names.lm_exp / "config.yaml", 7), need_model(names.lm_file, "inference_lm")
        arguments += ["--lm_train_config", lm_config, "--lm_file", lm]
        inputs["language model"] = stamp(lm)
        inputs["the language model's config.yaml"] = NewInput(content(lm_config), newest(lm_config))
    for dset in names.test_sets:
        _decode_set(options, commands, dset, arguments, inputs)


def _decode_set(
    options: Options, commands: Commands, dset: str, arguments: Sequence[object], inputs: dict[str, Any]
) -> None:
    names = Names(options)
    target, logdir = names.decode_dir / dset, names.decode_dir / dset / "logdir"
    wav_scp = need(names.data_feats / dset / "wav.scp", 3)
    record = Record(target, **inputs, **{"wav.scp": content(wav_scp), "the audio": audio_key(wav_scp)})
    if record.is_still_done(names.asr_model, wav_scp):
        return
    _remove_results(target)
    if not record.continues():
        shutil.rmtree(logdir, ignore_errors=True)  # with the hypotheses that a decoding goes on from
    record.begin()
    jobs = split_scp(wav_scp, f"{logdir}/keys.JOB.scp", options.inference_nj)
    logging.info("decoding %s, %d job(s); log: %s/asr_inference.*.log", dset, jobs, logdir)
    gpu = int(options.gpu_inference)
    commands.run_jobs(
        options.cuda_cmd if gpu else options.decode_cmd, f"{logdir}/asr_inference.JOB.log", inputs["decoder"],
        "--ngpu", gpu, "--data_path_and_name_and_type", triple(wav_scp, "speech", names.audio_type),
        "--key_file", f"{logdir}/keys.JOB.scp", "--output_dir", f"{logdir}/output.JOB", *arguments,
        *options.words("inference_args"), gpu=gpu, jobs=jobs,
    )  # fmt: skip
    count = merge_decoded(f"{logdir}/output.JOB", jobs, target)
    record.finish()
    logging.info("%s/text: %d utterances", target, count)


def _configuration(options: Options) -> dict[str, Any]:
    path = options.inference_config
    return read_mapping(path, "name a YAML by --inference_config") if path else {}


def _remove_results(directory: Path) -> None:
    """Remove what an earlier decoding left, lest it be taken for this one's."""
    (directory / "text").unlink(missing_ok=True)
    for scores in directory.glob("score_*"):
        shutil.rmtree(scores)
    stale = [*directory.glob("logdir/asr_inference.*.log"), *directory.rglob(decoding_facts.NAME)]
    for file in stale:
        file.unlink()
