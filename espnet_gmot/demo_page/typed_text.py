"""The teacher's input for a text that somebody types, which no cache need hold."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from espnet2.tasks.asr import ASRTask

from espnet_gmot.model import ESPnetGMOTModel
from espnet_gmot.teacher.build_cache import Parts, build_cache
from espnet_gmot.teacher.cache import CacheMeta, TeacherCache
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.projection import Coordinates
from espnet_gmot.teacher.token_spans import tokenizer_of_cache
from espnet_gmot.trained.couplings import Aligner


def aligner_for(model: ESPnetGMOTModel, train_args: Namespace, text: str, scratch: Path) -> Aligner:
    """Return an aligner that knows a text.

    A model that was trained with a cache gets a cache of this text alone if its own has not got it: the
    cache's teacher runs over it.

    Args:
        model: a GM-OT model.
        train_args: the arguments that it was trained with.
        text: what was said.
        scratch: directory to make for the text's cache.

    Raises:
        InputError: the cache is missing, or the teacher is not on this machine or not the cache's any more.
    """
    directory = train_args.preprocessor_conf.get("teacher_cache")
    if directory is not None:
        cache = TeacherCache(directory)
        if text not in cache:
            _embed(text, cache.meta, train_args.model_conf.get("projection"), scratch)
            conf = train_args.preprocessor_conf | {"teacher_cache": str(scratch)}
            train_args = Namespace(**vars(train_args) | {"preprocessor_conf": conf})
    preprocess = ASRTask.build_preprocess_fn(train_args, train=False)
    return Aligner(model, preprocess, model, preprocess)


def _embed(text: str, meta: CacheMeta, projection: str | None, directory: Path) -> None:
    """Make a cache of one text, as the one that ``meta`` describes would hold it."""
    tokenizer = tokenizer_of_cache(meta)
    teacher = FrozenTeacher.load(
        meta.teacher, meta.layer, random_init=meta.random_init, precision=meta.precision
    )
    coordinates = None
    if meta.projection and projection is not None:
        coordinates = Coordinates(Path(projection), meta.hidden_size)
    build_cache(
        [("speech", text)], teacher, tokenizer, directory, meta.dtype,
        reading=meta.identity.reading, coordinates=coordinates, spread=_without_a_bar,
    )  # fmt: skip


def _without_a_bar(function: Callable[[Path], int], parts: Parts) -> None:
    for part in parts.files:
        function(part)
