"""When each character is spoken by a CTC model's account: its best path through the transcript."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from espnet2.tasks.asr import ASRTask
from torchaudio.functional import forced_align, merge_tokens

from espnet_gmot.data.ctc_condition import frames_needed
from espnet_gmot.errors import InputError
from espnet_gmot.trained.character_spans import Span, Spans
from espnet_gmot.trained.couplings import SpokenText, encode, frame_times, prepare_speech
from espnet_gmot.trained.load import load_experiment

SPACES = ("<space>", "\u2581")  # of ESPnet's character tokens, and of SentencePiece


def ctc_spans(experiment: str | Path, checkpoint: str) -> Spans:
    """Take the times of characters from a trained model's CTC, which has none where frames are too few.

    Raises:
        InputError: a file is missing; when called, the model's tokens are not the characters of the
            transcript.
    """
    model, args = load_experiment(experiment, checkpoint)
    process = ASRTask.build_preprocess_fn(args, train=False)

    @torch.no_grad()
    def spans(spoken: SpokenText) -> list[Span] | None:
        spoken.require_rate_of(model)
        tokens = process.tokenizer.text2tokens(process.text_cleaner(spoken.text))
        labels = torch.tensor(process.token_id_converter.tokens2ids(tokens))  # (L,)
        hidden, _ = encode(model, *prepare_speech(process, spoken))  # (1, T, d_a)
        log_probs = model.ctc.log_softmax(hidden)[0]  # (T, V)
        if frames_needed(labels[None], torch.tensor([len(labels)])).item() > len(log_probs):
            return None
        times = frame_times(model, spoken.rate, len(log_probs))
        of_labels = label_spans(log_probs, labels, times, model.blank_id)
        return character_spans(tokens, of_labels, spoken)

    return spans


def label_spans(
    log_probs: torch.Tensor, labels: torch.Tensor, frame_times: np.ndarray, blank: int
) -> np.ndarray:
    """Give each label of a transcript its time on CTC's best path.

    The path has a peak for each label and blanks between. A label lasts half-way to its neighbours, where
    these lie further apart than usual no further than the median distance m of the peaks c:

        a_l = max((c_(l-1) + c_l) / 2, c_l − m),    b_l = min((c_l + c_(l+1)) / 2, c_l + m)

    Args:
        log_probs: log posteriors of CTC (T, V).
        labels: token ids (L,).
        frame_times: middle of each frame (T,), seconds.
        blank: id of the blank.

    Returns:
        Start and end of each label (L, 2), seconds; a label alone lasts all the time.

    Example:
        >>> posteriors = torch.tensor([[8.0, 0, 0], [0, 8, 0], [8, 0, 0], [0, 0, 8]]).log_softmax(1)
        >>> label_spans(posteriors, torch.tensor([1, 2]), np.array([0.5, 1.5, 2.5, 3.5]), blank=0).tolist()
        [[-0.5, 2.5], [2.5, 5.5]]
    """
    path, scores = forced_align(log_probs[None], labels[None].int(), blank=blank)  # (1, T)
    runs = merge_tokens(path[0], scores[0], blank)
    peaks = np.array([frame_times[run.start : run.end].mean() for run in runs])  # (L,)
    if len(peaks) == 1:
        return np.array([[frame_times[0], np.nextafter(frame_times[-1], np.inf)]])
    distances = np.diff(peaks)  # (L - 1,)
    most = np.median(distances)
    reach = np.minimum(distances / 2, most)  # (L - 1,)
    return np.stack([peaks - [most, *reach], peaks + [*reach, most]], axis=1)


def character_spans(tokens: Sequence[str], of_tokens: np.ndarray, spoken: SpokenText) -> list[Span]:
    """Give each character of a transcript, spaces aside, its share of its token's time.

    Args:
        tokens: the recogniser's tokens (L).
        of_tokens: start and end of each (L, 2), seconds.
        spoken: the utterance.

    Raises:
        InputError: the tokens are not the characters of the transcript.
    """
    spans, read = list[Span](), ""
    for token, (start, end) in zip(tokens, of_tokens, strict=True):
        for space in SPACES:
            token = token.replace(space, "")
        edges = np.linspace(start, end, len(token) + 1)
        spans += zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        read += token
    if read.casefold() != "".join(spoken.text.split()).casefold():
        raise InputError(
            f"utterance {spoken.utterance}: the model's tokens read {read!r}, which are not the characters "
            f"of its transcript, {spoken.text!r}; its couplings have no times by CTC"
        )
    return spans
