"""The directories of a recipe and the arguments that several stages share, named as ESPnet names them."""

import os
from glob import glob
from pathlib import Path
from typing import Any

from espnet_gmot.data.kaldi_text import read_symbols
from espnet_gmot.driver.espnet_words import triple
from espnet_gmot.driver.freshness import NewInput, content, newest, stamp_of_directory
from espnet_gmot.driver.options import Options, shell_words
from espnet_gmot.errors import InputError
from espnet_gmot.text_files import read_text


class Names:
    """Where the stages find and put things.

    Args:
        options: of asr.sh; what they leave empty gets ESPnet's name here.
    """

    def __init__(self, options: Options):
        self._options = options
        token = f"bpe{options.nbpe}" if options.token_type == "bpe" else options.token_type
        self._tokens = token if options.lang == "noinfo" else f"{options.lang}_{token}"
        self._perturbed = "_sp" if options.speed_perturb_factors else ""

    # data

    @property
    def data_feats(self) -> Path:
        """Directory of formatted data, e.g. dump/raw."""
        return Path(self._options.dumpdir) / self._options.feats_type

    @property
    def train_name(self) -> str:
        """Name of the training set, with its suffix for speed perturbation."""
        return self._options.train_set + self._perturbed

    @property
    def train(self) -> Path:
        """Formatted training data."""
        return self.data_feats / self.train_name

    @property
    def valid(self) -> Path:
        """Formatted validation data."""
        return self.data_feats / self._options.valid_set

    @property
    def test_sets(self) -> list[str]:
        """Names of the test sets."""
        return self._options.test_sets.split()

    @property
    def all_sets(self) -> list[str]:
        """Names of all sets, each once."""
        return list(dict.fromkeys([self.train_name, self._options.valid_set, *self.test_sets]))

    @property
    def audio_type(self) -> str:
        """As which ESPnet reads the audio."""
        return "kaldi_ark" if self._options.audio_format.endswith(".ark") else "sound"

    @property
    def data_options(self) -> list[str]:
        """Arguments of a training for its audio and text."""
        return [
            word
            for part, data in (("train", self.train), ("valid", self.valid))
            for table, name, kind in (("wav.scp", "speech", self.audio_type), ("text", "text", "text"))
            for word in (f"--{part}_data_path_and_name_and_type", triple(data / table, name, kind))
        ]

    # tokens

    @property
    def token_dir(self) -> Path:
        """Directory of the token list, e.g. data/zh_token_list/char."""
        options = self._options
        prefix = "" if options.lang == "noinfo" else f"{options.lang}_"
        kind = {
            "bpe": f"bpe_{options.bpemode}{options.nbpe}",
            "hugging_face": f"hugging_face_{options.hugging_face_model_name_or_path.replace('/', '-')}",
        }.get(options.token_type, options.token_type)
        return Path("data") / f"{prefix}token_list" / kind

    @property
    def token_list(self) -> Path:
        """A token a line."""
        return self.token_dir / "tokens.txt"

    @property
    def bpemodel(self) -> str:
        """Model that splits text into tokens, or none."""
        match self._options.token_type:
            case "bpe":
                return str(self.token_dir / "bpe.model")
            case "hugging_face":
                return self._options.hugging_face_model_name_or_path
        return "none"

    @property
    def bpe_symbols(self) -> str:
        """Symbols that bpe never splits, separated by commas; ``--bpe_nlsyms`` may name a file of them."""
        given = self._options.bpe_nlsyms
        if not os.path.isfile(given):
            return given
        lines = read_text(given).splitlines()
        return ",".join(line.split()[0] for line in lines if line.strip())

    @property
    def text_options(self) -> list[str]:
        """Arguments of a training by which text becomes tokens."""
        options = self._options
        return [
            "--use_preprocessor", "true", "--bpemodel", self.bpemodel, "--token_type", options.token_type,
            "--token_list", str(self.token_list), "--non_linguistic_symbols", options.nlsyms_txt,
            "--cleaner", options.cleaner, "--g2p", options.g2p,
        ]  # fmt: skip

    @property
    def text_inputs(self) -> dict[str, Any]:
        """The same for the record of what is made with them."""
        options = self._options
        symbols = options.nlsyms_txt
        if symbols != "none":
            _require_readable_symbols(symbols, options.token_type)
            symbols = f"{symbols} {content(symbols)}"
        return {
            "--token_type": options.token_type,
            "--bpemodel": self.bpemodel,
            "--nlsyms_txt": symbols,
            "--cleaner": options.cleaner,
            "--g2p": options.g2p,
        }

    @property
    def token_inputs(self) -> dict[str, Any]:
        """The same once stage 5 is done: the token list and the model that splits text."""
        return self.text_inputs | {"token list": content(self.token_list)} | self.token_model

    @property
    def token_model(self) -> dict[str, NewInput]:
        """That model, where there is one: its file or directory may change under its name."""
        model = Path(self.bpemodel)
        if model.is_dir():
            return {"the token model": NewInput(stamp_of_directory(model), newest(*model.rglob("*")))}
        return {"the token model": NewInput(content(model), newest(model))} if model.is_file() else {}

    @property
    def token_texts(self) -> list[Path]:
        """Texts that the token list is made from."""
        if self._options.token_type == "bpe":
            return files_of("bpe_train_text", self._options.bpe_train_text) or [self.train / "text"]
        return self.lm_train_texts

    # language model

    @property
    def lm_train_texts(self) -> list[Path]:
        """Texts that the language model learns from."""
        return files_of("lm_train_text", self._options.lm_train_text) or [self.train / "text"]

    @property
    def lm_dev_text(self) -> Path:
        """Text that it is validated on."""
        return Path(self._options.lm_dev_text or self.valid / "text")

    @property
    def lm_dev_read(self) -> Path:
        """The same as ESPnet reads it: a text of the user's as a copy, for its white space may be any."""
        return self.lm_stats_dir / "dev.txt" if self._options.lm_dev_text else self.lm_dev_text

    @property
    def lm_test_text(self) -> Path:
        """Text whose perplexity is measured."""
        return Path(self._options.lm_test_text or self.data_feats / self.test_sets[0] / "text")

    @property
    def lm_text(self) -> Path:
        """All texts that the language model learns from, as stage 6 joins them."""
        return self.lm_stats_dir / "train.txt"

    @property
    def lm_data_options(self) -> list[str]:
        """Arguments of its training for these texts."""
        texts = (("train", self.lm_text), ("valid", self.lm_dev_read))
        return [
            word
            for part, text in texts
            for word in (f"--{part}_data_path_and_name_and_type", triple(text, "text", "text"))
        ]

    @property
    def lm_stats_dir(self) -> Path:
        """Directory of its statistics."""
        return Path(self._options.lm_stats_dir or f"{self._options.expdir}/lm_stats_{self._tokens}")

    @property
    def lm_exp(self) -> Path:
        """Directory of the language model."""
        options = self._options
        tag = options.lm_tag or f"{_stem(options.lm_config, 'train')}_{self._tokens}{_tag(options.lm_args)}"
        return Path(options.lm_exp or f"{options.expdir}/lm_{tag}")

    @property
    def lm_file(self) -> Path:
        """Its checkpoint that decodes."""
        return self.lm_exp / self._options.inference_lm

    # recogniser

    @property
    def asr_stats_dir(self) -> Path:
        """Directory of the recogniser's statistics."""
        options = self._options
        name = f"asr_stats_{options.feats_type}_{self._tokens}{self._perturbed}"
        return Path(options.asr_stats_dir or f"{options.expdir}/{name}")

    @property
    def feats_stats(self) -> Path:
        """Mean and variance of the features."""
        return self.asr_stats_dir / "train" / "feats_stats.npz"

    @property
    def asr_exp(self) -> Path:
        """Directory of the recogniser."""
        options = self._options
        tag = options.asr_tag or (
            f"{_stem(options.asr_config, 'train')}_{options.feats_type}_{self._tokens}"
            f"{_tag(options.asr_args)}{self._perturbed}"
        )
        return Path(options.asr_exp or f"{options.expdir}/asr_{tag}")

    @property
    def asr_model(self) -> Path:
        """Its checkpoint that decodes."""
        return self.asr_exp / self._options.inference_asr_model

    @property
    def decode_dir(self) -> Path:
        """Directory of the decoding, with a directory for each test set."""
        options = self._options
        models = f"_asr_model_{_tag(_without_suffix(options.inference_asr_model))}"
        if options.use_lm:
            models = f"_lm_{self.lm_exp.name}_{_tag(_without_suffix(options.inference_lm))}{models}"
        decoder = _stem(options.inference_config, "ctc_greedy" if options.ctc_greedy else "inference")
        return self.asr_exp / (options.inference_tag or f"{decoder}{_tag(options.inference_args)}{models}")

    @property
    def results_page(self) -> Path:
        """Page of the results of all experiments beside this one."""
        return self.asr_exp.parent / "RESULTS.md"


def _require_readable_symbols(path: str, token_type: str) -> None:
    """Refuse a list of non-linguistic symbols that ESPnet would misread, or never get over."""
    read_symbols(path)
    from espnet2.text.char_tokenizer import CharTokenizer  # a light stage need not wait for it

    if token_type == "char" and "" in CharTokenizer(path).non_linguistic_symbols:  # ESPnet before 202611
        raise InputError(
            f"{path} has an empty line, with which the tokenizer of this ESPnet never comes to an end; "
            f"remove it: sed -i '/^[[:space:]]*$/d' {path}"
        )


def _tag(text: str) -> str:
    """As ESPnet does: ``--max_epoch 10`` gives ``_max_epoch10``."""
    return text.replace("--", "_").translate(dict.fromkeys(map(ord, " |=/")))


def _stem(path: str, default: str) -> str:
    return Path(path or default).name.removesuffix(".yaml")


def _without_suffix(name: str) -> str:
    return name.rpartition(".")[0] or name


def files_of(option: str, text: str) -> list[Path]:
    """The files that an option names, as a shell reads it: in words, and each may be a pattern."""
    return [
        Path(path)
        for word in shell_words(option, text)
        for path in ([word] if os.path.exists(word) else sorted(glob(word)) or [word])
    ]
