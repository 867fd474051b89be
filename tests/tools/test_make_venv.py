"""The environment of make demo and make test: the lock's versions, or one line that says why not."""

import pytest

pytestmark = pytest.mark.slow


def last_line(done):
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_versions_are_those_of_the_lock(project):
    project.index("alpha==1.0", "alpha==2.0", "beta==1.0", alpha=["beta"])
    project.requires("alpha>=1")
    project.lock("alpha==1.0", "beta==1.0")
    done = project.run("make_venv.sh", "test")
    assert done.returncode == 0, done.stderr
    assert project.installed() == {"espnet_gmot==0.1", "alpha==1.0", "beta==1.0"}
    assert (project.venv / ".test").exists()


@pytest.mark.parametrize("pin", ["alpha==3.0", "beta==3.0"])
def test_a_package_that_is_not_to_be_had_is_named(project, pin):
    project.index("alpha==1.0", "beta==1.0", alpha=["beta"])
    project.requires("alpha>=1")
    project.lock(*({"alpha": "alpha==1.0", "beta": "beta==1.0"} | {pin.split("==")[0]: pin}).values())
    done = project.run("make_venv.sh", "demo")
    assert (
        f"{project.lock_file.relative_to(project.directory)} cannot be installed here: {pin};"
        in last_line(done)
    )
    assert not (project.venv / ".demo").exists()


def test_a_package_that_the_lock_forgot_is_named(project):
    project.index("alpha==1.0", "beta==1.0", alpha=["beta"])
    project.requires("alpha>=1")
    project.lock("alpha==1.0")
    said = last_line(project.run("make_venv.sh", "test"))
    assert "not in tools/locks/" in said
    assert "beta==1.0; `make lock` makes it anew" in said


def test_an_environment_of_another_python_is_refused(project, tmp_path):
    project.requires()
    project.lock()
    (tmp_path / "other" / "bin").mkdir(parents=True)
    (tmp_path / "other" / "bin" / "python").write_text('#!/bin/sh\n[ "$1" = -m ]\n')
    (tmp_path / "other" / "bin" / "python").chmod(0o755)
    project.venv, venv = tmp_path / "other", project.venv
    done = project.run("make_venv.sh", "test")
    project.venv = venv
    assert "other was made with another Python than" in last_line(done)


def test_a_python_without_a_lock_is_refused(project):
    project.requires()
    project.lock_file.with_name("python3.1.txt").touch()
    project.lock_file.with_name("python3.1-oldest.txt").touch()
    said = last_line(project.run("make_venv.sh", "test"))
    assert f"there is no tools/locks/{project.python}.txt; set PYTHON to one of python3.1" in said
    assert "oldest" not in said


def test_cpu_builds_of_the_locked_versions_are_taken(project):
    project.index("torch==2.0", "torch==2.0+cpu", "torch==3.0+cpu", torch=["nvidia"])
    project.index("torch==2.0+cpu", "torchaudio==2.1", "torchaudio==2.1+cpu")
    project.requires("torch")
    project.lock("nvidia==13.0", "torch==2.0", "torchaudio==2.1")
    done = project.run("make_venv.sh", "test", "cpu")
    assert done.returncode == 0, done.stderr
    assert project.installed() == {"espnet_gmot==0.1", "torch==2.0+cpu", "torchaudio==2.1+cpu"}


@pytest.mark.parametrize("missing", ["torch==2.0+cpu", "torchaudio==2.1+cpu"])
def test_a_cpu_build_that_is_not_to_be_had_is_one_line(project, missing):
    builds = {"torch==2.0+cpu", "torchaudio==2.1+cpu"} - {missing}
    project.index("torch==2.0", "torchaudio==2.1", *builds)
    project.requires("torch")
    project.lock("torch==2.0", "torchaudio==2.1")
    said = last_line(project.run("make_venv.sh", "test", "cpu"))
    assert "pip does not find torch==2.0+cpu torchaudio==2.1+cpu; set PIP_EXTRA_INDEX_URL to an index" in said
