"""What a command line says of weights becomes a recipe, or one line that says what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2_convert.averaging import Mix, Recipe, read_recipe

NAMES = ["run/checkpoint-1/", "run/checkpoint-2", "run/checkpoint-3", "base"]


def read(*layers: str, weights: str | None = None, range_: str | None = None, names: Sequence[str] = NAMES) -> Recipe:
    return read_recipe(names, weights=weights, range_=range_, layers=layers)


@pytest.mark.parametrize(
    "given", [":", "0:4", "-3:", ":-1", "1:3", " 2 : ", "-100:100", "+1:2", "3:4"], ids=lambda given: given.strip()
)
def test_a_range_is_pythons_slice(given: str) -> None:
    start, stop = (int(end) if end.strip() else None for end in given.split(":"))
    kept = list(range(4))[start:stop]
    assert read(range_=given).mix == Mix.of_range(4, kept[0], kept[-1] + 1)
    assert read(f"encoder*={given}").parts[0][1].used == tuple(kept)


def test_without_anything_all_count_alike() -> None:
    assert read() == Recipe(Mix.of_range(4, 0, 4))


def test_weights_are_shares_of_their_sum() -> None:
    assert read(weights="0.2,0.8,0, 0").mix.shares == (0.2, 0.8, 0, 0)
    assert read(weights="2,1,1,0").mix.shares == (0.5, 0.25, 0.25, 0)


@pytest.mark.parametrize(
    ("what", "used"),
    [
        ("run/checkpoint-2", (1,)),
        ("run/checkpoint-1", (0,)),
        ("checkpoint-3", (2,)),
        ("base/", (3,)),
        ("2", (2,)),
        ("-1", (3,)),
        ("1:3", (1, 2)),
        ("1,0,0,1", (0, 3)),
    ],
)
def test_layers_come_from_a_name_a_number_a_range_or_weights(what: str, used: tuple[int, ...]) -> None:
    assert [(pattern, mix.used) for pattern, mix in read(f"encoder* = {what}").parts] == [("encoder*", used)]


def test_layers_come_from_a_folder_however_its_path_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "c"):
        Path(name).mkdir()
    for what in ("./b", str(tmp_path / "b"), "../" + tmp_path.name + "/b/"):
        assert read(f"encoder*={what}", names=["a", "b"]).parts[0][1].used == (1,)
    with pytest.raises(InputError, match=r"\./c is none of the checkpoints"):
        read("encoder*=./c", names=["a", "b"])


def test_parts_stand_beside_the_mix_of_all_others_in_their_order() -> None:
    recipe = read("encoder.layers.0.*=0", "encoder*=1", range_="2:")
    assert recipe.of("model.encoder.layers.0.fc1.weight").used == (0,)
    assert recipe.of("model.encoder.conv1.weight").used == (1,)
    assert recipe.of("model.decoder.layers.0.fc1.weight").used == (2, 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weights": "1,2"}, "--weights: 2 weights for 4 checkpoints; give one each"),
        ({"weights": "1"}, "--weights: 1 weight for 4 checkpoints"),
        ({"weights": "1,a,2,3"}, "--weights: '1,a,2,3' are no weights"),
        ({"weights": ""}, "are no weights"),
        ({"weights": "0,0,0,0"}, "add up to nothing"),
        ({"weights": "1,nan,1,1"}, "add up to nothing"),
        ({"weights": "1,inf,1,1"}, "add up to nothing"),
        ({"weights": "1,-1,0,0"}, "add up to nothing"),
        ({"range_": "2:2"}, "--range: of 4 checkpoints, 2:2 is none"),
        ({"range_": "4:"}, "is none"),
        ({"range_": "3"}, "--range: '3' is no range; write I:J"),
        ({"range_": "0:4:2"}, "is no range"),
        ({"range_": "０:２"}, "is no range"),
        ({"range_": f"0:{'9' * 5000}"}, "is no range"),
        ({"weights": "1e308,1e308,1,1"}, "add up to nothing"),
        ({"weights": "inf,-inf,1,1"}, "add up to nothing"),
        ({"range_": "0:1", "weights": "1,1,1,1"}, "exclude each other"),
        ({"names": []}, "no checkpoint is named"),
    ],
)
def test_what_is_no_recipe_is_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("encoder*", r"is no PATTERN=WHAT, such as 'encoder\*=run/checkpoint-1/'"),
        ("=base", "is no PATTERN=WHAT"),
        ("encoder*=", "is no PATTERN=WHAT"),
        ("encoder*=other", "other is none of the checkpoints"),
        ("encoder*=4", "there is no checkpoint 4; the 4 that were named count from 0"),
        ("encoder*=-5", "there is no checkpoint -5"),
        ("encoder*=１", "１ is none of the checkpoints"),
        ("encoder*=1,2", "2 weights for 4 checkpoints"),
        ("encoder*=3:1", "of 4 checkpoints, 3:1 is none"),
    ],
)
def test_layers_that_say_nothing_are_refused(given: str, message: str) -> None:
    with pytest.raises(InputError, match=f"--layers .*{message}"):
        read(given)
