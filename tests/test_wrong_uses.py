"""Every wrong use of `Transcriber` is an `Awct2Error` of one line that speaks of arguments, never of options."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anime_whisper_ct2 import Failure, FakeEngine, Transcriber
from anime_whisper_ct2.cli.run import run
from anime_whisper_ct2.errors import (
    Awct2Error,
    DecodeError,
    EngineError,
    InputError,
    ModelError,
    RecordingError,
    TranscribeError,
    in_python,
)
from anime_whisper_ct2.records import Decoded
from tests.support.sounds import tone


def said(call: Callable[[], object]) -> str:
    """What a call is refused with: one line without the command's options."""
    with pytest.raises(Awct2Error) as caught:
        call()
    message = str(caught.value)
    assert message.isprintable()
    assert not re.search(r"(^|[\s(])--[a-z]", re.sub(r"awct2 [^;,`]*", "", message)), message
    return message


# What is wrong for each argument, and what the refusal says; the test below holds that none is left out.
WRONG: dict[str, list[tuple[Any, str]]] = {
    "model": [
        (None, "the model is NoneType; give a folder, a hub id or an Engine"),
        (7, "the model is int"),
        ("", "no model is named"),
        ("large-v3", "openai/whisper-large-v3"),
        ("/no/such/folder", "no such|no folder"),
        (Path("/no/such/folder"), "no such|no folder"),
        ("a\0b", "cannot be opened"),
    ],
    "device": [("gpu", "device is 'gpu'; choose"), (None, "device is None"), (0, "device is 0"), (["cpu"], "choose")],
    "gpu": [(-1, "GPU is -1"), ("0", "GPU is '0'; give a whole number"), (None, "GPU is None"), (1.5, "whole number")],
    "compute_type": [("fp16", "compute type is 'fp16'"), (None, "compute type is None")],
    "encoder": [("pytorch", "encoder is 'pytorch'"), (None, "encoder is None")],
    "cpu_threads": [(-1, "at least 0"), ("4", "whole number"), (None, "whole number"), (True, "whole number")],
    "batch_size": [(0, "at least 1"), ("auto", "whole number"), (2.0, "whole number")],
    "workers": [(-1, "at least 0"), ("2", "whole number"), (1.5, "whole number")],
    "time_limit_s": [
        (0, "give 1 to"),
        ("60", "give a number"),
        (float("nan"), "give 1 to"),
        (60, "time_limit_s has no"),
    ],
    "keep_workers": [("yes", "give True or False"), (None, "give True or False")],
    "language": [
        ("japanese", "calls it 'ja'"),
        ("ja-JP", "calls it 'ja'"),
        (None, "none is detected"),
        ("", "detected"),
    ],
    "beam_size": [(0, "at least 1"), ("5", "whole number"), (None, "whole number"), (2.5, "whole number")],
    "no_repeat_ngram_size": [(-1, "at least 0"), ("5", "whole number")],
    "window": [("short", "window is 'short'; choose"), (None, "window is None")],
    "tail_s": [(-1, "give 0 to 30"), (31, "give 0 to 30"), ("2", "give a number"), (float("nan"), "give 0 to 30")],
    "retry": [("no", "give True or False"), (0, "give True or False")],
    "words": [("no", "give True or False"), (None, "give True or False")],
    "segment": [("none", "choose"), (None, "choose")],
    "max_segment_s": [(0, "give 1 to 30"), (None, "give a number"), ("15", "give a number")],
    "vad_threshold": [(0, "give 0.01 to 0.99"), (None, "give a number")],
    "min_silence_s": [(-1, "give 0.05 to 10"), ("1", "give a number")],
    "speech_pad_s": [(9, "give 0 to 5"), (None, "give a number")],
    "channel": [(0, "give mix, left, right"), ("centre", "give mix, left, right"), (None, "give mix, left, right")],
    "strict_audio": [("no", "give True or False"), (None, "give True or False")],
}


class TestArguments:
    def test_none_is_forgotten(self) -> None:
        assert WRONG.keys() == set(inspect.signature(Transcriber).parameters)

    @pytest.mark.parametrize(
        ("name", "value", "why"), [(name, value, why) for name, wrong in WRONG.items() for value, why in wrong]
    )
    def test_what_is_no_value_of_it_is_refused(
        self, name: str, value: Any, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        given = {"model": FakeEngine(), "workers": 0, name: value}
        assert re.search(why, said(lambda: Transcriber(**given)))

    @pytest.mark.parametrize(
        ("given", "why"),
        [
            ({"device": "cpu", "gpu": 1}, "the device is the CPU"),
            ({"device": "cuda", "gpu": 63}, 'no CUDA device 63.*or device="cpu"'),
            ({"window": "full", "tail_s": 1.0}, 'choose window="fit"'),
            ({"language": "xx"}, "knows no language 'xx'"),
            ({"device": "cpu", "compute_type": "int8_float16"}, "not available on cpu"),
        ],
    )
    def test_what_cannot_be_had_together_or_here_is_refused(
        self, given: dict[str, Any], why: str, tiny_model: Path
    ) -> None:
        assert re.search(why, said(lambda: Transcriber(tiny_model, **given)))

    def test_a_model_s_folder_that_is_not_sound_is_a_model_s_error(self, tmp_path: Path) -> None:
        (tmp_path / "model.bin").touch()
        with pytest.raises(ModelError, match="has no config"):
            Transcriber(tmp_path)


class TestCalls:
    @pytest.fixture
    def transcriber(self) -> Transcriber:
        return Transcriber(FakeEngine(), workers=0)

    @pytest.mark.parametrize(
        ("audio", "why"),
        [
            *(
                (one, "put a single one into a list")
                for one in ("a.ogg", b"RIFF", Path("a"), np.zeros(9), {"path": "a"})
            ),
            *((none, f"this is {type(none).__name__}") for none in (None, 7, 1.5)),
        ],
    )
    def test_what_is_no_list_is_refused_at_once(self, transcriber: Transcriber, audio: Any, why: str) -> None:
        assert why in said(lambda: transcriber.transcribe(audio))

    @pytest.mark.parametrize(
        ("item", "why"),
        [
            *(
                (item, f"recording 0 is {type(item).__name__}")
                for item in (None, 7, 1.5, object(), {"audio": 1}, set())
            ),
            ((np.zeros(9), "16000"), "sampling rate '16000'"),
            ((np.zeros(9), None), "sampling rate None"),
            ((np.zeros(9), float("nan")), "sampling rate nan"),
            ({"array": None, "sampling_rate": 16000}, "recording 0 is dict"),
            (([[1.0], [1.0, 2.0]], 16000), "no array of numbers"),
            (np.array(["a"]), "no array of numbers"),
            (np.zeros(3, complex), "no array of numbers"),
            (np.array([object()]), "no array of numbers"),
            ([0.1, 0.2], "no array of numbers"),
        ],
    )
    @pytest.mark.parametrize("on_error", ["raise", "yield"])
    def test_what_is_no_recording_is_refused(
        self, transcriber: Transcriber, item: Any, why: str, on_error: Any
    ) -> None:
        assert why in said(lambda: list(transcriber.transcribe([item], on_error=on_error)))

    @pytest.mark.parametrize(
        ("item", "kind", "stage"),
        [
            ("/no/such/file.ogg", DecodeError, "decode"),
            (".", RecordingError, "read"),
            (b"no audio", DecodeError, "decode"),
            (np.zeros(0, np.float32), DecodeError, "decode"),
            ((np.zeros(9), 0), DecodeError, "decode"),
            ((np.zeros((9, 9, 9)), 16_000), DecodeError, "decode"),
        ],
    )
    def test_one_that_cannot_be_heard_raises_by_its_stage_or_comes_as_a_failure(
        self, transcriber: Transcriber, item: Any, kind: type[RecordingError], stage: str
    ) -> None:
        with pytest.raises(RecordingError) as caught:
            list(transcriber.transcribe([item]))
        assert (type(caught.value), caught.value.stage) == (kind, stage)
        said(lambda: list(transcriber.transcribe([item])))
        (failure,) = transcriber.transcribe([item], on_error="yield")
        assert isinstance(failure, Failure)
        assert caught.value.recording == failure.id
        assert caught.value.kind == failure.error
        assert str(caught.value) == f"{failure.id}: {failure.message}"

    def test_a_window_that_the_engine_cannot_decode_is_a_transcribe_error(self) -> None:
        def decode(*_: object) -> Decoded:
            raise EngineError("no text comes out")

        with (
            Transcriber(FakeEngine(decode), workers=0) as transcriber,
            pytest.raises((TranscribeError, EngineError), match="no text comes out"),
        ):
            list(transcriber.transcribe([tone(0.5)]))

    def test_a_channel_that_is_not_there_is_named_by_its_argument(self) -> None:
        transcriber = Transcriber(FakeEngine(), workers=0)
        transcriber._audio = type(transcriber._audio)("3")
        (failure,) = transcriber.transcribe([tone(0.5)], on_error="yield")
        assert isinstance(failure, Failure)
        assert "choose another with channel" in failure.message

    @pytest.mark.parametrize("on_error", ["ignore", None, 1, True])
    def test_other_ways_to_treat_errors_are_refused(self, transcriber: Transcriber, on_error: Any) -> None:
        assert "choose raise or yield" in said(lambda: transcriber.transcribe([], on_error=on_error))

    @pytest.mark.parametrize("keep_workers", [False, True])
    def test_a_closed_one_says_that_it_is(self, keep_workers: bool) -> None:
        transcriber = Transcriber(FakeEngine(), workers=1 if keep_workers else 0, keep_workers=keep_workers)
        later = transcriber.transcribe([tone(0.3)])
        transcriber.close()
        transcriber.close()
        assert said(lambda: transcriber.transcribe([])) == "the transcriber is closed; open another one"
        assert said(lambda: list(later)) == "the transcriber is closed; open another one"

    def test_what_the_caller_raises_stays_the_caller_s(self, transcriber: Transcriber) -> None:
        def broken() -> Any:
            yield tone(0.3)
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            list(transcriber.transcribe(broken()))


class TestWords:
    @pytest.mark.parametrize(
        ("message", "python"),
        [
            ("choose another, or --device cpu", 'choose another, or device="cpu"'),
            ("no result within 120 s; --time-limit allows more", "no result within 120 s; time_limit_s allows more"),
            ("x; without --strict-audio (and with --retry-failed) the rest is", "x; without strict_audio the rest is"),
            ("repair it with: awct2 convert a b --force --device cpu", None),
            ("fetch it with: hf download a/b --local-dir FOLDER, and name it", None),
            ("/data/--device cpu/a--words.ogg: no such file", None),
        ],
    )
    def test_options_become_arguments_and_commands_stay(self, message: str, python: str | None) -> None:
        assert in_python(message) == (python or message)

    def test_every_argument_that_is_an_option_too_is_found_by_it(self) -> None:
        arguments = set(inspect.signature(Transcriber).parameters)
        for param in run.params:
            for option in filter(lambda name: name.startswith("--"), (*param.opts, *param.secondary_opts)):
                name = in_python(option)
                if param.name in arguments or f"{param.name}_s" in arguments:
                    assert name.removesuffix("=False") in arguments, option
        assert issubclass(TranscribeError, RecordingError)
        assert issubclass(InputError, Awct2Error)
