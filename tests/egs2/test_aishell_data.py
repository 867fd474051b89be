"""Stage 1 of egs2/aishell through its shell script, which runs prepare_aishell.py."""

from pathlib import Path

import pytest
from aishell_shape import make_aishell
from recipe_copy import copy_stage_1, data_sh, mirror

from espnet_gmot.data.kaldi_data import check_data_dir

ONE_JOB = ("--nj", "1")
SIZES = {"train": (2, 3), "dev": (1, 3), "test": (1, 3)}
STOCK_DB = 'AISHELL=downloads\nif [[ "$(hostname)" == nowhere ]]; then\n    AISHELL=/elsewhere\nfi\n'


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """The recipe's local/ and db.sh, copied as into a stock checkout, and this interpreter as python3."""
    return copy_stage_1("aishell", tmp_path)


def utterances(recipe: Path) -> list[int]:
    return [len(check_data_dir(recipe / "data" / name).text) for name in SIZES]


def test_corpus_named_by_db_sh_is_prepared(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_aishell(recipe / "downloads", packed=True, sizes=SIZES)
    done = data_sh(recipe, *ONE_JOB)
    assert done.returncode == 0, done.stderr
    assert "warning: 12 wavs, and AISHELL-1 has 141925" in done.stdout
    monkeypatch.chdir(recipe)  # wav.scp names the corpus as AISHELL does
    assert utterances(recipe) == [4, 2, 2]
    assert Path((recipe / "data/dev/wav.scp").read_text().split()[1]).exists()


def test_option_goes_before_the_db_sh_of_a_stock_checkout(recipe: Path, tmp_path: Path) -> None:
    (recipe / "db.sh").write_text(STOCK_DB)
    make_aishell(tmp_path / "copy", packed=False, sizes=SIZES)
    done = data_sh(recipe, *ONE_JOB, "--aishell", str(tmp_path / "copy"))
    assert done.returncode == 0, done.stderr
    assert utterances(recipe) == [4, 2, 2]
    assert not (recipe / "downloads").exists()


def test_empty_folder_is_filled_by_download(recipe: Path, tmp_path: Path) -> None:
    make_aishell(tmp_path / "mirror", packed=True, sizes=SIZES)
    with mirror(tmp_path / "mirror") as url:
        done = data_sh(recipe, *ONE_JOB, "--url", url)
    assert done.returncode == 0, done.stderr
    assert "downloads holds no AISHELL-1: downloading it from" in done.stdout
    assert utterances(recipe) == [4, 2, 2]
    again = data_sh(recipe, *ONE_JOB, "--url", "http://127.0.0.1:9")
    assert again.returncode == 0  # nothing is asked for again


def test_corpus_that_is_not_named_is_refused_in_one_line(recipe: Path) -> None:
    (recipe / "db.sh").unlink()
    done = data_sh(recipe, *ONE_JOB)
    assert done.returncode == 1
    assert "AISHELL is not set" in done.stderr
    assert len(done.stderr.splitlines()) == 1
