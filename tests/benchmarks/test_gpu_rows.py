"""GPU rows from a file into the pages that are there: made-up numbers, in a copy of each page."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import fgw, fgw_gpu, full_training, gpu_rows, peers, roofline
from benchmarks.peers import Contender
from benchmarks.problems import KINDS, SPEECH_SHAPES
from benchmarks.results import Row, Table
from espnet_gmot.errors import InputError

PAGES = Path(__file__).parents[2] / "benchmarks"
MACHINE = {"CPU": "abacus", "GPU": "FAKE H100 of a test"}
PEAKS = roofline.Peaks(flops=1e12, bandwidth=1e11, multiprocessors=10)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write made-up rows into a copy of a benchmark's page by its own command; return old and new text."""

    def write(benchmark, main, rows, page=None):
        page = page or f"{benchmark}.md"
        file, copy = tmp_path / f"{benchmark}.json", tmp_path / page
        kept = gpu_rows.Kept(benchmark, "a fake command", "2030-01-02", MACHINE, rows)
        file.write_text(json.dumps(kept._asdict()))
        if not copy.exists():
            shutil.copy(PAGES / page, copy)
        before = copy.read_text()
        option = "--output" if benchmark == "fgw" else "--out"
        monkeypatch.setattr(sys, "argv", [benchmark, "--gpu_rows", str(file), option, str(copy)])
        main()
        return before, copy.read_text()

    return write


def squeezed(text):
    """Lines with words, without the blanks that line columns up."""
    return [re.sub(" +", " ", line) for line in text.splitlines() if not re.fullmatch(r"[| :-]*", line)]


def without_gpu(text):
    """What GPU rows leave alone: all but their own sections, and the lines that name a GPU."""
    for heading in (gpu_rows.HEADING, gpu_rows.FULL_TRAINING):
        text = re.sub(rf"^## {heading}\n(?s:.*?)(?=^## |\Z)", "", text, flags=re.MULTILINE)
    return [line for line in squeezed(text) if not re.search("GPU|CUDA|H100|^$", line)]


def new_lines(before, after):
    """Check that all but GPU rows stays as it is, in its order; return what is new."""
    assert without_gpu(before) == without_gpu(after)
    old = squeezed(before)
    return [line for line in squeezed(after) if line not in old]


def test_a_section_goes_to_the_end_and_replaces_its_elder():
    page = "# P\n\na\n\n## X\n\nold\n\n## Y\n\nb\n"
    once = gpu_rows.with_section(page, "X", "new")
    assert once == "# P\n\na\n\n## Y\n\nb\n\n## X\n\nnew\n"
    assert gpu_rows.with_section(once, "X", "new") == once
    assert gpu_rows.with_section("# P\n", "X", "new") == "# P\n\n## X\n\nnew\n"


NEW = """\
# P

## Targets

| target    | measured |
| --------- | -------: |
| CPU: fast | 2 |
| GPU: fast | not run: no CUDA GPU here |

## Each

| who | device | setting | s |
| --- | --- | --- | --- |
| a | CPU | x | 2 |
| a | GPU | x | not run: no CUDA GPU here |
| b | CPU | x | 2 |
| b | GPU | x | not run: no CUDA GPU here |
| c | CPU | x | not run: c is not installed |

## All

| device | s |
| --- | --- |
| CPU | 2 |
| CUDA | not run: no CUDA GPU here |
"""
FORMER = (
    NEW.replace("| 2 |", "| 1 |")
    .replace("GPU: fast | not run: no CUDA GPU here", "GPU: fast | 3")
    .replace("a | GPU | x | not run: no CUDA GPU here", "a | GPU | x | 4")
    .replace("| CUDA | not run: no CUDA GPU here |", "| CUDA, a | 5 |\n| CUDA, b | 6 |")
)
SECTION = f"\n## {gpu_rows.HEADING}\n\nMeasured by somebody.\n"


def test_gpu_rows_of_elsewhere_stay_when_a_page_is_written_anew():
    expected = (
        NEW.replace("| GPU: fast | not run: no CUDA GPU here |", "| GPU: fast |        3 |")
        .replace("| CPU: fast | 2 |", "| CPU: fast |        2 |")  # its columns stay lined up
        .replace("a | GPU | x | not run: no CUDA GPU here", "a | GPU | x | 4")
        .replace("| CUDA | not run: no CUDA GPU here |", "| CUDA, a | 5 |\n| CUDA, b | 6 |")
    )
    assert gpu_rows.keeping(FORMER + SECTION, NEW) == (expected + SECTION, [])
    assert gpu_rows.keeping(expected + SECTION, NEW) == (expected + SECTION, [])


def test_a_page_without_gpu_rows_is_written_as_it_is():
    assert gpu_rows.keeping(NEW, NEW) == (NEW, [])
    assert gpu_rows.keeping("", NEW) == (NEW, [])


@pytest.mark.parametrize(
    ("old", "new", "lost", "gone"),
    [
        ("GPU: fast", "GPU: faster", ["Targets"], "GPU: fast |"),
        ("| who | device | setting | s |", "| who | device | setting | ms |", ["Each"], "| 4 |"),
        ("| a | GPU | x |", "| a | GPU | y |", ["Each"], "| a | GPU | x |"),
        ("## All", "## Everything", ["All"], "| 5 |"),
    ],
)
def test_rows_that_do_not_fit_any_more_are_named_and_left_out(old, new, lost, gone):
    changed = NEW.replace(old, new)
    page, found = gpu_rows.keeping(FORMER + SECTION, changed)
    assert found == lost
    assert gone not in page and page.count("not run: no CUDA GPU here") == 2


@pytest.mark.parametrize("page", ["decoding.md", "fgw.md", "training_step.md"])
def test_the_committed_rows_stay(page, tmp_path, monkeypatch):
    """As if each page were written on a machine without a GPU: its rows of one say that they were not run."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    committed = (PAGES / page).read_text()
    shutil.copy(PAGES / page, tmp_path / page)
    gpu_rows.write_page(tmp_path / page, without_what_a_gpu_showed(committed))
    assert (tmp_path / page).read_text() == committed


def without_what_a_gpu_showed(text):
    lines = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line in (f"## {gpu_rows.HEADING}", f"## {gpu_rows.FULL_TRAINING}"):
            return "\n".join(lines) + "\n"
        if line.startswith("|") and any(cell.startswith(gpu_rows.MARKS) for cell in cells[:3]):
            start = cells[: 1 if cells[0].startswith(gpu_rows.MARKS) else 3]
            rest = ["not run: no CUDA GPU here", *["–"] * (len(cells) - len(start) - 1)]
            line = line if "not run" in line else f"| {' | '.join([*start, *rest])} |"
        lines.append(line)
    raise AssertionError("the page has nothing of a GPU")


def test_what_does_not_fit_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    path = tmp_path / "page.md"
    path.write_text(FORMER + SECTION)
    gpu_rows.write_page(path, NEW.replace("GPU: fast", "GPU: faster"))
    assert "page.md: GPU rows of 'Targets' fit the new page no more" in capsys.readouterr().out
    assert path.read_text().endswith(SECTION)


def test_with_a_gpu_its_own_rows_stand_there_and_the_section_of_another_benchmark_stays(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    path, other = tmp_path / "page.md", f"\n## {gpu_rows.FULL_TRAINING}\n\n60 steps.\n"
    path.write_text(FORMER + SECTION + other)
    gpu_rows.write_page(path, NEW)
    assert path.read_text() == NEW + other


def test_a_table_is_found_by_its_heading():
    page = "## A\n\n| h |\n| - |\n| 1 |\n\n## B\n\ntext\n\n| h |\n| - |\n| 2 |\n\nend\n"
    changed = gpu_rows.with_table(
        page, "B", lambda rows: [*rows, ["3"]], lambda header, rows: f"{header} {rows}"
    )
    assert changed == "## A\n\n| h |\n| - |\n| 1 |\n\n## B\n\ntext\n\n['h'] [['2'], ['3']]\n\nend\n"
    for heading in ("C", "end"):
        with pytest.raises(InputError, match="no table below"):
            gpu_rows.with_table(page, heading, list, str)


@pytest.mark.parametrize("text", ["{", "[1]", '{"rows": 1}'])
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=r"x\.json holds no GPU rows"):
        gpu_rows.read(tmp_path / "x.json", "fgw")


def test_the_file_of_another_benchmark_is_refused(write):
    with pytest.raises(InputError, match=r"is of benchmarks\.decoding, not of benchmarks\.fgw"):
        write("decoding", lambda: gpu_rows.read(Path(sys.argv[2]), "fgw"), [])


@pytest.mark.parametrize("module", ["fgw", "training_step", "decoding", "teacher_cache", "full_training"])
def test_without_a_gpu_no_rows_are_measured(module, monkeypatch, tmp_path):
    main = pytest.importorskip(f"benchmarks.{module}").main
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", [module, "--gpu_only", str(tmp_path / "x.json")])
    with pytest.raises(InputError, match="--gpu_only: no CUDA GPU here"):
        main()
    assert not (tmp_path / "x.json").exists()


def fake_tables(kinds):
    """Milliseconds: 0.1 with Triton, 1 with torch, 3 with POT's batch solver, 9 with conditional gradient."""

    def row(who, seconds):
        return Row(who, None, seconds, 2 * seconds, torch.ones(2).double(), torch.zeros(2).double())

    tables = []
    for kind in kinds:
        for shape in SPEECH_SHAPES:
            rows = [row(Contender(peers.POT_CONDITIONAL_GRADIENT, "its defaults", None), 9e-3)]
            for options in (fgw.SHARP, fgw.DEFAULT):
                rows.append(row(peers.pot_batch(options, "cuda"), 3e-3))
                ours = (who for who in peers.own_backends(options) if who.device == "cuda")
                rows += [row(who, 1e-4 if who.name == "triton" else 1e-3) for who in ours]
            tables.append(Table(shape, rows, kind))
    return tables


def without_batch_peer(tables):
    return [
        table._replace(rows=[row for row in table.rows if row.contender.name != peers.POT_BATCH])
        for table in tables
    ]


@pytest.fixture
def fgw_rows():
    ragged, equal = without_batch_peer(fake_tables(KINDS)), fake_tables(["late"])
    kernel = [
        fgw_gpu.KernelTime(shape, peers.own_setting(options), 1e-5)
        for options in (fgw.SHARP, fgw.DEFAULT)
        for shape in SPEECH_SHAPES[:-1]
    ]
    return fgw_gpu.to_json(fgw_gpu.Measured(ragged, equal, PEAKS, kernel))


def test_rows_of_the_solvers_come_back_as_they_were(fgw_rows):
    measured = fgw_gpu.from_json(json.loads(json.dumps(fgw_rows)))
    assert measured.peaks == PEAKS
    assert fgw_gpu.to_json(measured) == fgw_rows
    assert [table.shape for table in measured.equal] == list(SPEECH_SHAPES)


def test_the_page_of_the_solvers(write, fgw_rows):
    before, after = write("fgw", fgw.main, fgw_rows)
    new = new_lines(before, after)
    triton = "| **triton** | GPU | ε 0.003, 5 × 60, ω 1.9 | 0.10 | 90.00 | 0.20 | 1.00000 |"
    assert len([line for line in squeezed(after) if line.startswith(triton)]) == 4 * len(SPEECH_SHAPES)
    assert len([line for line in new if line.startswith("| POT batch | GPU |")]) > 0
    assert "| H100: < 1 ms for 64×250×30 | 0.10 ms on FAKE H100 of a test (triton, " in after
    assert "at equal iterations | 30.0 on 32×160×20, 30.0 on" in after
    assert "Measured by `a fake command` on 2030-01-02" in after
    assert (
        after.count("## The GPU rows\n") == 1 and "1.0 TFLOP/s in float32, 0.10 TB/s, 10 multiproc" in after
    )
    roofline_rows = [line for line in new if re.match(r"\| (\d+×){2}\d+, \d+ × \d+ \|", line)]
    assert len(roofline_rows) == 6
    assert all(re.search(r"\| 0\.010 \| \d+% \| 0\.100 \|$", line) for line in roofline_rows)
    assert write("fgw", fgw.main, fgw_rows) == (after, after)
    assert "which takes over: 1×1500×120." in after and "not run: no CUDA GPU" not in after


def test_the_page_of_the_training_step(write):
    from benchmarks import training_step
    from benchmarks.training_step_measure import Result, Setting, Timings
    from benchmarks.training_step_page import results_from_json, results_to_json

    timings = Timings([1.0, 2.0], [1.5, 3.0], [0.25, 0.25], [0.5, 0.5])
    peak = {"espnet": 2**30, "gmot": 2**31}
    results = [Result(Setting("cuda", bfloat16), timings, peak) for bfloat16 in (False, True)]
    rows = results_to_json(results)
    assert results_from_json(json.loads(json.dumps(rows))) == results
    before, after = write("training_step", training_step.main, rows)
    new = new_lines(before, after)
    for name in ("float32", "bfloat16 autocast"):
        start = f"| CUDA, {name} |"
        assert [line.removeprefix(start) for line in new if line.startswith(start)] == [
            " 2 | 1.5000 [1.0000, 2.0000] | 2.2500 [1.5000, 3.0000] | 1.5000 [1.5000, 1.5000] | 1.500 1.500 "
            "| **not met** |",
            " 1024 | 2048 | 2.0000 | **not met** |",
            " 250.00 | 500.00 | 50.00 % |",
        ]
    assert "FAKE H100" in after and "not run" not in after
    assert write("training_step", training_step.main, rows) == (after, after)


def test_the_page_of_decoding(write):
    from benchmarks import decoding
    from benchmarks.decoding_contenders import ENCODER, OURS, STOCK
    from benchmarks.decoding_contenders import Contender as Decoder
    from benchmarks.decoding_measure import Row as Decoded
    from benchmarks.decoding_page import rows_from_json, rows_to_json

    rows = []
    for size in (1, 8):
        rows.append(Decoded(Decoder(ENCODER, "cuda", size), 100.0, 20, [1.0, 1.0]))
        rows.append(Decoded(Decoder(OURS, "cuda", size), 100.0, 20, [2.0, 2.0], 0))
    rows.append(Decoded(Decoder(STOCK, "cuda", 1, 1), 10.0, 2, [5.0], 1))
    rows.append(Decoded(Decoder(STOCK, "cuda", 8, 10, hindrance="not in this ESPnet"), 10.0, 2))
    assert rows_to_json(rows_from_json(json.loads(json.dumps(rows_to_json(rows))))) == rows_to_json(rows)
    before, after = write("decoding", decoding.main, rows_to_json(rows))
    new = new_lines(before, after)
    ours = "| **asr_ctc_greedy** | CUDA | 8 | 0.02000 [0.02000, 0.02000] |"
    assert f"{ours} 2.000 [2.000, 2.000] | 25.0 | 0 of 20 |" in new
    assert "| asr_inference, beam 10 | CUDA | 8 | not in this ESPnet | – | – | – |" in new
    assert "| GPU: at least 20 × stock at batch 1, in batches of 8 | 25.0 | met |" in new
    assert "not run" not in after
    assert write("decoding", decoding.main, rows_to_json(rows)) == (after, after)


def test_the_page_of_the_teachers_cache(write):
    from benchmarks import teacher_cache
    from benchmarks.teacher_cache_page import GPU
    from benchmarks.teacher_cache_page import Row as Embedded

    rows = [
        Embedded(shape, setting.name, 12345.0, 2 * 10**9, GPU)._asdict()
        for shape in teacher_cache.SHAPES
        for setting in teacher_cache.gpu_settings()
    ]
    before, after = write("teacher_cache", teacher_cache.main, rows)
    new = new_lines(before, after)
    assert new.count("| as it comes | GPU | 12345.0 | 0.1 | 2.00 |") == len(teacher_cache.SHAPES)
    assert len([line for line in new if "| GPU |" in line]) == len(rows)
    assert "Goal: 1,000 transcripts a second of BERT-base. Reached: 12,345" in after
    assert write("teacher_cache", teacher_cache.main, rows) == (after, after)


def test_the_full_preset_has_a_section_beside_the_steps(write):
    row = full_training.Row("gmot", "cuda", 60, [0.5, 0.1, 0.1], [400.0, 300.0], 2**30, 60)
    before, after = write("full_training", full_training.main, [row._asdict()], "training_step.md")
    assert without_gpu(before) == without_gpu(after)
    expected = 60 * full_training.AISHELL_TRAIN / 60 * 0.1 / 3600
    cells = f"| `train_gmot_full.yaml` | CUDA | 60 | 2 | 10.00 | 1024 | 400.0, 300.0 | 60 | {expected:.1f} |"
    assert cells in after
    assert write("full_training", full_training.main, [row._asdict()], "training_step.md") == (after, after)
