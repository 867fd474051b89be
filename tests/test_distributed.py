"""Two processes of DDP give the gradient of one process with the joint batch, through ESPnet's trainer.

ESPnet cuts a batch's padding and its subsampling sees what is left, so in each batch here both
processes get an utterance of the greatest length. Gradients are float32.
"""

import pytest
import torch
from distributed_worker import WORLD_SIZE, run_rank, train
from small_training import make_batch, share, with_token_ids, write_config

pytestmark = pytest.mark.slow

TIMEOUT = 300.0  # seconds; by itself a rank waits half an hour for the other
TOLERANCE = 2e-6  # of ‖difference‖ / ‖gradient‖; measured: 1.2e-7 to 2.6e-7

BATCH = make_batch([9600, 9600, 8000, 6400, 5000], [5, 3, 4, 2, 1])  # shares of three and two
CONSTANT = make_batch([9600, 9600, 8000], [5, 3, 4], constant=(1,))  # audio of the second process
TOO_SHORT = make_batch([9600, 9600, 8000, 1300], [5, 3, 4, 5])  # two frames for the last one's five labels
ONE_FRAME = make_batch([800], [1])

CTC, HYBRID = {"ctc_weight": 1.0}, {"ctc_weight": 0.3}
ADAPTER = {"projected_side": "acoustic", "teacher_size": 16}
NO_WEIGHTS = {"fgw_weight": 0.0, "align_weight": 0.0}
CASES = {
    "ctc": (CTC, BATCH),
    "ctc with the teacher online": (CTC, with_token_ids(BATCH)),
    "hybrid": (HYBRID, BATCH),
    "hybrid with the teacher online": (HYBRID, with_token_ids(BATCH)),
    "adapter with feedback": ({**HYBRID, **ADAPTER, "feedback": 0.5}, BATCH),
    "adapter without feedback and weights": ({**CTC, **ADAPTER, **NO_WEIGHTS}, BATCH),
    "non-blank frame marginal": ({**CTC, "frame_marginal": "nonblank"}, BATCH),
    "two blocks": ({**CTC, "intermediate_weight": 0.5}, BATCH),
    "two blocks through the adapter": ({**CTC, **ADAPTER, "intermediate_weight": 0.5}, BATCH),
    "warm-up": ({**CTC, "warmup_steps": 4}, BATCH),
    "identical frames on one process": (HYBRID, CONSTANT),
    "labels that CTC cannot place on one process": (HYBRID, TOO_SHORT),
}


@pytest.fixture(scope="module")
def task():
    from espnet_gmot.task import GMOTTask

    return GMOTTask


@pytest.fixture(scope="module")
def configs(tmp_path_factory, teacher_dir):
    """The training YAML of each case."""
    directory = tmp_path_factory.mktemp("configs")

    def write(name, model_conf, batch):
        online = {} if batch["teacher"].is_floating_point() else {"teacher": str(teacher_dir)}
        blocks = {"interctc_layer_idx": [1]} if "intermediate_weight" in model_conf else {}
        return write_config(directory / f"{name}.yaml", {**model_conf, **online}, blocks)

    return {name: write(name, *case) for name, case in CASES.items()}


@pytest.fixture(scope="module")
def ranks(task, configs, tmp_path_factory):
    """The results of both processes, by case."""
    directory = tmp_path_factory.mktemp("ranks")
    shares = {name: [share(batch, rank) for rank in range(WORLD_SIZE)] for name, (_, batch) in CASES.items()}
    work = {name: (configs[name], shares[name]) for name in CASES}
    work["one frame"] = configs["hybrid"], [shares["hybrid"][0], ONE_FRAME]
    context = torch.multiprocessing.spawn(run_rank, (task, directory, work), nprocs=WORLD_SIZE, join=False)
    try:
        ended = context.join(TIMEOUT) or context.join(TIMEOUT)  # one call a process
    finally:
        for process in context.processes:
            process.kill()
    assert ended, f"a process still waited for the other after {TIMEOUT} s"
    return [torch.load(directory / f"rank{rank}.pt", weights_only=False) for rank in range(WORLD_SIZE)]


def distance(ours, theirs):
    """‖ours − theirs‖ / ‖theirs‖ over all parameters."""
    assert ours.keys() == theirs.keys()
    ours, theirs = (torch.cat([gradients[name].flatten() for name in theirs]) for gradients in (ours, theirs))
    return ((ours - theirs).norm() / theirs.norm()).item()


def losses(result):
    """All statistics but ESPnet's share of correct tokens, which weights utterances, not tokens."""
    return {name: value for name, value in result.statistics.items() if name != "acc"}


@pytest.mark.parametrize("name", CASES)
def test_two_processes_give_the_gradient_of_the_joint_batch(name, task, configs, ranks):
    joint = train(task, configs[name], [CASES[name][1]] * 2)
    for results in ranks:
        assert distance(results[name].gradients, joint.gradients) < TOLERANCE
        assert losses(results[name]) == pytest.approx(losses(joint), rel=1e-5, abs=1e-6)
        assert results[name].align_steps == 2, "counted in mini-batches of this process"


def test_the_tolerance_notices_a_missing_loss_and_a_missing_weight(task, configs, tmp_path):
    joint = train(task, configs["ctc"], [BATCH]).gradients
    stock = write_config(tmp_path / "no_alignment.yaml", {**CTC, **NO_WEIGHTS})
    unweighted = write_config(tmp_path / "unweighted.yaml", CTC, accum_grad=2)
    assert distance(train(task, stock, [BATCH]).gradients, joint) > 1000 * TOLERANCE
    shares = [share(BATCH, rank) for rank in range(WORLD_SIZE)]
    assert distance(train(task, unweighted, shares).gradients, joint) > 1000 * TOLERANCE


def test_accumulation_over_equal_mini_batches_gives_the_gradient_of_the_joint_batch(task, tmp_path):
    batch = make_batch([9600, 9600, 8000, 6400], [5, 3, 4, 2])
    once = write_config(tmp_path / "once.yaml", HYBRID)
    twice = write_config(tmp_path / "twice.yaml", HYBRID, accum_grad=2)
    joint = train(task, once, [batch])
    accumulated = train(task, twice, [share(batch, 0), share(batch, 1)])
    assert distance(accumulated.gradients, joint.gradients) < TOLERANCE
    assert (joint.align_steps, accumulated.align_steps) == (1, 2), "warm-up counts mini-batches"


def test_constant_audio_and_one_frame_are_what_they_are_meant_to_be(task, configs):
    model = task.build_model(task.get_parser().parse_args(["--config", str(configs["hybrid"])]))
    assert model.encode(ONE_FRAME["speech"], ONE_FRAME["speech_lengths"])[1].tolist() == [1]
    frames = model.encode(CONSTANT["speech"], CONSTANT["speech_lengths"])[0][1]  # (T, d_a)
    torch.testing.assert_close(frames, frames[:1].expand_as(frames))


def test_an_utterance_that_ctc_cannot_align_counts_as_one_of_four(ranks):
    for results in ranks:
        found = results["labels that CTC cannot place on one process"].statistics["ctc_impossible"]
        assert found == pytest.approx(0.25)


def test_an_utterance_of_one_frame_on_one_process_spoils_nothing(ranks):
    first, second = (results["one frame"].gradients for results in ranks)
    assert all(gradient.isfinite().all() for gradient in first.values())
    assert distance(first, second) == 0.0
