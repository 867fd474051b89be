"""What check_install says of a sound installation, and of those that a package first on the path breaks."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.version import Version

from espnet_gmot.driver import installed_parts
from espnet_gmot.driver.installation import PARTS, check_parts
from espnet_gmot.driver.installed_parts import torchaudio_for, try_part

ROOT = Path(__file__).parents[2]
TORCH = metadata.version("torch")


def path_with(broken=None):
    """PYTHONPATH on which the packages in the directory ``broken`` hide the real ones."""
    return os.pathsep.join(str(folder) for folder in [broken, *sys.path] if folder)


def check_install(*options, broken=None):
    """Run the command, with ``broken`` first on the path."""
    return subprocess.run(
        [sys.executable, "-m", "espnet_gmot.bin.check_install", *options],
        capture_output=True, text=True, timeout=600, env={**os.environ, "PYTHONPATH": path_with(broken)},
    )  # fmt: skip


@pytest.mark.slow
def test_a_sound_installation_has_a_line_for_each_part():
    done = check_install()
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == list(PARTS)
    assert {line[1] for line in lines} == {"ok"}
    found = dict(zip(PARTS, done.stdout.splitlines(), strict=True))
    assert TORCH in found["torch"] and metadata.version("torchaudio") in found["torch"]
    assert metadata.version("transformers") in found["transformers"]
    assert "WAV, FLAC" in found["soundfile"]


@pytest.mark.slow
@pytest.mark.watch
def test_the_quick_form_of_a_sound_installation_is_silent():
    done = check_install("--quick", "true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.watch
@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("raise OSError('libtorchaudio.so: undefined symbol: x')", "libtorchaudio.so: undefined symbol: x"),
        ("raise ImportError('no such thing')", "no such thing"),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
            "loading it ended the process by SIGSEGV",
        ),
    ],
    ids=["symbol", "import", "crash"],
)
def test_a_torchaudio_that_does_not_fit_is_one_message_with_its_cure(tmp_path, code, fault):
    (tmp_path / "torchaudio.py").write_text(code)
    done = check_install("--quick", "true", broken=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    head, *broken = done.stderr.splitlines()
    assert head == "check_install.py: error: the installation is broken"
    assert len(broken) == 1
    assert fault in broken[0]
    fitting = torchaudio_for(Version(TORCH))
    assert broken[0].endswith(f'{sys.executable} -m pip install --force-reinstall --no-deps "{fitting}"')


def test_every_broken_part_is_named(tmp_path, monkeypatch):
    for name in ("ot", "soundfile"):
        (tmp_path / f"{name}.py").write_text(f"raise ImportError('{name} is spoilt')")
    monkeypatch.setenv("PYTHONPATH", path_with(tmp_path))
    python, pot, soundfile = check_parts(("python", "pot", "soundfile"))
    assert not python.fault
    assert (pot.fault, soundfile.fault) == ("ImportError: ot is spoilt", "ImportError: soundfile is spoilt")
    assert pot.cure.endswith("pip install --force-reinstall --no-deps POT")
    assert soundfile.cure.endswith("pip install --force-reinstall --no-deps soundfile")


def test_what_needs_a_broken_torch_waits_for_its_cure(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise OSError('libcudnn.so.9: cannot open shared object file')")
    monkeypatch.setenv("PYTHONPATH", path_with(tmp_path))
    torch, cuda = check_parts(("torch", "cuda"))
    assert "libcudnn.so.9" in torch.fault
    assert torch.cure.endswith(f'--force-reinstall --no-deps "torch=={TORCH}"')
    assert (cuda.fault, cuda.cure) == ("torch is broken", "mend torch first")


@pytest.mark.parametrize(
    ("part", "error", "command"),
    [
        (
            "espnet",
            ModuleNotFoundError("No module named 'editdistance'", name="editdistance"),
            "install editdistance",
        ),
        ("pot", ModuleNotFoundError("No module named 'ot'", name="ot"), "pip install POT"),
        ("numba", ImportError("Numba needs NumPy 2.4 or less."), "pip install --upgrade numba"),
        ("espnet", TypeError("something else"), '-c "import espnet2.tasks.asr"'),
    ],
)
def test_the_cure_follows_the_fault(part, error, command, monkeypatch):
    def raise_error():
        raise error

    monkeypatch.setattr(installed_parts, part, raise_error)
    tried = try_part(part)
    assert str(error) in tried["fault"]
    assert tried["cure"].endswith(command)


def test_a_torch_that_is_too_old_for_transformers_leaves_it_to_transformers_4(monkeypatch):
    transformers = pytest.importorskip("transformers")
    monkeypatch.setattr(transformers.utils.import_utils, "is_torch_available", lambda: False)
    tried = try_part("transformers")
    assert tried["fault"] == f"{transformers.__version__} does not take this torch: {TORCH}"
    assert tried["cure"].endswith('pip install "transformers<5"')


def test_requirements_that_are_missing_or_too_old_are_named(monkeypatch):
    declared = ["pytest", "no-such-package>=2", "numpy>=99", 'other; extra == "demo"']
    monkeypatch.setattr(metadata, "requires", lambda name: declared)
    tried = try_part("packages")
    assert tried["fault"] == 'missing or of another version: "no-such-package>=2" "numpy>=99"'
    assert tried["cure"].endswith('pip install "no-such-package>=2" "numpy>=99"')


def test_a_checkout_that_is_on_the_path_alone_is_to_be_installed(monkeypatch):
    monkeypatch.setattr(installed_parts, "_version", lambda package: None)
    tried = try_part("packages")
    assert tried["fault"] == "espnet_gmot is on the path and not installed"
    assert tried["cure"].endswith(f"--editable {ROOT}")


# Each pair was loaded.
@pytest.mark.parametrize(
    ("torch", "torchaudio"),
    [
        ("2.5.1", "2.5.1"),
        ("2.7.1+cu126", "2.7.1"),
        ("2.11.0", "2.11.0"),
        ("2.12.1", "2.11.0"),
        ("2.14.1", "2.11.0"),
    ],
)
def test_the_torchaudio_that_fits_a_torch(torch, torchaudio):
    assert torchaudio_for(Version(torch)) == f"torchaudio=={torchaudio}"
