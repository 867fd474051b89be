"""How soon the order of the rows is that of the end."""

from experiment_results import REFERENCE, keep

from research.rows import gather_sets
from research.shorter_training import shorter_section
from research.table import Row

NAMES = ["ctc", *"abcdefghi"]


def section(tmp_path, curves, plans=()):
    """``curves``: row → CER in % of each epoch, the same for two seeds."""
    for row, curve in curves.items():
        for seed in (0, 1):
            epochs = {epoch: {"valid_cer_ctc": rate / 100} for epoch, rate in enumerate(curve, start=1)}
            keep(tmp_path, row, seed, REFERENCE, epochs=epochs)
    plans = [*(Row(name, "", "") for name in NAMES if name in curves), *plans]
    return shorter_section(gather_sets(tmp_path, plans)["dev"])


def cells(page):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()[2:7]]


def held(early, late):
    """16 epochs: the early rate up to the eighth, the late one from the ninth on."""
    return [early] * 8 + [late] * 8


def test_rows_that_never_change_places_have_their_order_from_the_start(tmp_path):
    page = section(tmp_path, {name: held(50 + 2 * i, 10 + 2 * i) for i, name in enumerate(NAMES)})
    assert cells(page) == [[epochs, "1.00", "1.00", "100 %"] for epochs in ("4", "6", "8", "10", "12")]
    assert "10 rows, 2 seeds each" in page


def test_rows_that_turn_round_are_told(tmp_path):
    page = section(tmp_path, {name: held(50 - 2 * i, 10 + 2 * i) for i, name in enumerate(NAMES)})
    assert cells(page)[2] == ["8", "-1.00", "-1.00", "0 %"]
    assert cells(page)[4] == ["12", "1.00", "1.00", "100 %"]  # four of its five epochs are late ones


def test_near_rows_are_no_far_pairs(tmp_path):
    page = section(tmp_path, {name: held(50 - i, 10 + 0.1 * i) for i, name in enumerate(NAMES)})
    assert cells(page)[0][3] == "–"


def test_few_rows_tell_nothing(tmp_path):
    few = "Fewer than 10 rows have as many epochs and seeds."
    assert shorter_section([]) == few
    curves = {name: held(50, 10) for name in NAMES[:9]} | {"i": held(50, 10)[:12]}
    assert section(tmp_path, curves, [Row("lm", "", "", model_of="ctc")]) == few
