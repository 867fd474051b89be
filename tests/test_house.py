"""Who may import whom: the floors of CONTRIBUTING.md, read from every file's syntax tree."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "espnet_gmot"
# Rooms by floor, the highest first. A room imports from lower floors, and from the neighbours named with it.
FLOORS = (
    {"bin": set(), "__main__": {"bin"}, "espnet3": {"bin"}},
    {"task": set(), "trained": set(), "decoding": {"trained"}, "demo_page": {"trained", "decoding"}},
    {"model": set()},
    {"alignment": set(), "consistency": set(), "preprocessor": set()},
    {"ot": set(), "teacher": set(), "score": set(), "driver": set()},
    {"data": set()},
    {
        "yaml_mapping": {"files", "text_files", "errors"},
        "files": {"errors"},
        "text_files": {"errors"},
        "saved": set(),
        "errors": set(),
        "": set(),
    },
)
NEIGHBOURS = {room: named | {room} for floor in FLOORS for room, named in floor.items()}
HEIGHT = {room: -number for number, floor in enumerate(FLOORS) for room in floor}


def imports(path: Path, top: str, module: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Give the dotted names below ``top`` that a file imports, wherever in it the import stands.

    ``from top import x`` gives x, ``from . import x`` what it means in that module.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = module[: len(module) - node.level] if node.level else ()
            source = package + tuple((node.module or "").split(".")) if node.module else package
            names = [(*source, alias.name) for alias in node.names]
        else:
            continue
        yield from (name[1:] for name in names if name[0] == top)


def module_of(path: Path) -> tuple[str, ...]:
    """The module's dotted name; a package's own file counts as a module in it, as relative imports do."""
    return path.relative_to(ROOT).with_suffix("").parts


def room_of(name: tuple[str, ...]) -> str:
    """The room of an import: its first part, or "" for a name of the package itself, e.g. __version__."""
    first = name[0]
    return first if (PACKAGE / first).is_dir() or (PACKAGE / f"{first}.py").is_file() else ""


SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "template" not in path.parts)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrows_point_down(path):
    """No module imports from a floor above its own, or from a neighbour that is not named."""
    module = module_of(path)
    room = room_of(module[1:]) if module[1:] != ("__init__",) else ""
    if room == "" and path.name == "__init__.py":
        return  # the package itself registers model and preprocessor
    for name in imports(path, "espnet_gmot", module):
        other = room_of(name)
        assert HEIGHT[other] < HEIGHT[room] or other in NEIGHBOURS[room], f"{room} imports {'.'.join(name)}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_plugin_knows_neither_recipes_nor_laboratory(path):
    strangers = {"research", "egs2", "egs3", "benchmarks", "tests"}
    strangers |= {found.stem for found in ROOT.glob("egs2/*/asr1/local/*.py")}
    strangers |= {found.parent.name for found in ROOT.glob("egs2/*/asr1/local/*/__init__.py")}
    tops = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    }
    assert not tops & strangers


def test_every_room_has_a_floor():
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" and path.stem != "__init__"}
    rooms |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == HEIGHT.keys() - {""}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from espnet_gmot import model", ("model",)),
        ("    from espnet_gmot.model import x", ("model", "x")),
        ("import espnet_gmot.model as m", ("model",)),
        ("from .. import model", ("model",)),
        ("from ..model import x", ("model", "x")),
        ("from . import costs", ("ot", "costs")),
    ],
)
def test_every_way_to_import_is_seen(tmp_path, line, found):
    path = tmp_path / "here.py"
    path.write_text("if True:\n" + line if line.startswith(" ") else line)
    assert list(imports(path, "espnet_gmot", ("espnet_gmot", "ot", "here"))) == [found]
