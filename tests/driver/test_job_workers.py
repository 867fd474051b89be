"""Work spread over the jobs of a launcher: results, faults, deaths, and what remains."""

import operator
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from espnet_gmot.driver import job_workers
from espnet_gmot.driver.commands import CommandFailed, Commands
from espnet_gmot.driver.job_workers import Jobs, run_share, workers_of
from espnet_gmot.driver.parallel import Processes, parallel_map
from espnet_gmot.errors import InputError, InputErrors
from espnet_gmot.files import file_name, require_file

DIE = partial(signal.raise_signal, signal.SIGKILL)
LOGS = Path("logs")


@pytest.fixture(autouse=True)
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory, where we are."""
    place = tmp_path / "recipe"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


class Here(Commands):
    """Runs each job in this process, after ``before`` was told its number."""

    def __init__(self, before: Callable[[int], object] = abs):
        super().__init__()
        self._before = before

    def run_jobs(self, launcher, log, module, *arguments, jobs=None, gpu=None) -> None:
        for number in range(1, jobs + 1):
            self._before(number)
            run_share(Path(str(arguments[0]).replace("JOB", str(number))))


@pytest.mark.parametrize("launcher", ["run.pl", "python3 -m espnet_gmot.bin.run_jobs", "stdout.pl"])
def test_a_launcher_of_this_machine_alone_means_processes(launcher):
    assert workers_of(launcher, 4, "logs") == Processes(4)


def test_any_other_launcher_means_its_jobs():
    workers = workers_of("slurm.pl --config conf/slurm.conf", 4, "logs")
    assert isinstance(workers, Jobs)
    assert (workers.launcher, workers.nj, workers.logdir) == ("slurm.pl --config conf/slurm.conf", 4, LOGS)


def test_results_come_in_order_and_nothing_but_logs_remains(slurm, caplog, capsys):
    caplog.set_level("INFO")
    names = [f"speaker/{number}" for number in range(50)]
    made = parallel_map(file_name, names, Jobs(slurm, 3, LOGS), "name all", chunk=4)
    assert made == [name.replace("/", "%2F") for name in names]
    assert sorted(path.name for path in LOGS.iterdir()) == [f"name_all.{job}.log" for job in (1, 2, 3)]
    assert "name all, 3 job(s); log: logs/name_all.*.log" in caplog.text
    assert "50/50" in capsys.readouterr().err


@pytest.mark.parametrize(("count", "jobs"), [(0, 0), (1, 1), (5, 3), (9, 4)])
def test_there_are_no_more_jobs_than_chunks(count, jobs):
    started = []
    workers = Jobs("slurm.pl", 4, LOGS, Here(started.append))
    assert parallel_map(str, range(count), workers, "write", chunk=2) == [str(n) for n in range(count)]
    assert started == list(range(1, jobs + 1))


def test_the_faults_of_all_jobs_are_told_in_order(slurm):
    for number in range(0, 20, 2):
        Path(f"{number}.wav").write_text("sound")
    need, wavs = partial(require_file, cure="make it"), [f"{number}.wav" for number in range(20)]
    told = []
    for workers in (Jobs(slurm, 2, LOGS), Processes(1)):
        with pytest.raises(InputErrors) as caught:
            parallel_map(need, wavs, workers, "look", chunk=3, among="20 recordings")
        told.append(str(caught.value))
    assert told[0] == told[1]
    assert told[0].startswith("10 of 20 recordings cannot be used:\n  1.wav does not exist; make it\n  3.wav")


def test_a_job_that_is_killed_is_named_with_its_log(slurm):
    items = [partial(Path.touch, Path("a")), DIE, partial(Path.touch, Path("b"))]
    with pytest.raises(CommandFailed) as caught:
        parallel_map(operator.call, items, Jobs(slurm, 3, LOGS), "touch", chunk=1)
    assert str(caught.value).rstrip() == (
        "touch: 1 of 3 jobs ended before they were done; log: logs/touch.2.log"
    )
    assert Path("a").exists() and Path("b").exists()  # what the others did is there
    assert not list(LOGS.glob(".aside.*"))


def test_another_error_ends_the_job_and_the_end_of_its_log_is_told(slurm):
    items = [partial(operator.truediv, 1, 0), partial(operator.truediv, 0, 1)]
    with pytest.raises(CommandFailed, match=r"(?s)^divide: 1 of 2 .* log: logs/divide.1.log\n.*ZeroDivision"):
        parallel_map(operator.call, items, Jobs(slurm, 2, LOGS), "divide", chunk=1)


def test_the_log_of_an_earlier_run_is_not_taken_for_this_ones():
    LOGS.mkdir()
    (LOGS / "write.1.log").write_text("of yesterday\n")
    with pytest.raises(CommandFailed, match=r"log: logs/write.1.log \(never written\)$"):
        parallel_map(str, range(2), Jobs("false", 2, LOGS), "write", chunk=1)


def test_a_launcher_that_ends_well_without_outcomes_is_an_error(monkeypatch):
    monkeypatch.setattr(job_workers, "PATIENCE_SECONDS", 0.0)
    with pytest.raises(CommandFailed, match="^write: 2 of 2 jobs ended before they were done"):
        parallel_map(str, range(2), Jobs("true", 2, LOGS), "write", chunk=1)


def test_a_launcher_that_fails_after_all_is_done_is_an_error_all_the_same(slurm):
    Path(slurm).write_text(Path(slurm).read_text().replace("exit ${status}", "exit 7"))
    with pytest.raises(CommandFailed, match="^this ended with status 7: "):
        parallel_map(str, range(2), Jobs(slurm, 2, LOGS), "write", chunk=1)


def test_outcomes_that_show_late_are_waited_for(slurm):
    Path(slurm).write_text(Path(slurm).read_text().split("status=0")[0])  # does not wait for its jobs
    assert parallel_map(str, range(4), Jobs(slurm, 2, LOGS), "write", chunk=1) == ["0", "1", "2", "3"]


def test_a_job_whose_run_has_ended_stops():
    def end(number: int) -> None:
        for folder in LOGS.glob(".aside.*"):
            shutil.rmtree(folder)

    workers = Jobs("slurm.pl", 1, LOGS, Here(end))
    with pytest.raises(InputError, match="share.1 is gone with the run that started this job; run that"):
        parallel_map(str, range(2), workers, "write")
    assert not list(LOGS.iterdir())


def test_a_job_stops_at_the_next_chunk_as_well():
    items = [partial(shutil.rmtree, LOGS), partial(Path.touch, Path("later"))]
    with pytest.raises(InputError, match="is gone with the run that started this job"):
        parallel_map(operator.call, items, Jobs("slurm.pl", 1, LOGS, Here()), "touch", chunk=1)
    assert not Path("later").exists()
