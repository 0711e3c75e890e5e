"""What can be tried has parameters, and parameters stand for what can be tried."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anime_whisper_ct2.search.candidates import Space
from anime_whisper_ct2.search.records import Candidate


@given(st.integers(2, 9), st.data())
def test_a_range_comes_back_from_its_parameters_whichever_end_is_first(count: int, data: st.DataObject) -> None:
    space = Space(count, "range")
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, count - 1)] * 2)))
    assert space.candidate(space.values(Candidate(first, last))) == Candidate(first, last)
    assert space.candidate({"first": last, "last": first}) == Candidate(first, last)


@given(st.integers(2, 12), st.sampled_from([(), ("encoder*",), ("encoder*", "decoder*", "encoder*")]), st.data())
def test_shares_add_up_to_one_in_decimals_that_anybody_can_write(
    count: int, groups: tuple[str, ...], data: st.DataObject
) -> None:
    space = Space(count, "weights", groups)
    given_ = {name: data.draw(st.floats(0, 1)) for name in space.parameters}
    candidate = space.candidate(given_)
    assert [pattern for pattern, _ in candidate.weights] == [*dict.fromkeys(groups), "*"]
    for _, shares in candidate.weights:
        assert len(shares) == count
        assert all(share >= 0 and share == float(f"{share:.4f}") for share in shares)
        assert sum(round(10_000 * share) for share in shares) == 10_000


def test_single_checkpoints_and_all_alike_have_weights_that_say_the_same() -> None:
    space = Space(4, "weights", ("encoder*",))
    for at, single in enumerate(space.singles):
        shares = dict(space.candidate(space.values(single)).weights)
        assert shares == {pattern: tuple(float(at == other) for other in range(4)) for pattern in ("encoder*", "*")}
    assert dict(space.candidate(space.values(space.uniform)).weights) == {"encoder*": (0.25,) * 4, "*": (0.25,) * 4}


def test_weights_can_be_said_to_the_sampler_again() -> None:
    space = Space(3, "weights")
    candidate = Candidate(weights=(("*", (0.2, 0.5, 0.3)),))
    assert space.candidate(space.values(candidate)) == candidate


def test_no_range_is_tried_twice() -> None:
    space, known, wanted = Space(5, "range"), set[Candidate](), Candidate(1, 3)
    found = []
    while nearest := space.nearest(wanted, known):
        found.append(nearest)
        known.add(nearest)
    assert len(found) == len(set(found)) == space.size == 15
    assert found[0] == wanted
    far = [abs(one.first - 1) + abs(one.last - 3) for one in found]
    assert far == sorted(far)


@pytest.mark.parametrize("wanted", [Candidate(weights=(("*", (0.5, 0.5)),))])
def test_there_is_no_end_of_weights(wanted: Candidate) -> None:
    space = Space(2, "weights")
    assert space.size is None
    assert space.nearest(wanted, {wanted}) == wanted
