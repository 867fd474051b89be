"""What a teacher of each family takes and gives, held against the model itself."""

import pytest
import torch
from small_teachers import FAMILIES, POSITIONS, VOCABULARY, save_model, save_tokenizer
from transformers import AutoModel, CanineConfig, CanineModel, FunnelConfig, FunnelModel

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.architecture import PROBE_LENGTH, hidden_states, read_limits
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.tokenizer import load_tokenizer
from espnet_gmot.teacher.transcript import teacher_ids


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_takes_what_its_limits_say_and_no_more(family: str, tmp_path):
    limits = read_limits(str(save_model(tmp_path, family)), allow_download=False)
    teacher = FrozenTeacher.load(str(tmp_path))
    assert limits.vocabulary == len(VOCABULARY)
    assert limits.positions == FAMILIES[family][2]
    longest = limits.positions or 3 * POSITIONS
    assert runs(teacher, longest)
    assert limits.positions is None or not runs(teacher, longest + 1)


def runs(teacher: FrozenTeacher, length: int) -> bool:
    try:
        embeddings = teacher.encode(torch.full((1, length), 7), torch.tensor([length]))
    except (IndexError, RuntimeError):
        return False
    return embeddings.shape == (1, length, 16)


@pytest.mark.parametrize("family", ["bart", "mbart", "pegasus", "t5"])
@pytest.mark.parametrize("layer", [0, 1, -1])
def test_an_encoder_decoder_serves_by_its_encoder_alone(family: str, layer: int, tmp_path):
    teacher = FrozenTeacher.load(str(save_model(tmp_path, family)), layer)
    ids = torch.tensor([[2, 5, 6, 7, 3]])
    with torch.no_grad():
        model = AutoModel.from_pretrained(tmp_path).eval()
        expected = model(ids, decoder_input_ids=ids, output_hidden_states=True).encoder_hidden_states
    torch.testing.assert_close(teacher.encode(ids, torch.tensor([5])), expected[layer])
    assert (teacher.layer, teacher.hidden_size) == (layer % 3, 16)
    with pytest.raises(InputError, match="has no layer 3; choose one from 0 .* to 2"):
        FrozenTeacher.load(str(tmp_path), 3)


def test_a_long_utterance_is_one_line_with_the_limit_of_a_roberta(tmp_path):
    save_model(tmp_path, "roberta, padding at 1", pad_token_id=0)  # as the tokenizer has it
    save_tokenizer(tmp_path, model_max_length=512)
    tokenizer = load_tokenizer(str(tmp_path))
    assert len(teacher_ids(tokenizer, "我" * 21)) == 23
    with pytest.raises(
        InputError, match="utterance u1 has 24 teacher tokens and the teacher takes 23; split"
    ):
        teacher_ids(tokenizer, "我" * 22, "u1")


def test_the_tokenizers_own_smaller_limit_counts(tmp_path):
    save_model(tmp_path)
    save_tokenizer(tmp_path, model_max_length=10)
    assert load_tokenizer(str(tmp_path)).model_max_length == 10


def test_a_family_with_other_lengths_inside_is_one_line(tmp_path):
    sizes = {"d_model": 16, "n_head": 2, "d_head": 8, "d_inner": 32, "num_decoder_layers": 1}
    FunnelModel(FunnelConfig(block_sizes=[1, 1], **sizes)).save_pretrained(tmp_path)
    with pytest.raises(
        InputError, match="FunnelModel. does not give one embedding a token in each layer; choo"
    ):
        FrozenTeacher.load(str(tmp_path))


@pytest.mark.parametrize("family", ["ConvBert", "Nystromformer"])
def test_a_family_that_reads_the_padding_is_refused(tmp_path, family):
    """Its embeddings of a text would depend on the other texts in the batch."""
    import transformers

    sizes = {"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 32}
    config = getattr(transformers, f"{family}Config")(vocab_size=20, embedding_size=64, **sizes)
    torch.manual_seed(0)
    getattr(transformers, f"{family}Model")(config).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=f"{family}Model. gives a text other embeddings where a longer one"):
        FrozenTeacher.load(str(tmp_path))


def test_a_family_that_reads_no_tokens_is_one_line(tmp_path):
    config = CanineConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    CanineModel(config).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="CanineModel. gives no hidden states of a .*choose a text model"):
        FrozenTeacher.load(str(tmp_path))
    with pytest.raises(InputError, match="has no embeddings of tokens .CanineModel.; choose a text model"):
        read_limits(str(tmp_path), allow_download=False)


def test_limits_neither_draw_random_numbers_nor_read_weights(tmp_path):
    save_model(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    before = torch.random.get_rng_state()
    assert read_limits(str(tmp_path), allow_download=False).positions == POSITIONS
    assert torch.equal(before, torch.random.get_rng_state())


def test_hidden_states_come_as_such_whatever_config_json_says(tmp_path):
    save_model(tmp_path, return_dict=False)
    model = AutoModel.from_pretrained(tmp_path)
    states = hidden_states(model, torch.arange(PROBE_LENGTH)[None], torch.ones(1, PROBE_LENGTH))
    assert [tuple(state.shape) for state in states] == [(1, PROBE_LENGTH, 16)] * 3
