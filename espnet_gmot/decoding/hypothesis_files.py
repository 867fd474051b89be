"""The files of ``espnet2.bin.asr_inference``, and the times of the tokens."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from espnet2.text.abs_tokenizer import AbsTokenizer

from espnet_gmot.decoding.best_path import BestPath
from espnet_gmot.files import write_text


def write_hypotheses(
    directory: Path, found: Mapping[str, BestPath], token_list: Sequence[str], tokenizer: AbsTokenizer
) -> None:
    """Write ``token``, ``token_int``, ``score`` and ``text``, a line an utterance in the order of ``found``.

    Args:
        directory: ``1best_recog``.
        found: hypotheses by utterance id.
        token_list: of the model.
        tokenizer: joins tokens to text.
    """

    def tokens(path: BestPath) -> list[str]:
        return [token_list[index] for index in path.ids]

    contents: dict[str, Callable[[BestPath], str]] = {
        "token": lambda path: " ".join(tokens(path)),
        "token_int": lambda path: " ".join(map(str, path.ids)),
        "score": lambda path: str(path.score),
        "text": lambda path: tokenizer.tokens2text(tokens(path)),
    }
    for name, content in contents.items():
        write_text(directory / name, "".join(f"{key} {content(path)}\n" for key, path in found.items()))


def write_ctm(
    file: Path, found: Mapping[str, BestPath], token_list: Sequence[str], frame_shift: float
) -> None:
    """Write a line a token: ``utterance 1 start duration token confidence``.

    A token lasts as long as the path stays on it, which for CTC is often a single frame. The confidence is
    the mean posterior over these frames.

    Args:
        file: the CTM file.
        found: hypotheses by utterance id.
        token_list: of the model.
        frame_shift: seconds.
    """
    lines = []
    for key, path in found.items():
        for index, start, end, confidence in zip(*path[:4], strict=True):
            times = f"{start * frame_shift:.3f} {(end - start) * frame_shift:.3f}"
            lines.append(f"{key} 1 {times} {token_list[index]} {confidence:.4f}\n")
    write_text(file, "".join(lines))
