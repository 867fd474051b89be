"""The table of experiments: what it may hold, and that the recipe's own is sound."""

from pathlib import Path

import pytest

from espnet_gmot.errors import InputError
from research.runs import yaml_of
from research.table import read_experiment_table

ROOT = Path(__file__).parents[2]
OWN = ROOT / "research/experiments.yaml"
TABLE = """
teachers: {base: {}, weak: {every: 10, pretrain: --steps 7}}
rows:
-   {name: ctc, config: ctc, tests: baseline}
-   {name: gmot, config: gmot, tests: method, teacher: base, change: {model_conf: {alpha: 0.3}}}
"""


def read(tmp_path, text):
    path = tmp_path / "experiments.yaml"
    path.write_text(text)
    return read_experiment_table(path)


def test_rows_and_teachers_are_read_with_their_defaults(tmp_path):
    table = read(tmp_path, TABLE)
    ctc, gmot = table.rows
    assert (ctc.name, ctc.decoding, ctc.teacher, ctc.change) == ("ctc", "ctc_greedy", None, {})
    assert (gmot.teacher, gmot.against, gmot.change) == ("base", [], {"model_conf": {"alpha": 0.3}})
    assert (table.teachers["base"].pretrain, table.teachers["weak"].every) == ("", 10)


def test_selected_rows_keep_the_order_of_the_table(tmp_path):
    table = read(tmp_path, TABLE)
    assert [row.name for row in table.select(["gmot", "ctc"])] == ["ctc", "gmot"]
    assert table.select([]) == table.rows
    with pytest.raises(InputError, match="no row is called gmt; choose from ctc, gmot"):
        table.select(["gmt"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("config: ctc", "confg: ctc", "ctc: .*confg.*; the head of research/experiments.yaml says"),
        ("teacher: base", "teacher: [base]", "gmot: .*list.*"),
        ("teacher: base", "teacher: bass", "gmot: teacher bass is not in the table"),
        ("tests: method", "tests: method, against: [ct]", "gmot: against ct is not in the table"),
        ("name: gmot", "name: ctc", "two rows are called ctc; rename one"),
        ("tests: baseline", "tests: baseline, decoding: beam", "ctc: .*not any of .*ctc_greedy"),
        ("name: ctc", "name: reference", "reference stands for no run .*rename the row"),
        ("rows:", "lines:", "is no table of experiments .*rows"),
        ("rows:", "rows: [", "is no table of experiments"),
    ],
)
def test_a_mistake_in_the_table_is_named(tmp_path, old, new, message):
    with pytest.raises(InputError, match=rf"experiments.yaml.*{message}"):
        read(tmp_path, TABLE.replace(old, new, 1))


def test_tables_share_rows(tmp_path):
    teachers, rows = TABLE.split("rows:\n")
    (tmp_path / "shared.yaml").write_text(rows)
    own = "-   {name: own, config: ctc, model_of: ctc, tests: t}\n"
    table = read(tmp_path, f"{teachers}rows:\n-   shared.yaml\n{own}")
    assert table.rows[:2] == read(tmp_path, TABLE).rows
    assert [row.name for row in table.rows] == ["ctc", "gmot", "own"]


def test_a_file_of_rows_that_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.yaml.*experiments.yaml names it among its rows"):
        read(tmp_path, TABLE.replace("rows:", "rows:\n-   nowhere.yaml", 1))


@pytest.mark.parametrize(
    ("shared", "message"),
    [
        ("ctc: {config: ctc}\n", "shared.yaml is no list of rows; the head"),
        ("- other.yaml\n", "shared.yaml is no list of rows; the head"),
        ("- {name: x, confg: ctc, tests: t}\n", "shared.yaml: x: .*confg"),
    ],
)
def test_faults_of_a_file_of_rows_name_that_file(tmp_path, shared, message):
    (tmp_path / "shared.yaml").write_text(shared)
    with pytest.raises(InputError, match=message):
        read(tmp_path, TABLE + "-   shared.yaml\n")


@pytest.mark.parametrize("start", ["own", "branch", "lm", "nobody"])
def test_a_start_has_fresh_weights_and_a_model_of_its_own(tmp_path, start):
    more = "-   {name: branch, config: ctc, tests: t, start: ctc}\n"
    more += "-   {name: lm, config: ctc, tests: t, model_of: ctc}\n"
    more += f"-   {{name: own, config: ctc, tests: t, start: {start}}}\n"
    with pytest.raises(InputError, match=f"own: start {start} is no row trained from fresh"):
        read(tmp_path, TABLE + more)


def test_own_table_begins_with_what_decides():
    rows = read_experiment_table(OWN).rows
    assert [row.name for row in rows[:6]] == ["ctc", "gmot", "random_teacher", "ot", "tot", "gw"]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "research").glob("experiments*.yaml")), ids=lambda path: path.stem
)
def test_own_tables_name_yamls_that_the_recipe_has(path):
    table = read_experiment_table(path)
    presets = [path.stem.removeprefix("experiments_")] if "_" in path.stem else ["small", "tiny"]
    for config in {"ctc", *(row.config for row in table.rows)}:
        for preset in presets:
            assert (ROOT / table.corpus.recipe / yaml_of(table.corpus, config, preset)).is_file()
