"""Stage 14: everything that decoding needs in one archive, as ESPnet's model zoo has it."""

import logging
from pathlib import Path

import humanfriendly

from espnet_gmot.driver.commands import Commands
from espnet_gmot.driver.names import Names
from espnet_gmot.driver.needs import need, need_model
from espnet_gmot.driver.options import Options
from espnet_gmot.driver.packed_config import packed_config
from espnet_gmot.files import require_file, write_aside


def pack(options: Options, commands: Commands) -> None:
    """Pack the recogniser, its language model, and what belongs to them."""
    names = Names(options)
    config, model = (
        need(names.asr_exp / "config.yaml", 11),
        need_model(names.asr_model, "inference_asr_model"),
    )
    need(names.results_page, 13)
    arguments: list[object] = ["--asr_train_config", packed_config(config), "--asr_model_file", model]
    extras = [names.results_page, names.token_list, names.asr_exp / "images"]
    extras += [Path(names.bpemodel), Path(options.nlsyms_txt)]
    if options.use_lm:
        lm = need_model(names.lm_file, "inference_lm")
        arguments += ["--lm_train_config", names.lm_exp / "config.yaml", "--lm_file", lm]
        extras = [names.lm_exp / "perplexity_test" / "ppl", names.lm_exp / "images", *extras]
    if options.feats_normalize != "none":
        extras.append(names.feats_stats)
    for extra in filter(Path.exists, extras):
        arguments += ["--option", extra]
    packed = names.asr_exp / f"{names.asr_exp.name}_{model.stem}.zip"
    with write_aside(packed) as aside:
        commands.run_jobs(
            options.train_cmd, names.asr_exp / "pack.log", "espnet2.bin.pack", "asr", *arguments,
            "--outpath", aside,
        )  # fmt: skip
        require_file(aside, f"{names.asr_exp}/pack.log says why")
    logging.info("%s in %s", humanfriendly.format_size(packed.stat().st_size), packed)
