"""What is done with utterances that CTC cannot align, and when they are looked for again."""

import logging
import re
import shutil
import sys
from pathlib import Path

import pytest

from espnet_gmot.driver import ctc_check, ctc_lengths
from espnet_gmot.driver.ctc_check import Impossible, usable_shapes
from espnet_gmot.errors import InputError

NAMES = ("speech_shape", "text_shape.char")


class Check:
    """A check of two sets of a hundred utterances; ``found`` is what looking for them gives."""

    def __init__(self, directory: Path):
        self.directory, self.looks = directory, 0
        self.found: dict[str, dict[str, Impossible]] | BaseException = {"train": {}, "valid": {}}
        self.texts = {part: directory / part / "text" for part in ("train", "valid")}
        self.shapes = {part: [text.with_name(name) for name in NAMES] for part, text in self.texts.items()}
        for part in self.texts:
            (directory / part).mkdir()
            for path in (self.texts[part], *self.shapes[part]):
                path.write_text("".join(f"u{number} 5\n" for number in reversed(range(100))))

    def find(self, *_):
        self.looks += 1
        print("ESPnet's noise", file=sys.stderr)
        logging.warning("ESPnet's warning")
        if isinstance(self.found, BaseException):
            raise self.found
        return self.found

    def run(self, policy="auto", **inputs):
        return usable_shapes(self.directory / "check", policy, [], inputs, self.shapes, self.texts)


@pytest.fixture
def check(tmp_path, monkeypatch):
    made = Check(tmp_path)
    monkeypatch.setattr(ctc_lengths, "find_impossible", made.find)
    return made


def short(*keys):
    return {key: Impossible(4, 6) for key in keys}


def test_nothing_found_leaves_the_shapes_and_is_not_asked_again(check, caplog, capsys):
    for _ in range(2):
        assert check.run() == check.shapes
    assert check.looks == 1
    assert not caplog.records
    assert not capsys.readouterr().err


@pytest.mark.parametrize("policy", ["auto", "drop"])
def test_a_few_are_named_and_left_out(check, caplog, policy):
    check.found = {"train": short("u7"), "valid": {}}
    for _ in range(2):
        caplog.clear()
        usable = check.run(policy)
        (warning,) = caplog.messages
        assert warning.startswith("train: CTC cannot align 1 of 100 utterances")
        assert "u7 (4 frames, 6 needed)" in warning
    assert check.looks == 1
    assert usable["valid"] == check.shapes["valid"]
    for path, whole in zip(usable["train"], check.shapes["train"], strict=True):
        assert path.parts[-2:] == ("train", whole.name)  # so are ESPnet's options named
        kept = [line for line in whole.read_text().splitlines() if not line.startswith("u7 ")]
        assert path.read_text().splitlines() == kept


def test_many_are_refused_counted_and_ten_are_named(check):
    check.found = {"train": {}, "valid": short(*(f"u{number}" for number in range(12)))}
    with pytest.raises(
        InputError, match="^valid: CTC cannot align 12 of 100.*more than 1% are too"
    ) as refusal:
        check.run()
    assert len(re.findall(r"u\d+ \(4 frames", str(refusal.value))) == 10
    table = re.search(r"all: (.*)\);", str(refusal.value))[1]
    assert Path(table).read_text().splitlines()[0] == "u0 4 6"
    assert "--ctc_impossible drop" in str(refusal.value)


def test_many_may_be_dropped_and_all_may_not(check):
    check.found = {"train": short(*(f"u{number}" for number in range(99))), "valid": {}}
    assert check.run("drop")["train"][0].read_text() == "u99 5\n"
    check.found = {"train": short(*(f"u{number}" for number in range(100))), "valid": {}}
    with pytest.raises(InputError, match="nothing is left to train on"):
        check.run("drop", other="input")


def test_all_may_be_kept_and_are_named_all_the_same(check, caplog):
    check.found = {"train": short("u1", "u2", "u3"), "valid": {}}
    assert check.run("keep") == check.shapes
    assert "cannot align 3 of 100" in caplog.text
    assert "they stay in, as --ctc_impossible keep says" in caplog.text


@pytest.mark.parametrize("changed", ["text", "speech_shape", "text_shape.char", "inputs"])
def test_what_it_follows_from_makes_it_look_again(check, changed):
    check.run(encoder="a")
    if changed != "inputs":
        (check.directory / "valid" / changed).write_text("u1 7\n")
    check.run(encoder="b" if changed == "inputs" else "a")
    assert check.looks == 2


@pytest.mark.parametrize(
    "error", [AssertionError("heads\nand more"), ImportError("heads"), SystemExit("heads")]
)
def test_what_is_not_known_is_said_and_asked_again(check, caplog, error):
    check.found = error
    assert check.run() == check.run() == check.shapes
    assert check.looks == 2
    assert len(caplog.messages) == 2
    assert f"align each utterance is not known ({type(error).__name__}: heads); train.log" in caplog.text


def test_what_the_model_refuses_by_name_ends_it(check):
    check.found = InputError("model_conf: alpha is 2.0")
    with pytest.raises(InputError, match="alpha is 2.0"):
        check.run()


def test_a_check_that_was_cut_off_is_made_again(check, monkeypatch):
    check.found = {"train": short("u1"), "valid": short("u2")}
    write = ctc_check.write_table

    def write_the_first(path, lines):
        if "valid" in str(path):
            raise KeyboardInterrupt
        write(path, lines)

    monkeypatch.setattr(ctc_check, "write_table", write_the_first)
    with pytest.raises(KeyboardInterrupt):
        check.run()
    monkeypatch.setattr(ctc_check, "write_table", write)
    assert len(check.run()["valid"][0].read_text().splitlines()) == 99
    shutil.rmtree(check.directory / "check")
    check.run()
    assert check.looks == 3
