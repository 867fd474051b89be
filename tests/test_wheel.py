"""The wheel without a checkout: what is in it, and a recipe made out of it, from corpus to comparison."""

import itertools
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from small_corpus import RATE, TRANSCRIPTS
from warm_server import warm_python

ROOT = Path(__file__).parents[1]
PIP = (sys.executable, "-m", "pip")
SPEAKERS = ("a", "b")
SYSTEMS = ("ctc", "gmot")
DECODE = "decode_ctc_greedy_asr_model_valid.cer_ctc.ave"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.watch,
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="asks git which files are sources"),
]


def without_pythonpath(**more):
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | more


def call(*command, cwd, **environment):
    """Run a command that is to succeed; return what it prints."""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=without_pythonpath(**environment),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The checkout's sources, without anything that was built in it."""
    directory = tmp_path_factory.mktemp("source")
    listed = call("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if os.path.lexists(ROOT / name):
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, directory / name, follow_symlinks=False)
    return directory


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    """The wheel that is built from the sdist."""
    out = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source, cwd=out)
    assert len(list(out.glob("*.tar.gz"))) == 1
    return next(out.glob("*.whl"))


def names_in(wheel):
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """The programs of a virtual environment with the wheel and this one's packages, but not its espnet_gmot.

    A .pth file is not read in a directory that another .pth file names: no editable checkout is seen.
    """
    directory = tmp_path_factory.mktemp("venv")
    python = directory / "bin" / "python3"
    call(sys.executable, "-m", "venv", "--without-pip", directory, cwd=directory)
    call(*PIP, "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=directory)
    (site_packages,) = directory.glob("lib/python*/site-packages")
    dependencies = Path(sysconfig.get_path("purelib"))
    distutils = (dependencies / "distutils-precedence.pth").read_text()  # ESPnet 202611 still imports it
    (site_packages / "dependencies.pth").write_text(f"{dependencies}\n{distutils}")
    where = call(python, "-c", "import espnet_gmot; print(espnet_gmot.__file__)", cwd=directory).strip()
    assert where == str(site_packages / "espnet_gmot" / "__init__.py")
    return directory / "bin"


@pytest.fixture(scope="module")
def run(environment):
    """Run a command as somebody does who has the environment activated."""
    return lambda *command, cwd: call(*command, cwd=cwd, PATH=f"{environment}:{os.environ['PATH']}")


@pytest.fixture(scope="module")
def recipe(run, tmp_path_factory):
    """A recipe made by the command, local/data.sh written as the example in its head, and a corpus for it."""
    directory = tmp_path_factory.mktemp("mine") / "asr1"
    run("python3", "-m", "espnet_gmot.bin.new_recipe", directory, cwd=directory.parent)
    script = directory / "local" / "data.sh"
    head = script.read_text().split("\necho ")[0]
    example = re.findall(r"^#   (.*\n)", head.split("An example")[1], re.MULTILINE)
    script.write_text("".join([f"{head}\n", *example]))
    for yaml in directory.glob("conf/train_*_tiny.yaml"):
        yaml.write_text(yaml.read_text().replace("max_epoch: 3", "max_epoch: 1"))
    write_corpus(directory / "corpus")
    return directory


def write_corpus(directory):
    draw = np.random.default_rng(0)
    for dset, speaker in itertools.product(("train", "dev", "test"), SPEAKERS):
        folder = directory / dset / speaker
        folder.mkdir(parents=True)
        for number, text in enumerate(TRANSCRIPTS):
            soundfile.write(folder / f"{number}.wav", draw.normal(0, 0.1, RATE * len(text) // 5), RATE)
            (folder / f"{number}.txt").write_text(f"{text}\n")


@pytest.fixture(scope="module")
def finished(run, environment, recipe, teacher_dir):
    """What run.sh says of both systems, the second continuing after stage 5."""
    options = ["--python", "warm_python", "--ngpu", "0", "--nj", "1", "--inference_nj", "1"]
    options += ["--teacher", teacher_dir]
    with warm_python(environment, without_pythonpath(), environment / "python3"):
        yamls = [f"conf/train_{system}_tiny.yaml" for system in SYSTEMS]
        return [run("./run.sh", "--asr_config", yaml, *options, cwd=recipe) for yaml in yamls]


def test_wheel_holds_the_package_and_nothing_else(source, wheel):
    tops = {re.sub(r"-.*", "", name.split("/")[0]) for name in names_in(wheel)}
    assert tops == {"espnet_gmot"}
    modules = {str(path.relative_to(source)) for path in (source / "espnet_gmot").rglob("*.py")}
    others = {name for name in names_in(wheel) - modules if ".dist-info/" not in name}
    template = source / "egs2" / "new_recipe" / "asr1"
    copied = [path for pattern in ("*.sh", "*/*") for path in template.glob(pattern)]
    assert modules <= names_in(wheel)
    assert others == {f"espnet_gmot/driver/template/{path.relative_to(template)}" for path in copied}


def test_a_git_repository_gives_the_same_wheel(source, wheel, tmp_path):
    repository = shutil.copytree(source, tmp_path / "repository", symlinks=True)
    git = ["git", "-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-c", "commit.gpgsign=false"]
    for command in (["init", "--quiet"], ["add", "--force", "."], ["commit", "--quiet", "--message", "all"]):
        call(*git, *command, cwd=repository)
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path]
    call(*PIP, "wheel", *options, f"git+file://{repository}", cwd=tmp_path)
    assert names_in(next(tmp_path.glob("*.whl"))) == names_in(wheel)


def test_importing_registers_the_plugin(run, tmp_path):
    usage = run("python3", "-m", "espnet_gmot", "-m", "espnet2.bin.asr_train", "--help", cwd=tmp_path)
    assert re.search(r"--model \{[^}]*\bgmot\b", re.sub(r"\s+", " ", usage))


def test_the_recipe_caches_its_teacher(recipe, finished):
    cached = (recipe / "exp" / "teacher" / "cache" / "teacher.scp").read_text().splitlines()
    assert len(cached) == len(TRANSCRIPTS)


def test_the_recipe_goes_from_the_corpus_to_an_error_rate(recipe, finished):
    for system, log in zip(SYSTEMS, finished, strict=True):
        experiment = recipe / "exp" / f"asr_train_{system}_tiny_raw_zh_char"
        decoded = experiment / DECODE / "test"
        assert "stages 6 to 14 are done" in log
        assert "espnet_gmot.bin.asr_ctc_greedy" in (decoded / "logdir" / "asr_inference.1.log").read_text()
        assert len((decoded / "text").read_text().splitlines()) == len(SPEAKERS) * len(TRANSCRIPTS)
        assert (decoded / "score_cer" / "result.json").exists()
    assert "loss_fgw=" in (experiment / "train.log").read_text()


def test_the_command_in_the_head_of_run_sh_prints_the_comparison(run, recipe, finished):
    head = (recipe / "run.sh").read_text().split("set -euo")[0].replace("#", "").replace("\\\n", "")
    (command,) = re.findall(r"python3 -m espnet_gmot.bin.compare .*", head)
    table = run(*command.replace("_full", "_tiny").split(), cwd=recipe)
    assert [line.split("|")[1].strip() for line in table.splitlines()[2:4]] == list(SYSTEMS)
