"""The small BERT while it learns: model, optimizer, one step, its accuracy, its state."""

from typing import Any

import torch
from torch import Tensor, nn

from espnet_gmot.teacher.hub import import_transformers, quiet
from small_bert.masked_text import MASK, PAD, choose_masked, corrupt, pad
from small_bert.options import PretrainOptions
from small_bert.start_vectors import neighbour_vectors, position_vectors

WARMUP = 0.06  # share of the steps
WORD_NORM, POSITION_SCALE = 0.7, 0.05  # of the start vectors
EVALUATION_MASK_RATE = 0.15  # BERT's, whatever the rate in training
EVALUATION_BATCH = 128


class MaskedLM:
    """A BertForMaskedLM in training; step s draws its masks from (seed, s), so a resumed run repeats them.

    Args:
        vocabulary: number of tokens.
        training: token sequences, for the start vectors.
        options: size and training.
    """

    def __init__(self, vocabulary: int, training: list[Tensor], options: PretrainOptions) -> None:
        transformers = import_transformers()
        torch.manual_seed(options.seed)
        config = transformers.BertConfig(
            vocab_size=vocabulary,
            hidden_size=options.hidden_size,
            num_hidden_layers=options.layers,
            num_attention_heads=options.heads,
            intermediate_size=4 * options.hidden_size,
            max_position_embeddings=options.max_length,
            hidden_dropout_prob=0.0,  # few passes over the text and new masks in each: nothing to overfit
            attention_probs_dropout_prob=0.0,
            pad_token_id=PAD,
        )
        self.options = options
        self.step = 0
        with quiet():  # transformers 4.45 warns of what generates text
            self.model = transformers.BertForMaskedLM(config)
        self._start(training)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model.to(self.device)
        self._optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=options.lr, betas=(0.9, 0.98), weight_decay=0.01
        )
        self._schedule = transformers.get_linear_schedule_with_warmup(
            self._optimizer, round(WARMUP * options.steps), options.steps
        )

    def train_step(self, ids: Tensor) -> float:
        """Learn from a batch (B, N) and return its loss in nats a masked token."""
        generator = torch.Generator().manual_seed((self.options.seed << 32) + self.step)
        masked = choose_masked(ids, self.options.mask_rate, generator)  # (B, N)
        inputs = corrupt(ids, masked, self.model.config.vocab_size, generator)
        self.model.train()
        logits = self._logits(inputs, masked)  # (M, V)
        # The sum over no token is 0 and keeps its gradient, where the mean would be NaN.
        loss = nn.functional.cross_entropy(logits, ids[masked].to(self.device), reduction="sum")
        loss = loss / max(len(logits), 1)
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self._schedule.step()
        self.step += 1
        return loss.item()

    @torch.no_grad()
    def accuracy(self, sequences: list[Tensor]) -> float:
        """Return the share of masked characters that the model names first; the masks are always the same."""
        generator = torch.Generator().manual_seed(0)
        self.model.eval()
        hits = total = 0
        for start in range(0, len(sequences), EVALUATION_BATCH):
            ids = pad(sequences[start : start + EVALUATION_BATCH])  # (B, N)
            masked = choose_masked(ids, EVALUATION_MASK_RATE, generator)
            logits = self._logits(ids.masked_fill(masked, MASK), masked)  # (M, V)
            hits += int((logits.argmax(dim=-1).cpu() == ids[masked]).sum())
            total += len(logits)
        return hits / max(total, 1)

    def state(self) -> dict[str, Any]:
        """Return everything that `load_state` needs to continue as if nothing had happened."""
        return {
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])

    def _logits(self, ids: Tensor, masked: Tensor) -> Tensor:
        """Return (M, V) for the M masked positions alone: the softmax is much of a small model's work."""
        ids, masked = ids.to(self.device), masked.to(self.device)
        hidden = self.model.bert(ids, attention_mask=(ids != PAD).long()).last_hidden_state  # (B, N, d)
        return self.model.cls(hidden[masked])

    @torch.no_grad()
    def _start(self, training: list[Tensor]) -> None:
        """Begin with word vectors and positions that mean something, which saves about 1000 steps."""
        embeddings = self.model.bert.embeddings
        words, positions = embeddings.word_embeddings.weight, embeddings.position_embeddings.weight
        known = slice(MASK + 1, None)
        vocabulary, size = words.shape
        words[known] = neighbour_vectors(training, vocabulary, size, WORD_NORM)[known]
        positions.copy_(position_vectors(len(positions), size, POSITION_SCALE))
