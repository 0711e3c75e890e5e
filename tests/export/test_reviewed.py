"""An export of a run that was reviewed: corrected texts, nothing that was rejected, and nothing silently."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import soundfile
from click.testing import CliRunner, Result

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export import ClipFolder, Export
from anime_whisper_ct2.export.clips.plan import ClipOptions
from anime_whisper_ct2.export.filters import BESIDE, NOT_ACCEPTED, REJECTED, Filters
from anime_whisper_ct2.export.formats.publish import MARKER
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.reviews import Conflicts, ReviewOptions
from tests.support.decisions import decide, seen, undo
from tests.support.files import contents
from tests.support.places import CORPUS
from tests.support.references import LONG_RECORDING, references
from tests.support.runs import LONG, segment, short, transcript, write_run

ACCEPTED = ReviewOptions("accepted")
BARE = ReviewOptions("none")
SHORT = short("a.ogg", "おはよお")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of a short recording, one of three segments and one without speech."""
    return write_run(tmp_path / "run", SHORT, LONG, transcript("c.ogg"))


def texts(table: Path) -> list[tuple[str, str]]:
    """Read the ids and texts of a csv as somebody else does."""
    read = pd.read_csv(table)
    return list(zip(read["id"], read["text"], strict=True))


def awct2(*args: object) -> Result:
    return CliRunner().invoke(main, ["export", *map(str, args)])


class TestApplied:
    def test_corrected_texts_are_in_it_and_what_was_rejected_is_not(self, run: Path, tmp_path: Path) -> None:
        decide(run, "花子", seen(SHORT, 0, "correct", "おはよう"), seen(LONG, 1, "reject"), seen(LONG, 0, "accept"))
        done = Export(run, "csv", tmp_path / "out.csv").run()
        assert texts(tmp_path / "out.csv") == [("a.ogg", "おはよう"), (LONG.id, "一つ目"), (LONG.id, "三つ目")]
        assert done.filtered == {REJECTED: 1}
        assert done.review is not None
        counts = done.review
        assert (counts.decisions, counts.accepted, counts.corrected, counts.rejected) == (3, 1, 1, 1)
        assert (counts.stale, counts.conflicts) == (0, 0)

    def test_a_recordings_own_text_follows(self, run: Path) -> None:
        decide(run, "花子", seen(LONG, 0, "correct", "ひとつめ"), seen(LONG, 1, "reject"))
        done = Export(run, "json").run()
        content = json.loads((done.path / "b" / "長い.json").read_text("utf-8"))
        assert [one["text"] for one in content["segments"]] == ["ひとつめ", "三つ目"]
        assert content["text"] == "ひとつめ三つ目"

    def test_only_what_was_accepted_where_that_is_asked_for(self, run: Path, tmp_path: Path) -> None:
        decide(run, "花子", seen(SHORT, 0, "correct", "おはよう"), seen(LONG, 1, "reject"), seen(LONG, 2, "accept"))
        done = Export(run, "csv", tmp_path / "out.csv", review=ACCEPTED).run()
        assert texts(tmp_path / "out.csv") == [("a.ogg", "おはよう"), (LONG.id, "三つ目")]
        assert done.filtered == {REJECTED: 1, NOT_ACCEPTED: 1}

    def test_none_gives_the_bytes_of_the_run_itself(self, run: Path) -> None:
        Export(run, "csv").run()
        before = contents(run / "export")
        decide(run, "花子", seen(SHORT, 0, "correct", "おはよう"))
        done = Export(run, "csv", review=BARE).run()
        assert (contents(run / "export"), done.review) == (before, None)

    def test_what_was_undone_is_not_applied(self, run: Path, tmp_path: Path) -> None:
        (wrong,) = decide(run, "花子", seen(SHORT, 0, "reject"))
        decide(run, "花子", undo(wrong), after_s=5)
        Export(run, "csv", tmp_path / "out.csv").run()
        assert texts(tmp_path / "out.csv")[0] == ("a.ogg", "おはよお")

    def test_what_the_review_says_comes_before_every_other_filter(self, run: Path) -> None:
        decide(run, "花子", seen(LONG, 1, "reject"))
        strict = Filters(min_logprob=-0.25, drop_flags=("repetition",))
        done = Export(run, "txt", filters=strict).run()
        # The second is under that log-probability, too.
        assert done.filtered == {REJECTED: 1, "under a log-probability of -0.25": 1}

    def test_what_was_accepted_has_no_flags_of_its_text_any_more(self, run: Path) -> None:
        assert Export(run, "txt", filters=Filters(drop_flags=("repetition",))).run().rows == 3
        decide(run, "花子", seen(LONG, 2, "accept"))
        assert Export(run, "txt", filters=Filters(drop_flags=("repetition",))).run().rows == 4

    @pytest.mark.parametrize("format_", sorted(set(FORMATS) - {"esd", "gptsovits", "ljspeech"}))
    def test_the_same_decisions_give_the_same_bytes(
        self, tmp_path: Path, format_: str, write_tone: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        heard = []
        for n in range(6):
            write_tone(f"corpus/{n}.wav", 1.5)
            heard.append(short(f"{n}.wav", f"{n}番"))
        for name in ("one", "two"):
            run = write_run(tmp_path / name, *heard)
            decide(run, "花子", *(seen(one, 0, "correct", f"第{n}") for n, one in enumerate(heard[:3])))
            decide(run, "太郎", seen(heard[4], 0, "reject"), after_s=60)
            Export(
                run, format_, tmp_path / f"{name}-out", title="corpus" if FORMATS[format_].names_title else None
            ).run()
        one, two = contents(tmp_path / "one-out"), contents(tmp_path / "two-out")
        assert one == two
        written = b"".join(one.values())
        if format_ not in ("hf", "parquet", "lhotse", "json", "webdataset"):
            assert "第1".encode() in written
            assert "1番".encode() not in written


class TestClips:
    def test_rejected_neighbours_still_bound_the_margins(
        self, tmp_path: Path, write_tone: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        sound = write_tone("corpus/b.wav", 3.0)
        three = replace(
            transcript(
                "b.wav", segment(0.5, 1.0, "一"), segment(1.1, 1.9, "二"), segment(2.0, 2.5, "三"), duration=3.0
            ),
            audio=str(sound),
        )
        run = write_run(tmp_path / "run", three)
        decide(run, "花子", seen(three, 1, "reject"))
        folder = ClipFolder(tmp_path / "clips", ClipOptions("wav", 0.4), 0)
        done = Export(run, "csv", tmp_path / "out", clips=folder).run()
        assert (done.clips_written, done.rows) == (2, 2)
        names = sorted(path.name for path in (tmp_path / "clips").glob("*.wav"))
        assert names == ["b_00000.100-00001.050.wav", "b_00001.950-00002.900.wav"]

    def test_a_split_segment_becomes_two_clips_and_a_trimmed_one_a_shorter(
        self, tmp_path: Path, write_tone: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        both = [
            replace(short(f"{n}.wav", "はいどうぞ"), audio=str(write_tone(f"corpus/{n}.wav", 1.5))) for n in range(2)
        ]
        run = write_run(tmp_path / "run", *both)
        parts = [{"start": 0.0, "end": 0.6, "text": "はい"}, {"start": 0.7, "end": 1.5, "text": "どうぞ"}]
        decide(run, "花子", seen(both[0], 0, "split", parts), seen(both[1], 0, "trim", {"start": 0.5, "end": 1.25}))
        sounds = {path: path.read_bytes() for path in (tmp_path / "corpus").iterdir()}
        done = Export(run, "esd", tmp_path / "voice", clips=ClipFolder(None, ClipOptions("wav", 0.0), 0)).run()
        assert (done.recordings, done.rows, done.clips_written) == (2, 3, 3)
        lines = [line.split("|") for line in (tmp_path / "voice" / "esd.list").read_text("utf-8").splitlines()]
        assert [line[3] for line in lines] == ["はい", "どうぞ", "はいどうぞ"]
        lengths = [soundfile.info(str(tmp_path / "voice" / "raw" / line[0])).duration for line in lines]
        assert lengths == pytest.approx([0.6, 0.8, 0.75], abs=1e-3)
        assert {path: path.read_bytes() for path in (tmp_path / "corpus").iterdir()} == sounds

    def test_whole_files_are_refused_where_times_were_changed_and_clips_are_the_way(
        self, tmp_path: Path, write_tone: Callable[..., Path]
    ) -> None:
        one = replace(short("a.wav", "はい"), audio=str(write_tone("corpus/a.wav", 1.5)))
        run = write_run(tmp_path / "run", one)
        (trimmed,) = decide(run, "花子", seen(one, 0, "trim", {"start": 0.5, "end": 1.25}))
        with pytest.raises(InputError, match=r"a\.wav: .*webdataset takes a file for each; cut clips with --clips DIR"):
            Export(run, "webdataset", tmp_path / "out").run()
        assert not (tmp_path / "out").exists()
        assert Export(run, "nemo", tmp_path / "nemo.jsonl").run().rows == 1
        row = json.loads((tmp_path / "nemo.jsonl").read_text("utf-8"))
        assert (row["offset"], row["duration"]) == (0.5, 0.75)
        decide(run, "花子", undo(trimmed), after_s=5)
        assert Export(run, "webdataset", tmp_path / "out").run().rows == 1

    def test_a_recording_with_a_rejected_segment_is_no_example(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", LONG)
        decide(run, "花子", seen(LONG, 1, "reject"))
        done = Export(run, "hf", tmp_path / "out").run()
        assert (done.rows, done.filtered) == (0, {BESIDE: 2, REJECTED: 1})


class TestConflicts:
    @pytest.fixture
    def disputed(self, run: Path) -> Path:
        """Two who did not know of each other."""
        decide(run, "花子", seen(SHORT, 0, "correct", "おはよう"))
        decide(run, "太郎", seen(SHORT, 0, "correct", "お早う"), after_s=60)
        return run

    def test_they_are_refused_before_anything_is_written(self, disputed: Path) -> None:
        with pytest.raises(InputError) as refused:
            Export(disputed, "csv").run()
        said = str(refused.value)
        assert said.startswith("reviewers differ about 1 segment: a.ogg from 0 to 1.5 s (")
        assert all(name in said for name in ("花子", "太郎"))
        assert said.endswith("choose with --conflicts first, last or drop")
        assert not (disputed / "export").exists()

    @pytest.mark.parametrize(("conflicts", "text"), [("first", "おはよう"), ("last", "お早う"), ("drop", None)])
    def test_or_resolved_as_is_asked(
        self, disputed: Path, tmp_path: Path, conflicts: Conflicts, text: str | None
    ) -> None:
        done = Export(disputed, "csv", tmp_path / "out.csv", review=ReviewOptions(conflicts=conflicts)).run()
        assert dict(texts(tmp_path / "out.csv")).get("a.ogg") == text
        assert done.review is not None
        assert done.review.conflicts == 1
        assert done.filtered.total() == (text is None)

    def test_they_are_no_concern_of_who_wants_the_run_itself(self, disputed: Path, tmp_path: Path) -> None:
        Export(disputed, "csv", tmp_path / "out.csv", review=BARE).run()
        assert texts(tmp_path / "out.csv")[0] == ("a.ogg", "おはよお")


class TestSaid:
    def test_what_was_applied_left_out_and_found_stale(self, run: Path, tmp_path: Path) -> None:
        gone = short("gone.ogg")
        other = replace(SHORT, segments=(replace(SHORT.segments[0], text="別の"),))
        decide(run, "花子", seen(LONG, 0, "accept"), seen(LONG, 1, "reject"), seen(gone, 0, "accept"))
        decide(run, "太郎", seen(other, 0, "correct", "べつの"), after_s=60)
        result = awct2(run, "csv", "-o", tmp_path / "out.csv")
        assert result.exit_code == 0, result.output
        assert "1 segment left out: 1 rejected in review\n" in result.stderr
        assert "1 accepted, 1 rejected, 2 decisions out of date, not applied\n" in result.stderr

    def test_how_conflicts_were_resolved(self, run: Path, tmp_path: Path) -> None:
        decide(run, "花子", seen(SHORT, 0, "correct", "おはよう"))
        decide(run, "太郎", seen(SHORT, 0, "reject"), after_s=60)
        last = awct2(run, "csv", "-o", tmp_path / "last.csv", "--conflicts", "first").stderr
        assert "2 decisions of a review: 1 corrected, 1 in conflict, the first counts\n" in last
        drop = awct2(run, "csv", "-o", tmp_path / "drop.csv", "--conflicts", "drop").stderr
        assert "1 in conflict, left out\n" in drop

    def test_a_run_that_is_made_afresh_keeps_its_decisions_and_those_that_fit_still_apply(
        self, run: Path, tmp_path: Path
    ) -> None:
        decide(run, "花子", seen(SHORT, 0, "correct", "おはよう"), seen(LONG, 0, "accept"))
        with Journal(run, {}, overwrite=True) as journal:
            journal.begin({"inputs": ["corpus/"]})
            for one in (short("a.ogg", "お早う"), LONG):
                journal.write(one)
            journal.finish("finished", {})
        result = awct2(run, "csv", "-o", tmp_path / "out.csv")
        assert texts(tmp_path / "out.csv")[0] == ("a.ogg", "お早う")
        assert "1 decision of a review: 1 accepted, 1 decision out of date, not applied\n" in result.stderr

    def test_nothing_of_a_review_where_there_is_none(self, run: Path, tmp_path: Path) -> None:
        assert "of a review" not in awct2(run, "csv", "-o", tmp_path / "out.csv").stderr

    def test_the_marker_says_how_decisions_were_applied_and_how_many_there_were(self, run: Path) -> None:
        def about(**options: ReviewOptions) -> dict[str, object]:
            done = Export(run, "csv", **options).run()
            content: dict[str, object] = json.loads((done.path / MARKER).read_text("utf-8"))
            return content

        assert "review" not in about()
        decide(run, "花子", seen(SHORT, 0, "accept"), seen(LONG, 0, "accept"))
        expected = {"review": "accepted", "conflicts": "last", "reviewers": {"花子": 2}}
        assert about(review=ReviewOptions("accepted", "last"))["review"] == expected
        assert "review" not in about(review=BARE)


class TestRefused:
    def test_what_was_accepted_where_nobody_decided_anything(self, run: Path) -> None:
        result = awct2(run, "csv", "--review", "accepted")
        assert result.exit_code == 2
        assert "nothing of it was accepted in a review yet; leave --review accepted out" in result.output

    def test_conflicts_of_decisions_that_are_passed_over(self, run: Path) -> None:
        result = awct2(run, "csv", "--review", "none", "--conflicts", "last")
        assert result.exit_code == 2
        assert "--conflicts has no effect: --review none passes over all decisions" in result.output
        with pytest.raises(InputError, match="--conflicts has no effect"):
            Export(run, "csv", review=ReviewOptions("none", "last"))

    def test_a_log_that_is_none(self, run: Path) -> None:
        (run / "review").mkdir()
        (run / "review" / "edits-花子.jsonl").write_text("accept\n")
        with pytest.raises(InputError, match=r"edits-花子\.jsonl, line 1"):
            Export(run, "csv")
        assert Export(run, "csv", review=BARE).run().rows == 4


def test_a_selection_beside_a_run_has_a_review_of_its_own(run: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "chosen.jsonl"
    chosen.write_bytes((run / "transcripts.jsonl").read_bytes())
    decide(run, "花子", seen(SHORT, 0, "reject"))
    decide(chosen, "花子", seen(SHORT, 0, "correct", "おはよう"))
    Export(chosen, "csv", tmp_path / "out.csv").run()
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        assert next(row["text"] for row in csv.DictReader(file)) == "おはよう"


def test_filters_know_the_verdicts() -> None:
    def judged(*verdicts: str | None) -> Transcript:
        parts = (replace(segment(n, n + 1, f"{n}"), verdict=verdict) for n, verdict in enumerate(verdicts))
        return transcript("a.ogg", *parts)

    kept = Filters(accepted_only=True).apply(judged("accepted", None, "rejected", "corrected"))
    assert kept is not None
    assert [one.text for one in kept.segments] == ["0", "3"]
    assert Filters().apply(judged("rejected")) is None
    assert Filters().keeps_whole(judged(None, "accepted"))
    assert not Filters().keeps_whole(judged(None, "rejected"))
    assert not Filters(accepted_only=True).keeps_whole(judged(None, "accepted"))


def test_the_sample_corrected_becomes_the_voice_that_was_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus").mkdir()
    said = {id_: row["text"] for id_, row in references().items() if id_.endswith(".ogg") and id_ != LONG_RECORDING}
    heard = []
    for id_, text in said.items():
        length_s = soundfile.info(str(CORPUS / id_)).duration
        one = transcript(id_, segment(0.0, round(length_s, 3), text.replace("の", "")), duration=round(length_s, 3))
        heard.append(replace(one, audio=str(CORPUS / id_)))
    run = write_run(tmp_path / "run", *heard)
    rejected, *kept = sorted(heard, key=lambda one: one.id)
    right = (seen(one, 0, *(("accept",) if one.text == said[one.id] else ("correct", said[one.id]))) for one in kept)
    decide(run, "花子", seen(rejected, 0, "reject"), *right)
    done = Export(run, "esd", tmp_path / "voice", clips=ClipFolder(None, ClipOptions("wav"), 0)).run()
    assert (done.rows, done.filtered) == (len(said) - 1, {REJECTED: 1})
    written = [line.split("|")[3] for line in (tmp_path / "voice" / "esd.list").read_text("utf-8").splitlines()]
    assert sorted(written) == sorted(said[one.id] for one in kept)
    typed = tmp_path / "typed.jsonl"
    typed.write_text("".join(json.dumps({"id": one.id, "text": said[one.id]}) + "\n" for one in kept), "utf-8")
    more = ("--json", "--resamples", "20")
    by_review, by_hand = (
        json.loads(CliRunner().invoke(main, ["eval", str(run), ref, *more, *bare]).stdout)["runs"][0]
        for ref, *bare in (("review",), (str(typed), "--review", "none"))
    )
    # The rejected one has no reference here, and is in no text there.
    assert {**by_review, "extra": by_hand["extra"]} == by_hand
    assert by_hand["cer_percent"] > 0
