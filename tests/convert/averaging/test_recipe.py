"""A mix says what part of the whole each checkpoint is, and when it is no more than one of them."""

from __future__ import annotations

import math

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2_convert.averaging import Mix, Recipe
from anime_whisper_ct2_convert.averaging.recipe import fits


@pytest.mark.parametrize(
    ("mix", "used", "only", "span"),
    [
        (Mix.of_range(4, 1, 3), (1, 2), None, (1, 3)),
        (Mix.of_range(4, 2, 3), (2,), 2, (2, 3)),
        (Mix.of_weights([0, 1, 0]), (1,), 1, (1, 2)),
        (Mix.of_weights([0, 0.25, 0]), (1,), 1, None),
        (Mix.of_weights([0, 1 - 1e-13, 0]), (1,), 1, None),
        (Mix.of_weights([1, 1, 0]), (0, 1), None, (0, 2)),
        (Mix.of_weights([0.5, 0.5]), (0, 1), None, None),
        (Mix.of_weights([1, 0, 1]), (0, 2), None, None),
        (Mix.of_weights([2, -1]), (0, 1), None, None),
    ],
)
def test_who_has_a_part_and_whether_it_is_one_checkpoint_or_a_range(
    mix: Mix, used: tuple[int, ...], only: int | None, span: tuple[int, int] | None
) -> None:
    assert (mix.used, mix.only, mix.range) == (used, only, span)
    assert sum(mix.shares) == pytest.approx(1)


def test_weights_that_float64_lets_miss_one_are_taken_as_they_are_and_others_are_divided() -> None:
    assert Mix.of_weights([0.1] * 10).total == Mix.of_weights([1 / 3, 1 / 3, 1 - 2 / 3 + 1e-14]).total == 1
    assert Mix.of_weights([0.3333333] * 3).total == pytest.approx(0.9999999, abs=1e-12)
    assert Mix.of_weights([0.3, 0.3]).total == 0.6


@pytest.mark.parametrize("weights", [(1e308, 1e308), (math.inf, -math.inf), (math.nan, 1), (0, 0), (1, -1), ()])
def test_weights_without_a_sum_that_can_be_used_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="add up to nothing that can be used"):
        Mix.of_weights(weights)


def test_a_pattern_is_for_names_with_and_without_their_prefix_and_the_first_one_counts() -> None:
    assert fits("encoder*", "model.encoder.conv1.bias")
    assert fits("model.encoder*", "model.encoder.conv1.bias")
    assert fits("proj_out*", "proj_out.weight")
    assert not fits("encoder*", "model.decoder.layers.0.encoder_attn.k_proj.weight")
    assert not fits("ENCODER*", "model.encoder.conv1.bias")
    whole, first = Mix.of_range(2, 0, 2), Mix.of_range(2, 0, 1)
    recipe = Recipe(whole, (("encoder.conv?.*", first), ("encoder*", whole)))
    assert recipe.of("model.encoder.conv1.bias") == first
    assert recipe.of("model.encoder.layer_norm.bias") == recipe.of("model.decoder.layer_norm.bias") == whole
