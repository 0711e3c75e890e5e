"""Options that cannot be honoured are refused by the name that whoever gave them knows."""

from __future__ import annotations

from typing import Any

import pytest

from anime_whisper_ct2.adaptation.options import AdaptOptions
from anime_whisper_ct2.errors import InputError


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"clips": 0}, "--clips is 0; it must be at least 1"),
        ({"held_out": -1}, "--held-out is -1"),
        ({"batch_size": 0}, "--batch-size is 0"),
        ({"full_every": 0}, "^full_every is 0; it must be at least 1"),
        ({"learning_rate": 0.1}, "--learning-rate is 0.1"),
        ({"train": "decoder"}, "--train is 'decoder'"),
        ({"loss": "none"}, "the loss is 'none'"),
        ({"tails_s": ()}, "give at least one tail"),
        ({"tails_s": (0.0,)}, "a tail of 0 s cannot be learnt"),
    ],
)
def test_what_cannot_be_honoured_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        AdaptOptions(**given)
