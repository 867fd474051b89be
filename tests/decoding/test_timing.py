import pytest

from espnet_gmot.errors import InputError


@pytest.mark.parametrize(
    ("input_layer", "expected"), [("conv2d", 0.032), ("conv2d6", 0.048), ("linear", 0.008)]
)
def test_frame_shift_is_hop_times_subsampling(input_layer, expected, trained):
    from espnet_gmot.decoding.encoder import BatchEncoder
    from espnet_gmot.decoding.timing import frame_shift, sampling_rate

    model = trained(encoder_conf={"input_layer": input_layer})
    assert sampling_rate(model.frontend) == 16000
    assert frame_shift(model.frontend, BatchEncoder(model).subsampling) == pytest.approx(expected)


@pytest.mark.parametrize(("subsampling", "name"), [(None, "the encoder"), (4, "the frontend NoneType")])
def test_unknown_frame_shift_is_refused(subsampling, name, trained):
    from espnet_gmot.decoding.timing import frame_shift

    frontend = trained().frontend if subsampling is None else None
    with pytest.raises(InputError, match=f"frames of {name} is not known; decode with --timestamps false"):
        frame_shift(frontend, subsampling)
