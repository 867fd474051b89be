import io
import os
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
from espnet2.bin import tokenize_text
from espnet2.train.preprocessor import CommonPreprocessor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espnet_gmot import files
from espnet_gmot.data.kaldi_data import check_data_dir, read_data_dir, write_data_dir, write_table
from espnet_gmot.data.kaldi_text import read_table
from espnet_gmot.data.sound import read_sound
from espnet_gmot.driver.format_wav_scp import format_record, format_wav_scp
from espnet_gmot.driver.parallel import Processes
from espnet_gmot.errors import InputError

Corpus = Callable[..., Path]


def formatted(data: Path, audio_format: str = "wav", rate: int = 8000, nj: int = 1) -> dict[str, str]:
    target = data.parent / "dump" / "org" / "train"
    format_wav_scp(data, target, audio_format, rate, Processes(nj))
    return check_data_dir(target).wav_scp


def test_wav_of_the_right_format_is_referenced(make_corpus: Corpus) -> None:
    data = make_corpus()
    assert formatted(data) == read_table(data / "wav.scp")
    target = data.parent / "dump" / "org" / "train"
    assert read_table(target / "utt2num_samples") == {"u1": "800", "u2": "1600", "u3": "2400"}
    assert (target / "feats_type").read_text() == "raw\n"
    assert not (target / "data").exists()


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_conversion_changes_no_sample(make_corpus: Corpus, suffix: str) -> None:
    data = make_corpus(suffix=suffix)
    other = "flac" if suffix == ".wav" else "wav"
    for utterance, path in formatted(data, other).items():
        assert path.endswith(f"format.1/{utterance}.{other}")
        samples, rate = soundfile.read(path, dtype="int16")
        original, _ = soundfile.read(read_table(data / "wav.scp")[utterance], dtype="int16")
        assert rate == 8000
        np.testing.assert_array_equal(samples, original)


def test_float_wav_becomes_16_bit_and_too_loud_samples_are_clipped(make_corpus: Corpus) -> None:
    data = make_corpus(n=1)
    loud = [0.0, 0.25, -1.0, 1.5, *[0.0] * 20]
    soundfile.write(read_table(data / "wav.scp")["u1"], loud, 8000, subtype="FLOAT")
    samples, _ = soundfile.read(formatted(data)["u1"], dtype="int16")
    assert samples.tolist() == [0, 8192, -32768, 32767, *[0] * 20]


def test_pipe_and_segments_are_read(make_corpus: Corpus) -> None:
    data = make_corpus()
    source = read_table(data / "wav.scp")["u3"]
    write_table(data / "wav.scp", {"long": f"cat {source} |"})
    write_table(data / "segments", {"u1": "long 0 0.1", "u2": "long 0.1 0.2", "u3": "long 0.15 0.3"})
    whole, _ = soundfile.read(source, dtype="int16")
    paths = formatted(data)
    np.testing.assert_array_equal(soundfile.read(paths["u2"], dtype="int16")[0], whole[800:1600])
    np.testing.assert_array_equal(soundfile.read(paths["u3"], dtype="int16")[0], whole[1200:2400])


def test_processes_give_the_same_as_one(make_corpus: Corpus) -> None:
    data = make_corpus(n=20)
    alone = formatted(data, "flac")
    for path in alone.values():
        Path(path).unlink()
    assert formatted(data, "flac", nj=2) == alone
    assert all(Path(path).exists() for path in alone.values())


def break_wav(path: Path) -> None:
    path.write_bytes(b"RIFF no audio")


def empty_wav(path: Path) -> None:
    soundfile.write(path, np.zeros(0, dtype=np.int16), 8000)


def stereo_wav(path: Path) -> None:
    soundfile.write(path, np.zeros((80, 2), dtype=np.int16), 8000)


def other_rate_wav(path: Path) -> None:
    soundfile.write(path, np.zeros(80, dtype=np.int16), 11025)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (break_wav, r"utterance u2: .*u2.wav cannot be read as audio .*; make the file again"),
        (empty_wav, r"utterance u2: .*u2.wav is empty; make the file again"),
        (lambda path: path.write_bytes(b""), r"utterance u2: .*u2.wav is empty; make the file again"),
        (stereo_wav, r"utterance u2: .*u2.wav has 2 channels; mix it down"),
        (other_rate_wav, r"utterance u2: .*u2.wav is at 11025 Hz and --fs asks for 8000 Hz; resample it"),
        (lambda path: path.unlink(), r"utterance u2: .*u2.wav does not exist; correct wav.scp"),
    ],
)
def test_bad_audio_is_refused_by_name_and_leaves_no_wav_scp(
    make_corpus: Corpus, damage: Callable[[Path], None], message: str
) -> None:
    data = make_corpus()
    damage(data.parent / "wav" / "u2.wav")
    with pytest.raises(InputError, match=message):
        formatted(data)
    assert not (data.parent / "dump" / "org" / "train" / "wav.scp").exists()


def test_failing_pipe_is_refused_by_name(make_corpus: Corpus) -> None:
    data = make_corpus()
    write_table(data / "wav.scp", read_table(data / "wav.scp") | {"u1": "cat /nowhere.wav |"})
    with pytest.raises(InputError, match=r"utterance u1: cat /nowhere.wav \| cannot be read"):
        formatted(data)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("long 0.1", "segments: u1 needs 'recording start end' and has 'long 0.1'"),
        ("longer 0 0.1", "segments: u1 names recording longer, which wav.scp lacks"),
        ("long 0.5 0.6", r"utterance u1: segment 0.5–0.6 s lies outside .*u1.wav \(0.10 s\)"),
        ("long 0.05 0.01", "utterance u1: segment 0.05–0.01 s lies outside"),
        ("long 0.05 0.7", "utterance u1: segment 0.05–0.7 s lies outside"),
        ("long 0.05 inf", "utterance u1: segment 0.05–inf s lies outside"),
        ("long nan 0.05", "utterance u1: segment nan–0.05 s lies outside"),
        ("long 0 nan", "utterance u1: segment 0.0–nan s lies outside"),
        ("long 0.2 -1", "utterance u1: segment 0.2–-1.0 s lies outside"),
        ("long 0.05 -0.5", "utterance u1: segment 0.05–-0.5 s lies outside"),
        ("long 0 0.00001", r"utterance u1: segment 0.0–1e-05 s lies outside .* or has no sample; correct"),
        (
            "long 0.099999 0.3",
            "utterance u1: segment 0.099999–0.3 s lies outside .* or has no sample; correct",
        ),
    ],
)
def test_bad_segment_is_refused(make_corpus: Corpus, line: str, message: str) -> None:
    data = make_corpus(n=1)
    write_table(data / "wav.scp", {"long": read_table(data / "wav.scp")["u1"]})
    write_table(data / "segments", {"u1": line})
    with pytest.raises(InputError, match=message):
        formatted(data)


def test_rerun_keeps_fresh_files_and_remakes_stale_ones(make_corpus: Corpus) -> None:
    data = make_corpus()
    paths = formatted(data, "flac")
    before = {u: os.stat(path).st_mtime_ns for u, path in paths.items()}
    Path(paths["u1"]).unlink()  # as if killed before it
    source = data.parent / "wav" / "u2.wav"
    later = os.stat(paths["u2"]).st_mtime + 10
    soundfile.write(source, np.zeros(400, dtype=np.int16), 8000)
    os.utime(source, (later, later))  # changed after the first run
    formatted(data, "flac")
    assert soundfile.info(paths["u1"]).frames == 800
    assert soundfile.info(paths["u2"]).frames == 400
    assert os.stat(paths["u3"]).st_mtime_ns == before["u3"]


def test_other_source_table_makes_everything_again(make_corpus: Corpus) -> None:
    data = make_corpus()
    paths = formatted(data, "flac")
    past = os.stat(paths["u1"]).st_mtime - 100
    for path in [*paths.values(), *read_table(data / "wav.scp").values()]:
        os.utime(path, (past, past))
    sources = read_table(data / "wav.scp")
    write_table(data / "wav.scp", sources | {"u1": sources["u3"]})
    formatted(data, "flac")
    assert soundfile.info(paths["u1"]).frames == 2400


def test_too_little_disk_is_refused(make_corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    data = make_corpus()
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(InputError, match=r"GB free and .* are needed; free some disk space"):
        formatted(data, "flac")


IDS = st.text(st.sampled_from("./%~0aA长😀:|[]-\\'\"*"), min_size=1, max_size=12) | st.sampled_from(
    ["..", ".", "/tmp/u1", "../../wav/u1", "x" * 300, "长" * 100, "a\0b", "-rf", "~"]
)


def content_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("audio_format", ["wav", "flac", "flac.ark"])
@given(ids=st.lists(IDS, unique=True, min_size=1, max_size=4), absolute=st.booleans())
@settings(max_examples=30)
def test_no_id_leads_out_of_the_target(
    tmp_path_factory: pytest.TempPathFactory, audio_format: str, ids: list[str], absolute: bool
) -> None:
    root = tmp_path_factory.mktemp("ids")
    wav_scp = {}
    for index, utterance in enumerate(sorted(ids, key=str.encode)):
        path = root / "wav" / f"{index}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, np.full(80 + index, 0.1), 8000, subtype="PCM_24")
        wav_scp[str(path.with_suffix("")) if absolute else utterance] = str(path)
    write_data_dir(root / "data", wav_scp, dict.fromkeys(wav_scp, "ni hao"), dict.fromkeys(wav_scp, "s"))
    before = content_of(root)
    target = root / "dump" / "test"
    with redirect_stderr(io.StringIO()):
        assert format_wav_scp(root / "data", target, audio_format, 8000, Processes(1)) == len(wav_scp)
    after = content_of(root)
    assert {path: after[path] for path in before} == before
    assert all(path.is_relative_to(target) for path in after.keys() - before.keys())
    made = read_table(target / "wav.scp")
    assert len(set(made.values())) == len(wav_scp)
    lengths = {u: str(soundfile.info(path).frames) for u, path in wav_scp.items()}
    assert read_table(target / "utt2num_samples") == lengths
    for utterance, entry in made.items():
        assert len(read_sound(entry).samples) == int(lengths[utterance])


@pytest.mark.parametrize("audio_format", ["wav", "flac.ark"])
@pytest.mark.parametrize("linked", [False, True])
def test_a_recording_inside_the_target_is_not_overwritten(
    make_corpus: Corpus, audio_format: str, linked: bool
) -> None:
    data = make_corpus()
    folder = data.parent / "dump" / "org" / "train" / "data" / "format.1"
    folder.parent.mkdir(parents=True)
    elsewhere = data.parent / "corpus"
    (elsewhere if linked else folder).mkdir()
    if linked:
        folder.symlink_to(elsewhere)
    if audio_format == "flac.ark":
        path = folder / "data_wav.ark"
        samples = np.zeros(80, dtype=np.int16)
        kaldiio.save_ark(str(path), {f"u{n}": (8000, samples) for n in (1, 2, 3)}, str(data / "wav.scp"))
    else:
        path = folder / "u2.wav"  # u1's recording lies where u2 would be written
        soundfile.write(path, np.zeros(80), 8000, subtype="PCM_24")
        entries = dict.fromkeys(["u1", "u2", "u3"], str(elsewhere / "u2.wav" if linked else path))
        write_table(data / "wav.scp", entries)
    before = path.read_bytes()
    for _ in range(2):  # nor taken for what an earlier run has made
        with pytest.raises(InputError, match=rf"{path.name} is named in wav.scp and would be overwritten"):
            formatted(data, audio_format)
        assert path.read_bytes() == before


def test_a_recording_inside_the_target_that_is_as_wanted_is_referenced(make_corpus: Corpus) -> None:
    data = make_corpus()
    made = formatted(data, "flac")
    write_table(data / "wav.scp", made)
    before = {path: Path(path).read_bytes() for path in made.values()}
    assert formatted(data, "flac") == made
    assert {path: Path(path).read_bytes() for path in made.values()} == before


def test_the_data_directory_itself_is_not_overwritten(make_corpus: Corpus) -> None:
    data = make_corpus()
    (data.parent / "dump" / "org").mkdir(parents=True)
    (data.parent / "dump" / "org" / "train").symlink_to(data)
    before = content_of(data)
    with pytest.raises(InputError, match="itself and would be overwritten"):
        formatted(data)
    assert content_of(data) == before


@pytest.mark.parametrize("audio_format", ["wav", "flac", "flac.ark"])
@pytest.mark.parametrize("nj", [1, 2])
def test_all_bad_recordings_are_told_at_once(make_corpus: Corpus, audio_format: str, nj: int) -> None:
    data = make_corpus(n=40)
    bad = [f"u{n}" for n in range(2, 40, 3)]
    for index, utterance in enumerate(bad):
        kinds = (break_wav, empty_wav, stereo_wav, other_rate_wav, Path.unlink)
        kinds[index % len(kinds)](data.parent / "wav" / f"{utterance}.wav")
    with pytest.raises(InputError) as caught:
        formatted(data, audio_format, nj=nj)
    first, *named = str(caught.value).splitlines()
    assert first == f"{len(bad)} of 40 recordings cannot be used; the first 10:"
    ordered = sorted(bad, key=str.encode)[:10]
    assert [line.split(":")[0] for line in named] == [f"  utterance {utterance}" for utterance in ordered]
    assert not (data.parent / "dump" / "org" / "train" / "wav.scp").exists()


@pytest.mark.parametrize("audio_format", ["wav", "flac.ark"])
def test_what_is_clipped_is_told_once(
    make_corpus: Corpus, audio_format: str, caplog: pytest.LogCaptureFixture
) -> None:
    data = make_corpus()
    for utterance in ("u1", "u3"):
        soundfile.write(data.parent / "wav" / f"{utterance}.wav", [1.2, *[0.5] * 99], 8000, subtype="FLOAT")
    formatted(data, audio_format)
    assert [line for line in caplog.messages if "clipped" in line] == [
        f"{data.parent}/dump/org/train: 2 utterances had samples outside [-1, 1], 2 in all, which were "
        "clipped (u1, u3)"
    ]


@pytest.mark.parametrize("audio_format", ["wav", "flac", "flac.ark"])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
@pytest.mark.parametrize("value", [0.0, 0.25, 1e-9])
def test_what_is_silent_is_told_once(
    make_corpus: Corpus, audio_format: str, subtype: str, value: float, caplog: pytest.LogCaptureFixture
) -> None:
    data = make_corpus()
    for utterance in ("u1", "u3"):
        soundfile.write(data.parent / "wav" / f"{utterance}.wav", [value] * 99, 8000, subtype=subtype)
    formatted(data, audio_format)
    assert [line for line in caplog.messages if "silent" in line] == [
        f"{data.parent}/dump/org/train: 2 utterances are silent: all their samples are the same (u1, u3); "
        "make their recordings again or take them out"
    ]


TRANSCRIPT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r")).filter(str.split)


@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # each example writes the whole table anew
@given(
    transcripts=st.tuples(
        TRANSCRIPT, TRANSCRIPT.map("今天\u3000".__add__), TRANSCRIPT.map("a\xa0\tb".__add__)
    )
)
def test_the_token_list_has_every_token_of_the_training(
    make_corpus: Corpus, transcripts: tuple[str, str, str]
) -> None:
    data = make_corpus()
    lines = [f"u{number} {text}\n" for number, text in enumerate(transcripts, start=1)]
    (data / "text").write_text("".join(lines), encoding="utf-8", newline="")
    formatted(data)
    dump, tokens = data.parent / "dump/org/train/text", data.parent / "tokens.txt"
    tokenize_text.main(
        f"--token_type char --field 2- --input {dump} --output {tokens} --write_vocabulary true "
        "--add_symbol <blank>:0 --add_symbol <unk>:1 --add_symbol <sos/eos>:-1".split()
    )
    training = CommonPreprocessor(train=True, token_type="char", token_list=str(tokens))
    for utterance, text in read_table(dump).items():
        assert 1 not in training(utterance, {"text": text})["text"].tolist()
        assert text == read_data_dir(data).text[utterance]


def test_a_directory_of_an_earlier_version_with_other_spaces_is_made_again(make_corpus: Corpus) -> None:
    data = make_corpus()
    target = data.parent / "dump" / "org" / "train"
    formatted(data)
    assert format_record(data, target, "wav", 8000).is_done()
    (data / "text").write_text("u1 ni\u3000hao\nu2 ni hao\nu3 ni hao\n", encoding="utf-8")
    record = format_record(data, target, "wav", 8000)
    del record.inputs["white space"]
    record.begin()
    record.finish()  # as the earlier version left it
    assert format_record(data, target, "wav", 8000).changes() == ["white space"]
    formatted(data)
    assert format_record(data, target, "wav", 8000).is_done()
    assert read_table(target / "text")["u1"] == "ni hao"
