"""Where each module is tested: in the file of its name in the mirrored folder, or where ELSEWHERE says."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
SOURCES = ("espnet_gmot/**/*.py", "research/**/*.py", "egs2/*/asr1/local/**/*.py")

# Modules that are tested with another one: each with the file, below tests/, that imports it or runs it.
ELSEWHERE = {
    # commands and what lies behind them
    "espnet_gmot/__main__.py": "test_registration.py",
    "espnet_gmot/bin/cache_teacher.py": "teacher/test_teacher_commands.py",
    "espnet_gmot/bin/check_install.py": "driver/test_installation.py",
    "espnet_gmot/bin/export.py": "trained/test_export.py",
    "espnet_gmot/bin/fit_projection.py": "teacher/test_teacher_commands.py",
    "espnet_gmot/bin/measure_coupling.py": "trained/test_couplings.py",
    "espnet_gmot/bin/measure_gradients.py": "trained/test_gradients.py",
    "espnet_gmot/bin/plot_coupling.py": "egs2/test_mini_mandarin_recipe.py",
    "espnet_gmot/bin/run_jobs.py": "driver/test_jobs.py",
    "espnet_gmot/bin/run_share.py": "driver/test_job_workers.py",
    "espnet_gmot/driver/installed_parts.py": "driver/test_installation.py",
    "espnet_gmot/driver/espnet_words.py": "driver/test_odd_names.py",
    "espnet_gmot/driver/option_kinds.py": "driver/test_named_files.py",
    "espnet_gmot/driver/stages/score.py": "driver/stages/test_all.py",
    "espnet_gmot/driver/training.py": "driver/stages/test_asr.py",
    # stages of ESPnet3
    "espnet_gmot/espnet3/characters.py": "espnet3/test_system.py",
    "espnet_gmot/espnet3/greedy.py": "decoding/test_espnet3_greedy.py",
    "espnet_gmot/espnet3/scripts.py": "espnet3/test_builder.py",
    # parts of one thing
    "espnet_gmot/ot/numba_cost.py": "ot/test_batched_cost.py",
    "espnet_gmot/ot/numba_sinkhorn.py": "ot/test_numba_kernel.py",
    "espnet_gmot/ot/options.py": "ot/test_solve.py",
    "espnet_gmot/ot/problem.py": "ot/test_solve.py",
    "espnet_gmot/ot/triton_parts.py": "ot/test_triton_kernel.py",
    "espnet_gmot/score/markdown_table.py": "score/test_comparison_page.py",
    "espnet_gmot/task.py": "test_distributed.py",
    "espnet_gmot/teacher/build_cache.py": "teacher/test_cache.py",
    "espnet_gmot/teacher/hub.py": "teacher/test_frozen.py",
    "espnet_gmot/teacher/identity.py": "teacher/test_cache.py",
    "espnet_gmot/trained/coupling_panels.py": "trained/test_couplings.py",
    # the laboratory
    "research/bin/keep_experiment.py": "research/bin/test_run_experiments.py",
    "research/bin/probe_context.py": "research/bin/test_run_experiments.py",
    "research/commands.py": "research/bin/test_run_experiments.py",
    "research/runner.py": "research/bin/test_run_experiments.py",
    "research/figures.py": "research/test_page.py",
    "research/screening.py": "trained/test_couplings.py",
    "research/bin/screen_couplings.py": "trained/test_couplings.py",
    # recipes
    "egs2/aishell/asr1/local/make_sample.py": "egs2/aishell/test_sample.py",
    "egs2/aishell/asr1/local/prepare_aishell.py": "egs2/test_aishell_data.py",
    "egs2/mini_mandarin/asr1/local/check_mini_mandarin.py": "egs2/mini_mandarin/test_corpus.py",
    "egs2/mini_mandarin/asr1/local/mini_mandarin/disjoint.py": "egs2/mini_mandarin/test_corpus.py",
    "egs2/mini_mandarin/asr1/local/prepare_mini_mandarin.py": "egs2/mini_mandarin/test_corpus.py",
    "egs2/speechocean762/asr1/local/prepare_speechocean762.py": "egs2/test_speechocean762_data.py",
    "egs2/mini_mandarin/asr1/local/small_bert/masked_lm.py": "egs2/mini_mandarin/test_pretrain.py",
}


def modules() -> list[str]:
    """The modules that must be tested, as paths from the root; of the template only what is not a link."""
    found = (path for pattern in SOURCES for path in ROOT.glob(pattern) if path.name != "__init__.py")
    return sorted(str(path.relative_to(ROOT)) for path in found if "template" not in path.parts)


def own_test(module: str) -> Path:
    """The test of a module's own name: below tests/ as in the package, of a recipe in tests/egs2/CORPUS."""
    path = Path(module)
    name = f"test_{path.stem.strip('_')}.py"
    if path.parts[0] == "egs2":
        return TESTS / "egs2" / path.parts[1] / name
    return TESTS / path.parent.relative_to("espnet_gmot" if path.parts[0] == "espnet_gmot" else ".") / name


def dotted(module: str) -> str:
    """The name by which a module is imported."""
    parts = Path(module).with_suffix("").parts
    return ".".join(parts[4:] if parts[0] == "egs2" else parts)


@cache
def imports(path: Path) -> frozenset[str]:
    """The dotted names that a Python file imports, a package's contents among them."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def reaches(test: Path, module: str) -> bool:
    """Whether a test names a module or imports it, be it through others of the module's folder."""
    text, name = test.read_text(encoding="utf-8"), dotted(module).removesuffix(".__main__")
    if name in text or re.search(rf"\b{Path(module).stem}\b", text):
        return True
    folder = {dotted(str(path.relative_to(ROOT))): path for path in (ROOT / module).parent.glob("*.py")}
    folder |= {known.removesuffix(".__init__"): path for known, path in folder.items()}
    found, fresh = set(), imports(test) | {known for known in folder if known in text}
    while fresh:
        found |= fresh
        fresh = {name for known in fresh & folder.keys() for name in imports(folder[known])} - found
    return name in found


@pytest.mark.parametrize("module", modules())
def test_every_module_has_its_test(module: str):
    assert own_test(module).is_file() != (module in ELSEWHERE), (
        f"{module}: give it {own_test(module).relative_to(ROOT)} or a line in ELSEWHERE, not both"
    )


@pytest.mark.parametrize("module", ELSEWHERE)
def test_every_line_of_the_table_holds(module: str):
    assert (ROOT / module).is_file(), f"there is no {module}; take its line out"
    assert reaches(TESTS / ELSEWHERE[module], module)


def test_a_test_that_has_nothing_to_do_with_a_module_does_not_reach_it():
    assert not reaches(TESTS / "data/test_kaldi_text.py", "espnet_gmot/ot/problem.py")
    assert not reaches(TESTS / "test_house.py", "espnet_gmot/teacher/hub.py")
