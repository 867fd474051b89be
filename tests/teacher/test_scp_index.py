import hashlib
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_gmot.teacher.scp_index import ScpIndex, read_scp


def write(directory: Path, entries: dict[str, str]) -> Path:
    scp = directory / "teacher.scp"
    scp.write_text(
        "".join(f"{key} {entries[key]}\n" for key in sorted(entries, key=str.encode)), encoding="utf-8"
    )
    return scp


@settings(deadline=None)
@given(
    keys=st.sets(st.text("0a9f~", min_size=1, max_size=6), min_size=1, max_size=40),
    others=st.lists(st.text("0a9f~", min_size=1, max_size=7), max_size=20),
    places=st.data(),
)
def test_finds_what_a_dictionary_finds(tmp_path_factory, keys, others, places):
    place = st.text("ab/:é 7", min_size=1, max_size=30).filter(lambda text: text.strip() == text)
    entries = {key: places.draw(place) for key in keys}
    scp = write(tmp_path_factory.mktemp("scp"), entries)
    index = ScpIndex(scp)
    for key in [*keys, *others]:
        assert index.place(key) == entries.get(key)
        assert (key in index) == (key in entries)
    assert dict(read_scp(scp)) == entries


def test_the_last_line_may_lack_its_end(tmp_path: Path):
    scp = tmp_path / "teacher.scp"
    scp.write_text("a x.ark:1\nb x.ark:2")
    assert [ScpIndex(scp).place(key) for key in "abc"] == ["x.ark:1", "x.ark:2", None]


@pytest.mark.parametrize("count", [200_000])
def test_an_index_is_not_in_memory(tmp_path: Path, count: int):
    keys = (hashlib.sha1(str(number).encode()).hexdigest() for number in range(count))
    scp = write(
        tmp_path, {key: f"exp/teacher/cache/teacher.1.ark:{number}" for number, key in enumerate(keys)}
    )
    code = (
        "import sys, tracemalloc; from pathlib import Path\n"
        "from espnet_gmot.teacher.scp_index import ScpIndex\n"
        "tracemalloc.start(); index = ScpIndex(Path(sys.argv[1])); index.place('5' * 40)\n"
        "print(tracemalloc.get_traced_memory()[1])"
    )
    done = subprocess.run([sys.executable, "-c", code, scp], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100_000 < scp.stat().st_size / 100


def test_a_pickle_of_it_is_refused_for_its_owner_pickles_the_path(tmp_path: Path):
    with pytest.raises(TypeError):
        pickle.dumps(ScpIndex(write(tmp_path, {"a": "x:1"})))
