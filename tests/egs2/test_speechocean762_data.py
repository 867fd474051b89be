"""Stage 1 of egs2/speechocean762 through its shell script, which runs prepare_speechocean762.py."""

from pathlib import Path

import pytest
from recipe_copy import copy_stage_1, data_sh, mirror
from speechocean762_shape import make_speechocean762

from espnet_gmot.data.kaldi_data import check_data_dir


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """The recipe's local/ and db.sh, copied as into a stock checkout, and this interpreter as python3."""
    return copy_stage_1("speechocean762", tmp_path)


def utterances(recipe: Path) -> list[int]:
    sets = ("train", "dev", "test", "test_seen")
    return [len(check_data_dir(recipe / "data" / name).text) for name in sets]


def test_the_corpus_named_by_db_sh_is_prepared(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_speechocean762(recipe / "downloads", packed=True)
    done = data_sh(recipe)
    assert done.returncode == 0, done.stderr
    assert "warning: test has 2 speakers, and that of speechocean762 125" in done.stdout
    monkeypatch.chdir(recipe)  # wav.scp names the corpus as SPEECHOCEAN762 does
    assert utterances(recipe) == [12, 8, 4, 4]
    assert Path((recipe / "data/dev/wav.scp").read_text().split()[1]).exists()


def test_the_option_goes_before_db_sh(recipe: Path, tmp_path: Path) -> None:
    make_speechocean762(tmp_path / "copy")
    done = data_sh(recipe, "--corpus", str(tmp_path / "copy"))
    assert done.returncode == 0, done.stderr
    assert utterances(recipe) == [12, 8, 4, 4]
    assert not (recipe / "downloads").exists()


def test_an_empty_folder_is_filled_by_download(recipe: Path, tmp_path: Path) -> None:
    make_speechocean762(tmp_path / "mirror", packed=True)
    with mirror(tmp_path / "mirror") as url:
        done = data_sh(recipe, "--url", url)
    assert done.returncode == 0, done.stderr
    assert "downloads holds no speechocean762: downloading it from" in done.stdout
    assert "and the published archive 520810923; no checksum is known" in done.stderr
    assert utterances(recipe) == [12, 8, 4, 4]
    assert data_sh(recipe, "--url", "http://127.0.0.1:9").returncode == 0  # nothing is asked for again


def test_what_is_wrong_is_refused_in_one_line(recipe: Path, tmp_path: Path) -> None:
    (make_speechocean762(tmp_path / "copy") / "speechocean762" / "test" / "text").unlink()
    (recipe / "db.sh").unlink()
    for options, message in (
        ([], "SPEECHOCEAN762 is not set"),
        (["--corpus", str(tmp_path / "copy")], "test/text does not exist"),
    ):
        done = data_sh(recipe, *options)
        assert done.returncode == 1
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1
