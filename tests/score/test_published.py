"""Published figures: the file of the AISHELL recipe, and what is refused."""

from pathlib import Path

import pytest

from espnet_gmot.errors import InputError
from espnet_gmot.score.published import read_published

AISHELL = Path(__file__).parents[2] / "egs2/aishell/asr1/local/published.tsv"
HEADER = "system\tdev\ttest\tsource\tremark\n"


def test_the_recipe_s_file_says_where_figures_come_from_and_which_are_unknown():
    published = read_published(AISHELL)
    rows = {row[0]: row[1:] for row in published.rows}
    assert rows["OT for CTC"] == ["3.96", "4.27", "arXiv 2309.13650", "abstract"]
    assert "derived" in rows["CTC baseline of the OT papers"][-1]
    assert {name for name, row in rows.items() if row[:2] == ["unknown"] * 2} == {"TOT", "GM-OT", "UOT"}
    # 5.53 and 6.05 are what both abstracts' relative improvements lead back to.
    for dev, test, better in ((3.96, 4.27, (0.2839, 0.2942)), (3.64, 3.94, (0.3418, 0.3488))):
        assert round(dev / (1 - better[0]), 2) == 5.53
        assert round(test / (1 - better[1]), 2) == 6.05


def test_the_table_shows_the_figures_as_they_are(tmp_path):
    (tmp_path / "p.tsv").write_text(HEADER + "A\t4.5–4.7\tnot given\tarXiv 1\t–\n", encoding="utf-8")
    assert read_published(tmp_path / "p.tsv").as_table() == (
        "| system |     dev |      test | source  | remark |\n"
        "| ------ | ------: | --------: | ------- | ------ |\n"
        "| A      | 4.5–4.7 | not given | arXiv 1 | –      |"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"p.tsv is empty; write into it system, the sets"),
        ("system\tdev\tsource\n", r"p.tsv:1: the columns are system, dev, source; they must be system, the"),
        (HEADER + "A\t1.0\t2.0\tarXiv 1\n", r"p.tsv:2: 4 columns where line 1 has 5"),
        (HEADER + "A\t1.0\t2,0\tarXiv 1\t–\n", r"p.tsv:2: '2,0' is no figure; write a number"),
        (HEADER + "A\t1.0\t2.0\t\t–\n", r"p.tsv:2: A has no source"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    (tmp_path / "p.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_published(tmp_path / "p.tsv")
