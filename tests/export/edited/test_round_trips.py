"""Export, edit, correct: the next export has what was typed, and nothing that was not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.export import ClipFolder, Export
from anime_whisper_ct2.export.clips.plan import ClipOptions
from anime_whisper_ct2.export.edited import Corrected
from anime_whisper_ct2.export.filters import Filters
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.reviews import Logs, Reviews, review_folder
from tests.support.edits import correct, edit, replaced, rows_of, save, say, write_heard
from tests.support.hostile import FORMULA, MARKUP
from tests.support.runs import LONG, segment, short, transcript, write_run
from tests.support.trainers import gpt_sovits, style_bert_vits2

VOICES = {"esd": "esd.list", "gptsovits": "gptsovits.list"}
OWN = ClipFolder(workers=0)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", short("a.ogg", "おはよお"), LONG, transcript("c.ogg"))


@pytest.fixture
def voices(tmp_path: Path, write_tone: Callable[..., Path]) -> Path:
    """A run over recordings that clips can be cut from, with folders and names that `flat` has to mark."""
    made = (
        short("a.wav", "おはよお"),
        short("さくら/a.wav", "こんにちわ"),
        short("さくら/b c_.wav", "こんばんわ"),
        replace(LONG, id="c/長い.wav"),
    )
    return write_heard(tmp_path, write_tone, *made)


def export(run: Path, format_: str, name: str = "out", **options: object) -> Path:
    """Export; gives the table."""
    out = run.parent / name
    if format_ in VOICES:
        options.setdefault("clips", OWN)
    Export(run, format_, out, **options).run()
    return out / VOICES.get(format_, f"transcripts.{format_}")


def outcome(run: Path) -> dict[tuple[str, float, float], tuple[str, str | None]]:
    """What the segments of a run come to by its review."""
    folder = RunFolder(run)
    reviews = Reviews(folder.file)
    return {
        (one.id, piece.start, piece.end): (piece.text, piece.verdict)
        for one in folder.transcripts()
        for piece in reviews.replayed(one).pieces
    }


def stale(run: Path) -> int:
    folder = RunFolder(run)
    reviews = Reviews(folder.file)
    return sum(len(reviews.replayed(one).stale) for one in folder.transcripts())


def told(done: Corrected) -> list[tuple[str, str, str]]:
    return [(change.action, change.before, change.after) for change in done.changes]


class TestTables:
    @pytest.mark.parametrize("format_", ["csv", "tsv"])
    def test_the_next_export_has_what_was_typed(self, run: Path, format_: str) -> None:
        table = edit(export(run, format_), say("text", "おはよう", "ひとつめ"))
        done = correct(run, table)
        assert told(done) == [("correct", "おはよお", "おはよう"), ("correct", "一つ目", "ひとつめ")]
        assert (done.rows, done.fitting, done.unusable, done.conflicts) == (4, 4, (), ())
        assert done.log == run / "review" / "edits-花子.jsonl"
        again = rows_of(export(run, format_, "again"))
        assert [row["text"] for row in again] == ["おはよう", "ひとつめ", "二つ目", "三つ目"]
        assert stale(run) == 0

    @pytest.mark.parametrize("format_", ["csv", "tsv"])
    def test_untouched_it_decides_nothing_and_leaves_nothing(self, run: Path, format_: str) -> None:
        done = correct(run, export(run, format_))
        assert (done.fitting, done.changes, done.batch, done.unusable) == (4, (), None, ())
        assert not (run / "review").exists()

    def test_a_second_time_there_is_nothing_to_be_done(self, run: Path) -> None:
        table = edit(export(run, "csv"), say("text", "おはよう", ""))
        assert len(correct(run, table).changes) == 2
        log = (run / "review" / "edits-花子.jsonl").read_bytes()
        done = correct(run, table)
        assert (done.changes, done.already, done.conflicts) == ((), 2, ())
        assert (run / "review" / "edits-花子.jsonl").read_bytes() == log

    def test_it_is_one_step_that_can_be_undone(self, run: Path) -> None:
        correct(run, edit(export(run, "csv"), say("text", "おはよう", "ひとつめ")))
        steps = Logs(review_folder(run / "transcripts.jsonl")).history("花子")
        assert [step.count for step in steps.undoable] == [2]

    def test_the_same_table_can_be_edited_on_and_taken_again(self, run: Path) -> None:
        table = edit(export(run, "csv"), say("text", "おはよう"))
        correct(run, table)
        done = correct(run, edit(table, say("text", "おはよー")))
        assert told(done) == [("correct", "おはよう", "おはよー")]
        assert outcome(run)["a.ogg", 0.0, 1.5] == ("おはよー", "corrected")

    def test_an_emptied_text_rejects_and_a_row_that_is_gone_does_nothing(self, run: Path) -> None:
        def change(rows: list[dict[str, str]]) -> None:
            rows[1]["text"] = "  "
            del rows[2]

        done = correct(run, edit(export(run, "csv"), change))
        assert told(done) == [("reject", "一つ目", "一つ目")]
        assert [row["text"] for row in rows_of(export(run, "csv", "again"))] == ["おはよお", "二つ目", "三つ目"]

    def test_a_dry_run_writes_nothing(self, run: Path) -> None:
        done = correct(run, edit(export(run, "csv"), say("text", "おはよう")), dry_run=True)
        assert (len(done.changes), done.log, done.batch) == (1, None, None)
        assert not (run / "review").exists()

    def test_the_order_of_rows_and_columns_does_not_matter(self, run: Path) -> None:
        table = export(run, "csv")
        rows = [dict(reversed(row.items())) for row in reversed(rows_of(table))]
        rows[0]["text"] = "みっつめ"
        assert told(correct(run, save(table, rows))) == [("correct", "三つ目", "みっつめ")]

    def test_columns_may_be_gone_and_others_come(self, run: Path) -> None:
        table = export(run, "csv")
        rows = [{name: row[name] for name in ("id", "start", "end", "text")} | {"note": "?"} for row in rows_of(table)]
        done = correct(run, save(table, rows))
        assert (done.changes, done.unknown_columns, done.unusable) == ((), ("note",), ())

    def test_what_was_edited_in_other_columns_is_named(self, run: Path) -> None:
        def change(rows: list[dict[str, str]]) -> None:
            rows[0]["doubt"] = "0.9"
            rows[1]["flags"] = rows[2]["flags"] = "noisy"
            rows[3]["avg_logprob"] = "-0.3000"

        done = correct(run, edit(export(run, "csv"), change))
        assert (dict(done.ignored), done.changes) == ({"doubt": 1, "flags": 2}, ())

    def test_other_times_trim(self, run: Path) -> None:
        def change(rows: list[dict[str, str]]) -> None:
            rows[1]["start"] = "0.75"
            rows[3].update(start="6.5", end="21", text="みっつめ")

        done = correct(run, edit(export(run, "csv"), change))
        assert [(one.action, one.to) for one in done.changes] == [
            ("trim", (0.75, 3.0)),
            ("trim", (6.5, 21.0)),
            ("correct", None),
        ]
        assert outcome(run)[LONG.id, 0.75, 3.0] == ("一つ目", None)
        assert outcome(run)[LONG.id, 6.5, 21.0] == ("みっつめ", "corrected")
        assert stale(run) == 0

    def test_neighbours_make_room_for_each_other_in_any_order(self, run: Path) -> None:
        def change(rows: list[dict[str, str]]) -> None:
            rows[1]["end"] = "4.2"  # where the second still begins
            rows[2]["start"] = "4.3"

        done = correct(run, edit(export(run, "csv"), change))
        assert (done.unusable, len(done.changes), stale(run)) == ((), 2, 0)
        assert (LONG.id, 0.5, 4.2) in outcome(run)

    @pytest.mark.parametrize(
        ("times", "why"),
        [
            ({"end": "4.2"}, "another segment is at 4.000 to 4.500 s"),
            ({"end": "0.505"}, "a segment lasts 0.01 s at least"),
            ({"start": "30", "end": "31"}, "no segment is at 30 to 31 s"),
            ({"start": "soon"}, "'soon' is no time in seconds"),
            ({"start": "nan"}, "'nan' is no time in seconds"),
        ],
        ids=str,
    )
    def test_times_that_cannot_be_are_named_and_the_rest_goes_on(
        self, run: Path, times: dict[str, str], why: str
    ) -> None:
        table = edit(export(run, "csv"), lambda rows: (rows[1].update(times), rows[0].update(text="おはよう")))
        done = correct(run, table)
        assert [(remark.line, why in remark.why) for remark in done.unusable] == [(3, True)]
        assert [change.action for change in done.changes] == ["correct"]

    def test_a_segment_cannot_reach_out_of_its_recording(self, run: Path) -> None:
        done = correct(run, edit(export(run, "csv"), lambda rows: rows[3].update(end="25.5")))
        (remark,) = done.unusable
        assert remark.why == f"{LONG.id} from 6 to 20 s: cannot last from 6 to 25.5 s: the recording ends at 25.000 s"

    def test_times_late_in_a_long_recording_are_named_to_the_millisecond(self, tmp_path: Path) -> None:
        made = transcript("a.ogg", segment(12_345.678, 12_350.0, "一つ目"), duration=12_351.0)
        run = write_run(tmp_path / "run", made)
        done = correct(run, edit(export(run, "csv"), lambda rows: rows[0].update(end="99999")))
        assert [remark.why for remark in done.unusable] == [
            "a.ogg from 12345.678 to 12350 s: cannot last from 12345.678 to 99999 s: the recording ends at 12351.000 s"
        ]

    def test_all_that_the_review_has_already_is_counted_as_it_was_changed(self, run: Path) -> None:
        def change(rows: list[dict[str, str]]) -> None:
            rows[0]["text"] = "おはよう"
            rows[1]["text"] = ""
            rows[2]["end"] = "5"
            rows[3].update(start="6.5", end="21", text="みっつめ")

        table = edit(export(run, "csv"), change)
        assert len(correct(run, table).changes) == 5
        again = correct(run, table)
        assert (again.changes, again.unusable, again.conflicts, again.already) == ((), (), (), 5)

    def test_two_rows_for_one_segment_are_not_a_split(self, run: Path) -> None:
        def change(rows: list[dict[str, str]]) -> None:
            rows.append({**rows[1], "start": "2", "text": "つ目"})
            rows[1].update(end="2", text="一")

        done = correct(run, edit(export(run, "csv"), change))
        assert [remark.line for remark in done.unusable] == [3, 6]
        assert "split it in `awct2 review`" in done.unusable[0].why

    def test_times_that_a_spreadsheet_has_rounded_are_no_edits(self, tmp_path: Path) -> None:
        made = transcript("a.ogg", *(segment(n + 0.123, n + 0.987, f"{n}番") for n in range(4)), duration=9.0)
        run = write_run(tmp_path / "run", made)

        def change(rows: list[dict[str, str]]) -> None:
            for row in rows:
                row.update(start=f"{float(row['start']):.1f}", end=f"{float(row['end']):.1f}")
            rows[2]["text"] = "二番"

        done = correct(run, edit(export(run, "csv"), change))
        assert (told(done), done.rounded, done.unusable) == ([("correct", "2番", "二番")], 4, ())

    def test_a_normalizer_is_known_and_what_is_typed_stays_as_it_is(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", short("a.ogg", "ｱｰ!!"), short("b.ogg", "えっと・・・!"))
        table = export(run, "csv", normalizer="dataset")
        assert [row["text"] for row in rows_of(table)] != ["ｱｰ!!", "えっと・・・!"]
        assert correct(run, table).changes == ()
        done = correct(run, edit(table, say("text", "ｱｰｱｰ!!")))
        assert told(done) == [("correct", "ｱｰ!!", "ｱｰｱｰ!!")]

    def test_a_normalizer_that_no_marker_tells_is_known_by_the_texts(self, tmp_path: Path) -> None:
        run = write_run(
            tmp_path / "run", *(short(f"{n}.ogg", f"「{n}」だよ♡") for n in range(9)), short("x.ogg", "(笑)")
        )
        table = export(run, "csv", normalizer="dataset").rename(tmp_path / "alone.csv")
        done = correct(run, edit(table, say("text", "零だよ")))
        assert (told(done), done.normalizer) == ([("correct", "「0」だよ♡", "零だよ")], "dataset")
        # Of a table without, an edit that a normalizer would make as well is one.
        table = export(run, "csv", "plain").rename(tmp_path / "plain.csv")
        done = correct(run, edit(table, say("text", "「0」だよ♡", "1だよ♡")))
        assert (told(done), done.normalizer) == ([("correct", "「1」だよ♡", "1だよ♡")], None)

    def test_filters_of_the_export_leave_the_others_alone(self, run: Path) -> None:
        table = export(run, "csv", filters=Filters(min_logprob=-0.25))
        done = correct(run, edit(table, say("text", "おはよう")))
        assert (done.rows, len(done.changes), done.unusable) == (2, 1, ())

    def test_a_table_by_itself_is_taken_as_well(self, run: Path, tmp_path: Path) -> None:
        alone = tmp_path / "voices.csv"
        Export(run, "csv", alone).run()
        assert told(correct(run, edit(alone, say("text", "おはよう")))) == [("correct", "おはよお", "おはよう")]

    def test_eval_scores_the_run_by_what_was_typed(self, run: Path, tmp_path: Path) -> None:
        typed = {"a.ogg": "おはよう", LONG.id: "一つめ"}
        correct(run, edit(export(run, "csv"), say("text", *typed.values())))
        rates = []
        # The same by hand: what the run has heard of these segments, and what was typed.
        heard, right = tmp_path / "heard.jsonl", tmp_path / "right.jsonl"
        for file, texts in ((heard, ("おはよお", "一つ目")), (right, tuple(typed.values()))):
            lines = [json.dumps({"id": id_, "text": text}) + "\n" for id_, text in zip(typed, texts, strict=True)]
            file.write_text("".join(lines), encoding="utf-8")
        for args in ((run, "review"), (heard, right)):
            answer = CliRunner().invoke(main, ["eval", *map(str, args), "--resamples", "10", "--json"])
            assert answer.exit_code == 0, answer.output
            (system,) = json.loads(answer.stdout)["runs"]
            rates.append(system["cer_percent"])
        assert rates[0] == rates[1]

    def test_ten_thousand_rows(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", *(short(f"{n % 50:02}/{n:05}.ogg", f"{n}番") for n in range(10_000)))
        table = edit(export(run, "csv"), lambda rows: [row.update(text=row["text"] + "！") for row in rows[::100]])
        done = correct(run, table)
        assert (done.fitting, len(done.changes), done.unusable, stale(run)) == (10_000, 100, (), 0)


class TestHostile:
    IDS = (
        *(
            "a\nb.ogg",
            "t\tb.ogg",
            "=1+1.ogg",
            "-x.ogg",
            "'=y.ogg",
            "＝z.ogg",
            '"q",.ogg',
            "007",
            "bad\udcff.ogg",
            " s ",
        ),
        *("a\r\nc.ogg", "nel\x85.ogg", MARKUP, FORMULA, "-"),
    )
    TEXTS = (
        *(FORMULA, "'=1", "'普通", "-よ", '"引用"', '引"用', "あ|い", "@home", MARKUP, "=", "'", '"', "a\\ta"),
        *("nul\x00?", "\u2028行", " 前後 ", "＋1", "あ;い", "あ,い", "あ\tい"),
    )

    @pytest.fixture
    def hostile(self, tmp_path: Path) -> Path:
        ids = [*self.IDS, *(f"t{n}.ogg" for n in range(len(self.TEXTS) - len(self.IDS)))]
        return write_run(tmp_path / "run", *(short(id_, text) for id_, text in zip(ids, self.TEXTS, strict=True)))

    @pytest.mark.parametrize("format_", ["csv", "tsv"])
    def test_every_row_finds_its_segment(self, hostile: Path, format_: str) -> None:
        done = correct(hostile, export(hostile, format_))
        assert (done.fitting, done.changes, done.unusable, dict(done.ignored)) == (len(self.TEXTS), (), (), {})

    @pytest.mark.parametrize("format_", ["csv", "tsv"])
    def test_every_row_can_be_edited(self, hostile: Path, format_: str) -> None:
        table = edit(export(hostile, format_), lambda rows: [row.update(text=f"直{n}") for n, row in enumerate(rows)])
        done = correct(hostile, table)
        assert (len(done.changes), done.unusable) == (len(self.TEXTS), ())
        texts = [text for text, _ in outcome(hostile).values()]
        assert texts == [f"直{n}" for n in range(len(self.TEXTS))]

    def test_typed_formulas_come_without_their_mark(self, hostile: Path) -> None:
        correct(hostile, edit(export(hostile, "csv"), say("text", "'=2", "=3")))
        assert [text for text, _ in outcome(hostile).values()][:2] == ["=2", "=3"]

    def test_ids_that_a_tsv_writes_alike_are_named_and_left_alone(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", short("a b.ogg", "一"), short("a\tb.ogg", "二"), short("c.ogg", "三"))
        done = correct(run, edit(export(run, "tsv"), say("text", "1", "2", "3")))
        assert [(one.before, one.after) for one in done.changes] == [("三", "3")]
        assert [remark.why for remark in done.unusable] == ["a b.ogg: is the id of several recordings"] * 2
        # A csv tells them apart.
        done = correct(run, edit(export(run, "csv", "out2"), say("text", "1", "2")))
        assert (len(done.changes), done.unusable) == (2, ())

    @given(texts=st.lists(st.text(min_size=1), min_size=1, max_size=8), format_=st.sampled_from(("csv", "tsv")))
    @settings(max_examples=25)
    def test_whatever_the_texts_an_untouched_table_decides_nothing(
        self, tmp_path_factory: pytest.TempPathFactory, texts: list[str], format_: str
    ) -> None:
        folder = tmp_path_factory.mktemp("any")
        segments = [segment(2.0 * n, 2.0 * n + 1.5, text) for n, text in enumerate(texts)]
        run = write_run(folder / "run", transcript("a.ogg", *segments))
        done = correct(run, export(run, format_))
        assert (done.fitting, done.changes, done.unusable) == (len(texts), (), ())

    @given(
        times=st.lists(st.floats(0, 3600).map(lambda s: round(s, 3)), min_size=2, max_size=9, unique=True),
        decimals=st.integers(3, 6),
    )
    @settings(max_examples=25)
    def test_whatever_the_times_an_untouched_table_decides_nothing(
        self, tmp_path_factory: pytest.TempPathFactory, times: list[float], decimals: int
    ) -> None:
        times.sort()
        segments = [segment(a, b, "同じ") for a, b in pairwise(times)]
        run = write_run(tmp_path_factory.mktemp("any") / "run", transcript("a.ogg", *segments, duration=times[-1]))
        table = export(run, "csv")
        edit(
            table,
            lambda rows: [
                row.update({name: f"{float(row[name]):.{decimals}f}" for name in ("start", "end")}) for row in rows
            ],
        )
        done = correct(run, table)
        assert (done.fitting, done.changes, done.unusable) == (len(segments), (), ())


class TestLists:
    @pytest.mark.parametrize("format_", VOICES)
    def test_the_next_export_has_what_was_typed(self, voices: Path, format_: str) -> None:
        table = export(voices, format_)
        assert correct(voices, table).changes == ()
        for before, after in (("おはよお", "おはよう"), ("こんばんわ", "こんばんは"), ("|二つ目", "|")):
            replaced(table, before, after)
        done = correct(voices, table)
        assert (done.unusable, done.conflicts, done.fitting, stale(voices)) == ((), (), 6, 0)
        assert sorted(change.action for change in done.changes) == ["correct", "correct", "reject"]
        again = export(voices, format_, "again")
        lines = style_bert_vits2(again.parent) if format_ == "esd" else gpt_sovits(again)
        assert sorted(line.text for line in lines) == sorted(
            ("おはよう", "こんにちわ", "こんばんは", "一つ目", "三つ目")
        )

    @pytest.mark.parametrize("format_", VOICES)
    @pytest.mark.parametrize(
        "clips",
        [ClipFolder(workers=0, options=ClipOptions("wav", margin_s)) for margin_s in (0.0, 0.2, 0.7)],
        ids=["0", "0.2", "0.7"],
    )
    def test_margins_may_be_any_also_where_nothing_tells_them(
        self, voices: Path, tmp_path: Path, format_: str, clips: ClipFolder
    ) -> None:
        table = export(voices, format_, clips=clips)
        alone = tmp_path / "alone" / table.name
        alone.parent.mkdir()
        alone.write_bytes(table.read_bytes())
        replaced(alone, "二つ目", "ふたつめ")
        assert told(correct(voices, alone)) == [("correct", "二つ目", "ふたつめ")]
        assert correct(voices, table).unusable == ()

    @pytest.mark.parametrize("start", ["/mnt/他/wavs/", "C:\\data\\wavs\\", ""], ids=str)
    def test_paths_may_be_those_of_another_machine(self, voices: Path, start: str) -> None:
        table = export(voices, "gptsovits")
        here = str(table.parent / "wavs") + "/"
        table.write_text(table.read_text("utf-8").replace(here, start).replace("一つ目", "ひとつめ"), encoding="utf-8")
        done = correct(voices, table)
        assert (told(done), done.unusable) == ([("correct", "一つ目", "ひとつめ")], ())

    def test_clips_of_its_own_folder_are_found_below_it(self, voices: Path) -> None:
        out = voices.parent / "out"
        clips = ClipFolder(out / "raw" / "clips", ClipOptions("wav"), workers=0)
        table = export(voices, "esd", clips=clips)
        assert table.read_text("utf-8").startswith("clips/a.wav|")
        done = correct(voices, replaced(table, "三つ目", "みっつめ"))
        assert (told(done), done.unusable) == ([("correct", "三つ目", "みっつめ")], ())

    def test_long_names_are_found_too(self, tmp_path: Path, write_tone: Callable[..., Path]) -> None:
        id_ = "/".join([*["長い名前の話者" * 2] * 4, "長.wav"])
        run = write_heard(tmp_path, write_tone, replace(LONG, id=id_))
        table = export(run, "gptsovits")
        done = correct(run, replaced(table, "一つ目", "ひとつめ"))
        assert (told(done), done.unusable) == ([("correct", "一つ目", "ひとつめ")], ())

    def test_a_bar_in_a_text_is_refused_and_one_of_the_run_is_none_of_the_editors(
        self, tmp_path: Path, write_tone: Callable[..., Path]
    ) -> None:
        run = write_heard(tmp_path, write_tone, short("a.wav", "あ|い"), short("b.wav", "う"))
        table = export(run, "esd")
        assert correct(run, table).changes == ()
        done = correct(run, replaced(table, "|う", "|う|え"))
        assert [(remark.line, "5 fields" in remark.why) for remark in done.unusable] == [(2, True)]
        assert done.changes == ()

    def test_a_speaker_that_was_edited_is_named(self, voices: Path) -> None:
        table = export(voices, "esd", speaker="桜")
        done = correct(voices, replaced(table, "桜|JP|おはよお", "蘭|JP|おはよお"))
        assert (dict(done.ignored), done.changes) == ({"speaker": 1}, ())

    def test_clips_of_one_name_in_two_folders_are_told_apart(self, voices: Path) -> None:
        table = export(voices, "esd")
        done = correct(voices, replaced(table, "こんにちわ", "こんにちは"))
        assert [change.id for change in done.changes] == ["さくら/a.wav"]
