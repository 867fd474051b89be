from types import SimpleNamespace

import numpy as np
import pytest
import torch


def test_a_process_that_knows_the_plugin_proves_nothing(tmp_path, monkeypatch):
    from espnet_gmot.trained import stock_logits

    np.savez(tmp_path / "audio.npz", np.zeros(8000, dtype=np.float32))
    monkeypatch.setattr(stock_logits, "stock_logits", lambda *_: {})
    with pytest.raises(RuntimeError, match="espnet_gmot was imported"):
        stock_logits.main("config.yaml", "model.pth", str(tmp_path / "audio.npz"), str(tmp_path / "out.npz"))
    assert not (tmp_path / "out.npz").exists()


def test_a_transducer_is_asked_for_every_frame_and_token():
    from espnet2.asr.decoder.transducer_decoder import TransducerDecoder
    from espnet2.asr_transducer.joint_network import JointNetwork

    from espnet_gmot.trained.stock_logits import PREFIX_LENGTH, _head_logits

    model = SimpleNamespace(
        ctc=None, decoder=TransducerDecoder(12, hidden_size=6), joint_network=JointNetwork(12, 8, 6, 5),
        use_transducer_decoder=True, vocab_size=12,
    )  # fmt: skip
    [(head, logits)] = _head_logits(model, torch.zeros(1, 7, 8), torch.tensor([7]))
    assert head == "decoder"
    assert logits.shape == (1, 7, PREFIX_LENGTH, 12)
