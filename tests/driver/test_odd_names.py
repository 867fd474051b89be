"""Odd names arrive at the commands as they were written, or are refused before the first stage."""

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from espnet2.fileio.read_text import read_2columns_text
from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import str2triple_str
from hypothesis import example, given, settings
from hypothesis import strategies as st

from espnet_gmot.data.audio import Cut, Recording
from espnet_gmot.data.kaldi_data import write_table
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.driver.commands import Commands
from espnet_gmot.driver.espnet_words import yaml_value
from espnet_gmot.driver.jobs import JobSpec
from espnet_gmot.driver.names import Names
from espnet_gmot.driver.odd_names import OF_SHELLS, require_plain_names
from espnet_gmot.driver.option_kinds import KINDS
from espnet_gmot.driver.options import Options
from espnet_gmot.errors import InputError

RUN_JOBS = f"{shlex.quote(sys.executable)} -m espnet_gmot.bin.run_jobs"
GOOD = [
    "my dump", "数据 一", "it's", 'say "so"', "$HOME", "a`b`", "a;b&c", "(最终)", "a\\b", "#1", "a: b", "1e5",
    "{a: b}", "[x]", "a*?", "~", "null", "a = b", "!x", "%d", "a|b", "é", "a\u2028b", "no", "@a",
]  # fmt: skip
REFUSED = [
    ("-x", "begins with a dash, as options do"),
    ("--help", "begins with a dash, as options do"),
    (" x", "begins or ends with a blank"),
    ("x\u3000", "begins or ends with a blank"),
    ("a\nb", "has a line break"),
    ("a\tb", "has a line break or another control character"),
    ("a\x85b", "has a line break"),
    ("a\udcffb", "has bytes that are no UTF-8"),
    ("~/x", "begins with ~/, which a shell turns into your home only where it stands without quotes"),
    ("|x", "begins with |"),
    ("myJOB", "has JOB in it"),
]


@pytest.fixture(scope="module")
def options(asr_sh_options):
    own = {"train_set": "train", "valid_set": "dev", "test_sets": "test", "asr_config": "conf/asr.yaml"}
    own |= dict.fromkeys(("train_cmd", "cuda_cmd", "decode_cmd"), RUN_JOBS)

    def make(**changes):
        words = asr_sh_options | own | changes
        return Options.parse([word for name, value in words.items() for word in (f"--{name}", value)])

    return make


NAMED = [name for name, kind in KINDS.items() if kind.what in ("name", "file", "model")]


@pytest.mark.parametrize("name", NAMED)
def test_every_option_that_is_a_name_is_looked_at(options, name):
    for value, reason in REFUSED:
        with pytest.raises(InputError) as refusal:
            require_plain_names(options(**{name: value}))
        assert str(refusal.value).startswith(f"--{name} {value!r} {reason}")
    for value in GOOD:
        require_plain_names(options(**{name: value}))


def test_each_of_several_sets_is_looked_at(options):
    with pytest.raises(
        InputError, match="^2 faults:\n  --test_sets '-a' begins .*\n  --test_sets 'JOB' has JOB"
    ):
        require_plain_names(options(test_sets="test -a JOB"))


@pytest.mark.parametrize("name", ["asr_args", "lm_args", "inference_args", "local_data_opts"])
def test_a_line_break_in_arguments(options, name):
    with pytest.raises(InputError, match=f"--{name} has a line break .*; write it in one line"):
        require_plain_names(options(**{name: "--max_epoch 1\n--seed 2"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"dumpdir": "a,b"},
        {"train_set": "a,b"},
        {"valid_set": "a,b"},
        {"test_sets": "test a,b"},
        {"lm_dev_text": "a,b", "use_lm": "true"},
        {"lm_test_text": "a,b", "use_lm": "true"},
        {"expdir": "a,b", "use_lm": "true"},
        {"lm_stats_dir": "a,b", "use_lm": "true"},
    ],
)
def test_a_comma_is_refused_where_espnet_ends_a_path_at_it(options, changes):
    with pytest.raises(InputError, match="a,b.* has a comma, at which ESPnet ends the path of a table"):
        require_plain_names(options(**changes))


@pytest.mark.parametrize("name", ["expdir", "asr_tag", "asr_config", "inference_tag", "lm_tag"])
def test_a_comma_elsewhere_does_no_harm(options, name):
    require_plain_names(options(**{name: "a,b"}))


@pytest.mark.parametrize("character", sorted(OF_SHELLS - {"|"}))
@pytest.mark.parametrize("name", ["dumpdir", "asr_tag", "nlsyms_txt", "valid_set"])
def test_what_a_shell_would_change_is_refused_with_kaldis_launchers(options, name, character):
    given = {name: f"a{character}b", "decode_cmd": "slurm.pl --config conf/slurm.conf"}
    with pytest.raises(InputError) as refusal:
        require_plain_names(options(**given))
    assert f"has {character}, which the shell behind slurm.pl changes" in str(refusal.value)
    for plain in ("a b", "数据", "a-b_c.d+e=f:g@h"):
        require_plain_names(options(**given | {name: plain}))


odd = st.text(st.characters(exclude_characters="/\0", max_codepoint=0x2FFFF), min_size=1, max_size=8)


def with_examples(test):
    for name in GOOD + [value for value, _ in REFUSED] + ["a,b"]:
        test = example(name)(test)
    return test


@with_examples
@given(odd)
@settings(max_examples=150)
def test_whatever_is_not_refused_arrives(options, tmp_path_factory, name):
    """As the parsers of launchers, ESPnet and Kaldi's tables read it."""
    chosen = options(dumpdir=name, expdir=name, asr_tag=name, valid_set=name, nlsyms_txt=name, use_lm="true")
    try:
        require_plain_names(chosen)
    except InputError:
        return
    names = Names(chosen)
    for words, tables in (
        (names.data_options, [data / t for data in (names.train, names.valid) for t in ("wav.scp", "text")]),
        (names.lm_data_options, [names.lm_text, names.lm_dev_text]),
    ):
        assert [str2triple_str(word)[0] for word in words[1::2]] == list(map(str, tables))

    parser = argparse.ArgumentParser()
    parser.add_argument("--conf", action=NestedDictAction)
    for option in ("--token_list", "--non_linguistic_symbols", "--output_dir"):
        parser.add_argument(option)
    words = ["--conf", f"stats_file={yaml_value(names.feats_stats)}", "--token_list", str(names.token_list)]
    words += ["--non_linguistic_symbols", chosen.nlsyms_txt, "--output_dir", str(names.asr_exp)]
    found = parser.parse_args(words)
    assert found.conf == {"stats_file": str(names.feats_stats)}
    assert (found.non_linguistic_symbols, found.output_dir) == (name, str(names.asr_exp))

    (job,) = JobSpec(f"{names.asr_exp}/log.JOB", words, 1, 1).jobs()
    assert (job.command, job.log) == (words, names.asr_exp / "log.1")

    table = tmp_path_factory.mktemp("kaldi") / "wav.scp"
    audio = str(names.valid / "data" / "u1.wav")
    write_table(table, {"u1": audio})
    assert read_table(table) == read_2columns_text(table) == {"u1": audio}
    assert Recording(audio, (Cut("u1"),)).is_file


@pytest.mark.parametrize("name", GOOD)
def test_odd_names_reach_a_real_command_and_its_log(options, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path("says.py").write_text("import json, sys; print(json.dumps(sys.argv[1:]))\n")
    chosen = options(dumpdir=name, expdir=name, asr_tag=name, python=shlex.quote(sys.executable))
    require_plain_names(chosen)
    names = Names(chosen)
    log = names.asr_exp / "said.JOB.log"
    words = [names.train, f"{log}.out", name]
    Commands(chosen.python).run_jobs(chosen.train_cmd, log, "says", *words, jobs=1)
    said = (names.asr_exp / "said.1.log").read_text(encoding="utf-8")
    expected = [str(word).replace("JOB", "1") for word in words]
    assert json.loads(next(line for line in said.splitlines() if line.startswith("["))) == expected


def test_pythons_and_shells_words_are_the_same(options):
    text = """--a 'x y' "b c" d\\ e --f='g "h"'"""
    listed = subprocess.run(["bash", "-c", f"printf '%s\\0' {text}"], capture_output=True, text=True).stdout
    assert options(asr_args=text).words("asr_args") == listed.removesuffix("\0").split("\0")
