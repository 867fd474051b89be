"""Files that options name and that are not there: refused before the first stage that could be in vain."""

from pathlib import Path

import pytest

from espnet_gmot.driver.named_files import require_model, require_named_files
from espnet_gmot.driver.option_kinds import KINDS
from espnet_gmot.driver.options import Options
from espnet_gmot.driver.plan import STAGES
from espnet_gmot.errors import InputError

YAML = "max_epoch: 1\n"


@pytest.fixture
def options(asr_sh_options, tmp_path, monkeypatch):
    """Make the options of a recipe after stage 1, with changes."""
    monkeypatch.chdir(tmp_path)
    for name in ("conf/asr.yaml", "conf/lm.yaml"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(YAML)
    own = {"train_set": "train", "valid_set": "dev", "test_sets": "test"}
    own |= {"asr_config": "conf/asr.yaml", "lm_config": "conf/lm.yaml"}
    own |= dict.fromkeys(("train_cmd", "cuda_cmd", "decode_cmd"), "python3 -m espnet_gmot.bin.run_jobs")

    def make(**changes):
        given = asr_sh_options | own | changes
        return Options.parse([word for name, value in given.items() for word in (f"--{name}", value)])

    return make


def refusal(options, stages):
    with pytest.raises(InputError) as error:
        require_named_files(options, stages)
    return str(error.value)


def test_every_option_that_is_a_text_has_its_kind():
    assert KINDS.keys() == {name for name, kind in Options.__annotations__.items() if kind is str}


def test_readers_are_stages():
    assert {reader for kind in KINDS.values() for reader in kind.readers} <= {each.number for each in STAGES}


READ = {name: kind for name, kind in KINDS.items() if kind.readers}
TOKENS = {"bpe_train_text": "bpe", "bpe_nlsyms": "bpe", "hugging_face_model_name_or_path": "hugging_face"}


@pytest.mark.parametrize("name", READ)
def test_a_mistyped_file_is_refused_at_every_stage_that_reads_it(options, name):
    wrong = {name: "conf/mistyped", "token_type": TOKENS.get(name, "char")}
    for reader in READ[name].readers:
        assert refusal(options(**wrong), [reader]) == f"--{name} conf/mistyped does not exist"
    others = [stage.number for stage in STAGES if stage.number not in READ[name].readers]
    for stage in others:
        require_named_files(options(**wrong), [stage])


@pytest.mark.parametrize("name", READ)
def test_the_other_kind_of_place_is_refused_and_the_right_one_is_not(options, name):
    Path("there").mkdir()
    Path("file").write_text(YAML)
    for place in (f"{Path.cwd()}/there", f"{Path.cwd()}/file"):
        given = {name: place, "token_type": TOKENS.get(name, "char")}
        if (READ[name].what == "model") == place.endswith("/there"):
            require_named_files(options(**given), READ[name].readers)
        else:
            wrong = "is no directory" if READ[name].what == "model" else "is a directory and no file"
            assert refusal(options(**given), READ[name].readers[:1]).endswith(f"--{name} {place} {wrong}")


@pytest.mark.parametrize("name", [name for name, kind in READ.items() if kind.required])
def test_what_a_stage_cannot_do_without_is_required(options, name):
    one, other = READ[name].readers
    told = f"--{name} is required for stages {one} and {other}"
    assert refusal(options(**{name: ""}), [other]) == told


@pytest.mark.parametrize("name", ["asr_config", "lm_config", "inference_config"])
def test_no_stage_makes_a_yaml_so_it_is_refused_before_all(options, name):
    told = refusal(options(**{name: "data/mistyped.yaml"}), list(range(1, 15)))
    assert f"--{name} data/mistyped.yaml does not exist" in told


@pytest.mark.parametrize(
    ("changes", "maker"),
    [
        ({"nlsyms_txt": "data/nlsyms.txt"}, 1),
        ({"nlsyms_txt": "/somewhere/nlsyms.txt"}, 1),
        ({"lm_train_text": "data/local/other.txt"}, 1),
        ({"lm_train_text": "data/train_sp/text", "speed_perturb_factors": "0.9 1.0"}, 2),
        ({"lm_train_text": "dump/raw/train/text"}, 4),
        ({"lm_train_text": "./dump/raw/train/text"}, 4),
        ({"bpe_train_text": "dump/raw/train/text", "token_type": "bpe"}, 4),
    ],
)
def test_what_a_stage_may_make_is_waited_for_until_then(options, changes, maker):
    stages = list(range(1, 15))
    given = options(**changes)
    require_named_files(given, stages[:maker])
    require_named_files(given, stages)
    require_named_files(given, stages[maker - 1 :])
    assert "does not exist" in refusal(given, stages[maker:])


def test_statistics_of_stage_10_are_waited_for_by_stage_11_and_a_token_list_by_stage_10(options):
    given = options(
        asr_args="--normalize_conf stats_file=exp/asr_stats_raw_char/train/feats_stats.npz "
        "--token_list data/token_list/char/tokens.txt"
    )
    require_named_files(given, [5, 10, 11])
    assert "2 faults:\n  --asr_args: normalize_conf.stats_file" in refusal(given, [11])
    assert "--asr_args: token_list data/token_list/char/tokens.txt does not exist" in refusal(given, [10])


def test_all_missing_files_are_named_at_once_and_of_many_the_first_ten(options):
    texts = " ".join(f"no{number}" for number in range(12))
    given = options(nlsyms_txt="no", asr_config="no.yaml", lm_config="", lm_train_text=texts)
    assert refusal(given, [10]) == (
        "2 faults:\n  --asr_config no.yaml does not exist\n  --nlsyms_txt no does not exist"
    )
    told = refusal(given, [5, 6, 10])
    assert told.startswith(
        "15 faults; the first 10:\n  --lm_config is required for stages 6 and 7\n"
        "  --lm_train_text no0 does not"
    )
    assert told.count("does not exist") == 9 and len(told.splitlines()) == 11


def test_a_file_named_with_quotes_may_have_blanks_and_one_of_a_pattern_exists(options):
    Path("my texts").mkdir()
    for name in ("a", "b[1]"):
        Path(f"my texts/{name}").write_text("u1 a\n")
    for texts in ("'my texts/a'", r"my\ texts/a 'my texts/b[1]'", "'my texts/*'"):
        require_named_files(options(lm_train_text=texts), [5])
    assert "--lm_train_text my does not exist\n  --lm_train_text texts/a" in refusal(
        options(lm_train_text="my texts/a"), [5]
    )
    assert refusal(options(lm_train_text="'my texts/a"), [5]) == (
        "--lm_train_text 'my texts/a cannot be split into words: No closing quotation; close the quote"
    )


IN_YAML = [
    ("init_param: [no.pth:encoder:encoder]", "init_param no.pth"),
    ("{rir_scp: no.scp, noise_scp: none}", "rir_scp no.scp"),
    ("noise_scp: no.scp", "noise_scp no.scp"),
    ("model_conf: {projection: no.npz}", "model_conf.projection no.npz"),
    ("model_conf: {teacher: ./no}", "model_conf.teacher ./no"),
    ("preprocessor_conf: {teacher: exp/no}", "preprocessor_conf.teacher exp/no"),
    ("preprocessor_conf: {teacher_cache: exp/no}", "preprocessor_conf.teacher_cache exp/no"),
]


@pytest.mark.parametrize(("content", "told"), IN_YAML)
def test_files_that_a_training_yaml_names(options, content, told):
    Path("conf/asr.yaml").write_text(content)
    assert refusal(options(), [11]) == f"conf/asr.yaml: {told} does not exist"
    require_named_files(options(), [1, 2, 3, 4, 5, 10, 11])  # local/data.sh may make it
    require_named_files(options(), [12, 13])


@pytest.mark.parametrize(
    ("content", "arguments"),
    [
        ("model_conf: {projection: random, teacher: bert-base-chinese}", ""),
        ("preprocessor_conf: {teacher: hfl/some-bert}", "--init_param none"),
        ("{noise_scp: null, model_conf: null}", ""),
        ("normalize_conf: {stats_file: no.npz}", ""),  # asr.sh sets it
        ("model_conf: {projection: no.npz}", "--model_conf projection=random"),
        ("seed: 1", "--model_conf 'projection=my file.npz'"),
    ],
)
def test_what_is_no_file_or_of_no_account(options, content, arguments):
    Path("conf/asr.yaml").write_text(content)
    Path("my file.npz").write_text("projection")
    require_named_files(options(asr_args=arguments), [10, 11])


@pytest.mark.parametrize(
    ("changes", "stage", "told"),
    [
        ({"asr_args": "--init_param no.pth"}, 11, "--asr_args: init_param no.pth does not exist"),
        ({"asr_args": "--bpemodel nix"}, 10, "--asr_args: bpemodel nix does not exist"),
        ({"asr_args": "--preprocessor_conf teacher_cache=conf/asr.yaml"}, 10,
         "--asr_args: preprocessor_conf.teacher_cache conf/asr.yaml is no directory"),
        ({"asr_args": "--model_conf projection=conf"}, 10,
         "--asr_args: model_conf.projection conf is a directory and no file"),
        ({"lm_args": "--init_param no.pth"}, 7,
         "--lm_args: init_param no.pth does not exist"),
        ({"inference_args": "--ngram_file no.bin"}, 12, "--inference_args: ngram_file no.bin does not exist"),
        ({"inference_args": "--lm_file no.pth"}, 12, "--inference_args: lm_file no.pth does not exist"),
        ({"asr_args": "--max_epoch '3"}, 10,
         "--asr_config, --asr_args: --asr_args --max_epoch '3 cannot be split into words: No closing "
         "quotation; close the quote"),
    ],
)  # fmt: skip
def test_files_that_arguments_name(options, changes, stage, told):
    assert refusal(options(**changes), [stage]) == told


@pytest.mark.parametrize("content", ["", "- a list", "a: [", "\x00"])
def test_a_yaml_that_is_none_is_refused_before_the_first_stage(options, content):
    Path("conf/asr.yaml").write_text(content)
    assert "conf/asr.yaml" in refusal(options(), list(range(1, 15)))


@pytest.mark.parametrize("model", ["bert-base-chinese", "hfl/bert", "./there", "exp/there", ""])
def test_a_model_may_be_a_name_or_a_directory(tmp_path, monkeypatch, model):
    monkeypatch.chdir(tmp_path)
    for place in ("there", "exp/there"):
        Path(place).mkdir(parents=True)
    require_model("teacher", model)


@pytest.mark.parametrize("model", ["./no", "../no", "/no", "exp/no", "a/b/c", "hfl/bert/", "~/bert"])
def test_a_model_that_can_only_be_a_directory_has_to_be_there(tmp_path, monkeypatch, model):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        require_model("teacher", model)
    assert str(error.value) == f"--teacher {model} does not exist"
