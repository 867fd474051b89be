"""Every family of models as a teacher: what it reads, from cache to picture; and the table of the page."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from small_corpus import TRANSCRIPTS, write_set
from small_training import train_a_step
from teacher_families import FAMILIES, Family
from torch.nn.utils.rnn import pad_sequence
from transformers import CONFIG_MAPPING, __version__

from espnet_gmot.errors import InputError
from espnet_gmot.teacher.build_cache import build_cache
from espnet_gmot.teacher.cache import TeacherCache
from espnet_gmot.teacher.frozen import FrozenTeacher
from espnet_gmot.teacher.projection import cache_embeddings, fit_projection
from espnet_gmot.teacher.reading import READINGS, Reading
from espnet_gmot.teacher.tokenizer import load_tokenizer
from espnet_gmot.teacher.transcript import TeacherText, read_transcript

PAGE = Path(__file__).parents[2] / "docs" / "teachers.md"
REPEAT = Reading(context="repeat")


def cases(families: dict[str, Family], of: str) -> pytest.MarkDecorator:
    """A test of each family that the installed transformers has: `of` it, its "name" or the "family"."""
    return pytest.mark.parametrize(
        of,
        [
            pytest.param(
                name if of == "name" else family,
                id=name,
                marks=pytest.mark.skipif(
                    family.model_type not in CONFIG_MAPPING,
                    reason=f"transformers {__version__} has no {name}",
                ),
            )
            for name, family in families.items()
        ],
    )


families = cases(FAMILIES, "family")
causal = cases({name: family for name, family in FAMILIES.items() if family.is_causal}, "family")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Write a family's teacher once."""
    known: dict[str, str] = {}

    def save(family: Family) -> str:
        if family.model_type not in known:
            known[family.model_type] = family.save(tmp_path_factory.mktemp(family.model_type))
        return known[family.model_type]

    return save


def rows_of(teacher: FrozenTeacher, *texts: TeacherText) -> list[torch.Tensor]:
    """The rows of each text, from one batch."""
    ids, rows = (
        pad_sequence([torch.from_numpy(text[part]) for text in texts], batch_first=True, padding_value=-1)
        for part in (0, 1)
    )
    found = teacher.encode_rows(ids, torch.tensor([len(text.ids) for text in texts]), rows)
    assert all(row[len(text.rows) :].eq(0).all() for row, text in zip(found, texts, strict=True))
    return [row[: len(text.rows)] for row, text in zip(found, texts, strict=True)]


@families
def test_a_batch_equals_its_texts_one_by_one(family: Family, saved):
    teacher, tokenizer = FrozenTeacher.load(saved(family)), load_tokenizer(saved(family))
    for reading in READINGS:
        texts = [read_transcript(tokenizer, text, reading) for text in (*TRANSCRIPTS, "好")]
        together = rows_of(teacher, *texts)
        for row, text in zip(together, texts, strict=True):
            torch.testing.assert_close(row, rows_of(teacher, text)[0], atol=1e-5, rtol=1e-4)


@families
def test_a_row_is_the_models_state_at_its_token(family: Family, saved):
    """Against the model itself, without masks, padding or rows."""
    teacher, text = (
        FrozenTeacher.load(saved(family)),
        read_transcript(load_tokenizer(saved(family)), "今天很好"),
    )
    with torch.no_grad():
        expected = teacher._model(torch.from_numpy(text.ids)[None], output_hidden_states=True).hidden_states[
            -1
        ]
    torch.testing.assert_close(rows_of(teacher, text)[0], expected[0], atol=1e-5, rtol=1e-4)


def change(teacher: FrozenTeacher, tokenizer, reading: Reading, texts: tuple[str, str]) -> list[float]:
    """How much the rows of the four characters differ between two texts, relative to their size."""
    read = [read_transcript(tokenizer, text, reading) for text in texts]
    rows = rows_of(teacher, *read)
    first, second = (found[text.is_text][-4:] for found, text in zip(rows, read, strict=True))  # behind any ▁
    return ((first - second).norm(dim=1) / first.norm(dim=1)).tolist()


@families
def test_what_a_token_has_seen(family: Family, saved):
    """Each its own character; what is behind it only in an encoder, or in a text that is read twice."""
    teacher, tokenizer = FrozenTeacher.load(saved(family)), load_tokenizer(saved(family))
    assert teacher.is_causal == family.is_causal
    last, first = ("我我我今", "我我我天"), ("今我我我", "天我我我")  # a token a character in all of them
    later, earlier = (change(teacher, tokenizer, Reading(), texts) for texts in (last, first))
    assert min(later[-1], earlier[0]) > 1e-3  # its own character
    assert min(earlier[1:]) > 1e-5  # what stood before it
    if family.is_causal:
        assert max(later[:-1]) < 1e-6
        assert min(change(teacher, tokenizer, REPEAT, last)) > 1e-5
    else:
        assert min(later) > 1e-5
        with pytest.raises(
            InputError, match="sees both sides of a token: context: repeat is for models that"
        ):
            teacher.identity(REPEAT)


@causal
def test_the_first_copy_alone_would_not_have_seen_it(family: Family, saved):
    """The rows of a repeated text are of its second copy: the first copy's are those of the text alone."""
    teacher, tokenizer = FrozenTeacher.load(saved(family)), load_tokenizer(saved(family))
    once, twice = (read_transcript(tokenizer, "今天很好", each) for each in (Reading(), REPEAT))
    of_first_copy = twice._replace(rows=once.rows)
    torch.testing.assert_close(
        rows_of(teacher, of_first_copy)[0], rows_of(teacher, once)[0], atol=1e-5, rtol=1e-4
    )
    assert (rows_of(teacher, twice)[0] - rows_of(teacher, once)[0])[once.is_text].norm(dim=1).min() > 1e-4


def line_of(name: str, family: Family, directory: str) -> str:
    """The family's line of the table in docs/teachers.md, by its tokenizer and its model."""
    tokenizer = load_tokenizer(directory)
    read = read_transcript(tokenizer, "今天")
    names = tokenizer.convert_ids_to_tokens(read.ids)
    first, last = np.flatnonzero(read.is_text)[[0, -1]]
    ends = [
        "".join(f"`{token}` " for token in part).strip() or "–" for part in (names[:first], names[last + 1 :])
    ]
    seen = "left side; both with `repeat`" if FrozenTeacher.load(directory).is_causal else "both sides"
    return f"| {name} | {ends[0]} | {ends[1]} | {seen} | yes | yes | yes | yes |"


@pytest.mark.slow
@cases(FAMILIES, "name")
def test_every_family_serves_from_cache_to_picture(name: str, saved, tmp_path):
    """Cache, projection, a step with the cache and one online, pictures: what the table says yes to."""
    family = FAMILIES[name]
    directory = saved(family)
    reading = REPEAT if family.is_causal else Reading()
    teacher, tokenizer = FrozenTeacher.load(directory), load_tokenizer(directory)
    write_set(tmp_path / "data")
    named = [(f"u{number}", text) for number, text in enumerate(TRANSCRIPTS)]
    build_cache(named, teacher, tokenizer, tmp_path / "cache", "float32", reading=reading)
    cache = TeacherCache(tmp_path / "cache")
    fitted = fit_projection(cache_embeddings(cache), cache.meta.identity, tmp_path / "projection.npz")
    content = np.concatenate([e[m] for e, m in (cache.entry(text, "u") for text in TRANSCRIPTS)])
    np.testing.assert_allclose(fitted.mean, content.mean(0), atol=1e-5)

    conf = {"ctc_weight": 1.0, "projection": str(tmp_path / "projection.npz")}
    online = {"teacher": directory, "teacher_context": reading.context}
    losses = [
        train_a_step(tmp_path / "cached", conf, {"teacher_cache": str(tmp_path / "cache")}),
        train_a_step(tmp_path / "online", conf | {"teacher": directory}, online),
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    for way in ("cached", "online"):
        draw(tmp_path / way, tmp_path / "data", tokenizer)
    assert line_of(name, family, directory) in PAGE.read_text(encoding="utf-8").splitlines()


def draw(experiment: Path, data: Path, tokenizer) -> None:
    """Draw the coupling of an utterance; its rows are the tokens, special ones too."""
    from espnet_gmot.trained.coupling_panels import coupling_panels
    from espnet_gmot.trained.coupling_plot import plot_coupling

    spectrogram, seconds, panels = coupling_panels([("x", experiment)], "model.pth", data, "u0")
    plot_coupling(experiment / "coupling.png", spectrogram, seconds, panels)
    assert (experiment / "coupling.png").stat().st_size > 1000
    special = [
        t for t in tokenizer.convert_ids_to_tokens(read_transcript(tokenizer, "今").ids) if t[0] in "<["
    ]
    labels = panels[0].tokens
    assert [label for label in labels if label in special] == special
    assert (
        "".join(dict.fromkeys("".join(label for label in labels if label not in special).strip("▁")))
        == (TRANSCRIPTS[0])
    )


def test_the_page_names_the_families_of_these_tests():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    names = [match[1] for line in lines if (match := re.match(r"\| ([^|]+) \|.*\| yes \| yes \|", line))]
    assert names == list(FAMILIES)
    assert len(FAMILIES) >= 12
