"""Small tokenizers of the four kinds that teachers have, with any special tokens at either end."""

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

CHARACTERS = "今天气很好我们去公园"
WORDS = ("今天", "天气", "公园")  # tokens of several characters; 今天 and 天气 compete
WHOLE = "今天我"  # characters that byte-level tokenizers have as one token; 公园 is one in two pieces


def tokenizer_of(kind: str, front: str = "", behind: str = "") -> PreTrainedTokenizerFast:
    """Build a tokenizer.

    Args:
        kind: ``wordpiece`` (characters, as BERT), ``unigram`` (SentencePiece's, as T5 and XLM-R),
            ``bytes`` (byte-level BPE, as GPT-2), ``fallback`` (SentencePiece's BPE with bytes, as LLaMA).
        front: special tokens before the text, with blanks between them.
        behind: those behind it.
    """
    special = dict.fromkeys([*front.split(), *behind.split()])
    unknown = {"wordpiece": "[UNK]", "bytes": None}.get(kind, "<unk>")
    reserved = [token for token in (*special, unknown) if token]
    tokenizer = KINDS[kind](reserved, unknown)
    tokens = [(token, tokenizer.token_to_id(token)) for token in special]
    frame = processors.TemplateProcessing(single=f"{front} $A {behind}".strip(), special_tokens=tokens)
    first = [processors.ByteLevel(trim_offsets=False)] if kind == "bytes" else []
    tokenizer.post_processor = processors.Sequence([*first, frame])
    names = {"unk_token": unknown} if unknown else {}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, additional_special_tokens=list(special), model_max_length=64, **names
    )


def _wordpiece(reserved: list[str], unknown: str) -> Tokenizer:
    vocabulary = {token: number for number, token in enumerate([*reserved, *CHARACTERS])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _unigram(reserved: list[str], unknown: str) -> Tokenizer:
    scores = (
        dict.fromkeys(reserved, 0.0) | dict.fromkeys(["▁", *CHARACTERS], -5.0) | dict.fromkeys(WORDS, -6.0)
    )
    pieces = list(scores.items())
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=reserved.index(unknown), byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer


def _bytes(reserved: list[str], _unknown: None) -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*reserved, *alphabet])}
    merges = [pair for character in WHOLE for pair in _merges(_byte_letters(character))]
    merges += [(_byte_letters("今"), _byte_letters("天"))]
    first, second = _byte_letters("公"), _byte_letters("园")
    merges += [(first[0], first[1]), (first[2], second[0])]  # the second piece is of two characters
    for left, right in merges:
        vocabulary.setdefault(left + right, len(vocabulary))
    tokenizer = Tokenizer(models.BPE(vocabulary, merges=list(dict.fromkeys(merges))))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return tokenizer


def _fallback(reserved: list[str], unknown: str) -> Tokenizer:
    pieces = [*reserved, *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *"今天我们", "今天"]
    vocabulary = {token: number for number, token in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("今", "天")], unk_token=unknown, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return tokenizer


def _byte_letters(text: str) -> str:
    return pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)[0][0]


def _merges(letters: str) -> list[tuple[str, str]]:
    return [(letters[:n], letters[n]) for n in range(1, len(letters))]


KINDS = {"wordpiece": _wordpiece, "unigram": _unigram, "bytes": _bytes, "fallback": _fallback}
