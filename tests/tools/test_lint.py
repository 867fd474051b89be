"""One place says what lint is: tools/lint.sh, which make lint, make test and pre-commit run."""

import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_make_lint_runs_the_script():
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "lint", "VENV=none"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1].endswith(". none/bin/activate && tools/lint.sh")


def test_pre_commit_runs_make_lint_whatever_was_changed():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    (hook,) = repository["hooks"]
    assert (repository["repo"], hook["entry"], hook["language"]) == ("local", "make lint", "system")
    assert hook["always_run"] and not hook["pass_filenames"]
