"""Stages 6 to 8: the language model, on the training set's text unless --lm_train_text names another."""

import logging

from espnet_gmot.driver.commands import Commands
from espnet_gmot.driver.espnet_words import triple
from espnet_gmot.driver.freshness import NewInput, Record, content, newest, stamp
from espnet_gmot.driver.lines import join_lines
from espnet_gmot.driver.names import Names
from espnet_gmot.driver.needs import need, need_model
from espnet_gmot.driver.options import Options
from espnet_gmot.driver.statistics_inputs import statistics_inputs
from espnet_gmot.driver.training import collect_stats, train
from espnet_gmot.driver.training_inputs import training_inputs, with_arguments
from espnet_gmot.driver.training_yaml import load_training_yaml

MODULE = "espnet2.bin.lm_train"


def lm_stats(options: Options, commands: Commands) -> None:
    """Stage 6: lengths of all texts."""
    names = Names(options)
    texts = [need(text, 4) for text in names.lm_train_texts]
    need(names.lm_dev_text, 4)
    need(names.token_list, 5)
    config = with_arguments(load_training_yaml(options.lm_config), options.words("lm_args"))
    record = Record(
        names.lm_stats_dir,
        **statistics_inputs(config, newest(options.lm_config)),
        **names.token_inputs,
        **{"--lm_train_text": content(*texts), "--lm_dev_text": content(names.lm_dev_text)},
    )
    if record.is_still_done(*texts, names.lm_dev_text, names.token_list):
        return
    record.begin()
    join_lines(texts, names.lm_text, keep=lambda line: len(line.split()) > 1)
    _copy_dev_text(names)
    collect_stats(
        options, commands, MODULE, names.lm_stats_dir, (names.lm_text, names.lm_dev_read),
        names.token_list, [*_arguments(options), *options.words("lm_args")],
    )  # fmt: skip
    record.finish()


def lm_train(options: Options, commands: Commands) -> None:
    """Stage 7: training."""
    names = Names(options)
    shapes = {
        part: names.lm_stats_dir / part / f"text_shape.{options.token_type}" for part in ("train", "valid")
    }
    need(shapes["train"], 6)
    arguments = options.words("lm_args")
    record = Record(
        names.lm_exp,
        **training_inputs(with_arguments(load_training_yaml(options.lm_config), arguments)),
        **{"--lm_args": options.lm_args, "--lm_fold_length": NewInput(options.lm_fold_length)},
        **names.token_inputs,
        **{"--lm_train_text": content(names.lm_text), "--lm_dev_text": content(names.lm_dev_text)},
        **{f"{part} text_shape": content(shape) for part, shape in shapes.items()},
    )
    _copy_dev_text(names)
    shape_options = [word for part, shape in shapes.items() for word in (f"--{part}_shape_file", shape)]
    train(
        options, commands, MODULE, record, names.token_list,
        [*_arguments(options), *shape_options, "--fold_length", options.lm_fold_length, *arguments],
    )  # fmt: skip


def lm_perplexity(options: Options, commands: Commands) -> None:
    """Stage 8: perplexity of a text."""
    names = Names(options)
    directory, text = names.lm_exp / "perplexity_test", need(names.lm_test_text, 4)
    config = need(names.lm_exp / "config.yaml", 7)
    model = need_model(names.lm_file, "inference_lm")
    record = Record(
        directory,
        model=stamp(model),
        **{"--lm_test_text": content(text), "its config.yaml": NewInput(content(config), newest(config))},
    )
    if not record.is_still_done(model, text):
        record.begin()
        read = join_lines([text], directory / "test.txt") if options.lm_test_text else text
        commands.run_jobs(
            options.cuda_cmd, directory / "lm_calc_perplexity.log", "espnet2.bin.lm_calc_perplexity",
            "--ngpu", options.ngpu, "--output_dir", directory,
            "--data_path_and_name_and_type", triple(read, "text", "text"),
            "--train_config", config, "--model_file", model, gpu=options.ngpu,
        )  # fmt: skip
        record.finish()
    logging.info("perplexity of %s: %s", text, (directory / "ppl").read_text(encoding="utf-8").strip())


def _copy_dev_text(names: Names) -> None:
    """A text of the user's is copied with plain spaces, for ESPnet to read; that of stage 4 has them."""
    if names.lm_dev_read != names.lm_dev_text:
        join_lines([names.lm_dev_text], names.lm_dev_read)


def _arguments(options: Options) -> list[str]:
    names = Names(options)
    return ["--config", options.lm_config, *names.text_options, *names.lm_data_options]
