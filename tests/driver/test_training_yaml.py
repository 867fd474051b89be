import pytest
import yaml

from espnet_gmot.driver.training_yaml import TrainingYaml, read_training_yaml, require_equal_budgets
from espnet_gmot.errors import InputError


@pytest.fixture
def write(tmp_path):
    def write(name="train.yaml", **keys):
        path = tmp_path / name
        path.write_text(yaml.safe_dump(keys))
        return path

    return write


CER = [["valid", "cer_ctc", "min"]]
BOTH = [["train", "acc", "max"], *CER, ["valid", "acc", "max"]]


@pytest.mark.parametrize(
    ("keys", "kind", "model"),
    [
        ({"model_conf": {"ctc_weight": 1.0}, "best_model_criterion": CER}, "ctc", "valid.cer_ctc.ave.pth"),
        ({"model_conf": {"ctc_weight": 1.0}}, "ctc", "valid.loss.ave.pth"),
        ({"model_conf": {"ctc_weight": 0.3}}, "hybrid", "valid.acc.ave.pth"),
        ({"max_epoch": 3, "best_model_criterion": CER}, "hybrid", "valid.cer_ctc.ave.pth"),
        ({"best_model_criterion": BOTH}, "hybrid", "valid.acc.ave.pth"),
    ],
)  # fmt: skip
def test_best_model_follows_the_kind_of_model_and_the_criteria(write, keys, kind, model):
    assert read_training_yaml(write(**keys)) == TrainingYaml(kind, model, "", "")


def test_teacher_cache_and_projection_are_found(write):
    path = write(preprocessor_conf={"teacher_cache": "exp/t/cache"}, model_conf={"projection": "exp/t/p.npz"})
    found = read_training_yaml(path)
    assert (found.teacher_cache, found.projection) == ("exp/t/cache", "exp/t/p.npz")


@pytest.mark.parametrize("conf", [{}, {"projection": None}, {"projection": "random"}])
def test_no_projection_and_a_random_one_need_no_file(write, conf):
    assert read_training_yaml(write(model_conf=conf)).projection == ""


@pytest.mark.parametrize(
    ("text", "message"), [("- a\n", "holds no keys"), ("a: [1\n", "is no YAML"), ("", "is empty")]
)
def test_a_file_that_is_no_training_yaml_is_refused(tmp_path, text, message):
    path = tmp_path / "train.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=f"train.yaml {message}"):
        read_training_yaml(path)


def test_a_missing_yaml_is_refused(tmp_path):
    with pytest.raises(InputError, match="none.yaml does not exist; name a training YAML in conf/"):
        read_training_yaml(tmp_path / "none.yaml")


def test_equal_budgets_pass_whatever_else_differs(write):
    same = {"max_epoch": 3, "optim_conf": {"lr": 0.1}}
    require_equal_budgets([write("a.yaml", model="gmot", **same), write("b.yaml", encoder="x", **same)])


@pytest.mark.parametrize("other", [{"max_epoch": 4}, {"max_epoch": 3, "accum_grad": 2}])
def test_another_budget_is_refused_by_name(write, other):
    key, value = list(other.items())[-1]
    with pytest.raises(
        InputError, match=rf"b.yaml has {key}: {value}, but .*a.yaml has (3|None); .*equal budgets"
    ):
        require_equal_budgets([write("a.yaml", max_epoch=3), write("b.yaml", **other)])
