"""A device that has little memory, or fails, is told as what it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anime_whisper_ct2.adaptation.states import States
from anime_whisper_ct2.errors import EngineError, EngineMemoryError
from anime_whisper_ct2.records import LogMel, Window
from tests.support.echo import END, RULES, Echo, said


def window(key: int) -> Window:
    return Window(key, 0, 0.0, 1.0, LogMel(np.zeros((80, 100), np.float32), -1.0))


def test_what_does_not_fit_the_devices_memory_goes_in_halves() -> None:
    sizes: list[int] = []

    class Small(Echo):
        def encode(self, mel: torch.Tensor) -> torch.Tensor:
            sizes.append(len(mel))
            if len(mel) > 2:
                raise torch.OutOfMemoryError("out of memory")
            return mel

    heard = [(window(n), said(*range(1, n + 2))) for n in range(5)]
    states = States(Small(), RULES)  # type: ignore[arg-type]
    found = states(heard)
    assert sizes == [5, 3, 2, 1, 2]
    assert states.together == 2
    assert [state.tokens for state in found] == [(*range(1, n + 2), END) for n in range(5)]
    assert all(state.hidden[:, 0].tolist() == list(state.tokens) for state in found)
    assert [state.agreement for state in found] == [1.0] * 5


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (torch.OutOfMemoryError("x"), EngineMemoryError, "no memory for the network and a window of 30 s"),
        (RuntimeError("CUDA error: unspecified\nmore"), EngineError, "^torch failed: CUDA error: unspecified$"),
    ],
)
def test_a_device_that_fails_is_said_in_a_line(
    error: Exception,
    kind: type[Exception],
    words: str,
) -> None:
    class Failing(Echo):
        def encode(self, mel: torch.Tensor) -> torch.Tensor:
            raise error

    states = States(Failing(), RULES)  # type: ignore[arg-type]
    with pytest.raises(kind, match=words):
        states([(window(0), said(1))])
