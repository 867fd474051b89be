import pytest

from espnet_gmot.driver.needs import need, need_model
from espnet_gmot.errors import InputError


def test_what_an_earlier_stage_makes(tmp_path):
    path = tmp_path / "tokens.txt"
    with pytest.raises(InputError, match="tokens.txt does not exist; run stage 5 first"):
        need(path, 5)
    path.write_text("a\n")
    assert need(str(path), 5) == path


def test_a_missing_checkpoint_is_answered_with_those_that_are_there(tmp_path):
    for name in ("valid.loss.best.pth", "valid.acc.ave.pth", "checkpoint.pth"):
        (tmp_path / name).touch()
    assert need_model(tmp_path / "valid.acc.ave.pth", "inference_asr_model") == tmp_path / "valid.acc.ave.pth"
    message = "--inference_asr_model names one of: valid.acc.ave.pth valid.loss.best.pth$"
    with pytest.raises(InputError, match=message):
        need_model(tmp_path / "valid.cer.ave.pth", "inference_asr_model")
