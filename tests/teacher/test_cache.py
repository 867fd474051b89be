import hashlib
import json
import multiprocessing
import pickle
import shutil
from pathlib import Path

import kaldiio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertTokenizerFast

from espnet_gmot import files
from espnet_gmot.errors import InputError
from espnet_gmot.teacher import build_cache as build_cache_module
from espnet_gmot.teacher.build_cache import build_cache
from espnet_gmot.teacher.cache import TeacherCache, text_key
from espnet_gmot.teacher.embed import embed, read_transcripts, tokenize
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.tokenizer import load_tokenizer, teacher_ids

TEXTS = ["我们", "爱学习", "语言和音乐", "天", "地大人小", "大小", "人"]
TRANSCRIPTS = [(f"utt{number}", text) for number, text in enumerate(TEXTS)]


@pytest.fixture(scope="module")
def tokenizer(tiny_bert: str):
    return load_tokenizer(tiny_bert)


@pytest.fixture(scope="module")
def teacher(tiny_bert: str) -> FrozenTeacher:
    return FrozenTeacher.load(tiny_bert)


@pytest.fixture(scope="module")
def reference(teacher: FrozenTeacher, tokenizer) -> dict[str, np.ndarray]:
    return dict(embed(teacher, tokenize(tokenizer, TRANSCRIPTS), batch_size=1))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 2e-3), ("float32", 1e-5)])
def test_lookup_gives_the_teachers_embeddings(teacher, tokenizer, reference, tmp_path, dtype, tolerance):
    meta = build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path, dtype, batch_size=3, shard_texts=3)
    cache = TeacherCache(tmp_path)
    assert cache.meta == meta
    assert (meta.num_texts, meta.layer, meta.hidden_size, meta.dtype) == (len(TEXTS), 2, 16, dtype)
    for text in TEXTS:
        found = cache.lookup(text, "utt")
        assert found.dtype == np.float32
        assert found.shape == (len(text) + 2, 16)
        np.testing.assert_allclose(found, reference[text], atol=tolerance)


def test_is_kaldi_scp_with_the_asked_dtype(teacher, tokenizer, tmp_path: Path):
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path, "float16", shard_texts=3)
    entries = kaldiio.load_scp(str(tmp_path / "teacher.scp"))
    assert sorted(entries) == sorted(map(text_key, TEXTS))
    assert entries[text_key("天")].dtype == np.float16
    assert len(list(tmp_path.glob("teacher.*.ark"))) == 3


def test_speed_perturbed_copies_share_an_entry(teacher, tokenizer, tmp_path: Path):
    copies = [(f"sp{speed}-{utt_id}", f"{text} ") for speed in (0.9, 1.1) for utt_id, text in TRANSCRIPTS]
    assert build_cache(TRANSCRIPTS + copies, teacher, tokenizer, tmp_path).num_texts == len(TEXTS)


def test_killed_run_continues(teacher, tokenizer, reference, tmp_path: Path, monkeypatch):
    encode, calls = teacher.encode, []

    def count_and_fail(ids, lengths):
        calls.append(len(lengths))
        if len(calls) == 5:
            raise KeyboardInterrupt
        return encode(ids, lengths)

    monkeypatch.setattr(teacher, "encode", count_and_fail)
    with pytest.raises(KeyboardInterrupt):
        build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path, batch_size=1, shard_texts=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "meta.json",
        "teacher.1.ark",
        "teacher.1.scp",
        "teacher.2.ark",
        "teacher.2.scp",
    ]
    with pytest.raises(InputError, match="teacher.scp does not exist; make or complete the cache with"):
        TeacherCache(tmp_path)

    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path, batch_size=1, shard_texts=2)
    assert sum(calls) == len(TEXTS) + 1  # only the text that failed ran twice
    cache = TeacherCache(tmp_path)
    for text in TEXTS:
        np.testing.assert_allclose(cache.lookup(text, "utt"), reference[text], atol=2e-3)


@pytest.mark.parametrize("shard", [1, 2, 3])
def test_killed_run_gives_the_same_bytes(teacher, tokenizer, tmp_path: Path, monkeypatch, shard):
    options = {"dtype": "float32", "batch_size": 2, "shard_texts": 3}
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "quiet", **options)
    write_text, calls, batches = build_cache_module.write_text, [], []

    def fail_at_the_shard(path, text):
        if path.name == f"teacher.{shard}.scp" and not calls:
            calls.append(path)
            raise KeyboardInterrupt
        write_text(path, text)

    def note(ids, lengths, encode=teacher.encode):
        batches.append(lengths.tolist())
        return encode(ids, lengths)

    monkeypatch.setattr(build_cache_module, "write_text", fail_at_the_shard)
    with pytest.raises(KeyboardInterrupt):
        build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "killed", **options)
    monkeypatch.setattr(teacher, "encode", note)
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "killed", **options)
    assert batches == [[7, 6], [5], [4, 4], [3], [3]][2 * shard - 2 :]
    for ark in (f"teacher.{number}.ark" for number in (1, 2, 3)):
        assert (tmp_path / "killed" / ark).read_bytes() == (tmp_path / "quiet" / ark).read_bytes()


def test_ark_without_its_scp_is_made_again(teacher, tokenizer, reference, tmp_path: Path):
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path, shard_texts=3)
    (tmp_path / "teacher.3.scp").unlink()
    (tmp_path / "teacher.3.ark").write_bytes(b"half")
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path, shard_texts=3)
    cache = TeacherCache(tmp_path)
    assert len(cache) == len(TEXTS)
    np.testing.assert_allclose(cache.lookup("天", "utt"), reference["天"], atol=2e-3)


def test_new_texts_are_added_and_a_complete_cache_is_left_alone(
    teacher, tokenizer, tmp_path: Path, monkeypatch
):
    build_cache(TRANSCRIPTS[:4], teacher, tokenizer, tmp_path)
    first = (tmp_path / "teacher.1.ark").read_bytes()
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path)
    assert (tmp_path / "teacher.1.ark").read_bytes() == first
    assert len(TeacherCache(tmp_path)) == len(TEXTS)
    monkeypatch.setattr(teacher, "encode", None)
    assert build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path).num_texts == len(TEXTS)


def test_missing_text_names_utterance_and_command(teacher, tokenizer, tiny_bert: str, tmp_path: Path):
    build_cache(TRANSCRIPTS[:1], teacher, tokenizer, tmp_path)
    with pytest.raises(InputError) as error:
        TeacherCache(tmp_path).lookup("爱学习", "utt1")
    assert "transcript of utterance utt1 is not in the teacher cache" in str(error.value)
    command = (
        f"cache_teacher --teacher {tiny_bert} --layer 2 --dtype float16 --out {tmp_path} --text data/SET/text"
    )
    assert command in str(error.value)


def test_another_teacher_layer_or_dtype_is_refused(
    teacher, tokenizer, tiny_bert: str, other_bert: str, tmp_path: Path
):
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path)
    expected = f"{tmp_path} holds embeddings of teacher {tiny_bert}, layer 2, float16.*another directory"
    with pytest.raises(InputError, match=expected):
        build_cache(TRANSCRIPTS, FrozenTeacher.load(other_bert), tokenizer, tmp_path)
    with pytest.raises(InputError, match=expected):
        build_cache(TRANSCRIPTS, FrozenTeacher.load(tiny_bert, 1), tokenizer, tmp_path)
    with pytest.raises(InputError, match=expected):
        build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path, "float32")


def test_random_teacher_and_trained_one_never_mix(teacher, tokenizer, tiny_bert: str, tmp_path: Path):
    random = FrozenTeacher.load(tiny_bert, random_init=True)
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "trained")
    build_cache(TRANSCRIPTS, random, tokenizer, tmp_path / "random")
    message = f"teacher {tiny_bert}, layer 2, float16, not of {tiny_bert} with random weights, layer 2"
    with pytest.raises(InputError, match=message):
        build_cache(TRANSCRIPTS, random, tokenizer, tmp_path / "trained")
    with pytest.raises(InputError, match=f"teacher {tiny_bert} with random weights.*another directory"):
        build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "random")
    cache = TeacherCache(tmp_path / "random")
    assert cache.meta.identity == random.identity()
    with pytest.raises(InputError, match="--random_init true --out"):
        cache.lookup("学习", "utt1")


def test_cache_of_an_earlier_version_is_a_trained_teachers(teacher, tokenizer, tmp_path: Path):
    build_cache(TRANSCRIPTS[:1], teacher, tokenizer, tmp_path)
    meta = json.loads((tmp_path / "meta.json").read_text(encoding="utf-8"))
    del meta["random_init"]
    (tmp_path / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    assert TeacherCache(tmp_path).meta.identity == teacher.identity()


def test_moved_teacher_is_the_same_teacher(teacher, tokenizer, tiny_bert: str, tmp_path: Path):
    build_cache(TRANSCRIPTS[:2], teacher, tokenizer, tmp_path / "cache")
    shutil.copytree(tiny_bert, tmp_path / "moved")
    moved = FrozenTeacher.load(str(tmp_path / "moved"))
    assert build_cache(TRANSCRIPTS, moved, tokenizer, tmp_path / "cache").num_texts == len(TEXTS)


def test_moved_cache_is_read_where_it_is(teacher, tokenizer, reference, tmp_path: Path):
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    found = TeacherCache(tmp_path / "there").lookup("天", "utt")
    np.testing.assert_allclose(found, reference["天"], atol=2e-3)


def test_works_after_pickling_and_in_forked_workers(teacher, tokenizer, tmp_path: Path):
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path)
    cache = TeacherCache(tmp_path)
    expected = [cache.lookup(text, "utt") for text in TEXTS]
    found = [pickle.loads(pickle.dumps(cache)).lookup(text, "utt") for text in TEXTS]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        forked = pool.starmap(cache.lookup, [(text, "utt") for text in TEXTS], chunksize=1)
    for e, f, g in zip(expected, found, forked, strict=True):
        np.testing.assert_array_equal(e, f)
        np.testing.assert_array_equal(e, g)


def test_bad_transcript_writes_nothing(teacher, tokenizer, tmp_path: Path):
    with pytest.raises(InputError, match="utterance utt9 has 42 teacher tokens"):
        build_cache([*TRANSCRIPTS, ("utt9", "我" * 40)], teacher, tokenizer, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_full_disk_is_noticed_before_the_work(teacher, tokenizer, tmp_path: Path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _path: usage._replace(free=100))
    with pytest.raises(InputError, match="free some disk space"):
        build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_values_beyond_float16_are_an_error(teacher, tokenizer, tmp_path: Path, monkeypatch):
    encode = teacher.encode
    monkeypatch.setattr(teacher, "encode", lambda ids, lengths: encode(ids, lengths) * 1e6)
    with pytest.raises(InputError, match="do not fit float16; use --dtype float32"):
        build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "half")
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "single", "float32")


def test_unknown_dtype_lists_the_choices(teacher, tokenizer, tmp_path: Path):
    with pytest.raises(InputError, match="dtype bfloat16 is not known; choose one of float16, float32"):
        build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path, "bfloat16")


def test_missing_cache_or_archive_names_the_command(teacher, tokenizer, tmp_path: Path):
    with pytest.raises(InputError, match=f"meta.json does not exist.*cache_teacher.*--out {tmp_path}"):
        TeacherCache(tmp_path)
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path)
    (tmp_path / "teacher.1.ark").unlink()
    with pytest.raises(InputError, match=f"teacher.1.ark does not exist.*cache_teacher.*--out {tmp_path}"):
        TeacherCache(tmp_path)


@pytest.mark.parametrize("damage", ["lost", "cut off"])
def test_archive_that_was_lost_is_made_again(teacher, tokenizer, reference, tmp_path: Path, damage):
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path, shard_texts=3)
    ark = tmp_path / "teacher.1.ark"
    longest = max(TEXTS, key=len)  # it is embedded first
    if damage == "cut off":
        ark.write_bytes(ark.read_bytes()[:60])
        with pytest.raises(InputError, match=f"{ark} is damaged .*; remove it and complete .*cache_teacher"):
            TeacherCache(tmp_path).lookup(longest, "utt")
    ark.unlink()
    assert build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path).num_texts == len(TEXTS)
    cache = TeacherCache(tmp_path)
    for text in TEXTS:
        np.testing.assert_allclose(cache.lookup(text, "utt"), reference[text], atol=2e-3)


def test_meta_file_is_plain_json(teacher, tokenizer, tiny_bert: str, tmp_path: Path):
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path)
    meta = json.loads((tmp_path / "meta.json").read_text(encoding="utf-8"))
    assert meta["teacher"] == tiny_bert
    assert meta["num_texts"] == len(TEXTS)


def test_transcripts_are_read_and_one_that_is_missing_is_named(tmp_path: Path):
    text = tmp_path / "text"
    text.write_text("utt1 我们 爱\n", encoding="utf-8")
    assert list(read_transcripts([text, text])) == [("utt1", "我们 爱")] * 2
    text.write_text("utt1 我们 爱\nutt2\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"{text}:2: id utt2 has no value; complete or remove the line"):
        list(read_transcripts([text]))


@given(
    words=st.lists(st.text("今a\u200bＡ", min_size=1), min_size=1),
    spaces=st.lists(st.sampled_from([" ", "\t", "\u3000", "\xa0", "\u2028", "\x85"]), min_size=1),
)
def test_the_key_is_that_of_plain_spaces(words, spaces):
    plain = " ".join(words)
    assert text_key("".join(spaces).join(["", *words, ""])) == text_key(plain)
    assert text_key(plain) == hashlib.sha1(plain.encode()).hexdigest()  # as in caches of earlier versions


def test_a_cache_of_the_corpus_serves_what_stage_3_writes(teacher, tokenizer, tmp_path: Path):
    meta = build_cache(
        [("u1", "我们\u3000爱"), ("u2", "我们\t爱"), ("u3", "我们爱")], teacher, tokenizer, tmp_path
    )
    assert meta.num_texts == 2
    assert len(TeacherCache(tmp_path).lookup("我们 爱", "u1")) == len(teacher_ids(tokenizer, "我们 爱"))


def with_tokenizer(tiny_bert: str, directory: Path, change) -> str:
    shutil.copytree(tiny_bert, directory)
    tokenizer = load_tokenizer(tiny_bert)
    vocabulary, options = tokenizer.get_vocab(), {"do_lower_case": False}
    change(vocabulary, options)
    lines = directory / "vocab.txt"
    lines.write_text("\n".join(sorted(vocabulary, key=vocabulary.get)) + "\n", encoding="utf-8")
    BertTokenizerFast(str(lines), **options).save_pretrained(directory)
    return str(directory)


def swap_two_characters(vocabulary, _options) -> None:
    vocabulary["我"], vocabulary["们"] = vocabulary["们"], vocabulary["我"]


def join_chinese(_vocabulary, options) -> None:
    options["tokenize_chinese_chars"] = False


@pytest.mark.parametrize("change", [swap_two_characters, join_chinese])
def test_a_cache_of_another_tokenizer_is_refused(teacher, tokenizer, tiny_bert, tmp_path: Path, change):
    build_cache(TRANSCRIPTS[:2], teacher, tokenizer, tmp_path / "cache")
    other = load_tokenizer(with_tokenizer(tiny_bert, tmp_path / "bert", change))
    with pytest.raises(InputError, match="cache holds embeddings of texts that .* split otherwise"):
        build_cache(TRANSCRIPTS, teacher, other, tmp_path / "cache")
    assert build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "cache").num_texts == len(TEXTS)


def test_an_earlier_versions_cache_is_completed_but_of_a_tokenizer_that_gave_other_lengths(
    teacher, tokenizer, tiny_bert, tmp_path: Path
):
    build_cache(TRANSCRIPTS[:2], teacher, tokenizer, tmp_path / "cache")
    path = tmp_path / "cache/meta.json"
    meta = json.loads(path.read_text(encoding="utf-8"))
    del meta["tokenizer"]
    path.write_text(json.dumps(meta), encoding="utf-8")
    other = load_tokenizer(with_tokenizer(tiny_bert, tmp_path / "bert", join_chinese))
    half_known = [("utt", "我们"), ("utt", "我")]
    with pytest.raises(InputError, match="split otherwise"):
        build_cache(half_known, teacher, other, tmp_path / "cache")
    assert build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "cache").tokenizer is None
    (tmp_path / "cache/teacher.1.ark").unlink()
    assert build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "cache").num_texts == len(TEXTS)
