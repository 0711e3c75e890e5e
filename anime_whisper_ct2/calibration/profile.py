"""What was measured, kept in the model's `awct2.json`, where runs find it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from typing import Any

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.calibration.measuring import Calibration
from anime_whisper_ct2.calibration.windows import TailResult
from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.features.windows import PROFILE
from anime_whisper_ct2.model_dir import AWCT2, ModelDir
from anime_whisper_ct2.system.files import kept_beside, put
from anime_whisper_ct2.system.refusals import reason
from anime_whisper_ct2.text.doubt import MARKS


def write_profile(model: ModelDir, calibration: Calibration, engine: Engine) -> None:
    """Put what passed into the model's `awct2.json`, where `awct2 run` finds it; remove an older tail otherwise.

    A bound for doubt stays until another one was measured. Raises OutputError when the folder cannot be written.
    """
    content = {key: value for key, value in model.awct2.items() if key != PROFILE}
    about = {
        "clips": calibration.clips,
        "audio_seconds": round(calibration.audio_seconds, 1),
        "engine": dict(engine.description),
        "date": date.today().isoformat(),
        "version": __version__,
    }
    if calibration.chosen is not None:
        content[PROFILE] = {**_passed(calibration.chosen, calibration), "full_speed": calibration.full_speed, **about}
    earlier = content.get(MARKS)
    marks = dict(earlier) if isinstance(earlier, dict) else {}
    if calibration.no_speech is not None:
        marks["no_speech"] = {**asdict(calibration.no_speech), **about}
    if calibration.doubt is not None and calibration.doubt.bound is not None:
        marks["doubt"] = {**asdict(calibration.doubt), **about}
    if marks:
        content[MARKS] = marks
    path = model.path / AWCT2
    whole = (json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode("utf-8")
    try:
        # Whole: a torn awct2.json would make the folder unusable. Over what is held: it was measured for minutes.
        put(path, whole, over=True)
    except OSError as error:
        beside = kept_beside(path, whole)
        kept = f"; what was measured is in {beside}, which belongs in its place" if beside else ""
        raise OutputError(f"{path} cannot be written: {reason(error, path)}{kept}") from error


def _passed(chosen: TailResult, calibration: Calibration) -> dict[str, Any]:
    """Say what was measured of the tail that passed, and by which rule it did."""
    told = {**asdict(chosen), "rule": calibration.rule, "max_cer": calibration.max_cer}
    del told["rise"]
    if chosen.rise is not None:
        told |= {
            "cer_rise": chosen.rise.points,
            "cer_rise_interval": list(chosen.rise.interval),
            "max_cer_rise": calibration.max_cer_rise,
            "references": chosen.rise.clips,
        }
    return told
