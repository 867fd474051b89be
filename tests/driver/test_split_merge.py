from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espnet_gmot.data.decoding_facts import GREEDY, DecodingFacts, read_facts, write_facts
from espnet_gmot.data.kaldi_data import write_table
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.driver.split_merge import append_vocabulary_size, merge_decoded, split_scp
from espnet_gmot.errors import InputError


@given(size=st.integers(1, 30), nj=st.integers(1, 40))
def test_parts_cover_the_table_in_order_and_differ_by_at_most_one(
    tmp_path_factory: pytest.TempPathFactory, size: int, nj: int
) -> None:
    folder = tmp_path_factory.mktemp("split")
    table = {f"u{index:02d}": "x" for index in range(size)}
    write_table(folder / "wav.scp", table)
    parts = split_scp(folder / "wav.scp", str(folder / "part.JOB.scp"), nj)
    assert parts == min(size, nj)
    pieces = [list(read_table(folder / f"part.{part}.scp")) for part in range(1, parts + 1)]
    assert [key for piece in pieces for key in piece] == list(table)
    assert max(map(len, pieces)) - min(map(len, pieces)) <= 1


def test_split_refuses_an_empty_table_and_a_pattern_without_job(tmp_path: Path) -> None:
    (tmp_path / "wav.scp").write_text("")
    with pytest.raises(InputError, match=r"wav.scp is empty; run the earlier stages"):
        split_scp(tmp_path / "wav.scp", "part.JOB", 2)
    (tmp_path / "wav.scp").write_text("u a\n")
    with pytest.raises(InputError, match="put JOB into the name"):
        split_scp(tmp_path / "wav.scp", "part", 2)


def test_vocabulary_size_is_the_number_of_tokens(tmp_path: Path) -> None:
    (tmp_path / "text_shape").write_text("u1 5\nu2 7\n")
    (tmp_path / "tokens.txt").write_text("<blank>\n<unk>\n好\n<sos/eos>\n")
    append_vocabulary_size(tmp_path / "text_shape", tmp_path / "tokens.txt", tmp_path / "text_shape.char")
    assert (tmp_path / "text_shape.char").read_text() == "u1 5,4\nu2 7,4\n"


def test_hypotheses_of_all_jobs_are_merged_sorted_with_empty_ones_kept(tmp_path: Path) -> None:
    for job, (text, score) in enumerate([("u3 a\nu4\n", "u3 1\nu4 2\n"), ("u1 b c\n", "u1 3\n")], start=1):
        best = tmp_path / f"output.{job}" / "1best_recog"
        best.mkdir(parents=True)
        (best / "text").write_text(text)
        (best / "score").write_text(score)
    assert merge_decoded(str(tmp_path / "output.JOB"), 2, tmp_path / "test") == 3
    assert (tmp_path / "test" / "text").read_text() == "u1 b c\nu3 a\nu4\n"
    assert (tmp_path / "test" / "score").read_text() == "u1 3\nu3 1\nu4 2\n"
    assert not (tmp_path / "test" / "token").exists()


def test_times_of_tokens_are_merged_where_every_job_has_them(tmp_path: Path) -> None:
    for job in (1, 2):
        best = tmp_path / f"output.{job}" / "1best_recog"
        best.mkdir(parents=True)
        (best / "text").write_text(f"u{job} a b\n")
    lines = ["u1 1 0.00 0.04 a 0.9\nu1 1 0.08 0.04 b 0.8\n", "u2 1 0.04 0.04 a 0.7\n"]
    for job, line in enumerate(lines, start=1):
        (tmp_path / f"output.{job}" / "1best_recog" / "ctm").write_text(line)
        merge_decoded(str(tmp_path / "output.JOB"), 2, tmp_path / "test")
        assert (tmp_path / "test" / "ctm").exists() == (job == 2)
    assert (tmp_path / "test" / "ctm").read_text() == "".join(lines)


def test_facts_are_merged_where_every_job_has_them(tmp_path: Path) -> None:
    output = [tmp_path / f"output.{job}" for job in (1, 2)]
    for job, directory in enumerate(output, start=1):
        (directory / "1best_recog").mkdir(parents=True)
        (directory / "1best_recog/text").write_text(f"u{job} a\n")
        facts = DecodingFacts(GREEDY, f"job {job}", ["cpu"], 1, 16000, 16000, 0.25 * job)
        write_facts(directory, facts, directory / "1best_recog/text")
    merge_decoded(str(tmp_path / "output.JOB"), 2, tmp_path / "test")
    expected = DecodingFacts(GREEDY, "job 1", ["cpu"], 2, 32000, 16000, 0.75)
    assert read_facts(tmp_path / "test", tmp_path / "test/text") == expected
    (output[1] / "1best_recog/text").write_text("u2 b\n")  # by a decoder that leaves no facts
    merge_decoded(str(tmp_path / "output.JOB"), 2, tmp_path / "test")
    assert not (tmp_path / "test/decoding.json").exists()


def test_a_job_without_hypotheses_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"output.1/1best_recog/text does not exist"):
        merge_decoded(str(tmp_path / "output.JOB"), 1, tmp_path / "test")
