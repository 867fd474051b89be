"""The comparison as it is printed and written."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from espnet_gmot.score.comparison import Row, System
from espnet_gmot.score.comparison_page import write_comparison
from espnet_gmot.score.error_rates import ErrorCounts
from espnet_gmot.score.margin import Margin, SpeakerMargin
from espnet_gmot.score.published import Published
from espnet_gmot.score.result_files import Result

TABLE = """\
| system | set  |         CER % [95 %] | change % |      difference [95 %] |       p | M params | training s |    RTF |
| ------ | ---- | -------------------: | -------: | ---------------------: | ------: | -------: | ---------: | -----: |
| ctc    | test | 40.00 [38.00, 42.00] |        – |                      – |       – |        – |         62 |      – |
| gmot   | test | 30.00 [28.00, 32.00] |    -25.0 | -10.00 [-11.00, -9.00] | <0.0001 |    26.76 |          – | 0.0123 |
| uot    | test |              not run |        – |                      – |       – |        – |          – |      – |

not run: uot on test: not trained; run it
"""  # noqa: E501
DETAILS = """\
| system | set  | decoding | chars | sub | del | ins | p (Holm) |
| ------ | ---- | -------- | ----: | --: | --: | --: | -------: |
| ctc    | test | greedy   |    10 |   2 |   1 |   1 |        – |
| gmot   | test | beam10   |    10 |   1 |   1 |   1 |   0.0002 |
"""
SEEDS = """\
## Seeds

| system | set  | CER % of each seed | compared over |
| ------ | ---- | ------------------ | ------------- |
| ctc    | test | 0: 40.00           | –             |
| gmot   | test | 3: 30.00, 7: 40.00 | 3, 7          |
"""


@pytest.fixture
def rows():
    ctc, gmot, uot = (
        System(name, Path(f"exp/asr_{name}"), decode)
        for name, decode in (("ctc", "greedy"), ("gmot", "beam10"), ("uot", "greedy"))
    )
    errors = [ErrorCounts(7, 2, 1, 1, 1, 1), ErrorCounts(8, 1, 1, 1, 1, 1)]
    first, second = (Result("char", {"utt1": counts}) for counts in errors)
    margin = Margin((0,), (-10.0,), -10.0, 40.0, -25.0, (-11.0, -9.0), 0.00004)
    return [
        Row(ctc, "test", 61.6, results={0: first}, interval=(38.0, 42.0)),
        Row(
            gmot,
            "test",
            results={0: second},
            interval=(28.0, 32.0),
            parameters=26_760_000,
            rtf=0.01234,
            margin=margin,
            p_holm=0.00016,
        ),
        Row(uot, "test", not_run="not trained; run it"),
    ]


def test_the_table_goes_to_the_terminal_and_more_to_the_page(rows, tmp_path):
    assert write_comparison(tmp_path / "comparison", rows) == TABLE
    page = (tmp_path / "comparison.md").read_text(encoding="utf-8")
    assert page.startswith(f"# Comparison\n\n{TABLE}\n## Errors\n\n{DETAILS}\n## What")
    assert "against ctc" in page
    assert "Published" not in page
    assert "## Seeds" not in page


def test_published_figures_stand_apart(rows, tmp_path):
    published = Published(["system", "test", "source", "remark"], [["A", "4.3", "arXiv 1", "greedy"]])
    assert "arXiv" not in write_comparison(tmp_path / "comparison", rows, published)
    ours, theirs = (tmp_path / "comparison.md").read_text().split("## Published, not run here")
    assert "arXiv" not in ours
    assert published.as_table() in theirs


def test_the_records(rows, tmp_path):
    write_comparison(tmp_path / "comparison", rows)
    ctc, gmot, uot = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))
    assert list(ctc.items())[:9] == [
        ("system", "ctc"), ("set", "test"), ("cer", 40.0), ("chars", 10), ("sub", 2), ("del", 1),
        ("ins", 1), ("seconds_train", 61.6), ("cer_interval", [38.0, 42.0]),
    ]  # fmt: skip
    assert gmot["margin"] == {
        "difference": -10.0, "interval": [-11.0, -9.0], "change": -25.0, "p": 0.00004, "p_holm": 0.00016,
    }  # fmt: skip
    assert (gmot["parameters"], gmot["rtf"]) == (26_760_000, 0.01234)
    assert (gmot["experiment"], gmot["decode"]) == ("exp/asr_gmot", "beam10")
    assert uot["not_run"] == "not trained; run it"
    assert uot["cer"] is uot["margin"] is ctc["margin"] is None
    assert "seeds" not in ctc


def test_several_seeds_have_a_table_of_their_own(rows, tmp_path):
    ctc, gmot, _ = rows
    system = replace(gmot.system, repeats=(Path("exp/asr_gmot_seed7"),))
    results = {3: gmot.results[0], 7: ctc.results[0]}
    margin = Margin((3, 7), (-12.0, 2.0), -5.0, 40.0, -12.5, (-13.0, 3.0), 0.04)
    rows = [ctc, replace(gmot, system=system, results=results, margin=margin)]
    assert "| -5.00 [-13.00, +3.00] ↕ |" in write_comparison(tmp_path / "comparison", rows)
    page = (tmp_path / "comparison.md").read_text(encoding="utf-8")
    assert SEEDS in page
    assert "It is compared with ctc over the seeds that both have" in page
    _, record = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))
    assert record["cer"] == pytest.approx(35.0)
    assert record["seeds"] == {
        "3": {"experiment": "exp/asr_gmot", "cer": 30.0},
        "7": {"experiment": "exp/asr_gmot_seed7", "cer": 40.0},
    }
    assert record["margin"]["differences"] == {"3": -12.0, "7": 2.0}


def test_word_error_rates_have_a_column_where_words_were_scored(rows, tmp_path):
    ctc, gmot, uot = rows
    table = write_comparison(tmp_path / "comparison", [replace(ctc, wer=71.25), gmot, uot])
    header, _, first, second, third, *_ = table.splitlines()
    assert [cell.strip() for cell in header.split("|")][3:6] == ["CER % [95 %]", "WER %", "change %"]
    assert [line.split("|")[4].strip() for line in (first, second, third)] == ["71.25", "–", "–"]
    page = (tmp_path / "comparison.md").read_text(encoding="utf-8")
    assert '"CER" counts characters, the space between two words among them;' in page
    assert '"WER" is the word error rate' in page
    records = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))
    assert [record.get("wer") for record in records] == [71.25, None, None]


def test_without_words_nothing_is_said_of_them(rows, tmp_path):
    assert "WER" not in write_comparison(tmp_path / "comparison", rows)
    page = (tmp_path / "comparison.md").read_text(encoding="utf-8")
    assert "WER" not in page
    assert '"CER" counts characters without spaces;' in page


def test_speakers_have_a_table_where_there_are_many(rows, tmp_path):
    ctc, gmot, uot = rows
    margin = replace(gmot.margin, by_speaker=SpeakerMargin(62, (-13.0, -7.0), 0.0021))
    write_comparison(tmp_path / "comparison", [ctc, replace(gmot, margin=margin), uot])
    page = (tmp_path / "comparison.md").read_text(encoding="utf-8")
    _, table = page.split("## Speakers\n\n")
    assert [cell.strip() for cell in table.splitlines()[2].split("|")[1:-1]] == [
        "gmot", "test", "62", "-10.00 [-13.00, -7.00]", "0.0021",
    ]  # fmt: skip
    assert "Sets with fewer than 20 known" in page
    record = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))[1]
    assert record["margin"]["by_speaker"] == {"speakers": 62, "interval": [-13.0, -7.0], "p": 0.0021}
    write_comparison(tmp_path / "comparison", rows)
    assert "peakers" not in (tmp_path / "comparison.md").read_text(encoding="utf-8")
