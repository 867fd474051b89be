"""What the trainings of language model and recogniser have in common: statistics, and the training."""

import logging
import shlex
from collections.abc import Sequence
from pathlib import Path

from espnet_gmot.driver.checkpoint import (
    mend_links,
    require_same_vocabulary,
    restore_last_epoch,
    set_damaged_aside,
)
from espnet_gmot.driver.commands import Commands, launcher_words
from espnet_gmot.driver.freshness import Record
from espnet_gmot.driver.lines import count_lines
from espnet_gmot.driver.options import Options
from espnet_gmot.driver.previous_checkpoint import PreviousCheckpoint
from espnet_gmot.driver.split_merge import append_vocabulary_size, split_scp
from espnet_gmot.errors import InputError


def collect_stats(
    options: Options,
    commands: Commands,
    module: str,
    directory: Path,
    keys: tuple[Path, Path],
    token_list: Path,
    arguments: Sequence[object],
) -> None:
    """Find lengths and statistics of all data by ESPnet's ``--collect_stats``, in jobs.

    Args:
        options: of asr.sh.
        commands: starts them.
        module: the module that trains.
        directory: where the statistics go.
        keys: tables of the utterances for training and validation.
        token_list: its size goes into the shape files, for ``batch_type: numel``.
        arguments: of the training.
    """
    parts, logdir = ("train", "valid"), directory / "logdir"
    jobs = min(options.nj, *map(count_lines, keys))
    for part, table in zip(parts, keys, strict=True):
        split_scp(table, f"{logdir}/{part}.JOB.scp", jobs)
    logging.info("%d job(s); log: %s/stats.*.log", jobs, logdir)
    shapes = [word for part in parts for word in (f"--{part}_shape_file", f"{logdir}/{part}.JOB.scp")]
    commands.run_jobs(
        options.train_cmd, f"{logdir}/stats.JOB.log", module, "--collect_stats", "true",
        "--output_dir", f"{logdir}/stats.JOB", *shapes, *arguments, jobs=jobs,
    )  # fmt: skip
    found = [word for job in range(1, jobs + 1) for word in ("--input_dir", f"{logdir}/stats.{job}")]
    commands.run_jobs(
        options.train_cmd, logdir / "aggregate.log", "espnet2.bin.aggregate_stats_dirs", *found,
        "--output_dir", directory,
    )  # fmt: skip
    for part in parts:
        shape = directory / part / "text_shape"
        append_vocabulary_size(shape, token_list, f"{shape}.{options.token_type}")


def train(
    options: Options,
    commands: Commands,
    module: str,
    record: Record,
    token_list: Path,
    arguments: Sequence[object],
) -> None:
    """Train in the record's directory, unless that was done; a training that was stopped goes on.

    Args:
        options: of asr.sh.
        commands: starts it.
        module: the module that trains.
        record: what it is made from.
        token_list: that of the training.
        arguments: of the training, besides those on where and how it runs.

    Raises:
        InputError: the directory holds a training from other inputs or with other tokens.
    """
    experiment = record.directory
    checkpoint = experiment / "checkpoint.pth"
    if checkpoint.exists() and record.changes():
        prepare_to_resume(record, token_list)
        if checkpoint.exists():
            _refuse(record)
    if record.is_still_done(redo=experiment):  # without its record alone a training goes on
        return
    experiment.mkdir(parents=True, exist_ok=True)
    prepare_to_resume(record, token_list)
    resumed, previous = checkpoint.exists(), PreviousCheckpoint(checkpoint)
    if not resumed:
        previous.remove()  # of a training that somebody has given up
    record.begin()
    log = experiment / "train.log"
    logging.info("training; log: %s", log)
    launcher = [*launcher_words(options.cuda_cmd), "--name", experiment.name]
    if options.ngpu == 0:
        launcher += ["--num_threads", str(options.nj)]
    launching = [
        "--cmd", shlex.join(launcher), "--log", log, "--ngpu", options.ngpu, "--num_nodes", options.num_nodes,
        "--init_file_prefix", experiment / ".dist_init_", "--multiprocessing_distributed", "true",
    ]  # fmt: skip
    commands.train(
        launching, module, "--resume", "true", "--output_dir", experiment, *arguments,
        log=log, meanwhile=previous.keep,
    )  # fmt: skip
    if resumed:
        for link in mend_links(checkpoint):
            logging.warning("%s led to another epoch and is mended", link)
    previous.remove()
    record.finish()


def prepare_to_resume(record: Record, token_list: Path) -> None:
    """Mend what a kill cut off; refuse a checkpoint of another vocabulary."""
    checkpoint = record.directory / "checkpoint.pth"
    damaged = set_damaged_aside(checkpoint)
    if damaged:
        goes_on = PreviousCheckpoint(checkpoint).restore()
        how = "goes on from the epoch before" if goes_on else "begins anew"
        logging.warning("%s was cut off and is now %s; training %s", checkpoint, damaged, how)
    if not record.continues():  # else of the same tokens, whatever a kill has left of ESPnet's config.yaml
        require_same_vocabulary(checkpoint, token_list)
    restored = restore_last_epoch(checkpoint)
    if restored:
        logging.warning("%s was missing or cut off and is written again from %s", restored, checkpoint)


def _refuse(record: Record) -> None:
    raise InputError(
        f"{record.directory} holds a training from other inputs ({', '.join(record.changes())}): "
        "remove it or train under another tag; to go on with it all the same (with more epochs, say), "
        f"remove {record.path}"
    )
