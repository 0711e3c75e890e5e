"""Settings that decide the text, in the words of whoever has to set them: by options, and models by their names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import one_line
from anime_whisper_ct2.model_dir import AWCT2

MODEL = "model"
ENCODER = "encoder"
UNSAID_ENCODER = "ctranslate2"
# So many digits tell two models of one user apart.
_DIGITS = 8
# Of those that are not called like their option, or that a calibration decides.
_OPTIONS = {
    "no_speech": "the bound of no_speech in the model's awct2.json",
    "doubtful_from": "the bound of doubtful in the model's awct2.json",
    "tail_s": "--tail",
    "max_segment_s": "--max-segment",
    "min_silence_s": "--min-silence",
    "speech_pad_s": "--speech-pad",
}
# What stands for a setting that `run.json` leaves out.
_UNSAID = {"channel": "mix", "words": False, ENCODER: UNSAID_ENCODER}


def with_encoder(settings: Mapping[str, Any], engine: Mapping[str, Any]) -> dict[str, Any]:
    """Add the setting that only an open engine knows, from what `run.json` says of it.

    In float32 both libraries give the same texts, so that a run may go on with either. In 16 bits each rounds in its
    own places, and a text that hangs in the balance can come out otherwise.
    """
    if engine.get("compute_type") == "float32":
        return dict(settings)
    library = (engine.get(ENCODER) or {}).get("library", UNSAID_ENCODER)
    others = {name: value for name, value in settings.items() if name != ENCODER}
    return others if library == UNSAID_ENCODER else {**others, ENCODER: library}


def encoder_before(about: Mapping[str, Any]) -> dict[str, Any]:
    """Give that setting of an earlier run, from its `run.json`; empty where it has none."""
    settings = about.get("settings")
    return {ENCODER: settings[ENCODER]} if isinstance(settings, dict) and ENCODER in settings else {}


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Give what differs, by its option, with its value on either side; a model is its fingerprint, shortened."""
    for name in {**one, **other}:
        values = [settings.get(name, _UNSAID.get(name)) for settings in (one, other)]
        if values[0] != values[1]:
            yield _called(name), _said(name, values[0]), _said(name, values[1])


def changes(
    before: Mapping[str, Any], now: Mapping[str, Any], model_before: object = None, model_now: object = None
) -> str:
    """Say in one line what has changed. The models are given by their folders, or by anything else."""
    named = {MODEL: (_model(model_before), _model(model_now))}
    said = []
    for what, one, other in differences(before, now):
        of, by = named.get(what, ("", ""))
        if what == MODEL and of and of == by:
            said.append(f"{of} was another model, {one}, and is {other}")
        elif what == MODEL:
            said.append(f"the model was {_with(of, one)} and is {_with(by, other)}")
        else:
            said.append(f"{what} was {one}, is {other}")
    return one_line("; ".join(said))


def _with(model: str, fingerprint: str) -> str:
    return f"{model} ({fingerprint})" if model else fingerprint


def _model(folder: object) -> str:
    """Call a model by what it was converted from, as far as its folder says so, and by its folder."""
    if not isinstance(folder, str):
        return ""
    try:
        source = json.loads((Path(folder) / AWCT2).read_text(encoding="utf-8"))["source"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return folder
    return f"{source} in {folder}" if isinstance(source, str) else folder


def _called(name: str) -> str:
    if name == MODEL:
        return name
    if name.isidentifier():
        return _OPTIONS.get(name, "--" + name.replace("_", "-"))
    return repr(name)


def _said(name: str, value: Any) -> str:
    if name == MODEL and isinstance(value, str):
        return value[:_DIGITS]
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        return "not set"
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) and value.isprintable() else repr(value)
