"""Stage 1 of egs2/aishell through its shell script, which runs prepare_aishell.py."""

import shutil
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from aishell_shape import make_aishell
from recipe_copy import ROOT, THIS_PYTHON, environment, write_program

from espnet_gmot.data.kaldi_data import check_data_dir

RECIPE = ROOT / "egs2" / "aishell" / "asr1"
SIZES = {"train": (2, 3), "dev": (1, 3), "test": (1, 3)}
STOCK_DB = 'AISHELL=downloads\nif [[ "$(hostname)" == nowhere ]]; then\n    AISHELL=/elsewhere\nfi\n'


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """The recipe's local/ and db.sh, copied as into a stock checkout, and this interpreter as python3."""
    shutil.copytree(RECIPE / "local", tmp_path / "asr1" / "local")
    shutil.copy(RECIPE / "db.sh", tmp_path / "asr1")
    write_program(tmp_path / "python3", THIS_PYTHON)
    return tmp_path / "asr1"


def data_sh(recipe: Path, *options: str) -> subprocess.CompletedProcess:
    command = ["local/data.sh", "--nj", "1", *options]
    return subprocess.run(command, cwd=recipe, env=environment(recipe.parent), capture_output=True, text=True)


def utterances(recipe: Path) -> list[int]:
    return [len(check_data_dir(recipe / "data" / name).text) for name in SIZES]


def test_corpus_named_by_db_sh_is_prepared(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_aishell(recipe / "downloads", packed=True, sizes=SIZES)
    done = data_sh(recipe)
    assert done.returncode == 0, done.stderr
    assert "warning: 12 wavs, and AISHELL-1 has 141925" in done.stdout
    monkeypatch.chdir(recipe)  # wav.scp names the corpus as AISHELL does
    assert utterances(recipe) == [4, 2, 2]
    assert Path((recipe / "data/dev/wav.scp").read_text().split()[1]).exists()


def test_option_goes_before_the_db_sh_of_a_stock_checkout(recipe: Path, tmp_path: Path) -> None:
    (recipe / "db.sh").write_text(STOCK_DB)
    make_aishell(tmp_path / "copy", packed=False, sizes=SIZES)
    done = data_sh(recipe, "--aishell", str(tmp_path / "copy"))
    assert done.returncode == 0, done.stderr
    assert utterances(recipe) == [4, 2, 2]
    assert not (recipe / "downloads").exists()


def test_empty_folder_is_filled_by_download(recipe: Path, tmp_path: Path) -> None:
    make_aishell(tmp_path / "mirror", packed=True, sizes=SIZES)
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "mirror")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        done = data_sh(recipe, "--url", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert done.returncode == 0, done.stderr
    assert "downloads holds no AISHELL-1: downloading it from" in done.stdout
    assert utterances(recipe) == [4, 2, 2]
    assert data_sh(recipe, "--url", "http://127.0.0.1:9").returncode == 0  # nothing is asked for again


def test_corpus_that_is_not_named_is_refused_in_one_line(recipe: Path) -> None:
    (recipe / "db.sh").unlink()
    done = data_sh(recipe)
    assert done.returncode == 1
    assert "AISHELL is not set" in done.stderr
    assert len(done.stderr.splitlines()) == 1
