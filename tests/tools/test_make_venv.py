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
    assert "not in tools/locks/" in last_line(project.run("make_venv.sh", "test"))
    assert "beta==1.0; `make lock` makes it anew" in last_line(project.run("make_venv.sh", "test"))


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


def test_cpu_build_of_the_locked_version_is_taken_without_cuda(project):
    project.index("alpha==1.0", "torch==2.0", "torch==2.0+cpu", "torch==3.0+cpu")
    project.requires("alpha", "torch")
    project.lock("alpha==1.0", "nvidia-cublas==13.0", "torch==2.0", "triton==3.0")
    done = project.run("make_venv.sh", "test", "cpu")
    assert done.returncode == 0, done.stderr
    assert project.installed() == {"espnet_gmot==0.1", "alpha==1.0", "torch==2.0+cpu"}


def test_another_cpu_build_is_taken_with_a_notice(project):
    project.index("torch==2.0", "torch==3.0+cpu", "torch==2.5+cpu")
    project.requires("torch")
    project.lock("torch==2.0")
    done = project.run("make_venv.sh", "test", "cpu")
    assert done.returncode == 0, done.stderr
    assert "NOTICE: pip finds no CPU build of torch 2.0" in done.stderr
    assert "taking 3.0+cpu" in done.stderr
    assert project.installed() == {"espnet_gmot==0.1", "torch==3.0+cpu"}


def test_no_cpu_build_is_one_line(project):
    project.index("torch==2.0")
    project.requires("torch")
    project.lock("torch==2.0")
    assert "pip finds no CPU build of torch" in last_line(project.run("make_venv.sh", "test", "cpu"))
