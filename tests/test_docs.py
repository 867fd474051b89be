"""What the pages name is there: links, anchors, files, modules, commands and their options, make targets."""

import contextlib
import importlib
import io
import pkgutil
import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import torch
import yaml
from espnet3_installed import is_installed

from espnet_gmot import ot
from research.table import read_experiment_table

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
GLOBS = ("*.md", "docs/**/*.md", "conf/*.md", "egs2/*/asr1/*.md", "benchmarks/*.md")
PART = ROOT / "benchmarks/fgw_profile.md"  # goes into another page
HISTORY = ROOT / "CHANGELOG.md"  # may name what is gone
PAGES = sorted({page for pattern in GLOBS for page in ROOT.glob(pattern)})
OWN = [
    page for page in PAGES if not re.search("(Generated|Written|writes this page) ", page.read_text()[:300])
]
CURRENT = [page for page in OWN if page != HISTORY]
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = {".py", ".sh", ".yaml"}
LINES = r"((?:(?!```).*\n)*)```"  # up to the end of the block
PROGRAM = re.compile(rf"^```python\n{LINES}\n+```text\n{LINES}", re.MULTILINE)
COMMAND = re.compile(r"python3? -m (espnet_gmot\.bin\.\w+)((?:[^`\n]|\\\n)*)")


def short(page: Path) -> str:
    return str(page.relative_to(ROOT))


def without_code(text: str) -> str:
    """A page without its blocks and spans of code, in which brackets are no links."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^    .*$", "", FENCED.sub("", text), flags=re.MULTILINE))


@cache
def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    found, seen = set(), Counter()
    for heading in re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_every_relative_link_and_anchor_exists(page):
    for link in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), link  # a folder would be none on the site
        assert not anchor or anchor in anchors(target), link


def test_anchors_are_those_of_github(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A's `b`, c-d\n\n```sh\n# no heading\n```\n## α (1) [x](y.md)\n## α (1) x\n")
    assert anchors(page) == {"as-b-c-d", "α-1-x", "α-1-x-1"}


def test_the_readme_is_short():
    lines = README.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
    assert [line for line in lines if len(line) > 120 and not line.startswith("|")] == []


@pytest.mark.parametrize("page", CURRENT, ids=short)
def test_prose_has_short_lines(page):
    lines = FENCED.sub("", page.read_text(encoding="utf-8")).splitlines()
    assert [line for line in lines if len(line) > 110 and not line.startswith(("|", "    "))] == []


def test_the_site_has_every_page():
    """``nav`` names each page once; mkdocs says so if one of them is missing."""
    nav = re.search(r"^nav:\n(?:[ -].*\n?)+", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    pages = re.findall(r"[\w/]+\.md", yaml.dump(yaml.safe_load(nav[0])))
    assert sorted(pages) == sorted(short(page) for page in PAGES if page != PART)


@pytest.mark.parametrize("page", CURRENT, ids=short)
def test_every_name_of_a_module_can_be_imported(page):
    text = page.read_text(encoding="utf-8")
    for name in set(re.findall(r"(?<![\w./])(?:espnet_gmot|research|benchmarks)(?:\.\w+)+\b(?!/)", text)):
        needs_espnet3 = name.startswith("espnet_gmot.espnet3.") and not is_installed()
        if not (needs_espnet3 or name.endswith((".md", ".py", ".sh"))):
            pkgutil.resolve_name(name)


@pytest.mark.parametrize("page", CURRENT, ids=short)
def test_every_path_in_the_repository_exists(page):
    text = page.read_text(encoding="utf-8")
    tops = "espnet_gmot|research|benchmarks|tests|tools|docs"
    for name in set(re.findall(rf"(?<![\w./])(?:{tops})/[\w./-]*\w", text)):
        made_by_a_run = name.startswith("research/exp") or "__pycache__" in name
        assert made_by_a_run or (ROOT / name).exists(), name


@pytest.mark.parametrize("page", CURRENT, ids=short)
def test_every_make_target_exists(page):
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    used = re.findall(r"(?:^    |`|&& )make (\w+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(used) <= set(targets)


@cache
def help_of(module: str) -> str:
    """What a command prints for ``--help``."""
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as out:
        patch.setattr(sys, "argv", [module, "--help"])
        with pytest.raises(SystemExit):
            importlib.import_module(module).main()
    return out.getvalue()


@pytest.mark.parametrize("page", CURRENT, ids=short)
def test_every_option_of_a_command_exists(page):
    for module, arguments in COMMAND.findall(page.read_text(encoding="utf-8")):
        for option in re.findall(r"(?<!\S)--\w+", arguments):
            assert re.search(rf"{option}\b", help_of(module)), f"{module} {option}"


def test_the_solvers_example_runs(capsys):
    page = (ROOT / "docs" / "solver.md").read_text(encoding="utf-8")
    exec(re.search(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[1], {})
    assert capsys.readouterr().out.startswith("torch.Size([2, 160, 20])")


def programs():
    """Each program of a page that is followed by what it prints."""
    for page in CURRENT:
        for number, (code, printed) in enumerate(PROGRAM.findall(page.read_text(encoding="utf-8"))):
            yield pytest.param(code, printed, id=f"{short(page)}-{number}")


@pytest.mark.slow
@pytest.mark.parametrize(("code", "printed"), programs())
def test_a_program_prints_what_its_page_shows(code, printed, capsys):
    with torch.random.fork_rng():
        exec(code, {})
    assert capsys.readouterr().out == printed


def test_pages_have_programs_for_graphs_two_spaces_time_series_and_the_gradient():
    assert [param.id for param in programs()] == [
        *(f"docs/beyond_speech.md-{number}" for number in range(3)),
        "docs/solver.md-0",
    ]


@pytest.mark.parametrize(
    ("epsilon", "of_plan", "of_slope"), [(0.3, 1e-9, 1e-4), (0.1, 1e-9, 1e-4), (0.05, 1e-5, 2e-3)]
)
def test_the_unrolled_solver_of_the_page_is_the_solver(epsilon, of_plan, of_slope):
    """Its coupling is the solver's, and its gradient is how the loss of the solver's own coupling changes.

    At ε 0.05 the solver's scalings meet ``SMALLEST_SUM``: 3e-6 and, in the slope, 1.3e-3 were measured.
    """
    page = (ROOT / "docs" / "solver.md").read_text(encoding="utf-8")
    (code, _), names = PROGRAM.search(page).groups(), {}
    exec(code.partition("\nprint(")[0], names)

    def plan_of(X):
        costs = ot.cosine_costs(X[None], None, Z[None], None)
        return ot.fused_gromov_wasserstein(*costs, None, None, epsilon=epsilon, tol=0).plan[0]

    X, Z = names["vectors"](0.5, seed=0)
    X.requires_grad_()
    D, A, B = ot.cosine_costs(X[None], None, Z[None], None)
    plan = names["unrolled"](D[0], A[0], B[0], epsilon)
    torch.testing.assert_close(plan, plan_of(X), atol=of_plan, rtol=0)

    (whole,) = torch.autograd.grad(names["projection_loss"](plan, X, Z), X)
    direction = torch.randn(X.shape, generator=torch.Generator().manual_seed(1), dtype=X.dtype)
    ahead, behind = (
        names["projection_loss"](plan_of(X.detach() + step * direction), X.detach() + step * direction, Z)
        for step in (1e-6, -1e-6)
    )
    torch.testing.assert_close((ahead - behind) / 2e-6, (whole * direction).sum(), atol=1e-5, rtol=of_slope)


def test_every_page_that_the_code_names_exists():
    """Comments, docstrings, messages and YAMLs name pages by their path."""
    folders = ("espnet_gmot", "research", "benchmarks", "egs2", "conf", "tests", "tools")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in CODE]
    named = {
        (str(path), page)
        for path in files
        for page in re.findall(r"\bdocs/[\w/]+\.md", path.read_text(encoding="utf-8"))
    }
    assert {page for _, page in named} >= {"docs/method.md", "docs/solver.md"}
    assert [(path, page) for path, page in sorted(named) if not (ROOT / page).is_file()] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs/experiments").glob("[dfgp]*.md")), ids=short)
def test_every_row_of_the_experiments_exists(page):
    """Hand-written pages name rows as the tables of rows do."""
    tables = [read_experiment_table(path) for path in (ROOT / "research").glob("exp*.yaml")]
    rows = {row.name for table in tables for row in table.rows}
    named = set(
        re.findall(r"`((?:ctc|hybrid|gmot|ot|tot|gw|random_teacher)[\w.]*)`", page.read_text("utf-8"))
    )
    assert named <= rows
    assert named
