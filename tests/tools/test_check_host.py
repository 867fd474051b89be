"""Whether the plugin is a guest: a version that its installation would change is an error that names it."""

import pytest

pytestmark = pytest.mark.slow


def test_a_host_that_stays_as_it_is(project):
    project.index("espnet==1", "torch==2.0", "torch==3.0", "alpha==1.0", espnet=["torch"])
    project.requires("espnet", "torch>=1", "alpha")
    done = project.run("check_host.sh", "espnet", "torch==2.0")
    assert done.returncode == 0, done.stderr
    assert "stay as they are; installed beside them: alpha==1.0" in done.stdout
    assert {"torch==2.0", "alpha==1.0"} <= project.installed()


def test_a_replaced_version_is_named(project):
    project.index("espnet==1", "torch==2.0", "torch==3.0", espnet=["torch"])
    project.requires("espnet", "torch<3")
    done = project.run("check_host.sh", "espnet")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("beside espnet replaces torch==3.0; loosen setup.py")


def test_a_host_that_does_not_work_by_itself_is_told_apart(project):
    project.index("espnet==1", espnet=["no-such-package"])
    project.requires()
    done = project.run("check_host.sh", "espnet")
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith("check_host.sh: error: espnet does not work by itself")
