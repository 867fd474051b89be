"""Stage 13: scoring of the test sets, and the page of results."""

from pathlib import Path

from espnet_gmot.data.kaldi_data import write_table
from espnet_gmot.data.kaldi_text import plain_spaces, read_symbols, read_table
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
            ref = _scored_text(options, ref, decoded / "score_text" / "ref", options.cleaner)
            hyp = _scored_text(options, hyp, decoded / "score_text" / "hyp", "none")
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


def _scored_text(options: Options, text: Path, target: Path, cleaner: str) -> Path:
    """Write the text as it is scored, cleaned and without words that are non-linguistic symbols."""
    from espnet2.text.cleaner import TextCleaner  # with what it imports, three seconds

    clean = TextCleaner(None if cleaner == "none" else cleaner)
    symbols = [] if options.nlsyms_txt == "none" else read_symbols(options.nlsyms_txt)
    scored = {
        utterance: " ".join(word for word in clean(plain_spaces(transcript)).split() if word not in symbols)
        for utterance, transcript in read_table(text, allow_empty=True).items()
    }
    target.parent.mkdir(exist_ok=True)
    write_table(target, scored)
    return target
