"""Stage 13: scoring of the test sets, and the page of results."""

from pathlib import Path

from espnet_gmot.data.kaldi_data import write_table
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.driver.bpe import encode_bpe
from espnet_gmot.driver.commands import Commands
from espnet_gmot.driver.names import Names
from espnet_gmot.driver.needs import need
from espnet_gmot.driver.options import Options

WITHOUT_SPACES = ("zh", "cmn", "yue", "ja", "jp", "th")  # languages that put none between words


def score(options: Options, commands: Commands) -> None:
    """Count the errors in characters, words and bpe pieces."""
    names = Names(options)
    for dset in names.test_sets:
        decoded, data = names.decode_dir / dset, names.data_feats / dset
        ref, hyp = data / "text", need(decoded / "text", 12)
        if (options.cleaner, options.nlsyms_txt) != ("none", "none"):
            ref = _scored_text(options, commands, ref, decoded / "score_text" / "ref", options.cleaner)
            hyp = _scored_text(options, commands, hyp, decoded / "score_text" / "hyp", "none")
        units = {"cer": ("char", ref, hyp)}
        if options.lang not in WITHOUT_SPACES:
            units["wer"] = ("word", ref, hyp)
        if options.token_type == "bpe":
            units["ter"] = ("word", decoded / "score_ter" / "ref", decoded / "score_ter" / "hyp")
            for text, target in zip((ref, hyp), units["ter"][1:], strict=True):
                encode_bpe(names.bpemodel, text, target)
        for kind, (unit, reference, hypothesis) in units.items():
            commands.run(
                "espnet_gmot.bin.score", "--ref", reference, "--hyp", hypothesis,
                "--utt2spk", data / "utt2spk", "--token_type", unit, "--out", decoded / f"score_{kind}",
                *(_of_characters(options) if unit == "char" else []),
            )  # fmt: skip
    commands.run(
        "espnet_gmot.bin.stage", "results_page",
        "--expdir", names.results_page.parent, "--out", names.results_page,
    )  # fmt: skip


def _of_characters(options: Options) -> list[str]:
    """How characters are counted: in languages with spaces as stock ESPnet does, that is with them."""
    symbols = [] if options.nlsyms_txt == "none" else ["--nlsyms_txt", options.nlsyms_txt]
    return [*symbols, *([] if options.lang in WITHOUT_SPACES else ["--spaces", "true"])]


def _scored_text(options: Options, commands: Commands, text: Path, target: Path, cleaner: str) -> Path:
    """Write the text as it is scored, cleaned and without words that are non-linguistic symbols."""
    target.parent.mkdir(exist_ok=True)
    words = target.with_suffix(".words")
    commands.run(
        "espnet2.bin.tokenize_text", "--token_type", "word", "--field", "2-",
        "--input", text, "--output", words, "--cleaner", cleaner,
        "--non_linguistic_symbols", options.nlsyms_txt, "--remove_non_linguistic_symbols", "true",
    )  # fmt: skip
    lines = words.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    write_table(target, dict(zip(read_table(text, allow_empty=True), lines, strict=True)))
    words.unlink()
    return target
