"""ESPnet's ASR model with the alignment losses added to its own."""

from typing import NamedTuple

import torch
from espnet2.asr.encoder.contextual_block_conformer_encoder import ContextualBlockConformerEncoder
from espnet2.asr.encoder.contextual_block_transformer_encoder import ContextualBlockTransformerEncoder
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.torch_utils.device_funcs import force_gatherable

from espnet_gmot.alignment import AlignmentCriterion, AlignmentOptions, AlignmentOutput
from espnet_gmot.alignment.projection import AcousticAdapter
from espnet_gmot.errors import InputError
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.tokenizer import load_tokenizer, vocabulary_number

STREAMING_ENCODERS = (ContextualBlockConformerEncoder, ContextualBlockTransformerEncoder)
LAST_BLOCK = ""  # suffix of the last block's statistics; those of block 6 end in _layer6


class Encoded(NamedTuple):
    """What one call of the encoder leaves for the alignment.

    Attributes:
        features: last block in the common space, X (batch, T, d).
        intermediate: (number, output (batch, T, d_a)) of the lower blocks that the encoder gives.
        hidden: what CTC and decoder see (batch, T, d_a).
        lengths: valid frames (batch,).
    """

    features: torch.Tensor
    intermediate: list[tuple[int, torch.Tensor]]
    hidden: torch.Tensor
    lengths: torch.Tensor


class ESPnetGMOTModel(ESPnetASRModel):
    """CTC, hybrid or transducer recogniser whose encoder is pulled toward a frozen teacher.

        L = L_asr + w(t) Σ_b c_b (fgw_weight · L_fgw(b) + align_weight · L_align(b))

    L_asr is ESPnet's own loss, untouched. w(t) = min(1, t / warmup_steps) with t counted in training
    mini-batches; in validation it is 1, so that the loss can be compared from epoch to epoch. c_b is 1 at the
    last encoder block and intermediate_weight at each block in ``encoder_conf: interctc_layer_idx``. The
    teacher is no submodule: it is loaded at the first training batch and is in no checkpoint, optimizer or
    DDP bucket.

    Args:
        conf: ESPnet's model arguments, and the fields of :class:`AlignmentOptions`.

    Raises:
        InputError: an alignment option makes no sense, alone or together with another.
    """

    def __init__(self, **conf):
        options = AlignmentOptions.take_from(conf)
        super().__init__(**conf)
        self.options = options
        if options.frame_marginal == "nonblank" and self.ctc is None:
            raise InputError("model_conf: frame_marginal: nonblank needs ctc_weight above 0")
        if options.intermediate_weight > 0:
            self._require_intermediate_outputs()
        if options.feedback > 0 and isinstance(self.encoder, STREAMING_ENCODERS):
            raise InputError(
                "model_conf: feedback is not in what ESPnet's streaming decoding calls; set feedback: 0 or "
                "choose an encoder that is not contextual_block_*"
            )
        encoder_size = (self.postencoder or self.encoder).output_size()
        self.criterion_align = AlignmentCriterion(options, encoder_size)
        self.adapter = None
        if options.projected_side == "acoustic":
            self.adapter = AcousticAdapter(encoder_size, options.teacher_size, options.feedback)
        self.register_buffer("align_steps", torch.zeros((), dtype=torch.long))
        self._teacher: FrozenTeacher | None = None
        self._input_checked = False
        self._encoded: Encoded | None = None

    def forward(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        teacher: torch.Tensor | None = None,
        teacher_lengths: torch.Tensor | None = None,
        teacher_identity: torch.Tensor | None = None,
        **kwargs,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
        """Compute the loss of a batch.

        Args:
            speech: waveform or features (batch, samples, ...).
            speech_lengths: (batch,).
            text: token ids (batch, L), padded with −1.
            text_lengths: (batch,).
            teacher: from the ``gmot`` preprocessor, token ids (batch, N) or embeddings (batch, N, d_l).
            teacher_lengths: tokens with both special ones (batch,).
            teacher_identity: number of the cached teacher, or of the ids' vocabulary (batch, 1); compared
                once with the projection's, or with the teacher's own.
            kwargs: ESPnet's other inputs, such as ``utt_id``.

        Returns:
            The loss, the statistics and the batch size, as ESPnet's trainer wants them.

        Raises:
            InputError: an utterance too short for one encoder frame, no teacher's input or that of another
                teacher, or a replica of ``DataParallel``.
        """
        if teacher is None:
            raise InputError("model: gmot needs the teacher's input; set preprocessor: gmot in the YAML")
        if getattr(self, "_is_replica", False):
            raise InputError("model: gmot runs on several GPUs with --multiprocessing_distributed true only")
        self.check_teacher_input(teacher, teacher_identity)
        loss, stats, weight = super().forward(speech, speech_lengths, text, text_lengths, **kwargs)
        self._require_frames(kwargs.get("utt_id"))
        terms, stats_alignment = self.alignment_terms(teacher, teacher_lengths)
        loss = loss + self._warmup() * sum(terms.values())
        stats |= stats_alignment | {"loss": loss.detach()}
        return force_gatherable((loss, stats, weight), loss.device)

    def alignment_terms(
        self, teacher: torch.Tensor, teacher_lengths: torch.Tensor
    ) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Return Σ_b c_b (fgw_weight · L_fgw(b) + align_weight · L_align(b)) of the batch encoded last.

        Returns:
            The loss without its warm-up w(t), as the weighted terms ``node``, ``edge`` and ``projection``
            that add up to it, and the statistics of each block.
        """
        options, stats = self.options, {}
        node, edge, projection = 0.0, 0.0, 0.0
        for suffix, aligned in self._align(teacher, teacher_lengths).items():
            share = 1.0 if suffix == LAST_BLOCK else options.intermediate_weight
            node = node + share * options.fgw_weight * (1.0 - options.alpha) * aligned.loss_node
            edge = edge + share * options.fgw_weight * options.alpha * aligned.loss_edge
            projection = projection + share * options.align_weight * aligned.loss_align
            stats |= aligned.logged(suffix)
        return {"node": node, "edge": edge, "projection": projection}, stats

    def encode(
        self, speech: torch.Tensor, speech_lengths: torch.Tensor
    ) -> tuple[torch.Tensor | tuple, torch.Tensor]:
        """Encode as ESPnet does, adding the adapter's feedback if there is any.

        Returns:
            Encoder output (batch, T, d_a), with the intermediate outputs if the encoder gives
            them, and its lengths (batch,).
        """
        encoder_out, lengths = super().encode(speech, speech_lengths)
        hidden, intermediate = encoder_out if isinstance(encoder_out, tuple) else (encoder_out, [])
        features = hidden
        if self.adapter is not None:
            features, hidden = self.adapter(hidden)
        self._encoded = Encoded(features, intermediate, hidden, lengths)
        return (hidden, intermediate) if intermediate else hidden, lengths

    def coupling(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        teacher: torch.Tensor,
        teacher_lengths: torch.Tensor,
    ) -> tuple[AlignmentOutput, torch.Tensor]:
        """Encode a batch and align the last block, without any recognition loss, for pictures.

        Returns:
            The alignment, and what CTC sees (batch, T, d_a).
        """
        self.encode(speech, speech_lengths)
        hidden = self._encoded.hidden
        return self._align(teacher, teacher_lengths)[LAST_BLOCK], hidden

    def check_teacher_input(self, teacher: torch.Tensor, identity: torch.Tensor | None) -> None:
        """Refuse embeddings or token ids of another teacher than the model's; the first call alone looks.

        Args:
            teacher: what the preprocessor gives.
            identity: the same (batch, 1); None where the preprocessor does not say.

        Raises:
            InputError: the teacher is another.
        """
        if identity is None or self._input_checked:
            return
        self._input_checked = True
        options, number = self.options, int(identity[0])
        if teacher.is_floating_point():
            if options.teacher is not None:
                raise InputError(
                    f"model_conf: teacher is {options.teacher}, but the preprocessor gives embeddings from "
                    "its teacher_cache; leave out one of them"
                )
            self._require_projections_teacher(number, "that of preprocessor_conf: teacher_cache")
        elif options.teacher is not None:
            tokenizer = load_tokenizer(options.teacher, options.allow_download)
            if vocabulary_number(tokenizer) != number:
                raise InputError(
                    f"model_conf: teacher {options.teacher} has another vocabulary than preprocessor_conf: "
                    "teacher; name the same one in both"
                )

    def teacher_embeddings(self, teacher: torch.Tensor, teacher_lengths: torch.Tensor) -> torch.Tensor:
        """Return embeddings (batch, N, d_l): ``teacher`` itself, or what the teacher makes of its ids.

        Raises:
            InputError: token ids, and ``model_conf`` names no teacher, or not the projection's.
        """
        if teacher.is_floating_point():
            return teacher
        if self._teacher is None:
            options = self.options
            if options.teacher is None:
                raise InputError(
                    "the preprocessor gives the teacher's token ids, but model_conf names no teacher; set "
                    "model_conf: teacher to the same name or directory as preprocessor_conf: teacher"
                )
            self._teacher = FrozenTeacher.load(options.teacher, options.teacher_layer, options.allow_download)
            identity = self._teacher.identity()
            self._require_projections_teacher(identity.number, str(identity))
        return self._teacher.encode(teacher, teacher_lengths)

    def _align(self, teacher: torch.Tensor, teacher_lengths: torch.Tensor) -> dict[str, AlignmentOutput]:
        """Align the blocks of the batch that was encoded last, each under the suffix of its statistics."""
        encoded, self._encoded = self._encoded, None
        embeddings = self.teacher_embeddings(teacher, teacher_lengths)  # (batch, N, d_l)
        nonblank = None
        if self.options.frame_marginal == "nonblank":
            with torch.no_grad():
                nonblank = 1.0 - self.ctc.softmax(encoded.hidden)[..., self.blank_id]  # (batch, T)
        blocks = {LAST_BLOCK: encoded.features}
        if self.options.intermediate_weight > 0:
            lift = torch.nn.Identity() if self.adapter is None else self.adapter.lift
            blocks |= {f"_layer{block}": lift(output) for block, output in encoded.intermediate}
        return {
            suffix: self.criterion_align(features, encoded.lengths, embeddings, teacher_lengths, nonblank)
            for suffix, features in blocks.items()
        }

    def _require_frames(self, utt_ids: list[str] | None) -> None:
        empty = (self._encoded.lengths < 1).nonzero().flatten().tolist()
        if empty:
            names = [utt_ids[i] for i in empty] if utt_ids else [f"number {i} of the batch" for i in empty]
            raise InputError(
                f"too short for one encoder frame: utterance {', '.join(names)}; "
                "raise --min_wav_duration and run stage 4 again"
            )

    def _require_projections_teacher(self, number: int, called: str) -> None:
        if self.criterion_align.project is not None:
            self.criterion_align.project.require_teacher(number, called)

    def _require_intermediate_outputs(self) -> None:
        if not getattr(self.encoder, "interctc_layer_idx", None):
            raise InputError(
                f"model_conf: intermediate_weight is {self.options.intermediate_weight}, but the encoder "
                "gives no intermediate outputs; set encoder_conf: interctc_layer_idx, such as [5, 10] "
                "(conformer, e_branchformer and transformer have it), or intermediate_weight: 0"
            )
        if self.postencoder is not None or getattr(self.encoder, "ctc_trim", False):
            raise InputError(
                "model_conf: intermediate_weight needs intermediate outputs of the last one's size and "
                "length; leave out postencoder and encoder_conf: ctc_trim"
            )

    def _warmup(self) -> torch.Tensor | float:
        """Return w(t) in [0, 1], counting this mini-batch when training; 1 in validation."""
        if self.training:
            self.align_steps += 1
        if not self.training or self.options.warmup_steps == 0:
            return 1.0
        return (self.align_steps / self.options.warmup_steps).clamp(max=1.0)
