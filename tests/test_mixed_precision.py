"""Under autocast the recogniser computes in bfloat16 and the alignment in float32."""

import pytest
import torch
from small_training import make_batch, with_token_ids

ADAPTER = {"projected_side": "acoustic", "teacher_size": 16, "feedback": 0.5}


@pytest.mark.parametrize(
    "model_conf", [{}, ADAPTER, {"frame_marginal": "nonblank"}], ids=["plain", "adapter", "nonblank"]
)
def test_alignment_stays_float32_under_bfloat16(build_model, teacher_dir, model_conf):
    model = build_model({"ctc_weight": 0.3, "teacher": str(teacher_dir), **model_conf}, decoder="transformer")
    decoded, aligned = [], []
    model.ctc.ctc_lo.register_forward_hook(lambda _, inputs, output: decoded.append(output.dtype))
    model.criterion_align.register_forward_hook(lambda _, inputs, output: aligned.append((inputs, output)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _, _ = model.train()(**with_token_ids(make_batch([9600, 8000], [5, 3])))
    loss.backward()
    assert set(decoded) == {torch.bfloat16}
    inputs, half = aligned[0]
    full = model.criterion_align(*inputs)
    torch.testing.assert_close((half.loss_fgw, half.loss_align), (full.loss_fgw, full.loss_align))
    assert all(p.grad.isfinite().all() for p in model.parameters())
