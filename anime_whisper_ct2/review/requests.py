"""What the page asks, read from JSON into records.

Raises RefusedError, 400, for what does not have its form; whether it can be done, others say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from anime_whisper_ct2.review.bodies import HIGHEST, Body
from anime_whisper_ct2.review.index.queries import SORTS, Filters, Sort
from anime_whisper_ct2.review.refusing import RefusedError

Kind: TypeAlias = Literal["accept", "correct", "reject", "tag", "trim", "split", "merge"]
_KINDS: tuple[Kind, ...] = get_args(Kind)
BatchKind: TypeAlias = Literal["accept", "reject", "tag"]
_BATCH_KINDS: tuple[BatchKind, ...] = get_args(BatchKind)
_MOST_TAGS = 50
_LONGEST_TAG = 100
# Of one list, and characters of what one of them finds or puts in: a file holds what the page does, and no more.
MOST_RULES = 1_000
LONGEST_RULE = 10_000
_FILTERS_OF_TEXT = ("flag", "status", "speaker", "tag", "by", "path", "search")
_FILTERS_OF_NUMBERS = ("min_s", "max_s", "min_logprob", "max_logprob", "min_cps", "max_cps")
_SWITCHES = ("regex", "nfkc", "differs")
_FASTEST = 16.0


@dataclass(frozen=True, slots=True)
class Tags:
    """Names to put on a segment, and to take off."""

    add: tuple[str, ...]
    remove: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trim:
    """Where a segment is to begin and end, in seconds of the recording."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Split:
    """The texts of both parts, and where they part, in seconds of the recording."""

    texts: tuple[str, str]
    at: float


Value: TypeAlias = str | Tags | Trim | Split | None


@dataclass(frozen=True, slots=True)
class QueueRequest:
    """Which rows are wanted, and in which order; `written`: the filters as the page wrote them, for the log."""

    filters: Filters
    sort: Sort
    descending: bool
    written: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DecideRequest:
    """One decision; `seen` is the version that the page showed. `heard`, `rate` and `ms` as in `reviews.Decision`."""

    queue: int
    position: int
    row: int
    seen: str
    action: Kind
    value: Value
    heard: float
    rate: float
    ms: int


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One decision about each row of a queue; `sample`: the step of the sample that was listened to before."""

    queue: int
    action: BatchKind
    value: Tags | None
    only_undecided: bool
    sample: str | None
    dry: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """What is found, as it stands or as a pattern of Python's `re`, and what comes in its place."""

    find: str
    replace: str
    regex: bool

    @property
    def is_too_long(self) -> bool:
        """Whether one of its texts is longer than any may be."""
        return max(len(self.find), len(self.replace)) > LONGEST_RULE


@dataclass(frozen=True, slots=True)
class ReplaceRequest:
    """Rules that are tried on a queue's texts, one after the other."""

    queue: int
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class ChosenRequest:
    """The changes of a preview are made, but for the rows `left_out`."""

    preview: int
    left_out: frozenset[int]


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """So many rows of a queue, or of those that are undecided, are drawn; of the same, the same seed draws the same."""

    queue: int
    k: int
    seed: int | None
    only_undecided: bool = True


def queue_request(body: Body) -> QueueRequest:
    """Read what `api/queue` takes; a filter that is absent, null or empty leaves everything."""
    sort = body.text("sort") if body.has("sort") else SORTS[0]
    if sort not in SORTS:
        raise RefusedError(f"`sort` must be one of {', '.join(SORTS)}")
    given = body.part("filters") if body.has("filters") else Body({})
    texts = {key: given.text(key) for key in _FILTERS_OF_TEXT if given.has(key) and given.text(key)}
    numbers = {key: given.number(key) for key in _FILTERS_OF_NUMBERS if given.has(key)}
    switches = {key: True for key in _SWITCHES if given.has(key) and given.yes(key)}
    written: dict[str, Any] = {**texts, **numbers, **switches}
    return QueueRequest(Filters(**written), sort, body.yes("descending"), written)


def decide_request(body: Body) -> DecideRequest:
    """Read what `api/decide` takes."""
    action = body.text("action")
    if action not in _KINDS:
        raise RefusedError(f"`action` must be one of {', '.join(_KINDS)}")
    # What was measured comes as the browser computed it: a share of 1.0000001 is all of it.
    heard = min(body.number("heard", 0.0), 1.0) if body.has("heard") else 0.0
    rate = body.number("rate", 0.0, _FASTEST) if body.has("rate") else 1.0
    ms = round(body.number("ms", 0.0, HIGHEST)) if body.has("ms") else 0
    return DecideRequest(
        queue=body.whole("queue"),
        position=body.whole("position") if body.has("position") else 0,
        row=body.whole("row"),
        seen=body.text("seen"),
        action=action,
        value=_value(action, body),
        heard=heard,
        rate=rate,
        ms=ms,
    )


def batch_request(body: Body) -> BatchRequest:
    """Read what `api/batch` takes."""
    action = body.text("action")
    if action not in _BATCH_KINDS:
        raise RefusedError(f"`action` of a batch must be one of {', '.join(_BATCH_KINDS)}")
    value = _value(action, body)
    return BatchRequest(
        queue=body.whole("queue"),
        action=action,
        value=value if isinstance(value, Tags) else None,
        only_undecided=body.yes("only_undecided"),
        sample=body.text("sample") if body.has("sample") else None,
        dry=body.yes("dry"),
    )


def replace_request(body: Body) -> ReplaceRequest:
    """Read what `api/replace/preview` takes."""
    return ReplaceRequest(body.whole("queue"), rules_of(body))


def rules_of(body: Body) -> tuple[Rule, ...]:
    """Read rules."""
    given = body.list("rules")
    if len(given) > MOST_RULES:
        raise RefusedError(f"there are more than {MOST_RULES:,} rules", "bad_rules")
    rules = []
    for each in given:
        if not isinstance(each, dict):
            raise RefusedError("a rule must be an object")
        rule = Body(each)
        rules.append(Rule(rule.text("find"), rule.text("replace"), rule.yes("regex")))
        if rules[-1].is_too_long:
            raise RefusedError(f"a rule is longer than {LONGEST_RULE:,} characters", "bad_rules")
    return tuple(rules)


def chosen_request(body: Body) -> ChosenRequest:
    """Read what `api/replace` takes."""
    rows = body.list("except")
    if not all(isinstance(row, int) for row in rows):
        raise RefusedError("`except` must be a list of rows")
    return ChosenRequest(body.whole("preview"), frozenset(rows))


def sample_request(body: Body) -> SampleRequest:
    """Read what `api/sample` takes."""
    return SampleRequest(
        queue=body.whole("queue"),
        k=body.whole("k", 1),
        seed=body.whole("seed") if body.has("seed") else None,
        only_undecided=body.yes("only_undecided") if body.has("only_undecided") else True,
    )


def _value(action: str, body: Body) -> Value:
    if action == "correct":
        return body.text("value")
    if action == "tag":
        part = body.part("value")
        return Tags(_tags(part, "add"), _tags(part, "remove"))
    if action == "trim":
        part = body.part("value")
        return Trim(part.number("start"), part.number("end"))
    if action == "split":
        part = body.part("value")
        texts = part.list("texts")
        if len(texts) != 2 or not all(isinstance(text, str) for text in texts):
            raise RefusedError("`texts` of a split must be two texts")
        return Split((texts[0], texts[1]), part.number("at"))
    if body.has("value"):
        raise RefusedError(f"`{action}` takes no value")
    return None


def _tags(body: Body, key: str) -> tuple[str, ...]:
    names = body.list(key)
    for name in names:
        if not isinstance(name, str) or not name.strip() or not name.isprintable() or len(name) > _LONGEST_TAG:
            raise RefusedError(f"a tag must be a text of 1 to {_LONGEST_TAG} characters on one line")
    if len(names) > _MOST_TAGS:
        raise RefusedError(f"more than {_MOST_TAGS} tags at a time")
    return tuple(dict.fromkeys(name.strip() for name in names))
