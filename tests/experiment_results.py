"""Kept results of invented runs, for the tests of tables and figures."""

import json
from pathlib import Path

import yaml

REFERENCE = {"u1": "他在家", "u2": "人民大会", "u3": "中国"}


def keep(
    results: Path,
    row: str,
    seed: int,
    hypotheses: dict[str, str],
    alpha: float | None = None,
    teacher_name: str = "base",
    **changes,
):
    """Write what a finished run leaves; dev and test have the same hypotheses."""
    for dataset in ("dev", "test"):
        write_table(results / "reference" / f"{dataset}.txt", REFERENCE)
        write_table(results / row / f"seed{seed}" / f"{dataset}.txt", hypotheses)
    config = {"model_conf": {"ctc_weight": 1.0}, "seed": seed, "max_epoch": 2}
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
    record = {
        "row": row, "seed": seed, "sets": {"dev": scored, "test": scored}, "seconds_train": 100.0 + seed,
        "teacher": teacher, **changes,
    }  # fmt: skip
    directory = results / row / f"seed{seed}"
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    (directory / "epochs.tsv").write_text(f"epoch\tvalid_cer_ctc\n1\t0.9\n2\t0.{5 + seed}\n")
    (directory / "run.json").write_text(json.dumps(record))


def write_table(path: Path, table: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{key} {value}".rstrip() + "\n" for key, value in table.items()))
