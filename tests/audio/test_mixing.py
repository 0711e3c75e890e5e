"""Many channels become one: mixed, the loudest where they cancel out, or the one asked for."""

from __future__ import annotations

import numpy as np
import pytest

from anime_whisper_ct2.audio import Findings, blocks_of
from anime_whisper_ct2.audio.channels import Mixer
from anime_whisper_ct2.audio.source import Piece
from anime_whisper_ct2.errors import DecodeError, InputError
from anime_whisper_ct2.options import AudioOptions
from anime_whisper_ct2.records import ArrayAudio, Float32
from tests.support.sounds import tone

RATE = 16_000


def mixed(samples: Float32, at_s: float = 0.0, channel: str = "mix") -> tuple[Float32, Findings]:
    findings = Findings()
    return Mixer(AudioOptions(channel), findings)(Piece(at_s, samples, RATE)), findings


def voice(seconds: float = 2.0, hertz: float = 220.0) -> Float32:
    return tone(seconds, RATE, hertz=hertz)


@pytest.mark.parametrize(("share", "taken"), [(1.0, 0), (0.97, 0), (0.9, 1), (0.7, 1)])
def test_of_channels_in_opposite_phase_the_loudest_is_taken_or_of_nearly_equal_ones_the_first(
    share: float, taken: int
) -> None:
    samples = np.stack([np.float32(-share) * voice(), voice()], axis=1)
    heard, findings = mixed(samples)
    np.testing.assert_array_equal(heard, samples[:, taken])
    assert findings.antiphase


@pytest.mark.parametrize(
    "channels",
    [
        (voice(), voice()),
        (voice(), voice(hertz=331.0)),
        (voice(), 0 * voice()),
        (voice(), np.float32(-0.3) * voice()),
        (0 * voice(), 0 * voice()),
        (*[0 * voice()] * 2, voice(), *[0 * voice()] * 3),  # the centre of six
        (*[0 * voice()] * 15, voice()),
    ],
    ids=["alike", "strangers", "one side", "some cancels", "silence", "centre", "one of sixteen"],
)
def test_channels_that_do_not_cancel_out_are_mixed(channels: tuple[Float32, ...]) -> None:
    samples = np.stack(channels, axis=1)
    heard, findings = mixed(samples)
    assert not findings.antiphase
    if samples.shape[1] != 6:
        np.testing.assert_allclose(heard, samples.mean(axis=1), atol=1e-6)
    else:
        assert np.abs(heard).max() > 0.25 * np.abs(samples).max()  # FFmpeg's share of it, and not a sixth


def test_only_what_cancels_out_is_taken_from_one_channel() -> None:
    left = voice()
    right = np.float32(0.9) * np.concatenate([left[:RATE], -left[RATE:]])
    heard, findings = mixed(np.stack([left, right], axis=1))
    np.testing.assert_allclose(heard[:RATE], (left + right)[:RATE] / 2, atol=1e-6)
    np.testing.assert_allclose(heard[RATE:], left[RATE:], atol=1e-6)
    assert findings.antiphase


def test_what_cancels_out_in_the_pauses_is_no_finding() -> None:
    left = np.concatenate([voice(1.5), voice(0.5) * np.float32(0.05)])
    right = np.concatenate([left[:24_000], -left[24_000:]])
    assert not mixed(np.stack([left, right], axis=1))[1].antiphase


def test_a_quiet_recording_is_judged_by_its_own_level() -> None:
    quiet = voice() * np.float32(1e-3)
    assert mixed(np.stack([quiet, -quiet], axis=1))[1].antiphase


def test_a_stretch_is_mixed_as_the_whole_is() -> None:
    left = voice()
    samples = np.stack([left, np.concatenate([left[:12_000], -left[12_000:]])], axis=1)
    whole, _ = mixed(samples)
    part, _ = mixed(samples[8_000:], 0.5)
    np.testing.assert_array_equal(part, whole[8_000:])


@pytest.mark.parametrize(("channel", "index"), [("left", 0), ("right", 1), ("1", 0), ("2", 1)])
def test_the_channel_asked_for_is_heard_alone(channel: str, index: int) -> None:
    samples = np.stack([voice(), voice(hertz=331.0)], axis=1)
    heard = np.concatenate(list(blocks_of(ArrayAudio(samples, RATE), options=AudioOptions(channel))))
    np.testing.assert_array_equal(heard, samples[:, index])


@pytest.mark.parametrize("channel", ["left", "right", "1"])
def test_of_one_channel_either_side_is_that(channel: str) -> None:
    np.testing.assert_array_equal(mixed(voice()[:, None], channel=channel)[0], voice())


def test_a_channel_that_is_not_there_costs_the_recording() -> None:
    with pytest.raises(DecodeError, match="has 2 channels, and channel 3 is asked for"):
        mixed(np.zeros((10, 2), np.float32), channel="3")


@pytest.mark.parametrize("channel", ["middle", "0", "-1", "100", ""])
def test_what_is_no_channel_is_refused(channel: str) -> None:
    with pytest.raises(InputError, match="give mix, left, right, or a number from 1 on"):
        AudioOptions(channel)
