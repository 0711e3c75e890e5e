"""What differs between two runs is said by the options that set it, and models by their names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.cli.run import run
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.options import AudioOptions, DecodingOptions, RunOptions
from anime_whisper_ct2.output.about import settings_of
from anime_whisper_ct2.output.settings import changes, differences, encoder_before, with_encoder
from anime_whisper_ct2.text.doubt import BOUNDS


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"beam_size": 1}, {"beam_size": 5}, "--beam-size was 1, is 5"),
        ({"tail_s": 2.56}, {}, "--tail was 2.56, is not set"),
        ({}, {"channel": 1}, "--channel was mix, is 1"),
        ({"retry": True}, {"retry": False}, "--retry was on, is off"),
        ({}, {"words": True}, "--words was off, is on"),
        ({"segment": "auto", "min_silence_s": 0.7}, {"segment": "off"},
         "--segment was auto, is off; --min-silence was 0.7, is not set"),
        ({"not an option\n": [1]}, {}, "'not an option\\n' was [1], is not set"),
        ({"channel": None, "words": False}, {}, "--channel was not set, is mix"),
    ],
)  # fmt: skip
def test_options_are_called_as_they_are_given(before: dict[str, Any], now: dict[str, Any], said: str) -> None:
    assert changes(before, now) == said


class TestEncoder:
    @pytest.mark.parametrize(
        ("library", "compute_type", "kept"),
        [
            ("torch", "float16", {"encoder": "torch"}),
            ("torch", "float32", {"encoder": "another"}),
            ("ctranslate2", "float16", {}),
            (None, "float16", {}),
        ],
    )
    def test_it_counts_where_it_rounds_in_other_places(
        self, library: str | None, compute_type: str, kept: dict[str, str]
    ) -> None:
        engine = {"compute_type": compute_type, **({"encoder": {"library": library, "why": ""}} if library else {})}
        assert with_encoder({"beam_size": 1, "encoder": "another"}, engine) == {"beam_size": 1, **kept}

    @pytest.mark.parametrize("about", [{}, {"settings": None}, {"settings": {"beam_size": 1}}])
    def test_earlier_runs_did_not_say_it(self, about: dict[str, Any]) -> None:
        assert encoder_before(about) == {}


def test_every_setting_of_a_run_is_an_option_of_the_command(tiny_model: Path) -> None:
    from anime_whisper_ct2.model_dir import open_model_dir

    options = RunOptions(decoding=DecodingOptions(window="fit", words=True), audio=AudioOptions("left"))
    settings = settings_of(open_model_dir(tiny_model), options, WindowLength("fit"), BOUNDS)
    known = {name for param in run.params if isinstance(param, click.Option) for name in param.opts}
    called = {what for what, _, _ in differences(settings, dict.fromkeys(settings, object()))}
    assert {what for what in called if what.startswith("-")} <= known
    others = {"model", *(f"the bound of {mark} in the model's awct2.json" for mark in ("no_speech", "doubtful"))}
    assert {what for what in called if not what.startswith("-")} <= others
    assert main.get_command(click.Context(main), "run") is run


class TestModels:
    A, B = "a" * 64, "b" * 64

    def folder(self, path: Path, source: str | None) -> str:
        path.mkdir()
        (path / "awct2.json").write_text(json.dumps({"source": source} if source else {}), encoding="utf-8")
        return str(path)

    def test_both_are_named_by_source_folder_and_a_piece_of_their_fingerprints(self, tmp_path: Path) -> None:
        one = self.folder(tmp_path / "one", "openai/whisper-base")
        other = self.folder(tmp_path / "other", None)
        assert changes({"model": self.A}, {"model": self.B}, one, other) == (
            f"the model was openai/whisper-base in {one} (aaaaaaaa) and is {other} (bbbbbbbb)"
        )

    def test_one_that_is_gone_is_named_by_its_folder(self, tmp_path: Path) -> None:
        said = changes({"model": self.A}, {"model": self.B}, str(tmp_path / "gone"), None)
        assert said == f"the model was {tmp_path / 'gone'} (aaaaaaaa) and is bbbbbbbb"

    def test_one_that_was_converted_anew_in_its_place_is_said_to_be(self, tmp_path: Path) -> None:
        one = self.folder(tmp_path / "one", "me/mine")
        said = changes({"model": self.A}, {"model": self.B}, one, one)
        assert said == f"me/mine in {one} was another model, aaaaaaaa, and is bbbbbbbb"
