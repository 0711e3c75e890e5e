"""Messages read as sentences: one recording and two recordings, and no failure where nothing failed."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.errors import counted
from tests.support.places import ROOT

# What the package counts in messages; behind a number, `counted` writes it.
NOUNS = (
    "bytes channels characters checkpoints clips columns fields files heads hours languages layers lines loops members "
    "parts places recordings references rows segments shards tensors tokens trials windows words"
)


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 recordings"), (1, "1 recording"), (2, "2 recordings"), (12_345, "12,345 recordings")]
)
def test_a_number_has_its_noun_in_the_right_form(number: int, said: str) -> None:
    assert counted(number, "recording") == said


def plurals_of_any_number() -> Iterator[str]:
    """Find f-strings in which a plural stands behind a number that may be 1; constants in capitals never are."""
    plural = re.compile(rf" (?:other |more )?({NOUNS.replace(' ', '|')})\b")
    for path in sorted(p for top in ("anime_whisper_ct2", "convert") for p in (ROOT / top).rglob("*.py")):
        for text in (n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.JoinedStr)):
            for before, behind in zip(text.values, text.values[1:], strict=False):
                if not (isinstance(before, ast.FormattedValue) and isinstance(behind, ast.Constant)):
                    continue
                number = ast.unparse(before.value)
                decimal = before.format_spec is not None and "f" in ast.unparse(before.format_spec)[2:]
                if plural.match(str(behind.value)) and not number.isupper() and not decimal:
                    yield f"{path.name}: {number}"


def test_no_message_puts_a_plural_behind_a_one() -> None:
    never_one = {
        # Vocabularies, tensors and files' heads are larger.
        *("engine.py: shape.n_vocab", "opening.py: len(vocabulary)", "tokenizer.py: len(self.ids)"),
        *("archive.py: header.size", "publish.py: n_bytes", "rewriting.py: n_bytes", "safetensors_file.py: n_bytes"),
        *("weights.py: end", "weights.py: length"),
        *("weights.py: end - begin", "refusals.py: len(longest)", "refusals.py: len(os.fsencode(name))"),
        *("room.py: units(longest)", "variables.py: variable.n_bytes", "selfcheck.py: len(rows) + 1"),
        *("sums.py: n_bytes", "sums.py: len(missing) * n_bytes"),
        # Said to programmers alone.
        *("series.py: len(self.checkpoints)", "samples.py: of"),
        # These are said of more than one, of less than none, or have decimals.
        *("rows.py: len(transcript.segments)", "figures.py: self.top", "rules.py: len(row)"),
        *(
            "report.py: _hours(total.audio_s)",
            "report.py: _hours(review.decided_s)",
            "report.py: _hours(total.segments_s)",
        ),
    }
    assert sorted(set(plurals_of_any_number()) - never_one) == []


def test_commands_in_messages_and_examples_are_quoted_as_every_shell_knows() -> None:
    # To cmd.exe, `'` is a letter like any other.
    quoted = re.compile(r"\b(?:awct2|pip|hf|ray|jq|find) [^;`\n]*'[^'\s]+'")
    found = set()
    for path in sorted(p for top in ("anime_whisper_ct2", "convert") for p in (ROOT / top).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            written = node.value if isinstance(node, ast.Constant) else None
            if isinstance(node, ast.JoinedStr):
                # What is put in is quoted, if at all, by what stands around it.
                written = "".join(str(part.value) if isinstance(part, ast.Constant) else "0" for part in node.values)
            if isinstance(written, str) and quoted.search(written):
                found.add(f"{path.name}: {quoted.findall(written)}")
    assert found == set()


@pytest.fixture
def transcribed(tiny_model: Path, tmp_path: Path) -> Callable[..., Result]:
    """Transcribe files below the test's folder into one output."""

    def run(*options: str) -> Result:
        args = ["run", str(tmp_path / "corpus"), "-m", str(tiny_model), "-o", str(tmp_path / "out"), "--workers", "0"]
        return CliRunner().invoke(main, [*args, *options])

    return run


class TestResumed:
    def test_one_recording_is_not_recordings(
        self, transcribed: Callable[..., Result], write_tone: Callable[..., Path]
    ) -> None:
        write_tone("corpus/1.wav")
        assert "1 of 1 recording transcribed" in transcribed().stderr
        again = transcribed()
        assert (again.exit_code, again.stderr) == (0, "1 of 1 recording is transcribed already.\n")

    def test_nothing_left_to_do_is_a_success(
        self, transcribed: Callable[..., Result], write_tone: Callable[..., Path]
    ) -> None:
        for n in range(3):
            write_tone(f"corpus/{n}.wav")
        assert "3 of 3 recordings transcribed" in transcribed().stderr
        again = transcribed()
        assert (again.exit_code, again.stderr) == (0, "3 of 3 recordings are transcribed already.\n")

    def test_what_failed_before_is_still_named(
        self, transcribed: Callable[..., Result], write_tone: Callable[..., Path], tmp_path: Path
    ) -> None:
        write_tone("corpus/1.wav")
        (tmp_path / "corpus" / "2.wav").write_bytes(b"no audio")
        assert transcribed().exit_code == 3
        again = transcribed()
        assert again.exit_code == 3
        assert again.stderr.startswith("1 of 2 recordings is transcribed already; 1 failed (see ")

    def test_what_is_new_is_counted_beside_what_was_done_before(
        self, transcribed: Callable[..., Result], write_tone: Callable[..., Path]
    ) -> None:
        write_tone("corpus/1.wav")
        transcribed()
        write_tone("corpus/2.wav")
        assert transcribed().stderr.startswith("1 of 2 recordings transcribed; 1 done before")


def scored(tmp_path: Path, name: str, heard: str, *more: str) -> Result:
    for file, text in (("ref", "はい"), (name, heard)):
        (tmp_path / f"{file}.csv").write_text(f"id,text\na.wav,{text}\nb.wav,{text}\n", encoding="utf-8")
    return CliRunner().invoke(main, ["eval", str(tmp_path / f"{name}.csv"), *more, str(tmp_path / "ref.csv")])


class TestTables:
    def test_an_underscore_in_a_name_stays_as_it_is(self, tmp_path: Path) -> None:
        said = scored(tmp_path, "my_first_run", "はあ").stdout
        assert "| my_first_run |" in said
        assert "\\" not in said

    def test_a_bar_in_a_name_does_not_end_its_cell(self, tmp_path: Path) -> None:
        said = scored(tmp_path, "x", "はい", f"a|b={tmp_path / 'ref.csv'}").stdout
        assert "| a\\|b |" in said

    def test_no_difference_has_no_sign(self, tmp_path: Path) -> None:
        said = scored(tmp_path, "x", "はあ", f"same={tmp_path / 'x.csv'}").stdout
        assert "| same | 0.00 | 0.00 – 0.00 |" in said
        assert "-0.00" not in said
        assert "+0.00" not in said

    def test_one_that_has_no_reference_has_it_in_the_singular(self, tmp_path: Path) -> None:
        (tmp_path / "ref.csv").write_text("id,text\na.wav,はい\n", encoding="utf-8")
        (tmp_path / "x.csv").write_text("id,text\na.wav,はい\nb.wav,はい\n", encoding="utf-8")
        result = CliRunner().invoke(main, ["eval", str(tmp_path / "x.csv"), str(tmp_path / "ref.csv")])
        assert result.stderr == "x: 1 has no reference, left out: b.wav\n"
        assert "; 1 recording, 2 characters" in result.stdout
