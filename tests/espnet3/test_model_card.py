"""What a model card says of method and teacher."""

from espnet3_installed import needs_espnet3
from espnet3_recipes import EGS3, load
from interchange_recipe import make_data, make_teacher

pytestmark = needs_espnet3

CONF = EGS3 / "mini_mandarin" / "esp2_asr" / "conf"


def test_a_baseline_has_no_teacher():
    from espnet_gmot.espnet3.model_card import card_context

    context = card_context(load(CONF / "training_ctc.yaml", "exp_tag=x"))
    assert context == {"name": "x", "method": "ESPnet's loss alone", "teacher": ""}


def test_gmot_tells_its_weights_and_teacher(tmp_path, monkeypatch, teacher_dir):
    from espnet_gmot.espnet3.model_card import card_context

    monkeypatch.chdir(make_teacher(make_data(tmp_path), teacher_dir))
    context = card_context(load(CONF / "training_gmot.yaml", "exp_tag=x"))
    assert "alpha 0.5, fgw_weight 5.0, align_weight 5.0, warmup_steps 1000" in context["method"]
    assert context["teacher"] == f"{teacher_dir}, layer 2, float16"
    online = load(
        CONF / "training_gmot.yaml",
        "dataset.preprocessor.teacher_cache=null",
        "model.model_conf.teacher=bert-x",
    )
    assert card_context(online)["teacher"] == "bert-x"
