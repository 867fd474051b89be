"""ESPnet3's system for ASR with a teacher, and stages that resume and follow their inputs."""

import copy
import logging
import shutil
from dataclasses import replace
from pathlib import Path

from espnet3.contract.stages import StageSpec
from espnet3.systems.base.training import collect_stats
from espnet3.systems.esp2_asr.system import ASRSystem
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import OmegaConf

from espnet_gmot.errors import InputError
from espnet_gmot.espnet3 import shards
from espnet_gmot.espnet3.characters import list_characters
from espnet_gmot.espnet3.model_card import card_context
from espnet_gmot.espnet3.records import decoding_record, statistics_record, training_record
from espnet_gmot.espnet3.scripts import run_script
from espnet_gmot.files import require_file, temporary_directory
from espnet_gmot.trained.export import needed_files
from espnet_gmot.trained.load import NAME_CONFIG
from espnet_gmot.yaml_mapping import read_mapping

BEFORE_TEACHER = ("create_dataset", "train_tokenizer")


class GMOTSystem(ASRSystem):
    """ESPnet3's ``ASRSystem`` with the stage ``cache_teacher``.

    Beside ESPnet3's keys the training YAML has:

    - ``tokenizer``: ``model_type: char`` lists the characters of ``text`` in ``save_path/tokens.txt``; other
      types are ESPnet3's; without it the token list is there already.
    - ``cache_teacher``: ``command`` makes the teacher's cache and projection; without it the stage does
      nothing.

    A stage that is done is left out, one that was stopped goes on, and one whose inputs have changed is done
    again; a training is then refused, since it may have taken days.
    """

    stages = (
        *(spec for spec in ASRSystem.stages if spec.name in BEFORE_TEACHER),
        StageSpec(name="cache_teacher", config="training", log_dir="exp_dir"),
        # ESPnet3 would write the demo's logs into the demo, which is uploaded
        *(
            replace(spec, log_dir="exp_dir") if spec.config == "demo" else spec
            for spec in ASRSystem.stages
            if spec.name not in BEFORE_TEACHER
        ),
    )

    def train_tokenizer(self) -> None:
        """List the characters of the training text, or train ESPnet3's tokenizer."""
        tokenizer = self.training_config.tokenizer
        if tokenizer is None:
            logging.info("no tokenizer is asked for: nothing to do")
        elif tokenizer.model_type == "char":
            list_characters(tokenizer.text, Path(tokenizer.save_path) / "tokens.txt")
        else:
            super().train_tokenizer()

    def _has_tokenizer(self) -> bool:
        tokenizer = self.training_config.tokenizer
        if tokenizer is None:
            return True
        if tokenizer.model_type == "char":
            return (Path(tokenizer.save_path) / "tokens.txt").is_file()
        return super()._has_tokenizer()

    def cache_teacher(self) -> None:
        """Run the teacher over the transcripts, and fit the projection; the command resumes by itself."""
        command = OmegaConf.select(self.training_config, "cache_teacher.command")
        if command is None:
            logging.info("%s has no teacher: nothing to do", self.training_config.exp_tag)
            return
        run_script(command)

    def collect_stats(self) -> None:
        """Collect lengths of all data, and mean and variance of the features."""
        record = statistics_record(self.training_config)
        if record.is_still_done():
            return
        directory = Path(self.training_config.stats_dir)
        shards.begin(record, directory / "train", directory / "valid")
        # A copy: ESPnet3 takes model.normalize out, which a training by the same process would then lack
        collect_stats(copy.deepcopy(self.training_config))
        record.finish()

    def train(self) -> None:
        """Train, or go on with a training that was stopped.

        Raises:
            InputError: ``exp_dir`` holds a training from other inputs.
        """
        record = training_record(self.training_config)
        if any(record.directory.glob("step*.ckpt")) and record.changes():
            raise InputError(
                f"{record.directory} holds a training from other inputs ({', '.join(record.changes())}): "
                f"remove it or train under another exp_tag; to go on with it all the same, "
                f"remove {record.path}"
            )
        if record.is_still_done(redo=record.directory):
            return
        is_first = getattr(rank_zero_only, "rank", 0) == 0  # of the processes, one a GPU, which all run this
        if is_first:
            record.begin()
            _mend_link(record.directory)
        logging.info("training; log: %s", record.directory / "train.log")
        super().train()
        if is_first:
            record.finish()

    def infer(self) -> None:
        """Decode the test sets.

        Raises:
            InputError: the model is not there.
        """
        config = self.inference_config
        if model_file := OmegaConf.select(config, "model.asr_model_file"):
            require_file(model_file, "run the stage train, or correct model.asr_model_file")
        record = decoding_record(config)
        if record.is_still_done():
            return
        shards.begin(record, *(Path(config.inference_dir) / entry.name for entry in config.dataset.test))
        super().infer()
        record.finish()

    def pack_model(self) -> Path:
        """Pack model, configuration, what the model is built from, and a card that tells method and teacher.

        Raises:
            InputError: one of these files is not there; ESPnet3 would only warn.
        """
        pack = self.publication_config.pack_model
        config = require_file(Path(self.training_config.exp_dir) / "config.yaml", "run the stage train")
        tokens = require_file(self.training_config.model.token_list, "run the stage train_tokenizer")
        needed = needed_files(read_mapping(config, NAME_CONFIG), config)
        pack.include = [*(pack.get("include") or []), str(tokens), *needed]
        pack.readme_context = card_context(self.training_config) | dict(pack.get("readme_context") or {})
        return super().pack_model()

    def pack_demo(self) -> Path:
        """Pack page and card with a copy of the packed model: ESPnet3 would link it, and upload no link.

        Raises:
            InputError: the packed model is not there.
        """
        config = self.demo_config
        model, copied = Path(config.model.dir_or_tag), Path(config.pack.out_dir) / "model_pack"
        require_file(model / "meta.yaml", "run the stage pack_model, or correct model.dir_or_tag")
        with temporary_directory(copied.parent) as aside:
            new = shutil.copytree(model, aside / model.name)
            if copied.is_symlink():  # as ESPnet3 itself leaves it
                copied.unlink()
            elif copied.exists():  # that of an earlier run
                shutil.rmtree(copied)
            new.replace(copied)
        config.model.dir_or_tag = str(copied)
        return super().pack_demo()


def _mend_link(exp_dir: Path) -> None:
    """Where a kill took ``last.ckpt``, from which Lightning goes on: let it lead to the newest checkpoint."""
    last = exp_dir / "last.ckpt"
    steps = sorted(exp_dir.glob("step*.ckpt"), key=lambda path: path.stat().st_mtime)
    if steps and not last.exists():
        last.unlink(missing_ok=True)
        last.symlink_to(steps[-1].name)
        logging.warning("%s was missing and leads to %s", last, steps[-1].name)
