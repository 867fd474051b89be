"""What the texts among the options of asr.sh name: files to be read, parts of paths, arguments, neither."""

from typing import Literal, NamedTuple

What = Literal[
    "value",  # no part of a path
    "name",  # a directory to write, or a part of one
    "part",  # of a path below data/, dump/ or exp/, out of which it must not lead
    "parts",  # several, separated by blanks
    "arguments",  # of a command; files in them stand under keys
    "file",
    "files",  # words as a shell reads them
    "file or list",  # a file where it looks like one
    "model",  # a directory, or a model's name on the hub
]


class Kind(NamedTuple):
    """The meaning of an option.

    Args:
        what: its value is.
        readers: the stages that read the file.
        required: whether these stages cannot do without.
    """

    what: What
    readers: tuple[int, ...] = ()
    required: bool = False

    def values(self, text: str) -> list[str]:
        """The values in an option's text, none in an empty one."""
        return text.split() if self.what == "parts" else [text] if text else []


VALUE, NAME, PART, ARGUMENTS = Kind("value"), Kind("name"), Kind("part"), Kind("arguments")
KINDS = {
    "dumpdir": NAME,
    "expdir": NAME,
    "python": VALUE,
    "local_data_opts": ARGUMENTS,
    "speed_perturb_factors": VALUE,
    "fs": VALUE,
    "bpe_train_text": Kind("files", (5,)),
    "bpe_nlsyms": Kind("file or list", (5,)),
    "hugging_face_model_name_or_path": Kind("model", (5, 10, 11, 13)),
    "lm_tag": PART,
    "lm_exp": NAME,
    "lm_stats_dir": NAME,
    "lm_config": Kind("file", (6, 7), required=True),
    "lm_args": ARGUMENTS,
    "lm_train_text": Kind("files", (5, 6)),
    "lm_dev_text": Kind("file", (6, 7)),
    "lm_test_text": Kind("file", (8,)),
    "asr_tag": PART,
    "asr_exp": NAME,
    "asr_stats_dir": NAME,
    "asr_config": Kind("file", (10, 11), required=True),
    "asr_args": ARGUMENTS,
    "inference_tag": PART,
    "inference_config": Kind("file", (12,)),
    "inference_args": ARGUMENTS,
    "inference_lm": NAME,
    "inference_asr_model": NAME,
    "train_set": PART,
    "valid_set": PART,
    "test_sets": Kind("parts"),
    "nlsyms_txt": Kind("file", (5, 6, 7, 10, 11, 13, 14)),
    "cleaner": VALUE,
    "g2p": VALUE,
    "lang": PART,
    "train_cmd": VALUE,
    "cuda_cmd": VALUE,
    "decode_cmd": VALUE,
}
