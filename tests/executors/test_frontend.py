"""The front end knows again what is done, and says how far it is in a long recording."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anime_whisper_ct2.executors.frontend import FeatureSettings, extract
from anime_whisper_ct2.options import SegmentOptions
from anime_whisper_ct2.records import ArrayAudio, AtHome, Audio, Closed, Excerpt, Heard, Home, Window
from tests.support.sounds import tone

SETTINGS = FeatureSettings(80, half=False, segment=SegmentOptions("off"))
LONG = tone(200.0)


def messages(audio: Audio, home: tuple[Home, ...] = ()) -> list[object]:
    return list(extract(0, audio, SETTINGS, home=home))


def homes(audio: Audio) -> tuple[Home, ...]:
    windows = [message for message in messages(audio) if isinstance(message, Window)]
    return tuple(Home(one.number, one.start_s, one.end_s, one.sound) for one in windows)


@pytest.mark.parametrize("known", [(), (0,), (1, 3, 4), tuple(range(7))])
def test_windows_that_are_home_are_not_made_again_and_the_others_are_as_ever(known: tuple[int, ...]) -> None:
    audio = ArrayAudio(LONG, 16_000)
    home = tuple(one for one in homes(audio) if one.number in known)
    plain, again = messages(audio), messages(audio, home)
    assert [type(one) for one in plain if not isinstance(one, Heard)] == [Window] * 7 + [Closed]
    for before, now in zip(plain, again, strict=True):
        if isinstance(before, Window) and before.number in known:
            assert now == AtHome(0, before.number)
        elif isinstance(before, Window):
            assert isinstance(now, Window)
            assert (now.number, now.start_s, now.sound) == (before.number, before.start_s, before.sound)
            np.testing.assert_array_equal(now.mel.values, before.mel.values)
        else:
            assert now == before


def test_another_sound_in_the_same_place_is_not_taken_for_what_is_home() -> None:
    home = homes(ArrayAudio(LONG, 16_000))
    changed = LONG.copy()
    changed[16_000 * 70 : 16_000 * 71] *= 1.5  # a second of the third window
    made = [one.number for one in messages(ArrayAudio(changed, 16_000), home) if isinstance(one, Window)]
    assert made == [2]
    moved = tuple(replace(one, start_s=one.start_s + 0.001) for one in home)
    assert not [one for one in messages(ArrayAudio(LONG, 16_000), moved) if isinstance(one, AtHome)]
    # The last bits may come out otherwise where another machine resamples.
    nearly = tuple(replace(one, sound=replace(one.sound, rms=one.sound.rms * (1 + 1e-6))) for one in home)
    assert len([one for one in messages(ArrayAudio(LONG, 16_000), nearly) if isinstance(one, AtHome)]) == 7


def test_a_long_recording_is_told_of_with_what_its_header_promises(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.flac", tone(320.0), 16_000)
    path = str(tmp_path / "long.flac")
    heard = [one for one in messages(path) if isinstance(one, Heard)]
    assert [one.length_s for one in heard] == [320.0] * len(heard)
    assert len(heard) >= 3
    assert all(later.seconds - one.seconds >= 60 for one, later in pairwise(heard))
    (first, *_) = [one for one in messages(Excerpt(path, 50.0, 200.0)) if isinstance(one, Heard)]
    assert first.length_s == 200.0


def test_a_short_recording_is_not_told_of() -> None:
    assert [type(one) for one in messages(ArrayAudio(tone(119.0), 16_000))] == [Window] * 4 + [Closed]
