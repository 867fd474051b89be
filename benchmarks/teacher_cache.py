"""What the teacher's cache costs: transcripts a second, memory, disk.

    python -m benchmarks.teacher_cache

writes ``benchmarks/teacher_cache.md``.
"""

import argparse
import multiprocessing
import os
import resource
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from tqdm import tqdm
from transformers import AutoModel, BertConfig, PretrainedConfig, Qwen2Config

from benchmarks import gpu_rows
from benchmarks.machine import begin_gpu_peak
from benchmarks.teacher_cache_page import (
    AISHELL_CHARACTERS,
    CPU,
    GPU,
    SPECIAL,
    Corpus,
    Row,
    page,
    with_gpu_rows,
)
from espnet_gmot.bin._command import run
from espnet_gmot.teacher.cache import BATCH_BINS, framed_by_one
from espnet_gmot.teacher.embed import chosen_device, embed, embed_batch
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.identity import BFLOAT16, FLOAT32
from espnet_gmot.teacher.scp_index import ScpIndex
from espnet_gmot.teacher.texts import distinct
from espnet_gmot.teacher.transcript import TeacherText, one_to_one

ROUNDS = 3
TOGETHER = 120.0  # seconds within which all processes must have begun
GPU_FACTOR = 16  # a GPU takes this many times the texts
BEFORE = 64  # transcripts a batch, in the version before
SHAPES = {
    "BERT-base": BertConfig(vocab_size=21128),
    "a decoder of 0.5 B": Qwen2Config(
        vocab_size=151936, hidden_size=896, intermediate_size=4864, num_hidden_layers=24,
        num_attention_heads=14, num_key_value_heads=2,
    ),
}  # fmt: skip
TINY = BertConfig(
    vocab_size=100, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
)


@dataclass(frozen=True)
class Setting:
    """A way to run a teacher over texts.

    Attributes:
        name: of the row.
        batch_bins: tokens a batch; None puts ``BEFORE`` texts into each.
        processes: that share the machine's threads.
        precision: of the teacher.
        sorts: whether texts of like length come together.
        device: ``CPU`` or ``GPU``.
    """

    name: str
    batch_bins: int | None = BATCH_BINS
    processes: int = 1
    precision: str = FLOAT32
    sorts: bool = True
    device: str = CPU


def settings() -> Iterator[Setting]:
    """The rows for each shape."""
    cores = torch.get_num_threads()
    yield Setting("one transcript at a time", 1)
    yield Setting(f"{BEFORE} transcripts a batch, as they come", None, sorts=False)
    yield Setting(f"before: {BEFORE} transcripts of like length a batch", None)
    for batch_bins in (512, 1024, 2048, 4096):
        yield Setting(f"`--batch_bins {batch_bins}`", batch_bins)
    yield Setting(f"`--nj {cores}`", processes=cores)
    yield Setting("`--precision bfloat16`", precision=BFLOAT16)


def gpu_settings() -> Iterator[Setting]:
    """The same on a GPU, where batches may be larger."""
    yield Setting("as it comes", device=GPU)
    for batch_bins in (4096, 16384):
        yield Setting(f"`--batch_bins {batch_bins}`", batch_bins, device=GPU)
    yield Setting("`--batch_bins 16384 --precision bfloat16`", 16384, precision=BFLOAT16, device=GPU)


def measure_all(chosen: Sequence[Setting], texts: int, small: bool) -> list[Row]:
    """Measure each setting with each shape; the larger one embeds a quarter of the texts."""
    rows = []
    for shape, config in SHAPES.items():
        count = texts if shape == "BERT-base" else texts // 4
        for setting in tqdm(chosen, desc=shape):
            rows.append(measure(setting, shape, TINY if small else config, count))
    return rows


def measure(setting: Setting, shape: str, config: PretrainedConfig, count: int) -> Row:
    """Embed ``count`` texts, on the CPU in processes of their own, for their memory."""
    if setting.device == GPU:
        shares = [_embed_share(setting, config, count)]
    else:
        shares = _embed_in_processes(setting, shape, config, count)
    seconds, peaks = zip(*shares, strict=True)
    return Row(shape, setting.name, count / max(seconds), sum(peaks), setting.device)


def _embed_in_processes(
    setting: Setting, shape: str, config: PretrainedConfig, count: int
) -> list[tuple[float, int]]:
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(setting.processes), context.Queue()
    processes = [
        context.Process(target=_embed_on_cpu, args=(setting, config, count, number, start, results))
        for number in range(setting.processes)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError(f"{shape}, {setting.name}: a process failed, see above")
    return [results.get() for _ in processes]


def _embed_on_cpu(
    setting: Setting, config: PretrainedConfig, count: int, number: int, start: Any, results: Any
) -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # or the teacher would take a GPU
    torch.set_num_threads(max(1, torch.get_num_threads() // setting.processes))
    results.put(_embed_share(setting, config, count, number, lambda: start.wait(TOGETHER)))


def _embed_share(
    setting: Setting,
    config: PretrainedConfig,
    count: int,
    number: int = 0,
    wait: Callable[[], Any] = lambda: None,
) -> tuple[float, int]:
    """Median seconds and peak bytes of the share of a process."""
    if setting.device == GPU:
        begin_gpu_peak()
    torch.manual_seed(0)
    teacher = FrozenTeacher(AutoModel.from_config(config), -1, "random", True, setting.precision)
    texts = random_texts(count, config.vocab_size)
    names = list(texts)[number :: setting.processes]
    if not setting.sorts:
        np.random.default_rng(1).shuffle(names)
    share = {name: texts[name] for name in names}
    _run(teacher, dict(list(share.items())[:2]), setting)  # warms up
    wait()
    seconds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        _run(teacher, share, setting)
        seconds.append(time.perf_counter() - begun)
    peak = torch.cuda.max_memory_allocated() if setting.device == GPU else _peak_memory()
    return median(seconds), peak


def random_texts(count: int, vocabulary: int) -> dict[str, TeacherText]:
    """Draw texts as long as AISHELL-1's, a special token on each side, the longest first."""
    rng = np.random.default_rng(0)
    lengths = rng.normal(AISHELL_CHARACTERS, 5.0, count).round().clip(2, 40).astype(int) + SPECIAL
    texts = {}
    for number, length in enumerate(sorted(lengths, reverse=True)):
        ids = rng.integers(1, vocabulary, length)
        texts[str(number)] = TeacherText(ids, one_to_one(framed_by_one(length)))
    return texts


def _run(teacher: FrozenTeacher, texts: dict[str, TeacherText], setting: Setting) -> None:
    if setting.batch_bins is not None:
        for _ in embed(teacher, texts, setting.batch_bins):
            pass
        return
    every = list(texts.values())
    for first in range(0, len(every), BEFORE):
        embed_batch(teacher, every[first : first + BEFORE], chosen_device())


def measure_corpus(count: int, scratch: Path) -> Corpus:
    """Sort out ``count`` texts, write their scp and look some up; a process of its own, for its memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure_corpus, (count, scratch))


def _measure_corpus(count: int, scratch: Path) -> Corpus:
    rng = np.random.default_rng(0)
    said = ((f"utterance{number}", " ".join(map(str, rng.integers(0, 10**6, 4)))) for number in range(count))
    next(distinct([("u", "warms up")], scratch))
    before, begun = _peak_memory(), time.perf_counter()
    keys = []
    with (scratch / "teacher.scp").open("w", encoding="utf-8") as scp:
        for number, each in enumerate(distinct(said, scratch)):
            scp.write(f"{each.key} exp/teacher/cache/teacher.0123456789abcdef.ark:{number * 25000}\n")
            if number % (count // 1000) == 0:
                keys.append(each.key)
    sorting, memory = time.perf_counter() - begun, _peak_memory() - before
    index, begun = ScpIndex(scratch / "teacher.scp"), time.perf_counter()
    assert all(key in index for key in keys)
    looking = (time.perf_counter() - begun) / len(keys)
    return Corpus(count, sorting, memory, looking)


def _peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Parse, measure, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    parser.add_argument(
        "--texts", type=int, default=256, help="that the smaller teacher embeds; the other a quarter"
    )
    parser.add_argument(
        "--corpora", type=int, nargs="+", default=[100_000, 1_000_000], help="texts to sort out"
    )
    parser.add_argument(
        "--small", action="store_true", help="tiny models: a test of the benchmark, no result"
    )
    gpu_rows.add_options(parser)
    args = parser.parse_args()

    def measure_gpu() -> list[dict[str, Any]]:
        rows = measure_all(list(gpu_settings()), GPU_FACTOR * args.texts, args.small)
        return [row._asdict() for row in rows]

    if gpu_rows.served(args, "teacher_cache", args.out, measure_gpu, with_gpu_rows):
        return
    rows = measure_all(list(settings()), args.texts, args.small)
    if torch.cuda.is_available():
        rows += [Row(**row) for row in measure_gpu()]
    with tempfile.TemporaryDirectory() as scratch:
        corpora = [measure_corpus(count, Path(scratch)) for count in args.corpora]
    command = shlex.join(["python", "-m", "benchmarks.teacher_cache", *sys.argv[1:]])
    hidden = {shape: config.hidden_size for shape, config in SHAPES.items()}
    gpu_rows.write_page(args.out, page(command, rows, corpora, hidden, args.small))
    print(args.out)


if __name__ == "__main__":
    run(main)
