"""The recipe that new_recipe writes: whole, of files that can be edited, never over what is there."""

import subprocess
import sys
from pathlib import Path

import pytest

from espnet_gmot.bin import new_recipe
from espnet_gmot.bin.new_recipe import write_recipe
from espnet_gmot.errors import InputError

ROOT = Path(__file__).parents[2]
DRIVER = ROOT / "egs2" / "TEMPLATE" / "asr1"


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    directory = tmp_path_factory.mktemp("egs2") / "mine" / "asr1"
    write_recipe(directory)
    return directory


def files_in(directory):
    return {path.relative_to(directory): path for path in directory.rglob("*") if path.is_file()}


def test_every_file_of_the_driver_is_there(recipe):
    for path in files_in(DRIVER).values():
        assert path.read_bytes() in {copy.read_bytes() for copy in recipe.rglob(path.name)}, path


def test_every_yaml_of_mini_mandarin_is_there(recipe):
    conf = ROOT / "conf" / "mini_mandarin"
    assert files_in(recipe / "conf").keys() == files_in(conf).keys()


def test_all_are_files_and_what_is_run_is_executable(recipe):
    assert not [path for path in recipe.rglob("*") if path.is_symlink()]
    executable = {str(name) for name, path in files_in(recipe).items() if path.stat().st_mode & 0o100}
    assert executable == {"asr.sh", "run.sh", "run_comparison.sh", "local/data.sh", "local/score.sh"}


def test_data_sh_says_that_it_must_be_written(recipe):
    done = subprocess.run(["local/data.sh"], cwd=recipe, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("local/data.sh: error: this file is yours to write")
    assert len(done.stderr.splitlines()) == 1


def test_help_of_run_sh_has_the_commands_to_a_comparison(recipe):
    done = subprocess.run(["./run.sh", "--help"], cwd=recipe, capture_output=True, text=True)
    assert done.returncode == 0
    for words in ("conf/train_ctc_full.yaml", "conf/train_gmot_full.yaml", "espnet_gmot.bin.compare"):
        assert words in done.stdout


def test_the_command_says_what_comes_next(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["new_recipe", str(tmp_path / "asr1")])
    new_recipe.main()
    printed = capsys.readouterr().out
    for words in (f"cd {tmp_path / 'asr1'}", "local/data.sh", "./run.sh"):
        assert words in printed


def test_a_directory_that_exists_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(InputError, match="exists already; name a directory that does not"):
        write_recipe(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file/asr1 cannot be written .*; name another place"):
        write_recipe(tmp_path / "file" / "asr1")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_installation_without_the_template_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(new_recipe, "TEMPLATE", tmp_path / "gone")
    with pytest.raises(InputError, match="holds no template in .*gone; install the package again"):
        write_recipe(tmp_path / "asr1")
    assert not list(tmp_path.iterdir())
