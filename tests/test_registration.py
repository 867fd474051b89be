"""The plugin is found by stock ESPnet, in this process and in those it spawns."""

import os
import subprocess
import sys

import pytest
from espnet3_installed import NONE, is_installed

# A stock command: the spawned function lives in a module that knows nothing of the plugin.
STOCK_CHILD = """
def report(queue):
    import espnet2.tasks.asr
    queue.put("gmot" in espnet2.tasks.asr.model_choices.classes)
"""
STOCK_COMMAND = """
import multiprocessing, sys
import stock_child

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=stock_child.report, args=(queue,))
    process.start()
    print("argv", *sys.argv[1:], "registered", queue.get(timeout=120))
    process.join()
"""

# ESPnet3's own task, in a worker that it starts: only the script imports the plugin.
DASK_COMMAND = """
from espnet3.parallel.parallel import get_client
from omegaconf import OmegaConf

import espnet_gmot


def choices():
    from espnet3.systems.esp2_asr.task import ASRTask

    return {choices.name: "gmot" in choices.classes for choices in ASRTask.class_choices_list}


if __name__ == "__main__":
    with get_client(OmegaConf.create({"env": "local", "n_workers": 1, "options": {}})) as client:
        print(client.submit(choices).result())
"""


def run(*command, cwd=None, path=None):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [path, *sys.path]))} if path else None
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=cwd, env=environment, timeout=240
    )


def test_importing_the_package_is_light():
    code = "import sys, espnet_gmot; print('torch' in sys.modules, 'espnet2' in sys.modules)"
    assert run("-c", code).stdout.split() == ["False", "False"]


def test_transport_core_imports_neither_espnet_nor_transformers():
    names = ("espnet2", "transformers", "kaldiio")
    code = f"import sys, espnet_gmot.ot; print([name for name in {names} if name in sys.modules])"
    assert run("-c", code).stdout.strip() == "[]"


def test_import_registers_before_and_after_espnet(build_model):
    from espnet2.tasks.asr import model_choices, preprocessor_choices

    from espnet_gmot.model import ESPnetGMOTModel
    from espnet_gmot.preprocessor import GMOTPreprocessor

    assert model_choices.get_class("gmot") is ESPnetGMOTModel
    assert preprocessor_choices.get_class("gmot") is GMOTPreprocessor


@pytest.mark.skipif(not is_installed(), reason=NONE)
def test_espnet3s_stock_task_builds_the_model():
    from espnet3.systems.esp2_asr.task import ASRTask, model_choices, preprocessor_choices
    from espnet3.utils.task_utils import get_espnet_model
    from small_corpus import TOKENS
    from small_training import gmot_conf

    from espnet_gmot.model import ESPnetGMOTModel
    from espnet_gmot.preprocessor import GMOTPreprocessor

    assert model_choices.get_class("gmot") is ESPnetGMOTModel
    assert preprocessor_choices.get_class("gmot") is GMOTPreprocessor
    config = {"model": "gmot", "token_list": TOKENS, "model_conf": gmot_conf({"ctc_weight": 1.0})}
    model = get_espnet_model(f"{ASRTask.__module__}.ASRTask", config)
    assert type(model) is ESPnetGMOTModel


@pytest.mark.skipif(not is_installed(), reason=NONE)
@pytest.mark.slow
@pytest.mark.watch
def test_dask_workers_have_it_in_espnet3s_stock_task(tmp_path):
    (tmp_path / "command.py").write_text(DASK_COMMAND)
    result = run(str(tmp_path / "command.py"), path=tmp_path)
    assert "'model': True" in result.stdout and "'preprocessor': True" in result.stdout, result.stderr


@pytest.mark.slow
@pytest.mark.watch
def test_wrapper_registers_in_spawned_children_too(tmp_path):
    (tmp_path / "stock_child.py").write_text(STOCK_CHILD)
    (tmp_path / "stock_command.py").write_text(STOCK_COMMAND)
    result = run("-m", "espnet_gmot", "-m", "stock_command", "--x", "1", path=tmp_path)
    assert "argv --x 1 registered True" in result.stdout, result.stderr


@pytest.mark.slow
@pytest.mark.watch
def test_wrapper_runs_stock_commands_and_scripts(tmp_path):
    listed = run("-m", "espnet_gmot", "-m", "espnet2.bin.asr_train", "--help")
    assert "gmot" in listed.stdout.split("--model ")[1][:200]
    script = tmp_path / "script.py"
    script.write_text("import sys; print(sys.argv[1:], __name__)")
    assert run("-m", "espnet_gmot", str(script), "a").stdout.strip() == "['a'] __main__"


def test_wrapper_refuses_what_it_cannot_run():
    for command, message in [(["-m", "no_such_module"], "no module no_such_module"), ([], "usage:")]:
        result = run("-m", "espnet_gmot", *command)
        assert result.returncode == 1
        assert message in result.stderr
        assert "Traceback" not in result.stderr
