"""Work spread over Dask's workers, by a cluster on this machine such as ESPnet3 makes."""

import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from espnet_gmot.driver.dask_workers import DaskWorkers
from espnet_gmot.driver.format_wav_scp import format_wav_scp
from espnet_gmot.driver.parallel import Processes, parallel_map
from espnet_gmot.errors import InputError, InputErrors
from espnet_gmot.files import file_name, require_file, write_text


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """ESPnet3's client of two processes on this machine."""
    parallel = pytest.importorskip("espnet3.parallel.parallel", reason="ESPnet3 begins with 202611")
    from omegaconf import OmegaConf

    options = {"threads_per_worker": 2, "dashboard_address": None}
    parallel.set_parallel(OmegaConf.create({"env": "local", "n_workers": 2, "options": options}))
    with parallel.get_client() as client:
        yield client


def test_results_come_in_order(client, capsys):
    names = [f"speaker/{number}" for number in range(100)]
    expected = [name.replace("/", "%2F") for name in names]
    assert parallel_map(file_name, names, DaskWorkers(client), "name", chunk=3) == expected
    assert "100/100" in capsys.readouterr().err
    assert parallel_map(file_name, [], DaskWorkers(client), "name") == []


def test_the_faults_of_all_workers_are_told_in_order(client):
    need, wavs = partial(require_file, cure="make it"), [f"/nowhere/{number}.wav" for number in range(20)]
    told = []
    for workers in (DaskWorkers(client), Processes(1)):
        with pytest.raises(InputErrors) as caught:
            parallel_map(need, wavs, workers, "look", chunk=3, among="20 recordings")
        told.append(str(caught.value))
    assert told[0] == told[1]


def test_stage_3_by_dasks_workers_makes_what_processes_make(client, make_corpus, tmp_path):
    data = make_corpus(n=20)
    format_wav_scp(data, tmp_path / "dask", "flac", 8000, DaskWorkers(client))
    format_wav_scp(data, tmp_path / "here", "flac", 8000, Processes(1))
    made = [
        {path.relative_to(tmp_path / place): path.read_bytes() for path in (tmp_path / place).rglob("*.flac")}
        for place in ("dask", "here")
    ]
    assert made[0] == made[1] and len(made[0]) == 20
    table = (tmp_path / "dask" / "wav.scp").read_text().replace(f"{tmp_path}/dask/", f"{tmp_path}/here/")
    assert table == (tmp_path / "here" / "wav.scp").read_text()


def test_other_errors_are_raised(client):
    with pytest.raises(ZeroDivisionError):
        parallel_map(partial(divmod, 1), range(20), DaskWorkers(client), "divide")


def test_threads_of_a_worker_write_files_with_the_usual_rights(client, tmp_path):
    (tmp_path / "usual").touch()
    files = [tmp_path / f"{number}" for number in range(200)]
    parallel_map(partial(write_text, text="x"), files, DaskWorkers(client), "write", chunk=1)
    assert {path.stat().st_mode for path in files} == {(tmp_path / "usual").stat().st_mode}


def test_without_dask_one_line_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"^Dask cannot be imported \(.*\); install it: pip install "):
        parallel_map(str, range(3), DaskWorkers(None), "write")
