from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anime_whisper_ct2.review.index.ids_on_disk import Ids

IDS = st.lists(st.text(st.characters(exclude_categories=()), max_size=3), unique=True, max_size=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ids")


@settings(max_examples=60)
@given(IDS, st.data())
def test_many_are_found_as_one_by_one(folder: Path, ids: list[str], data: st.DataObject) -> None:
    ordered = sorted(ids)
    Ids.write(folder, ordered)
    there = Ids.load(folder)
    asked = data.draw(st.lists(st.sampled_from(ids) if ids else st.nothing(), max_size=40) if ids else st.just([]))
    asked += data.draw(IDS)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("anime_whisper_ct2.review.index.ids_on_disk._BLOCK", data.draw(st.integers(1, 50)))
        found = there.find_all(iter(asked)).tolist()
    assert found == sorted({number for id_ in asked if (number := there.find(id_)) is not None})
    assert [there.name(number) for number in found] == sorted(set(ids).intersection(asked))
