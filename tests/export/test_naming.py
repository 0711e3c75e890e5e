"""Names are safe on every system, differ, and depend on nothing but the set of ids."""

from __future__ import annotations

import ntpath
import random
import re
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest

from anime_whisper_ct2.export.naming import Names, Room, first_folder


def names(*ids: str) -> list[str]:
    made = Names(ids)
    return [made[id_] for id_ in ids]


def test_a_plain_id_loses_its_extension_and_nothing_else() -> None:
    assert names("さくら/第1話/えっと、….ogg", "悠真/v1.2 final.wav", "b/notes.v2") == [
        *("さくら/第1話/えっと、…", "悠真/v1.2 final", "b/notes.v2")
    ]


def test_ids_that_differ_in_the_extension_alone_all_keep_it() -> None:
    assert names("a/001.ogg", "a/001.wav", "b/001.wav") == ["a/001.ogg", "a/001.wav", "b/001"]
    assert names("001", "001.ogg") == ["001", "001.ogg"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a/B.ogg", "a/b.ogg"),
        ("が.ogg", unicodedata.normalize("NFD", "が.ogg")),
        ("a:b.ogg", "a?b.ogg"),
        ("a//b.ogg", "a/b.ogg"),
        ("a/../b.ogg", "a/_/b.ogg"),
        ("\udcff.ogg", "\udcfe.ogg"),
    ],
)
def test_ids_that_some_file_system_takes_for_one_are_told_apart(one: str, other: str) -> None:
    first, second = names(one, other)
    assert unicodedata.normalize("NFC", first).casefold() != unicodedata.normalize("NFC", second).casefold()


def test_a_kept_extension_does_not_run_into_another_name() -> None:
    assert len(set(names("001.ogg", "001.wav", "001.ogg.wav"))) == 3


def test_a_file_never_gets_the_name_of_a_folder() -> None:
    beside, below = names("scene.wav", "scene.txt/001.wav")
    assert below == "scene.txt/001"
    assert beside != "scene"
    assert names("scene.wav", "scene/001.wav") == ["scene", "scene/001"]


@pytest.mark.parametrize(
    "id_",
    [
        *("../../etc/passwd", "/etc/passwd", "..", ".", "", "/", "a/./b", ".hidden.ogg", "a/.git/config"),
        *("a\nb.ogg", "a\tb", "a\x00b", "a\u2028b", "\x7f", 'a:b*c?d"e<f>g|h', "C:\\Windows\\x.wav"),
        *("con.ogg", "NUL", "a/aux /x.ogg", "COM1.tar.ogg", "com¹", "えっ...ogg", "a. /b", "   ", "..."),
        *("\udce3\udc81.ogg", "あ" * 300 + ".ogg", "/".join(["長い" * 60] * 4), "x" * 255, "😀" * 80),
    ],
)
def test_whatever_the_id_the_name_is_safe(id_: str) -> None:
    (name,) = names(id_)
    check(name)


def is_reserved(name: str) -> bool:
    """Ask Python's own list of Windows' devices, which moved in 3.13."""
    asked = getattr(ntpath, "isreserved", None)
    return bool(asked(name)) if asked else PureWindowsPath(name).is_reserved()


def check(name: str) -> None:
    """What Linux, macOS, Windows, a list with a line for each and a shell's `*` all take."""
    assert name
    name.encode()
    assert not PurePosixPath(name).is_absolute()
    windows = PureWindowsPath(name)
    assert not windows.drive
    assert not is_reserved(name)
    assert "/".join(windows.parts) == name
    assert len(name.splitlines()) == 1
    for part in name.split("/"):
        assert part not in ("", ".", "..")
        assert not part.startswith(".")
        assert part == part.rstrip(" .")
        assert len(part.encode()) <= 200
        assert not set(part) & set('\\:*?"<>|\0')
        assert not any(unicodedata.category(c)[0] == "C" and unicodedata.category(c) != "Cf" for c in part)


def test_names_of_any_ids_differ_are_safe_and_do_not_depend_on_order() -> None:
    pieces = [
        *("a", "A", "あ", "が", unicodedata.normalize("NFD", "が"), "..", ".", "/", "/", "/", "\\", ":", " ", "\n"),
        *(".ogg", ".wav", ".WAV", ".txt", ".", "con", "ß", "ss", "\udc80", "x" * 120, "ー" * 70, "-", "001"),
    ]
    for seed in range(150):
        chance = random.Random(seed)
        ids = sorted({"".join(chance.choices(pieces, k=chance.randint(1, 7))) for _ in range(60)})
        made = Names(ids)
        given = {id_: made[id_] for id_ in ids}
        for name in given.values():
            check(name)
            assert made.holds(name)
        like = {unicodedata.normalize("NFC", unicodedata.normalize("NFC", n).casefold()) for n in given.values()}
        assert len(like) == len(ids), seed
        files = {name + ".txt" for name in given.values()}
        folders = {str(parent) for name in given.values() for parent in PurePosixPath(name).parents}
        assert not files & folders, seed
        chance.shuffle(ids)
        again = Names(ids)
        assert {id_: again[id_] for id_ in ids} == given


def test_an_id_that_spells_out_anothers_hash_still_differs() -> None:
    """Whoever knows how names are made can aim at one."""
    hashed, _ = names("a:b.ogg", "a?b.ogg")
    assert len(set(names("a:b.ogg", "a?b.ogg", hashed + ".ogg"))) == 3


def test_a_name_keeps_its_form_when_unrelated_ids_come() -> None:
    before = names("a/001.ogg", "a/001.wav", "x:y.ogg")
    assert names("a/001.ogg", "a/001.wav", "x:y.ogg", *(f"b/{n}.ogg" for n in range(50)))[:3] == before


class TestRoom:
    """Names that have to be short."""

    def test_what_fits_stays_as_it_is_to_the_last_character(self) -> None:
        for id_ in ("ab/cd/efgh.ogg", "😀" * 5 + ".ogg"):
            stem = id_.removesuffix(".ogg")
            assert Names([id_], Room(10))[id_] == stem
            assert Names([id_], Room(9))[id_] != stem

    def test_a_slash_may_count_for_two(self) -> None:
        assert Names(["ab/cd/efgh.ogg"], Room(12, slash=2))["ab/cd/efgh.ogg"] == "ab/cd/efgh"
        assert Names(["ab/cd/efgh.ogg"], Room(11, slash=2))["ab/cd/efgh.ogg"] != "ab/cd/efgh"

    def test_the_first_folders_stay_and_the_last_part_is_marked(self) -> None:
        id_ = "アリス/第一章/" + "長い夢の話" * 20 + ".ogg"
        name = Names([id_], Room(40))[id_]
        assert name.startswith("アリス/第一章/長い夢の話")
        assert len(name) == 40
        assert re.fullmatch(r".*-[0-9a-f]{8}", name)

    def test_a_speakers_folder_that_is_too_long_is_one_for_all_of_the_speakers_lines(self) -> None:
        ids = [f"{'とても長い名前' * 5}/{'x' * 30}{number}.ogg" for number in range(5)]
        made = Names(ids, Room(48))
        assert len({made[id_].split("/")[0] for id_ in ids}) == 1
        assert len({made[id_] for id_ in ids}) == 5

    @pytest.mark.parametrize("characters", range(30, 100, 7))
    def test_a_short_line_and_a_long_one_of_a_speaker_lie_in_one_folder(self, characters: int) -> None:
        for speaker in ("とても長い名前" * 5, "さくら", "con." + "x" * 40):
            ids = [f"{speaker}/{rest}.ogg" for rest in ("あ", "第一章/い", "う" * 30, "第一章/" + "え" * 60)]
            made = Names([*ids, "別人/a.ogg"], Room(characters))
            folders = {made[id_].split("/")[0] for id_ in ids}
            assert len(folders) == 1
            for id_ in ids:
                check(made[id_])
            (folder,) = folders
            assert len(folder) < len(speaker) or folder == first_folder(ids[0])

    def test_who_speaks_is_the_folder_whatever_there_is_room_for(self) -> None:
        assert first_folder("とても長い名前" * 5 + "/第一章/001.ogg") == "とても長い名前" * 5
        assert first_folder("../a:b/001.ogg") == "_"
        assert first_folder("/a:b/001.ogg") == "a_b"
        assert first_folder("001.ogg") is None

    @pytest.mark.parametrize(("characters", "slash"), [(24, 1), (24, 2), (30, 1), (61, 2), (200, 1)])
    def test_any_ids_get_names_that_fit_differ_and_do_not_depend_on_order(self, characters: int, slash: int) -> None:
        random_ = random.Random(3)
        letters = "aあ😀ば/. _-が" + "か\u3099"
        ids = {
            "/".join("".join(random_.choices(letters, k=random_.randint(1, 80))) for _ in range(random_.randint(1, 6)))
            + random_.choice((".ogg", ".WAV", ".txt", ""))
            for _ in range(400)
        }
        # Alike in all that is left of them, and but for the extension.
        ids |= {"z" * 300 + f"/{number}" for number in range(20)} | {"y" * 250 + end for end in (".ogg", ".wav")}
        room = Room(characters, slash)
        one, other = Names(sorted(ids), room), Names(sorted(ids, reverse=True), room)
        assert all(one[id_] == other[id_] for id_ in ids)
        for id_ in ids:
            check(one[id_])
            assert room.has(one[id_])
        folded = {unicodedata.normalize("NFC", one[id_]).casefold() for id_ in ids}
        assert len(folded) == len(ids)

    def test_without_room_to_mind_names_are_what_they_were(self) -> None:
        ids = ["a/b.ogg", "x" * 300 + ".ogg", "y/" * 200 + "z.ogg"]
        assert [Names(ids)[id_] for id_ in ids] == [Names(ids, Room(10_000))[id_] for id_ in ids]
