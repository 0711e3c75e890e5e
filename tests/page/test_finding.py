"""What needs an ear is found: by risk, by words in doubt, by a second run, by filters and by searching."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from anime_whisper_ct2.text import NORMALIZERS, count_errors
from tests.support.commands import awct2
from tests.support.desks import Desk, desk, reviewing
from tests.support.pages import Served, served
from tests.support.spoiled import MADE_UP, MISHEARD, SOUND_FLAGS, Json, Mistake, rewrite, spoil

pytestmark = pytest.mark.browser
# 「まったく」, in full width and as half of a word.
WIDE = {"その他/002.ogg": "ＡＢＣの宿題", "その他/003.flac": "ABCの約束", "その他/004.ogg": "ｶﾞｯｺｳだよ"}


@pytest.fixture(scope="module")
def spoiled(transcribed_words: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with mistakes in it; nothing is decided about it but in a copy."""
    run = spoil(Path(shutil.copytree(transcribed_words, tmp_path_factory.mktemp("spoiled") / "poor")))

    def widen(line: Json) -> Json:
        """Write some texts in full and in half width."""
        if text := WIDE.get(line["id"]):
            line["text"] = line["segments"][0]["text"] = text
            line["segments"][0].pop("words")
        return line

    return rewrite(run, widen)


@pytest.fixture(scope="module")
def server(spoiled: Path, transcribed: Path) -> Iterator[Served]:
    with served(spoiled, "--reviewer", "花子", "--against", transcribed) as server:
        yield server


@pytest.fixture
def poor(server: Served, chromium: Browser) -> Iterator[Desk]:
    """The page of a run with mistakes, beside one without."""
    with desk(chromium, server) as here:
        yield here


def segments(run: Path) -> list[Json]:
    """Give the segments of a run as they lie on disk, each with its recording's id."""
    lines = map(json.loads, (run / "transcripts.jsonl").read_text(encoding="utf-8").splitlines())
    return [{**segment, "id": line["id"]} for line in lines for segment in line["segments"]]


def alone(here: Desk, id_: str) -> None:
    """Have only one recording in the queue."""
    here.open(f"path={quote(id_)}")
    assert here.state("count") == "1"


class TestByRisk:
    def test_what_is_wrong_comes_first_and_what_is_alike_by_name(self, poor: Desk) -> None:
        rows = poor.rows()
        assert len(rows) == 70
        assert rows == sorted(rows, key=lambda row: (-row["risk"], row["id"], row["start"]))
        wrong = {mistake.id for mistake in (*MADE_UP, *MISHEARD)} | WIDE.keys()
        assert {row["id"] for row in rows[: len(wrong)]} == wrong
        shown = poor.grid.get_by_role("row").locator(".text").all_inner_texts()
        assert len(shown) > 10
        assert shown == [row["text"] for row in rows[: len(shown)]]

    def test_chips_say_why(self, poor: Desk) -> None:
        def chips(id_: str) -> list[str]:
            """Give what stands beside a recording's name."""
            row = poor.grid.get_by_role("row").filter(has=poor.page.get_by_text(id_, exact=True))
            return row.locator(".chip").all_inner_texts()

        assert chips("その他/001.ogg") == ["stock phrase", "in doubt", "runs differ"]
        assert chips("悠真/第一章/屋上/001.wav") == ["repetition", "too fast", "in doubt", "+1"]
        assert chips("さくら/第一章/001.ogg") == ["in doubt"]
        assert chips("さくら/第二章/005.flac")[0] == "low logprob"

    def test_another_order_is_kept_in_the_address_and_turned_by_one_button(self, poor: Desk) -> None:
        poor.page.get_by_label("Order by").select_option("length")
        expect(poor.page).to_have_url(f"{poor.server.origin}/?sort=length")
        lengths = [round(row["end"] - row["start"], 3) for row in poor.rows()]
        assert lengths == sorted(lengths)
        before = poor.state("queue")
        poor.page.get_by_role("button", name="Ascending").click()
        poor.page.locator(f'awct2-review:not([data-queue="{before}"]):not([data-queue=""])').wait_for()
        assert [round(row["end"] - row["start"], 3) for row in poor.rows()] == lengths[::-1]
        assert "order=desc" in poor.page.url


class TestByWords:
    @pytest.mark.parametrize("known", MISHEARD[:3], ids=lambda known: known.wrong)
    def test_what_is_in_doubt_is_marked_and_e_puts_the_caret_before_it(self, poor: Desk, known: Mistake) -> None:
        alone(poor, known.id)
        assert "".join(poor.page.locator("awct2-text mark").all_inner_texts()) == known.wrong
        poor.press("e")
        expect(poor.box).to_be_focused()
        text = poor.box.input_value()
        assert poor.box.evaluate("box => [box.selectionStart, box.selectionEnd]") == [text.index(known.wrong)] * 2

    @pytest.mark.parametrize("part", [0.2, 0.8], ids=["left half", "right half"])
    def test_a_click_with_alt_plays_from_the_character(self, poor: Desk, spoiled: Path, part: float) -> None:
        (mistake,) = [one for one in MISHEARD if one.wrong == "怒"]
        (segment,) = [one for one in segments(spoiled) if one["id"] == mistake.id]
        (word,) = [one for one in segment["words"] if one["text"] == "怒"]
        alone(poor, mistake.id)
        poor.page.locator('awct2-review:not([data-held="0"])').wait_for()
        box = poor.page.locator("awct2-text mark").bounding_box()
        assert box
        poor.page.keyboard.down("Alt")
        poor.page.mouse.click(box["x"] + part * box["width"], box["y"] + box["height"] / 2)
        poor.page.keyboard.up("Alt")
        poor.page.locator(f'awct2-review[data-span="{word["start"]:.3f} {segment["end"]:.3f}"]').wait_for()

    def test_without_words_it_is_the_same_page(self, run: Path, chromium: Browser) -> None:
        with reviewing(chromium, run) as plain:
            expect(plain.page.locator("awct2-text mark")).to_have_count(0)
            assert "doubtful" not in plain.page.locator("awct2-text").inner_text()
            plain.press("e")
            length = len(plain.box.input_value())
            assert plain.box.evaluate("box => box.selectionStart") == length


class TestBySecondRun:
    def test_what_differs_is_what_eval_counts(self, poor: Desk, spoiled: Path, transcribed: Path, out: Path) -> None:
        normalizer = NORMALIZERS["author"]
        texts = [{(one["id"], one["start"]): one["text"] for one in segments(run)} for run in (spoiled, transcribed)]
        counted = Counter[str]()
        for row in poor.rows():
            detail = poor.api(f"row/{row['row']}")
            here, other = (each[row["id"], row["start"]] for each in texts)
            assert detail["other"] == other
            edits = Counter[str]()
            for part in detail["diff"]:
                edits[part["kind"]] += max(len(part["here"]), len(part["other"]))
            del edits["equal"]
            errors = count_errors(normalizer(other), normalizer(here))
            assert [edits[kind] for kind in ("replace", "insert", "delete")] == [
                errors.substitutions,
                errors.deletions,
                errors.insertions,
            ]
            assert "".join(part["here"] for part in detail["diff"]) == normalizer(here)
            assert "".join(part["other"] for part in detail["diff"]) == normalizer(other)
            counted += edits
        reference = out / "other.jsonl"
        whole = map(json.loads, (transcribed / "transcripts.jsonl").read_text(encoding="utf-8").splitlines())
        lines = [json.dumps({"id": line["id"], "text": line["text"]}) + "\n" for line in whole]
        reference.write_text("".join(lines), encoding="utf-8")
        said = awct2("eval", spoiled, reference, "--json", "--group-by", "none", "--resamples", 10)
        assert said.returncode == 0, said.stderr
        (told,) = json.loads(said.stdout)["runs"]
        names = {"substitutions": "replace", "deletions": "insert", "insertions": "delete"}
        assert {name: told[name] for name in names} == {name: counted[kind] for name, kind in names.items()}

    def test_only_those_that_differ_are_left_and_the_page_shows_where(self, poor: Desk) -> None:
        poor.page.get_by_role("button", name="More filters").click()
        poor.page.get_by_label("Only where it differs from run").check()
        poor.wait(count=len(MISHEARD) + len(MADE_UP) + len(WIDE))
        assert urlsplit(poor.page.url).query == "differs=1"
        alone(poor, "さくら/第一章/009.ogg")
        compared = poor.page.get_by_role("region", name="Comparison with the second run")
        assert compared.locator("del").all_inner_texts() == ["怒"]
        assert compared.locator("ins").all_inner_texts() == ["踊"]
        expect(compared).to_contain_text("CER 6.3 % (author)")

    def test_o_takes_the_other_text_and_goes_on(self, spoiled: Path, transcribed: Path, chromium: Browser) -> None:
        copy = Path(shutil.copytree(spoiled, spoiled.parent / "taken"))
        with reviewing(chromium, copy, "--against", transcribed, query="differs=1&sort=id") as here:
            row = here.rows()[0]
            here.press("o")
            here.wait(position=1)
            here.wait_saved()
            (sent,) = here.sent("decide")
            assert (sent["action"], sent["value"]) == ("correct", "それから、学校で薬を忘れたらしいよ")
            now = here.rows()[0]
            assert (now["row"], now["status"], now["text"]) == (row["row"], "corrected", sent["value"])

    def test_without_a_second_run_o_says_so(self, run: Path, chromium: Browser) -> None:
        with reviewing(chromium, run) as here:
            here.press("o")
            expect(here.page.get_by_text("There is no other text to take.")).to_be_visible()
            assert here.sent("decide") == []
            expect(here.page.get_by_role("option", name="Difference (CER)")).to_have_count(0)


class TestByFilters:
    def test_they_combine_and_the_figures_beside_them_follow(self, poor: Desk, spoiled: Path) -> None:
        all_ = segments(spoiled)
        choices = poor.page.get_by_label("Speaker").locator("option")
        wanted = Counter(one["id"].partition("/")[0] for one in all_)
        assert sorted(choices.all_inner_texts()) == sorted(["Any", *(f"{name} ({n})" for name, n in wanted.items())])
        poor.page.get_by_label("Speaker").select_option("さくら")
        left = [one for one in all_ if one["id"].startswith("さくら/")]
        poor.wait(count=len(left))
        flags = Counter(flag for one in left for flag in one["flags"])
        offered = poor.page.get_by_label("Flag").locator("option")
        assert f"low logprob ({flags['low_logprob']})" in offered.all_inner_texts()
        assert "stock phrase (0)" in offered.all_inner_texts()
        # What a filter itself leaves out is still offered by it.
        assert len(choices.all_inner_texts()) == 1 + len(wanted)
        poor.page.get_by_role("searchbox").fill("た")
        left = [one for one in left if "た" in one["text"]]
        poor.wait(count=len(left))
        poor.page.get_by_label("Flag").select_option("low_logprob")
        poor.wait(count=1)
        expect(poor.page.locator("awct2-filters .figures")).to_have_text("1 segment · 4.2 s")
        assert dict(parse_qsl(urlsplit(poor.page.url).query)) == {
            "speaker": "さくら",
            "search": "た",
            "flag": "low_logprob",
        }

    def test_reload_and_back_restore_them(self, poor: Desk) -> None:
        poor.page.get_by_label("Speaker").select_option("魔王")
        poor.wait(count=5)
        poor.page.get_by_label("Flag").select_option("clipped")
        poor.wait(count=1)
        poor.page.reload()
        poor.wait(count=1)
        assert poor.page.get_by_label("Flag").input_value() == "clipped"
        poor.page.go_back()
        poor.wait(count=5)
        assert [poor.page.get_by_label(name).input_value() for name in ("Flag", "Speaker")] == ["", "魔王"]
        poor.page.go_back()
        poor.wait(count=70)
        poor.page.go_forward()
        poor.wait(count=5)

    @pytest.mark.parametrize(
        ("query", "fits"),
        [
            ("flag=none", lambda one: not one["flags"]),
            ("flag=noisy", lambda one: one["id"] in SOUND_FLAGS and one["flags"] == ["noisy"]),
            ("path=*%2F第一章%2F*", lambda one: "/第一章/" in one["id"]),
            ("path=*.flac&min_s=3", lambda one: one["id"].endswith(".flac") and one["end"] - one["start"] >= 3),
            ("max_logprob=-1", lambda one: one["avg_logprob"] <= -1),
            ("min_s=2&max_s=2.5", lambda one: 2 <= one["end"] - one["start"] <= 2.5),
            ("search=[0-9]回&regex=1", lambda one: "3回" in one["text"] or "2回" in one["text"]),
            ("status=accepted", lambda one: False),
        ],
    )
    def test_an_address_asks_for_what_fits(
        self, server: Served, chromium: Browser, spoiled: Path, query: str, fits: Callable[[Json], bool]
    ) -> None:
        wanted = sorted((one["id"], one["start"]) for one in segments(spoiled) if fits(one))
        assert wanted or "accepted" in query
        with desk(chromium, server, query + "&sort=id") as here:
            assert here.state("count") == str(len(wanted))
            if not wanted:
                expect(here.page.get_by_text("No segment fits these filters.")).to_be_visible()
                return
            assert sorted((row["id"], row["start"]) for row in here.rows()) == wanted

    def test_who_decided_and_tags_are_offered(self, run: Path, chromium: Browser) -> None:
        with reviewing(chromium, run, query="sort=id") as here:
            here.press("t")
            here.page.keyboard.insert_text("笑い")
            here.press("Enter", "Escape")
            here.wait_saved()
            here.press("Enter")
            here.wait_saved()
            here.open("by=花子&tag=笑い")
            assert here.state("count") == "1"
            assert "2 set" not in here.page.locator("awct2-filters").inner_text()
            expect(here.page.get_by_role("button", name="More filters (2)")).to_be_visible()
            here.page.get_by_role("button", name="Clear filters").click()
            here.wait(count=70)


class TestBySearching:
    @pytest.mark.parametrize(
        ("text", "nfkc", "found"),
        [
            ("鍵", False, None),
            ("約束", False, None),
            ("ABC", False, {"その他/003.flac"}),
            ("ABC", True, {"その他/002.ogg", "その他/003.flac"}),
            ("ＡＢＣ", False, {"その他/002.ogg"}),
            ("がっこう", True, set()),
            ("ガッコウ", True, {"その他/004.ogg"}),
            ("ガ", True, {"その他/004.ogg"}),
            ("%_", False, set()),
        ],
    )
    def test_one_and_two_characters_are_found_and_widths_are_alike_where_that_is_wanted(
        self, poor: Desk, spoiled: Path, text: str, nfkc: bool, found: set[str] | None
    ) -> None:
        def form(said: str) -> str:
            """Give a text as it is compared."""
            return unicodedata.normalize("NFKC", said) if nfkc else said

        wanted = [one["id"] for one in segments(spoiled) if form(text) in form(one["text"])]
        assert found is None or set(wanted) == found
        if nfkc:
            poor.page.get_by_label("Ignore width").check()
            poor.page.wait_for_url("**nfkc=1*")
        poor.press("/")
        poor.page.keyboard.insert_text(text)
        poor.page.wait_for_url("**search=*")
        poor.wait(count=len(wanted))
        if wanted:
            assert sorted(row["id"] for row in poor.rows()) == sorted(wanted)

    def test_a_pattern_that_is_none_is_told(self, poor: Desk) -> None:
        poor.page.get_by_label("Regex").check()
        poor.page.get_by_role("searchbox").fill("(")
        told = poor.page.get_by_role("search").get_by_text("pattern")
        expect(told).to_be_visible()
        expect(poor.page.get_by_role("searchbox")).to_have_attribute("aria-invalid", "true")
        expect(poor.page.get_by_role("searchbox")).to_have_value("(")
        poor.wait(count=70)
        poor.page.get_by_role("searchbox").fill("(回)")
        expect(told).to_be_hidden()
        poor.page.wait_for_url("**search=*")
        poor.watched.errors.clear()  # Chromium logs every answer that is an error
