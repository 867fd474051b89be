"""ESPnet's ASR model with the alignment losses added to its own."""

import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.torch_utils.device_funcs import force_gatherable

from espnet_gmot.alignment import AlignmentCriterion, AlignmentOptions, AlignmentOutput
from espnet_gmot.alignment.projection import AcousticAdapter
from espnet_gmot.errors import InputError
from espnet_gmot.teacher.frozen import FrozenTeacher


class ESPnetGMOTModel(ESPnetASRModel):
    """CTC, hybrid or transducer recogniser whose encoder is pulled toward a frozen teacher.

        L = L_asr + w(t) · (fgw_weight · L_fgw + align_weight · L_align)

    L_asr is ESPnet's own loss, untouched. w(t) = min(1, t / warmup_steps) with t counted in training
    mini-batches. The teacher is no submodule: it is loaded at the first training batch and is in
    no checkpoint, optimizer or DDP bucket.

    Args:
        conf: ESPnet's model arguments, and the fields of :class:`AlignmentOptions`.

    Raises:
        InputError: an alignment option makes no sense, alone or together with another.
    """

    def __init__(self, **conf):
        options = AlignmentOptions.take_from(conf)
        super().__init__(**conf)
        if options.frame_marginal == "nonblank" and self.ctc is None:
            raise InputError("model_conf: frame_marginal: nonblank needs ctc_weight above 0")
        encoder_size = (self.postencoder or self.encoder).output_size()
        self.options = options
        self.criterion_align = AlignmentCriterion(options, encoder_size)
        self.adapter = None
        if options.projected_side == "acoustic":
            self.adapter = AcousticAdapter(encoder_size, options.teacher_size, options.feedback)
        self.register_buffer("align_steps", torch.zeros((), dtype=torch.long))
        self._teacher: FrozenTeacher | None = None
        self._encoded: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None

    def forward(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        teacher: torch.Tensor | None = None,
        teacher_lengths: torch.Tensor | None = None,
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
            kwargs: ESPnet's other inputs, such as ``utt_id``.

        Returns:
            The loss, the statistics and the batch size, as ESPnet's trainer wants them.
        """
        if teacher is None:
            raise InputError("model: gmot needs the teacher's input; set preprocessor: gmot in the YAML")
        loss, stats, weight = super().forward(speech, speech_lengths, text, text_lengths, **kwargs)
        aligned = self._align(teacher, teacher_lengths)
        scale = self._warmup()
        loss = loss + scale * (
            self.options.fgw_weight * aligned.loss_fgw + self.options.align_weight * aligned.loss_align
        )
        stats.update(
            loss=loss.detach(),
            loss_fgw=aligned.loss_fgw.detach(),
            loss_align=aligned.loss_align.detach(),
            **aligned.statistics,
        )
        return force_gatherable((loss, stats, weight), loss.device)

    def encode(
        self, speech: torch.Tensor, speech_lengths: torch.Tensor
    ) -> tuple[torch.Tensor | tuple, torch.Tensor]:
        """Encode as ESPnet does, adding the adapter's feedback if there is any.

        Returns:
            Encoder output (batch, T, d_a), with the intermediate outputs if the encoder gives
            them, and its lengths (batch,).
        """
        encoder_out, lengths = super().encode(speech, speech_lengths)
        hidden, *intermediate = encoder_out if isinstance(encoder_out, tuple) else (encoder_out,)
        features = hidden
        if self.adapter is not None:
            features, hidden = self.adapter(hidden)
        self._encoded = (features, hidden, lengths)
        return (hidden, *intermediate) if intermediate else hidden, lengths

    def coupling(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        teacher: torch.Tensor,
        teacher_lengths: torch.Tensor,
    ) -> AlignmentOutput:
        """Encode and align a batch without any recognition loss, for pictures and statistics."""
        self.encode(speech, speech_lengths)
        return self._align(teacher, teacher_lengths)

    def teacher_embeddings(self, teacher: torch.Tensor, teacher_lengths: torch.Tensor) -> torch.Tensor:
        """Return embeddings (batch, N, d_l): ``teacher`` itself, or what the teacher makes of its ids.

        Raises:
            InputError: token ids, and ``model_conf`` names no teacher.
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
        return self._teacher.encode(teacher, teacher_lengths)

    def _align(self, teacher: torch.Tensor, teacher_lengths: torch.Tensor) -> AlignmentOutput:
        features, hidden, lengths = self._encoded
        self._encoded = None
        embeddings = self.teacher_embeddings(teacher, teacher_lengths)  # (batch, N, d_l)
        nonblank = None
        if self.options.frame_marginal == "nonblank":
            with torch.no_grad():
                nonblank = 1.0 - self.ctc.softmax(hidden)[..., self.blank_id]  # (batch, T)
        return self.criterion_align(features, lengths, embeddings, teacher_lengths, nonblank)

    def _warmup(self) -> torch.Tensor | float:
        """Return w(t) in [0, 1], counting this mini-batch when training."""
        if self.training:
            self.align_steps += 1
        if self.options.warmup_steps == 0:
            return 1.0
        return (self.align_steps / self.options.warmup_steps).clamp(max=1.0)
