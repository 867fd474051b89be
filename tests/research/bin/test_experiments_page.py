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
def test_the_page_in_the_documents_is_that_of_the_kept_results(tmp_path, monkeypatch, capsys):
    page = tmp_path / "small_specaug.md"
    options = ["--results", "research/results/small_specaug", "--out", str(page)]
    monkeypatch.setattr("sys.argv", ["experiments_page", *options])
    monkeypatch.chdir(ROOT)
    experiments_page.main()
    assert page.read_text(encoding="utf-8") == WRITTEN
    assert capsys.readouterr().out.startswith(f"page: {page}; pictures: {tmp_path}/small_specaug/")


def test_the_page_names_the_pypinyin_that_read_its_sentences():
    assert len(PYPINYIN) == 1
