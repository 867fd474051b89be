"""Stages 2 to 4: speed perturbation, formatting of audio, removal of long and short data."""

import logging
from pathlib import Path

from espnet_gmot.data.audio import parse_rate
from espnet_gmot.driver.commands import Commands
from espnet_gmot.driver.filter_data import filter_data_dir
from espnet_gmot.driver.format_wav_scp import format_unless_done
from espnet_gmot.driver.job_workers import workers_of
from espnet_gmot.driver.names import Names
from espnet_gmot.driver.needs import need
from espnet_gmot.driver.options import Options
from espnet_gmot.driver.parallel import Workers
from espnet_gmot.driver.speed_perturb import perturb_unless_done


def perturb_speed(options: Options, commands: Commands) -> None:
    """Stage 2: copies of the training set at other speeds."""
    factors = options.speed_perturb_factors.split()
    if not factors:
        logging.info("no --speed_perturb_factors, nothing to do")
        return
    source, target = Path("data") / options.train_set, Path("data") / Names(options).train_name
    need(source / "wav.scp", 1)
    workers = _workers(options, commands, target)
    count = perturb_unless_done(source, target, factors, options.audio_format, workers)
    if count is not None:
        logging.info("%s: %d utterances at speeds %s", target, count, " ".join(factors))


def format_audio(options: Options, commands: Commands) -> None:
    """Stage 3: checked audio of one format, for all sets."""
    names, rate = Names(options), parse_rate(options.fs)
    for dset in names.all_sets:
        source, target = Path("data") / dset, _formatted(names, dset)
        need(source / "wav.scp", 1)
        workers = _workers(options, commands, target)
        count = format_unless_done(source, target, options.audio_format, rate, workers)
        if count is not None:
            logging.info("%s: %d utterances at %d Hz", target, count, rate)


def filter_lengths(options: Options, _commands: Commands) -> None:
    """Stage 4: leave out what is too long or too short to train on."""
    names, rate = Names(options), parse_rate(options.fs)
    for dset in (names.train_name, options.valid_set):
        source, target = _formatted(names, dset), names.data_feats / dset
        need(source / "utt2num_samples", 3)
        kept = filter_data_dir(source, target, rate, options.min_wav_duration, options.max_wav_duration)
        logging.info(kept)


def _workers(options: Options, commands: Commands, target: Path) -> Workers:
    return workers_of(options.train_cmd, options.nj, target / "logdir", commands)


def _formatted(names: Names, dset: str) -> Path:
    """Training and validation data are filtered in stage 4 and go there through org/."""
    filtered = names.data_feats / dset in (names.train, names.valid)
    return names.data_feats / "org" / dset if filtered else names.data_feats / dset
