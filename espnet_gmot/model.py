"""ESPnet's ASR model with the alignment losses added to its own."""

import logging
from typing import Any

import torch
from espnet2.asr.encoder.contextual_block_conformer_encoder import ContextualBlockConformerEncoder
from espnet2.asr.encoder.contextual_block_transformer_encoder import ContextualBlockTransformerEncoder
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.torch_utils.device_funcs import force_gatherable

from espnet_gmot.alignment import AlignmentCriterion, AlignmentOptions, AlignmentOutput
from espnet_gmot.alignment.encoded import Encoded, EncoderOutput, WithEncoded
from espnet_gmot.alignment.projection import AcousticAdapter
from espnet_gmot.alignment.teacher_input import TeacherInput
from espnet_gmot.alignment.too_short import CTCLimit, require_frames
from espnet_gmot.consistency import WarpedOnce, consistency_loss, twice
from espnet_gmot.errors import InputError

STREAMING_ENCODERS = (ContextualBlockConformerEncoder, ContextualBlockTransformerEncoder)
LAST_BLOCK = ""  # suffix of the last block's statistics; those of block 6 end in _layer6


class ESPnetGMOTModel(ESPnetASRModel):
    """CTC, hybrid or transducer recogniser whose encoder is pulled toward a frozen teacher.

        L = L_asr + w(t) Σ_b c_b (fgw_weight · L_fgw(b) + align_weight · L_align(b)
                                  + contrastive_weight · L_contrastive(b)) + consistency_weight · L_CR

    L_asr is ESPnet's own loss, untouched. w(t) = min(1, t / warmup_steps) with t counted in training
    mini-batches; in validation it is 1, so that the loss can be compared from epoch to epoch. c_b is 1 at the
    last encoder block and intermediate_weight at each block in ``encoder_conf: interctc_layer_idx``. The
    teacher is no submodule: it is loaded at the first training batch and is in no checkpoint, optimizer or
    DDP bucket. An utterance with fewer frames than CTC needs for its labels has no CTC loss in ESPnet, and no
    alignment loss here; ``ctc_impossible`` in the statistics is the share of these. With
    ``consistency_weight`` a training batch stands twice in all of this (:func:`consistency_loss`).

    Args:
        conf: ESPnet's model arguments, and the fields of :class:`AlignmentOptions`.

    Raises:
        InputError: an alignment option makes no sense, alone or together with another.
    """

    def __init__(self, **conf: Any):
        options = AlignmentOptions.take_from(conf)
        super().__init__(**conf)
        self.options = options
        logging.info("alignment: %s", options)  # a YAML has only what differs from the defaults
        if options.frame_marginal == "nonblank" and self.ctc is None:
            raise InputError("model_conf: frame_marginal: nonblank needs ctc_weight above 0")
        if options.consistency_weight > 0:
            self._mask_twice()
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
        if options.teacher_size is not None:  # with projected_side: acoustic alone
            self.adapter = AcousticAdapter(encoder_size, options.teacher_size, options.feedback)
        self.register_buffer("align_steps", torch.zeros((), dtype=torch.long))
        self.teacher_input = TeacherInput(options, self.criterion_align.project)
        self.ctc_limit = None  # a transducer has no such limit
        if self.ctc is not None and not self.use_transducer_decoder:
            self.ctc_limit = CTCLimit()

    def forward(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        teacher: torch.Tensor | None = None,
        teacher_lengths: torch.Tensor | None = None,
        teacher_rows: torch.Tensor | None = None,
        teacher_identity: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
        """Compute the loss of a batch.

        Args:
            speech: waveform or features (batch, samples, ...).
            speech_lengths: (batch,).
            text: token ids (batch, L), padded with −1.
            text_lengths: (batch,).
            teacher: from the ``gmot`` preprocessor, token ids (batch, M) or embeddings (batch, N, d_l).
            teacher_lengths: tokens, special ones included (batch,).
            teacher_rows: which tokens make a row, and which rows are of the text (batch, N, 3); see
                :meth:`TeacherInput.rows`.
            teacher_identity: number of the cached teacher, or of the ids' vocabulary, and of the projection
                whose coordinates are given, or 0 (batch, 2); compared once with the projection's, or with
                the teacher's own.
            kwargs: ESPnet's other inputs, such as ``utt_id``.

        Returns:
            The loss, the statistics and the batch size, as ESPnet's trainer wants them.

        Raises:
            InputError: an utterance too short for one encoder frame, no teacher's input where a loss needs it
                or that of another teacher, no projection, or a replica of ``DataParallel``.
        """
        if getattr(self, "_is_replica", False):
            raise InputError("model: gmot runs on several GPUs with --multiprocessing_distributed true only")
        given = self._given(teacher, teacher_lengths, teacher_rows, teacher_identity)
        if self.masks_twice:
            speech, speech_lengths, text, text_lengths = map(
                twice, (speech, speech_lengths, text, text_lengths)
            )
            given = given and (twice(given[0]), twice(given[1]), twice(given[2]))
            kwargs = {name: twice(value) for name, value in kwargs.items()}
        encoded = self.encode_batch(speech, speech_lengths)
        require_frames(encoded.lengths, kwargs.get("utt_id"))
        loss, stats, weight = self.recognition_loss(
            encoded, speech, speech_lengths, text, text_lengths, **kwargs
        )
        alignable = self.alignable(encoded, text, text_lengths)
        if given is not None:
            terms, stats_of_alignment = self.alignment_terms(encoded, *given, counted=alignable)
            loss = loss + self._warmup() * sum(terms.values())
            stats |= stats_of_alignment
        if self.masks_twice:
            consistency = consistency_loss(self.ctc.log_softmax(encoded.hidden), encoded.lengths)
            loss = loss + self.options.consistency_weight * consistency
            stats["loss_consistency"] = consistency.detach()
        stats["loss"] = loss.detach()
        if self.ctc_limit is not None and alignable is not None:
            stats["ctc_impossible"] = self.ctc_limit.share_impossible(alignable, kwargs.get("utt_id"))
        return force_gatherable((loss, stats, weight), loss.device)

    @property
    def masks_twice(self) -> bool:
        """Whether a batch has to stand twice, for the consistency loss of two copies under other masks."""
        return self.training and self.options.consistency_weight > 0

    def train(self, mode: bool = True) -> "ESPnetGMOTModel":
        """Enter training or evaluation mode; a training without its projection ends here, before any batch.

        A model that is loaded to be decoded, exported or drawn comes by with ``mode`` False alone.

        Raises:
            InputError: training, and ``model_conf`` names no projection or one that is missing or damaged.
        """
        if mode and self.options.needs_teacher:
            self.criterion_align.require_projection()
        return super().train(mode)

    def encode(
        self, speech: torch.Tensor, speech_lengths: torch.Tensor
    ) -> tuple[EncoderOutput, torch.Tensor]:
        """Encode as ESPnet does, adding the adapter's feedback if there is any.

        Returns:
            Encoder output (batch, T, d_a), with the intermediate outputs if the encoder gives
            them, and its lengths (batch,).
        """
        return self.encode_batch(speech, speech_lengths).for_espnet()

    def encode_batch(self, speech: torch.Tensor, speech_lengths: torch.Tensor) -> Encoded:
        """Encode a batch for recognition and alignment.

        Args:
            speech: waveform or features (batch, samples, ...).
            speech_lengths: (batch,).
        """
        encoder_out, lengths = super().encode(speech, speech_lengths)
        hidden, intermediate = encoder_out if isinstance(encoder_out, tuple) else (encoder_out, [])
        features = hidden
        if self.adapter is not None:
            features, hidden = self.adapter(hidden)
        return Encoded(features, intermediate, hidden, lengths)

    def recognition_loss(
        self,
        encoded: Encoded,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
        """Compute ESPnet's own loss L_asr of an encoded batch.

        Args:
            encoded: the batch, from :meth:`encode_batch`.
            speech: of which ESPnet looks at the shape alone (batch, samples, ...).
            speech_lengths: (batch,).
            text: token ids (batch, L), padded with −1.
            text_lengths: (batch,).
            kwargs: ESPnet's other inputs.

        Returns:
            The loss, ESPnet's statistics and the batch size.
        """
        given = WithEncoded(self, encoded)
        return ESPnetASRModel.forward(given, speech, speech_lengths, text, text_lengths, **kwargs)

    def alignable(
        self, encoded: Encoded, text: torch.Tensor, text_lengths: torch.Tensor
    ) -> torch.Tensor | None:
        """Tell which utterances have the frames that CTC needs for their labels (batch,).

        Args:
            encoded: the batch, from :meth:`encode_batch`.
            text: token ids (batch, L), padded with −1.
            text_lengths: (batch,).

        Returns:
            None for a model without CTC, or with a transducer, which has no such limit.
        """
        if self.ctc_limit is None:
            return None
        return self.ctc_limit.alignable(encoded.lengths, text, text_lengths)

    def align(
        self,
        encoded: Encoded,
        teacher: torch.Tensor,
        teacher_lengths: torch.Tensor,
        teacher_rows: torch.Tensor,
        counted: torch.Tensor | None = None,
    ) -> dict[str, AlignmentOutput]:
        """Align each block of an encoded batch that has a weight.

        Args:
            encoded: the batch, from :meth:`encode_batch`.
            teacher, teacher_lengths, teacher_rows: as for :meth:`forward`.
            counted: utterances whose losses count (batch,); None for all.

        Returns:
            The alignments by the suffix of their statistics: ``LAST_BLOCK``, ``_layer6``, ...
        """
        tokens = self.teacher_input.rows(teacher, teacher_lengths, teacher_rows)
        nonblank = None
        if self.options.frame_marginal == "nonblank":
            with torch.no_grad():
                nonblank = 1.0 - self.ctc.softmax(encoded.hidden)[..., self.blank_id]  # (batch, T)
        blocks = {LAST_BLOCK: encoded.features}
        if self.options.intermediate_weight > 0:
            lift = torch.nn.Identity() if self.adapter is None else self.adapter.lift
            blocks |= {f"_layer{block}": lift(output) for block, output in encoded.intermediate}
        return {
            suffix: self.criterion_align(features, encoded.lengths, *tokens, nonblank, counted)
            for suffix, features in blocks.items()
        }

    def alignment_terms(
        self,
        encoded: Encoded,
        teacher: torch.Tensor,
        teacher_lengths: torch.Tensor,
        teacher_rows: torch.Tensor,
        counted: torch.Tensor | None = None,
    ) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Return the weighted alignment losses of an encoded batch, summed over the blocks with their c_b.

        Args:
            encoded: the batch, from :meth:`encode_batch`.
            teacher, teacher_lengths, teacher_rows: as for :meth:`forward`.
            counted: utterances whose losses count (batch,), as :meth:`alignable` tells; None for all.

        Returns:
            The loss without its warm-up w(t), as the terms of ``AlignmentCriterion.weighted_terms`` that add
            up to it, and the statistics of each block.
        """
        terms: dict[str, torch.Tensor] = {}
        stats: dict[str, torch.Tensor] = {}
        for suffix, aligned in self.align(encoded, teacher, teacher_lengths, teacher_rows, counted).items():
            share = 1.0 if suffix == LAST_BLOCK else self.options.intermediate_weight
            for name, term in self.criterion_align.weighted_terms(aligned, share).items():
                terms[name] = terms.get(name, 0.0) + term
            stats |= aligned.logged(suffix)
        return terms, stats

    def coupling(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        teacher: torch.Tensor,
        teacher_lengths: torch.Tensor,
        teacher_rows: torch.Tensor,
    ) -> tuple[AlignmentOutput, torch.Tensor]:
        """Encode a batch and align the last block, without any recognition loss, for pictures.

        Returns:
            The alignment, and what CTC sees (batch, T, d_a).
        """
        encoded = self.encode_batch(speech, speech_lengths)
        return self.align(encoded, teacher, teacher_lengths, teacher_rows)[LAST_BLOCK], encoded.hidden

    def _given(
        self,
        teacher: torch.Tensor | None,
        lengths: torch.Tensor | None,
        rows: torch.Tensor | None,
        identity: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None:
        """Return the teacher's input once it is checked, None where there is none and no loss needs it."""
        if teacher is None or lengths is None or rows is None:
            if self.options.needs_teacher:
                raise InputError("model: gmot needs the teacher's input; set preprocessor: gmot in the YAML")
            return None
        if self.training:
            self.criterion_align.require_projection()
        self.teacher_input.check(teacher, rows, identity, self.training)
        return teacher, lengths, rows

    def _mask_twice(self) -> None:
        """CR-CTC compares the CTC of two masked copies, frame by frame."""
        if self.ctc is None:
            raise InputError("model_conf: consistency_weight needs ctc_weight above 0")
        specaug: AbsSpecAug | None = getattr(self, "specaug", None)
        if specaug is None:
            raise InputError("model_conf: consistency_weight needs specaug: specaug, whose masks differ")
        self.specaug = WarpedOnce(specaug)

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
