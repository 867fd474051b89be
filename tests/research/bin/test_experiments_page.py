"""The pages in docs/experiments are what the command writes from the kept results."""

from pathlib import Path

from research.bin import experiments_page

ROOT = Path(__file__).parents[3]


def test_the_page_in_the_documents_is_that_of_the_kept_results(tmp_path, monkeypatch, capsys):
    page = tmp_path / "small_specaug.md"
    options = ["--results", "research/results/small_specaug", "--out", str(page)]
    monkeypatch.setattr("sys.argv", ["experiments_page", *options])
    monkeypatch.chdir(ROOT)
    experiments_page.main()
    assert page.read_text() == (ROOT / "docs/experiments/small_specaug.md").read_text()
    assert capsys.readouterr().out.startswith(f"page: {page}; pictures: {tmp_path}/small_specaug/")
