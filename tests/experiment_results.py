"""Kept results of invented runs, for the tests of tables and figures."""

from pathlib import Path

import yaml

from research.kept_files import RUNS, KeptRun, add_run

REFERENCE = {"u1": "他在家", "u2": "人民大会", "u3": "中国"}


def keep(
    results: Path,
    row: str,
    seed: int,
    hypotheses: dict[str, str],
    alpha: float | None = None,
    teacher_name: str = "base",
    max_epoch: int = 2,
    epochs: dict[int, dict[str, float]] | None = None,
    coupling: dict[str, float | None] | None = None,
    context: dict[str, float] | None = None,
    **changes,
):
    """Keep what a finished run leaves; dev and test have the same hypotheses."""
    config = {"model_conf": {"ctc_weight": 1.0}, "seed": seed, "max_epoch": max_epoch}
    teacher = None
    if alpha is not None:
        config["model_conf"]["alpha"] = alpha
        config["preprocessor_conf"] = {"teacher_cache": f"exp/teacher_{teacher_name}/cache"}
        teacher = {
            "fingerprint": "abcdef0123",
            "hidden_size": 16,
            "random_init": False,
            "masked_accuracy": 0.3,
        }
    scored = {"cer": 1.0, "rtf": 0.01, "parameters": 1_500_000}
    record = {"sets": {"dev": scored, "test": scored}, "seconds_train": 100.0 + seed, "teacher": teacher}
    epochs = epochs or {1: {"valid_cer_ctc": 0.9}, 2: {"valid_cer_ctc": (5 + seed) / 10}}
    texts = {"dev": hypotheses, "test": hypotheses}
    run = KeptRun(row, seed, record | changes, config, epochs, texts, coupling, context)
    add_run(results, run, {"dev": REFERENCE, "test": REFERENCE})


def forget(results: Path, row: str) -> None:
    """Take a row out of the results."""
    content = yaml.safe_load((results / RUNS).read_text())
    content["runs"].pop(row, None)
    (results / RUNS).write_text(yaml.safe_dump(content))


def write_table(path: Path, table: dict[str, str]) -> None:
    """Write a Kaldi table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{key} {value}".rstrip() + "\n" for key, value in table.items()))
