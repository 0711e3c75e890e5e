"""From texts to scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.evaluation.bootstrap import Counts, Rates, interval, resampled_rates
from anime_whisper_ct2.evaluation.grouping import Grouping
from anime_whisper_ct2.evaluation.joining import Join, References
from anime_whisper_ct2.evaluation.records import Counted, Difference, RunScore, Score
from anime_whisper_ct2.evaluation.texts import Texts
from anime_whisper_ct2.readers.rows import shown
from anime_whisper_ct2.system.commands import command_line
from anime_whisper_ct2.text import NORMALIZERS, Errors, count_errors
from anime_whisper_ct2.text.cer import mean

# Any number would do; a fixed one gives the same intervals every time.
_SEED = 20241110
# The kinds of edits, in the order that their counts are kept in.
_KINDS = ("substitutions", "deletions", "insertions")


@dataclass(frozen=True, slots=True)
class EvalOptions:
    """How texts are compared."""

    normalizer: str = "author"  # what both sides go through: a key of NORMALIZERS
    grouping: Grouping = field(default_factory=Grouping)
    missing_is_empty: bool = False  # what a run lacks counts as if it had heard nothing
    resamples: int = 1000  # of the bootstrap

    def __post_init__(self) -> None:
        if self.normalizer not in NORMALIZERS:
            raise InputError(f"there is no normalizer {self.normalizer!r}; choose one of {', '.join(NORMALIZERS)}")
        if not 1 <= self.resamples <= 1_000_000:
            raise InputError(f"{self.resamples} resamples; give 1 to 1,000,000")


EVAL = EvalOptions()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Runs side by side, over the same recordings.

    `groups` are empty where there is one only. `references` counts all, `scored` those that count: with several runs,
    those that every run has. `edits`: shape (runs, references), -1 where a run has nothing; `characters`: shape
    (references,), of the normalised references; `ids` are theirs.
    """

    options: EvalOptions
    groups: tuple[str, ...]
    runs: tuple[RunScore, ...]
    references: int
    scored: int
    duplicates: Counted
    without_text: Counted
    ids: Sequence[str]
    edits: Counts
    characters: Counts


@dataclass(slots=True)
class _Heard:
    """What a run's texts came to: counts of shape (3, references), and which references it has."""

    name: str
    texts: Texts
    counts: npt.NDArray[np.int32]
    there: npt.NDArray[np.bool_]
    join: Join


def evaluate(runs: Mapping[str, Texts], reference: Texts, options: EvalOptions = EVAL) -> Evaluation:
    """Compare what runs heard with references, joined by id.

    Memory: the references' ids and texts, some 20 bytes a recording for each run, and texts only of those whose ids do
    not fit at once.

    Raises InputError when there is no reference, or nothing of a run belongs to one.
    """
    if not runs:
        raise InputError("no run to evaluate; name one")
    references = References(reference, options.grouping)
    normalize = NORMALIZERS[options.normalizer]
    characters = np.fromiter((len(normalize(text)) for text in references.texts), np.int64, len(references))
    heard = [_score(name, texts, references, options) for name, texts in runs.items()]
    scored = np.logical_and.reduce([np.ones(len(references), bool), *(each.there for each in heard)])
    if not options.missing_is_empty and not scored.any():
        raise InputError("no recording is in all runs; compare runs over the same recordings, or use --missing empty")
    if options.missing_is_empty:
        scored[:] = True
    names = references.group_names()
    group_of = np.asarray(references.group_numbers(names))
    # A group none of whose recordings count would have a rate of nothing.
    present = np.bincount(group_of[scored], minlength=len(names)) > 0
    members = [np.flatnonzero(scored & (group_of == at)) for at in np.flatnonzero(present)]
    names = tuple(name for name, is_there in zip(names, present.tolist(), strict=True) if is_there)
    if len(names) < 2:
        names, members = (), []
    edits = np.stack([np.where(each.there | scored, each.counts.sum(axis=0), -1) for each in heard]).astype(np.int64)
    return Evaluation(
        options,
        names,
        _scores(heard, references, characters, np.flatnonzero(scored), members, options.resamples),
        len(references),
        int(scored.sum()),
        references.duplicates,
        references.without_text,
        references.ids,
        edits,
        characters,
    )


def _score(name: str, texts: Texts, references: References, options: EvalOptions) -> _Heard:
    """Count the errors of one run; of what it lacks, those of an empty text where that is asked for."""
    normalize = NORMALIZERS[options.normalizer]
    counts = np.zeros((len(_KINDS), len(references)), np.int32)
    there = np.zeros(len(references), bool)
    join = Join(texts, references)

    def count(number: int, text: str) -> None:
        """Count the errors of a text against the reference of this number."""
        errors = count_errors(normalize(references.texts[number]), normalize(text))
        counts[:, number] = [getattr(errors, kind) for kind in _KINDS]

    for number, line in join:
        count(number, line.text or "")
        there[number] = True
        references.learn(number, line)
    if not there.any():
        raise _nothing_joined(name, texts, join, references)
    if options.missing_is_empty:
        for number in np.flatnonzero(~there).tolist():
            count(number, "")
    return _Heard(name, texts, counts, there, join)


def _nothing_joined(name: str, texts: Texts, join: Join, references: References) -> InputError:
    if join.example is None:
        return InputError(f"{name}: holds no transcripts")
    if not join.extra.count and not join.keys:
        path = shown(texts.path)
        transcribe = command_line("awct2", "run", path, "-o", "OUTPUT")
        return InputError(f"{path}: holds recordings and no texts; transcribe it first: {transcribe}, and name OUTPUT")
    if not join.extra.count:
        known = ", ".join(join.keys)
        return InputError(f"{name}: no recording has a text, only {known}; name the column with --text-column")
    return InputError(
        f"{name}: nothing has a reference in {shown(references.source.path)}: its ids are such as {join.example!r}, "
        f"and the references' such as {references.ids[0]!r}"
    )


def _scores(
    heard: Sequence[_Heard],
    references: References,
    characters: Counts,
    everything: npt.NDArray[np.int64],
    members: Sequence[npt.NDArray[np.int64]],
    resamples: int,
) -> tuple[RunScore, ...]:
    """Score all runs over the recordings that count and over each group, drawing the same recordings for all runs."""
    rng = np.random.default_rng(_SEED)
    edits = np.stack([each.counts.sum(axis=0, dtype=np.int64) for each in heard])

    def draw(numbers: npt.NDArray[np.int64]) -> Rates:
        """Draw among these references: rates in percent, shape (runs, resamples)."""
        return resampled_rates(edits[:, numbers], characters[numbers], resamples, rng)

    drawn = draw(everything)
    group_intervals: list[list[tuple[float, float]]] = []
    means = np.zeros((len(heard), resamples))
    for numbers in members:
        rates = draw(numbers)
        group_intervals.append([interval(of_run) for of_run in rates])
        # Draw by draw: what is wanted is the interval of the mean, not the mean of the intervals.
        means += rates / len(members)
    scores: list[RunScore] = []
    for run, each in enumerate(heard):
        total = _over(each, characters, everything, interval(drawn[run]))
        groups = tuple(_over(each, characters, numbers, group_intervals[at][run]) for at, numbers in enumerate(members))
        absent = np.flatnonzero(~each.there).tolist()
        first = scores[0].total.errors.cer if scores else 0.0
        scores.append(
            RunScore(
                name=each.name,
                path=each.texts.path,
                total=total,
                groups=groups,
                mean=mean(group.errors.cer for group in groups) if groups else total.errors.cer,
                mean_interval=interval(means[run]) if groups else total.interval,
                difference=Difference(total.errors.cer - first, interval(drawn[run] - drawn[0])) if run else None,
                missing=Counted(len(absent), tuple(references.ids[at] for at in absent[:5])),
                failed=_failed(each, references) if absent else 0,
                extra=each.join.extra,
                duplicates=each.join.duplicates,
                without_text=each.join.without_text,
                by_ends=each.join.by_ends,
            )
        )
    return tuple(scores)


def _over(heard: _Heard, characters: Counts, numbers: npt.NDArray[np.int64], ends: tuple[float, float]) -> Score:
    kinds = heard.counts[:, numbers]
    over = characters[numbers]
    substitutions, deletions, insertions = kinds.sum(axis=1, dtype=np.int64).tolist()
    own_rates = 100 * kinds.sum(axis=0) / np.maximum(over, 1)
    return Score(
        Errors(substitutions, deletions, insertions, int(over.sum())), len(numbers), float(own_rates.mean()), ends
    )


def _failed(heard: _Heard, references: References) -> int:
    numbers = {references.position(id_) for id_ in heard.texts.failed()} - {None}
    return sum(1 for number in numbers if number is not None and not heard.there[number])
