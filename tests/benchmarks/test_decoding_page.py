import pytest


def make_row(name, device, batch_size, seconds, differing=None, beam_size=None):
    from benchmarks.decoding_contenders import Contender
    from benchmarks.decoding_measure import Row

    row = Row(Contender(name, device, batch_size, beam_size, decode=len), audio=100.0, compared=20)
    row.seconds, row.differing = seconds, differing
    return row


def make_rows(device="cpu", ours=(4.1, 4.2, 4.4), stock=84.0, differing=0):
    from benchmarks.decoding_contenders import ENCODER, OURS, STOCK
    from espnet_gmot.decoding.decoder import BATCH_SIZE

    return [
        make_row(ENCODER, device, BATCH_SIZE, [4.0, 4.0, 4.0]),
        make_row(OURS, device, BATCH_SIZE, list(ours), differing),
        make_row(STOCK, device, 1, [stock], 3, beam_size=1),
        make_row(STOCK, device, 1, [10 * stock], 2, beam_size=10),
    ]


def test_ratios_are_those_of_rounds_and_totals():
    from benchmarks.decoding_page import cells, ratio_to_encoder

    rows = make_rows()
    assert ratio_to_encoder(rows[1], rows) == pytest.approx((1.05, 1.025, 1.1))
    assert [cells(row, rows)[3:] for row in rows] == [
        ["0.04000 [0.04000, 0.04000]", "–", "–", "–"],
        ["0.04200 [0.04100, 0.04400]", "1.050 [1.025, 1.100]", "20.0", "0 of 20"],
        ["0.84000 [0.84000, 0.84000]", "–", "1.0", "3 of 20"],
        ["8.40000 [8.40000, 8.40000]", "–", "0.1", "2 of 20"],
    ]


@pytest.mark.parametrize(("differing", "expected"), [(0, "met"), (1, "**not met**")])
def test_verdict_on_hypotheses(differing, expected):
    from benchmarks.decoding_page import claims

    claim = claims(make_rows(differing=differing))[0]
    assert claim[1:] == (f"{differing} of 20 differ", expected)


@pytest.mark.parametrize(("seconds", "expected"), [(4.19, "met"), (4.21, "**not met**")])
def test_verdict_on_the_cpu(seconds, expected):
    from benchmarks.decoding_page import claims

    assert claims(make_rows(ours=[seconds] * 3))[1].verdict == expected


@pytest.mark.parametrize(("stock", "expected"), [(84.1, "met"), (83.0, "**not met**")])
def test_verdict_on_the_gpu(stock, expected):
    from benchmarks.decoding_page import claims, gpu_row

    rows = make_rows() + make_rows("cuda", stock=stock)
    assert claims(rows)[2].verdict == expected
    assert gpu_row(rows) == []


def test_what_was_not_run_says_so():
    from benchmarks.decoding_contenders import STOCK, Contender
    from benchmarks.decoding_measure import ProfileRow, Row
    from benchmarks.decoding_page import page
    from benchmarks.training_step_models import SMALL

    absent = Row(Contender(STOCK, "cpu", 8, 10, hindrance="not in this ESPnet"), audio=1.0, compared=2)
    shares = [ProfileRow("decoding/x.py: long", 0.5), ProfileRow("decoding/x.py: short", 0.0001)]
    text = page("command", SMALL, 20, [*make_rows(), absent], shares)
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert ["asr_inference, beam 10", "CPU", "8", "not in this ESPnet", "–", "–", "–"] in lines
    assert text.count("not run: no CUDA GPU here") == 2
    assert ["`decoding/x.py: long`", "50.0 %"] in lines
    assert "short" not in text
