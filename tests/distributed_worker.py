"""What each process does in test_distributed.py.

Nothing of the plugin is imported here: as in the children that ESPnet spawns, it comes with the task
alone, which is handed over by reference.
"""

from dataclasses import dataclass
from pathlib import Path

import torch

WORLD_SIZE = 2
Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Result:
    """What the optimiser and the reporter see last, and the training mini-batches counted."""

    gradients: dict[str, torch.Tensor]
    statistics: dict[str, float]
    align_steps: int


def train(task: type, config: Path, mini_batches: list[Batch], rank: int | None = None) -> Result:
    """Train one epoch with ESPnet's trainer, in DDP if this process has a rank."""
    from espnet2.train.distributed_utils import DistributedOption
    from espnet2.train.reporter import Reporter

    args = task.get_parser().parse_args(["--config", str(config)])
    torch.manual_seed(0)
    torch.backends.cudnn.allow_tf32 = False  # or a GPU's products depend on the batch
    model = task.build_model(args).to("cuda" if args.ngpu > 0 else "cpu")
    optimizers = task.build_optimizers(args, model)
    gradients = {}
    optimizers[0].register_step_pre_hook(
        lambda *_: gradients.update({name: p.grad.clone() for name, p in model.named_parameters()})
    )
    distributed = rank is not None
    reporter = Reporter(epoch=1)
    with reporter.observe("train") as observed:
        task.trainer.train_one_epoch(
            torch.nn.parallel.DistributedDataParallel(model) if distributed else model,
            iterator=[([], dict(batch)) for batch in mini_batches],
            optimizers=optimizers,
            schedulers=[None],
            scaler=None,
            reporter=observed,
            summary_writer=None,
            options=task.trainer.build_options(args),
            distributed_option=DistributedOption(distributed=distributed),
        )
    names = [name for name in reporter.get_keys2("train") if not name.endswith("time")]
    statistics = {name: float(reporter.get_value("train", name)) for name in names}
    return Result(gradients, statistics, int(model.align_steps))


def run_rank(rank: int, task: type, directory: Path, cases: dict[str, tuple[Path, list[Batch]]]) -> None:
    """Train each case twice on this rank's share of a batch; write the results to ``directory``.

    DDP finds out at the second mini-batch that a parameter got no gradient in the first.
    """
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{directory}/rendezvous", rank=rank, world_size=WORLD_SIZE
    )
    results = {
        name: train(task, config, [shares[rank]] * 2, rank) for name, (config, shares) in cases.items()
    }
    torch.save(results, directory / f"rank{rank}.pt")
    torch.distributed.destroy_process_group()
