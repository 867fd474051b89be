import hashlib
import json
import multiprocessing
import pickle
import re
import shutil
from pathlib import Path

import distributed
import kaldiio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_teachers import read_texts
from teacher_families import FAMILIES, Family
from transformers import BertTokenizerFast

from espnet_gmot import files
from espnet_gmot.driver.dask_workers import DaskWorkers
from espnet_gmot.driver.parallel import parallel_map
from espnet_gmot.errors import InputError
from espnet_gmot.teacher import build_cache as build_cache_module
from espnet_gmot.teacher.build_cache import build_cache
from espnet_gmot.teacher.cache import TeacherCache, text_key
from espnet_gmot.teacher.embed import embed
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.projection import (
    Coordinates,
    cache_embeddings,
    fit_projection,
    teacher_embeddings,
)
from espnet_gmot.teacher.reading import Reading
from espnet_gmot.teacher.scp_index import read_scp
from espnet_gmot.teacher.tokenizer import load_tokenizer
from espnet_gmot.teacher.transcript import teacher_ids

TEXTS = ["我们", "爱学习", "语言和音乐", "天", "地大人小", "大小", "人"]
TRANSCRIPTS = [(f"utt{number}", text) for number, text in enumerate(TEXTS)]


def shards(directory: Path) -> list[Path]:
    """The archives, in the order in which they were written."""
    return sorted(directory.glob("teacher.*.ark"), key=lambda ark: ark.stat().st_mtime_ns)


@pytest.fixture(scope="module")
def tokenizer(tiny_bert: str):
    return load_tokenizer(tiny_bert)


@pytest.fixture(scope="module")
def teacher(tiny_bert: str) -> FrozenTeacher:
    return FrozenTeacher.load(tiny_bert)


@pytest.fixture(scope="module")
def reference(teacher: FrozenTeacher, tokenizer) -> dict[str, np.ndarray]:
    return dict(embed(teacher, read_texts(tokenizer, TEXTS), batch_bins=1))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 2e-3), ("float32", 1e-5)])
def test_lookup_gives_the_teachers_embeddings(teacher, tokenizer, reference, tmp_path, dtype, tolerance):
    meta = build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path, dtype, batch_bins=12, shard_texts=3)
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
        build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path, batch_bins=1, shard_texts=2)
    made = [ark.stem for ark in shards(tmp_path)]
    assert len(made) == 2
    whole = ["meta.json", *(f"{name}.{suffix}" for name in made for suffix in ("ark", "scp"))]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(whole)
    with pytest.raises(InputError, match="teacher.scp does not exist; make or complete the cache with"):
        TeacherCache(tmp_path)

    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path, batch_bins=1, shard_texts=2)
    assert sum(calls) == len(TEXTS) + 1  # only the text that failed ran twice
    cache = TeacherCache(tmp_path)
    for text in TEXTS:
        np.testing.assert_allclose(cache.lookup(text, "utt"), reference[text], atol=2e-3)


@pytest.mark.parametrize("shard", [1, 2, 3])
def test_killed_run_gives_the_same_bytes(teacher, tokenizer, tmp_path: Path, monkeypatch, shard):
    options = {"dtype": "float32", "batch_bins": 14, "shard_texts": 3}
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "quiet", **options)
    write_text, calls, batches = build_cache_module.write_text, [], []

    def fail_at_the_shard(path, text):
        if path.suffix == ".scp":
            calls.append(path)
            if len(calls) == shard:
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
    assert batches == [[7, 6], [5], [4, 4, 3], [3]][{1: 0, 2: 2, 3: 3}[shard] :]
    for ark in shards(tmp_path / "quiet"):
        assert (tmp_path / "killed" / ark.name).read_bytes() == ark.read_bytes()


def test_ark_without_its_scp_is_made_again(teacher, tokenizer, reference, tmp_path: Path):
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path, shard_texts=3)
    last = shards(tmp_path)[-1]
    last.with_suffix(".scp").unlink()
    last.write_bytes(b"half")
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path, shard_texts=3)
    cache = TeacherCache(tmp_path)
    assert len(cache) == len(TEXTS)
    np.testing.assert_allclose(cache.lookup("天", "utt"), reference["天"], atol=2e-3)


def test_new_texts_are_added_and_a_complete_cache_is_left_alone(
    teacher, tokenizer, tmp_path: Path, monkeypatch
):
    build_cache(TRANSCRIPTS[:4], teacher, tokenizer, tmp_path)
    (first,) = shards(tmp_path)
    before = first.read_bytes()
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path)
    assert first.read_bytes() == before
    assert len(TeacherCache(tmp_path)) == len(TEXTS)
    monkeypatch.setattr(teacher, "encode", None)
    assert build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path).num_texts == len(TEXTS)


def test_a_teacher_pickles_as_where_it_came_from_and_other_weights_are_refused(
    tiny_bert: str, other_bert: str, tmp_path: Path
):
    directory = tmp_path / "bert"
    shutil.copytree(tiny_bert, directory)
    teacher = FrozenTeacher.load(str(directory), (1, 2), precision="bfloat16")
    pickled = pickle.dumps(teacher)
    assert len(pickled) < 1000
    again = pickle.loads(pickled)
    assert (again.identity(), again.precision) == (teacher.identity(), "bfloat16")
    assert pickle.loads(pickled) is again  # loaded once
    elsewhere = FrozenTeacher(again._model, 1, other_bert)
    with pytest.raises(InputError, match="other weights where this job runs; give all machines the same"):
        pickle.loads(pickle.dumps(elsewhere))


@pytest.mark.slow
def test_parts_may_be_embedded_in_any_order_by_other_processes(teacher, tokenizer, reference, tmp_path: Path):
    def backwards_in_two_processes(function, parts):
        assert (parts.num_texts, len(parts.files)) == (len(TEXTS), 4)
        assert parts.rows == sum(len(text) + 2 for text in TEXTS)
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            assert sorted(pool.map(function, parts.files[::-1], chunksize=1)) == [1, 2, 2, 2]

    options = {"dtype": "float32", "shard_texts": 2}
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "one", **options)
    build_cache(
        TRANSCRIPTS, teacher, tokenizer, tmp_path / "two", **options, spread=backwards_in_two_processes
    )
    for ark in shards(tmp_path / "one"):
        assert (tmp_path / "two" / ark.name).read_bytes() == ark.read_bytes()
    for text in TEXTS:
        found = TeacherCache(tmp_path / "two").lookup(text, "utt")
        np.testing.assert_allclose(found, reference[text], atol=1e-5)


def fill(tiny_bert: str, directory: Path, texts: list[str], start) -> None:
    """In a process of its own: fill a cache a text a shard, the first from when all are there."""
    teacher, tokenizer = FrozenTeacher.load(tiny_bert), load_tokenizer(tiny_bert)
    start.wait()
    build_cache([(f"u{text}", text) for text in texts], teacher, tokenizer, directory, shard_texts=1)


@pytest.mark.slow
def test_processes_that_fill_one_cache_at_once_lose_nothing(
    tiny_bert: str, tokenizer, teacher, tmp_path: Path
):
    texts = [first + second + third for first in "我们爱学" for second in "语言和音" for third in "天地"]
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(3)
    shares = [texts[:20], texts[10:], texts[5:25]]  # they overlap
    processes = [
        context.Process(target=fill, args=(tiny_bert, tmp_path / "cache", share, start)) for share in shares
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    cache = TeacherCache(tmp_path / "cache")
    assert len(cache) == len(set(texts)) == len(list(read_scp(tmp_path / "cache" / "teacher.scp")))
    expected = dict(embed(teacher, read_texts(tokenizer, texts), batch_bins=1))
    for text in texts:
        np.testing.assert_allclose(cache.lookup(text, "u"), expected[text], atol=2e-3)
    assert not list(tmp_path.rglob(".aside.*"))


def test_of_two_teachers_that_begin_a_cache_at_once_the_second_is_refused(
    teacher, tokenizer, other_bert: str, tmp_path: Path
):
    other = FrozenTeacher.load(other_bert)

    def meanwhile():
        yield TRANSCRIPTS[0]
        build_cache(TRANSCRIPTS, other, tokenizer, tmp_path / "cache")
        yield TRANSCRIPTS[1]

    with pytest.raises(InputError, match=f"holds embeddings of teacher {other_bert}"):
        build_cache(meanwhile(), teacher, tokenizer, tmp_path / "cache")
    assert TeacherCache(tmp_path / "cache").meta.identity == other.identity()


def test_a_shard_that_appears_while_the_whole_is_written_is_in_it(teacher, tokenizer, tmp_path, monkeypatch):
    write_lines, calls = build_cache_module._write_lines, []

    def meanwhile(path, lines):
        count = write_lines(path, lines)
        calls.append(path)
        if len(calls) == 1:  # of the first process, which has read the shards by now
            build_cache(TRANSCRIPTS[3:], teacher, tokenizer, tmp_path)
            (tmp_path / "teacher.scp").unlink()
        return count

    monkeypatch.setattr(build_cache_module, "_write_lines", meanwhile)
    meta = build_cache(TRANSCRIPTS[:3], teacher, tokenizer, tmp_path)
    cache = TeacherCache(tmp_path)
    assert meta.num_texts == len(cache) == len(TEXTS)
    assert all(text in cache for text in TEXTS)


def test_bfloat16_is_near_and_another_cache(teacher, tokenizer, tiny_bert, reference, tmp_path: Path):
    rounded = FrozenTeacher.load(tiny_bert, precision="bfloat16")
    meta = build_cache(TRANSCRIPTS, rounded, tokenizer, tmp_path, "float32")
    assert meta.precision == "bfloat16"
    differences = []
    for text in TEXTS:
        found = TeacherCache(tmp_path).lookup(text, "u")
        np.testing.assert_allclose(found, reference[text], atol=0.05)  # 8 bits of fraction, some layers
        differences.append(np.abs(found - reference[text]).max())
    assert max(differences) > 2e-5  # and not float32's own rounding
    with pytest.raises(InputError, match="float32, computed in bfloat16, not of .*float32, as it is now"):
        build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path, "float32")
    with pytest.raises(InputError, match="--precision bfloat16 --out"):
        TeacherCache(tmp_path).lookup("学习", "u")


def test_coordinates_are_stored_in_place_of_embeddings(teacher, tokenizer, reference, tmp_path: Path):
    path = tmp_path / "projection.npz"
    embeddings = teacher_embeddings(teacher, tokenizer, TRANSCRIPTS)
    projection = fit_projection(embeddings, teacher.identity(), path)
    meta = build_cache(
        TRANSCRIPTS, teacher, tokenizer, tmp_path / "cache", "float32", coordinates=Coordinates(path, 3)
    )
    assert (meta.hidden_size, meta.projection) == (3, projection.number)
    cache = TeacherCache(tmp_path / "cache")
    for text in TEXTS:
        entry = cache.entry(text, "u")
        expected = (reference[text] - projection.mean) @ projection.components[:3].T
        np.testing.assert_allclose(entry.embeddings, expected, atol=1e-5)
        assert entry.is_text.sum() == len(text)
    with pytest.raises(InputError, match="--projected_size 3 --projection FILE --out"):
        cache.lookup("学习", "u")
    with pytest.raises(
        InputError, match="holds coordinates in a projection, to which no other can be fitted"
    ):
        list(cache_embeddings(cache))
    refused = f"3 coordinates in projection {projection.number}, float32, not of .*layer 2, float32, as it is"
    with pytest.raises(InputError, match=refused):
        build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "cache", "float32")


def test_coordinates_of_another_teacher_or_of_too_few_axes_are_refused(
    teacher, tokenizer, other_bert: str, tmp_path: Path
):
    path, other = tmp_path / "projection.npz", FrozenTeacher.load(other_bert)
    fit_projection(teacher_embeddings(other, tokenizer, TRANSCRIPTS), other.identity(), path)
    for wrong, size, message in ((teacher, 3, "was fitted on teacher"), (other, 17, "has 16 axes, not 17")):
        with pytest.raises(InputError, match=f"{path} {message}"):
            build_cache(
                TRANSCRIPTS, wrong, tokenizer, tmp_path / "cache", coordinates=Coordinates(path, size)
            )
    assert not (tmp_path / "cache").exists()


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
    (ark,) = shards(tmp_path)
    ark.unlink()
    with pytest.raises(InputError, match=f"{ark} does not exist.*cache_teacher.*--out {tmp_path}"):
        TeacherCache(tmp_path)


@pytest.mark.parametrize("damage", ["lost", "cut off"])
def test_archive_that_was_lost_is_made_again(teacher, tokenizer, reference, tmp_path: Path, damage):
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path, shard_texts=3)
    ark = shards(tmp_path)[0]
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


@pytest.mark.parametrize("left_by", ["this version", "an earlier one"])
def test_a_cache_whose_lost_texts_came_into_another_shard_is_whole(teacher, tokenizer, tmp_path, left_by):
    build_cache(TRANSCRIPTS[:4], teacher, tokenizer, tmp_path)
    (lost,) = shards(tmp_path)
    entries = lost.with_suffix(".scp").read_text()
    lost.unlink()
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path)
    assert not lost.with_suffix(".scp").exists()
    if left_by == "an earlier one":  # it left this file
        lost.with_suffix(".scp").write_text(entries)
    cache = TeacherCache(tmp_path)
    assert cache.is_whole()
    assert all(text in cache for text in TEXTS)


def test_a_shard_that_the_index_lacks_shows_and_is_taken_in(teacher, tokenizer, tmp_path: Path):
    """As where a process was killed between an index that was behind and its second look."""
    build_cache(TRANSCRIPTS[:4], teacher, tokenizer, tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in ("meta.json", "teacher.scp")}
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path)
    assert TeacherCache(tmp_path).is_whole()
    for name, content in before.items():
        (tmp_path / name).write_bytes(content)
    assert not TeacherCache(tmp_path).is_whole()
    assert build_cache(TRANSCRIPTS[:1], teacher, tokenizer, tmp_path).num_texts == len(TEXTS)
    assert TeacherCache(tmp_path).is_whole()


def test_an_entry_of_another_text_is_damage(teacher, tokenizer, tmp_path: Path):
    build_cache(TRANSCRIPTS[:2], teacher, tokenizer, tmp_path)
    (one, place), (two, other) = read_scp(tmp_path / "teacher.scp")
    (tmp_path / "teacher.scp").write_text(f"{one} {other}\n{two} {place}\n")
    for text in TEXTS[:2]:
        with pytest.raises(InputError, match="is damaged .another text stands where"):
            TeacherCache(tmp_path).lookup(text, "u")


def test_a_projection_that_was_written_anew_meanwhile_stops_the_work(teacher, tokenizer, tmp_path: Path):
    path = tmp_path / "projection.npz"
    fit_projection(teacher_embeddings(teacher, tokenizer, TRANSCRIPTS), teacher.identity(), path)

    def in_another_process(function, parts):
        fit_projection(teacher_embeddings(teacher, tokenizer, TRANSCRIPTS[2:]), teacher.identity(), path)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            pool.map(function, parts.files)

    with pytest.raises(
        InputError, match=f"{path} has been written anew since this run began; start it again"
    ):
        build_cache(
            TRANSCRIPTS, teacher, tokenizer, tmp_path / "cache",
            coordinates=Coordinates(path, 3), spread=in_another_process,
        )  # fmt: skip


@pytest.mark.slow
def test_daskworkers_make_the_same_cache(teacher, tokenizer, tmp_path: Path):
    options = {"dtype": "float32", "shard_texts": 2}
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "one", **options)
    with (
        distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        options["spread"] = lambda function, parts: parallel_map(
            function, parts.files, DaskWorkers(client), "teacher cache", chunk=1
        )
        build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "two", **options)
    for ark in shards(tmp_path / "one"):
        assert (tmp_path / "two" / ark.name).read_bytes() == ark.read_bytes()


def test_meta_file_is_plain_json(teacher, tokenizer, tiny_bert: str, tmp_path: Path):
    build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path)
    meta = json.loads((tmp_path / "meta.json").read_text(encoding="utf-8"))
    assert meta["teacher"] == tiny_bert
    assert meta["num_texts"] == len(TEXTS)


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
    shards(tmp_path / "cache")[0].unlink()
    assert build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path / "cache").num_texts == len(TEXTS)


def make_format_1(directory: Path) -> None:
    """Turn a cache into one of an earlier version: the embeddings alone, and a meta.json that names less."""
    for scp in directory.glob("teacher.*.scp"):
        ark, lines = scp.with_suffix(".ark"), []
        entries = [(key, kaldiio.load_mat(place)) for key, place in read_scp(scp)]
        with ark.open("wb") as stream:
            for key, matrix in entries:
                lines.append(f"{key} {ark}:{stream.tell() + len(key) + 1}\n")
                kaldiio.save_ark(stream, {key: matrix}, write_function="numpy")
        scp.write_text("".join(lines))
    whole = sorted("".join(scp.read_text() for scp in directory.glob("teacher.*.scp")).splitlines())
    (directory / "teacher.scp").write_text("".join(f"{line}\n" for line in whole))
    meta = json.loads((directory / "meta.json").read_text(encoding="utf-8"))
    for name in ("format", "context", "pool"):
        del meta[name]
    (directory / "meta.json").write_text(json.dumps(meta), encoding="utf-8")


def test_an_earlier_versions_cache_goes_on_working_and_is_not_made_anew(
    teacher, tokenizer, reference, tmp_path: Path
):
    build_cache(TRANSCRIPTS[:4], teacher, tokenizer, tmp_path)
    expected = {text: TeacherCache(tmp_path).entry(text, "u") for text in TEXTS[:4]}
    make_format_1(tmp_path)
    (ark,) = shards(tmp_path)
    before = ark.read_bytes()
    assert b".text " not in before
    cache = TeacherCache(tmp_path)
    assert (cache.meta.format, cache.meta.identity) == (1, teacher.identity())
    for text in TEXTS[:4]:
        np.testing.assert_array_equal(cache.entry(text, "u").embeddings, expected[text].embeddings)
        np.testing.assert_array_equal(cache.entry(text, "u").is_text, expected[text].is_text)

    assert build_cache(TRANSCRIPTS, teacher, tokenizer, tmp_path).format == 1
    assert ark.read_bytes() == before
    assert b".text " not in shards(tmp_path)[-1].read_bytes()
    for text in TEXTS:
        found = TeacherCache(tmp_path).entry(text, "u")
        np.testing.assert_allclose(found.embeddings, reference[text], atol=2e-3)
        assert found.is_text.tolist() == [False, *[True] * len(text), False]


@pytest.mark.parametrize(("front", "behind"), [("", ""), ("<s>", ""), ("", "<sep> <cls>")])
def test_a_cache_holds_which_rows_are_text_wherever_special_tokens_stand(tmp_path: Path, front, behind):
    family = Family("gpt2", FAMILIES["GPT-2"].options, "wordpiece", front, behind)
    directory = family.save(tmp_path / "teacher")
    build_cache(
        [("u", "今天很")], FrozenTeacher.load(directory), load_tokenizer(directory), tmp_path / "cache"
    )
    entry = TeacherCache(tmp_path / "cache").entry("今天很", "u")
    special = [len(each.split()) for each in (front, behind)]
    assert entry.is_text.tolist() == [False] * special[0] + [True] * 3 + [False] * special[1]
    assert len(entry.embeddings) == len(entry.is_text)
    (rows,) = TeacherCache(tmp_path / "cache").text_embeddings()
    np.testing.assert_array_equal(rows, entry.embeddings[entry.is_text])


def test_another_reading_or_other_layers_are_another_cache(tmp_path: Path):
    directory = FAMILIES["GPT-2"].save(tmp_path / "teacher")
    tokenizer, named = load_tokenizer(directory), [("u", "今天")]
    choices = [
        (layer, Reading(context, pool))
        for layer in (-1, (-2, -1)) for context in ("none", "repeat") for pool in ("none", "characters")
    ]  # fmt: skip
    for number, (layer, reading) in enumerate(choices):
        teacher = FrozenTeacher.load(directory, layer)
        meta = build_cache(named, teacher, tokenizer, tmp_path / str(number), reading=reading)
        assert TeacherCache(tmp_path / str(number)).meta == meta
        assert meta.identity == teacher.identity(reading)
        assert build_cache(named, teacher, tokenizer, tmp_path / str(number), reading=reading) == meta
        with pytest.raises(
            InputError, match=f"{re.escape(str(meta.identity))}, float16, not of .*another directory"
        ):
            layer, other = choices[number - 1]
            build_cache(
                named, FrozenTeacher.load(directory, layer), tokenizer, tmp_path / str(number), reading=other
            )
    assert "--layer 1 2 --dtype float16 --context repeat --pool characters --out" in meta.command("x")


def test_a_cache_of_a_later_version_is_refused(teacher, tokenizer, tmp_path: Path):
    build_cache(TRANSCRIPTS[:1], teacher, tokenizer, tmp_path)
    meta = json.loads((tmp_path / "meta.json").read_text(encoding="utf-8"))
    (tmp_path / "meta.json").write_text(json.dumps(meta | {"format": 3, "news": 1}), encoding="utf-8")
    with pytest.raises(InputError, match=r"later version of espnet_gmot \(format 3, not 2\); update"):
        TeacherCache(tmp_path)
