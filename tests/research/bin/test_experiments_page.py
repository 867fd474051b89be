"""The pages in docs/experiments are what the command writes from the kept results."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from research.bin import experiments_page

ROOT = Path(__file__).parents[3]
WRITTEN = (ROOT / "docs/experiments/small_specaug.md").read_text(encoding="utf-8")
PYPINYIN = re.findall(r"as pypinyin (\S+) reads", WRITTEN)


@pytest.mark.skipif(
    [version("pypinyin")] != PYPINYIN, reason="another pypinyin reads some characters otherwise"
)
@pytest.mark.parametrize("protocol", ["small_specaug", "speechocean762"])  # a pilot; a table of its own
def test_the_page_in_the_documents_is_that_of_the_kept_results(protocol, tmp_path, monkeypatch, capsys):
    page = tmp_path / f"{protocol}.md"
    options = ["--results", f"research/results/{protocol}", "--out", str(page)]
    monkeypatch.setattr("sys.argv", ["experiments_page", *options])
    monkeypatch.chdir(ROOT)
    experiments_page.main()
    written = (ROOT / f"docs/experiments/{protocol}.md").read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8") == written
    assert capsys.readouterr().out.startswith(f"page: {page}; pictures: {tmp_path}/{protocol}/")


def test_the_page_names_the_pypinyin_that_read_its_sentences():
    assert len(PYPINYIN) == 1
