"""The whole way from checkpoints and a corpus to the average that reads it best.

Each step finds what is done already, by an earlier call or by another process at the same study: features and sums are
in the work folder, trials in the study. The result appears when all is done.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anime_whisper_ct2.errors import EngineError, InputError, counted
from anime_whisper_ct2.evaluation.joining import META
from anime_whisper_ct2.executors.frontend import FeatureSettings
from anime_whisper_ct2.models import open_series, short_names, write_average
from anime_whisper_ct2.options import AUDIO, SEGMENT, AudioOptions
from anime_whisper_ct2.output.places import writing
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.search.candidates import Space
from anime_whisper_ct2.search.company import Company, holding
from anime_whisper_ct2.search.heard import Heard, Listed, are_alike, heard, listed
from anime_whisper_ct2.search.measuring import compared, measure
from anime_whisper_ct2.search.options import SearchOptions
from anime_whisper_ct2.search.parts import parted
from anime_whisper_ct2.search.place import FEATURES, KIND, Place
from anime_whisper_ct2.search.question import WORDS, placed, question
from anime_whisper_ct2.search.records import Candidate, Search, Trial
from anime_whisper_ct2.search.report import RESULT, from_json, write_report
from anime_whisper_ct2.search.study import Study, opened_study
from anime_whisper_ct2.search.summing import summed
from anime_whisper_ct2.search.telling import Clock, OnAdvance, OnNote, in_bytes, once
from anime_whisper_ct2.search.trials import Trials
from anime_whisper_ct2.search.trying import Trier, recipe_of
from anime_whisper_ct2.system import files, swapping
from anime_whisper_ct2.system.paths import at_home

if TYPE_CHECKING:
    from anime_whisper_ct2.models import FloatType, Series


def search(
    checkpoints: Sequence[str],
    corpus: Corpus,
    references: str,
    out: Path,
    options: SearchOptions | None = None,
    *,
    study: Path | None = None,
    work: Path | None = None,
    overwrite: bool = False,
    tokenizer: str | None = None,
    dtype: FloatType | None = None,
    audio: AudioOptions = AUDIO,
    on_advance: OnAdvance = lambda _advance: None,
    on_note: OnNote = lambda _line: None,
) -> Search:
    """Look for the average of checkpoints, in the order of their training, with the lowest CER on a corpus.

    `references`: the right texts, as `awct2 eval` takes them, or `meta`. `out` becomes a checkpoint, with
    `average.json`, `search.json`, `search.md` and `search.svg`, when all is done. What is known before is in `work`, by
    default a folder beside `out` that goes at the end, and in `study`, a SQLite file, by default in that folder: there
    the same call goes on, and several processes may be at it together. Raises InputError, ModelError, EngineError and
    OutputError; the study is whole then.
    """
    since, options = time.monotonic(), options or SearchOptions()
    if len(checkpoints) < 2:
        raise InputError("a search needs two checkpoints at least; name them, or the folder that holds them")
    place = Place.of(out, work, study)
    read = (*corpus.places, *(() if references == META else (at_home(references),)))
    place.settle()
    place.check(checkpoints, read, overwrite=overwrite)
    recordings = listed(corpus, references, on_note)
    # Too few are found out here, unless some cannot be heard.
    parted([one.id for one in recordings.recordings], options.holdout, options.seed)
    with open_series(checkpoints, tokenizer) as series:
        for line in series.differences:
            on_note(line)
        place.make()
        try:
            with Company(place.study) as company, place.joined() as crew:
                # Another process may have finished the same search meanwhile, and taken the folder along.
                place.make()
                place.check(checkpoints, read, overwrite=overwrite)
                place.clear_models(crew)
                trier = Trier(series, place.models / crew.token, options, audio, dtype, once(on_note))
                setting = _Setting(place, crew, company, series, trier, recordings, on_advance, on_note)
                named = ("--tokenizer", placed(tokenizer)) if tokenizer else ()
                told = [*named, *(("--dtype", dtype) if dtype else ())]
                found = _Course(setting, since, told, lambda: place.check_out(overwrite=overwrite)).run()
                place.leave(crew, company)
        finally:
            place.tidy()
    return found


@dataclass(frozen=True, slots=True)
class _Setting:
    """What all steps of a search have in common. `crew`: who is at work in the work folder; `company`: at the study."""

    place: Place
    crew: Company
    company: Company
    series: Series
    trier: Trier
    recordings: Listed
    on_advance: OnAdvance
    on_note: OnNote


class _Course:
    """One call of a search, step by step. `told`: options of the command that makes the best again."""

    def __init__(self, setting: _Setting, since: float, told: Sequence[str], check_out: Callable[[], None]) -> None:
        self._setting, self._since, self._told, self._check_out = setting, since, told, check_out
        self._options = setting.trier.options
        self._names = tuple(setting.series.names)
        self._sources = tuple(map(placed, self._names))
        self._space = Space(len(self._names), self._options.strategy, self._options.groups)
        self._before = self._result()
        self._identities = setting.series.identities(in_bytes("hashing", setting.on_advance))

    def run(self) -> Search:
        """Go all the way; where another process has gone the last part of it, give what that has found."""
        setting, options = self._setting, self._options
        self._check_groups()
        about = question(setting.trier, setting.recordings, self._space, self._identities)
        with opened_study(setting.place.study, about, WORDS, self._space, options.seed, setting.company) as study:
            resumed, planned = len(study.trials()), study.planned(options.trials)
            if resumed:
                done = f"{resumed:,} of" if resumed < planned else "All"
                setting.on_note(f"{done} {counted(max(resumed, planned), 'trial')} are done already")
            try:
                ready = self._hear(study)
                place, crew, trier = setting.place, setting.crew, setting.trier
                with summed(place, crew, trier, self._identities, setting.on_advance, setting.on_note) as sums:
                    Trials(study, trier, ready, sums, setting.on_advance, setting.on_note)()
                self._note_all_known(study)
                waiting = "Another process writes the result; waiting for it"
                with setting.company.ending(lambda: setting.on_note(waiting)):
                    trials = study.trials()
                    return self._made_by_another(trials) or self._end(trials, ready, resumed)
            except EngineError as error:
                raise type(error)(f"{error}; what is finished is kept, and the same command goes on") from error
            finally:
                files.clear_away(setting.trier.folder)

    def _check_groups(self) -> None:
        """Refuse a group that no tensor is of, before anything is heard."""
        if self._options.groups:
            alike = tuple((pattern, (1 / self._space.count,) * self._space.count) for pattern in self._space.patterns)
            try:
                self._setting.series.blend(recipe_of(Candidate(weights=alike), self._space.count))
            except InputError as error:
                raise InputError(str(error).replace("--layers", "--group")) from error

    def _hear(self, study: Study) -> Heard:
        """Have the features there that the engine wants: which ones, it says when it is open."""
        setting, recordings = self._setting, self._setting.recordings
        with setting.trier.listening(self._space.singles[-1]) as listener:
            half = listener.engine.feature_dtype is np.float16
            settings = FeatureSettings(listener.engine.n_mels, half, SEGMENT, setting.trier.audio)
            self._check_type(study, str(listener.engine.description.get("compute_type")))
        total, clock = len(recordings.recordings), Clock("listening", setting.on_advance)
        # Other audio of the same names has other features: a study that refuses it keeps its own.
        folder = setting.place.work / f"{FEATURES}{np.dtype(settings.dtype).name}-{recordings.stamped[:12]}"
        with holding(setting.place.work, lambda: setting.on_note("Another process hears the corpus; waiting for it")):
            was_there = folder.exists()
            try:
                ready = heard(
                    folder, recordings, settings, self._options, lambda count: clock(count, total), setting.on_note
                )
                if not are_alike(study.remember("sounds", ready.sounds), ready.sounds):
                    raise InputError(
                        f"{study.path}: is of other recordings of these names; go on with those, or name another file "
                        "with --study"
                    )
            except InputError:
                if not was_there:
                    files.clear_away(folder)
                raise
        return ready

    def _check_type(self, study: Study, computed: str) -> None:
        """Refuse a device that computes otherwise than that of the trials before, whatever was asked for."""
        known = study.remember("compute_type", computed)
        if known != computed:
            raise InputError(
                f"{study.path}: its trials were computed in {known}, and here it would be {computed}; choose that with "
                "--device and --compute-type, or name another file with --study"
            )

    def _note_all_known(self, study: Study) -> None:
        size, planned = self._space.size, study.planned(self._options.trials)
        if size is not None and planned < len(self._space.singles) + 1 + self._options.trials:
            self._setting.on_note(f"All {size:,} ranges are known: --trials {self._options.trials:,} asks for more")

    def _result(self) -> bytes | None:
        """Read the report of what is in the place of the result."""
        try:
            return (self._setting.place.out / RESULT).read_bytes()
        except OSError:
            return None

    def _made_by_another(self, trials: tuple[Trial, ...]) -> Search | None:
        """Give the result, where another process at this study has put it into its place since this one began."""
        content = self._result()
        if content is None or content == self._before:
            return None
        try:
            found = from_json(json.loads(content))
        except (ValueError, KeyError, TypeError):
            return None
        return found if (found.trials, found.sources) == (trials, self._sources) else None

    def _end(self, trials: tuple[Trial, ...], ready: Heard, resumed: int) -> Search:
        """Hear what was held out, and have the best one take its place."""
        setting, space = self._setting, self._space
        self._check_out()
        roles = compared(trials, space.count)
        held, margins = measure(setting.trier, ready, roles, setting.on_advance)
        tried = [number for part in ready.parts.tried for number in part]
        found = Search(
            names=short_names(self._names),
            sources=self._sources,
            options=self._options,
            recordings=len(tried),
            characters=ready.scorer.characters_of(tried),
            parts=len(ready.parts.tried),
            held_out=len(ready.parts.held_out),
            held_out_characters=ready.scorer.characters_of(ready.parts.held_out),
            trials=trials,
            best=roles["best"].number,
            held=held,
            margins=margins,
            seconds=round(time.monotonic() - self._since, 1),
            resumed=resumed,
        )
        self._write(found, roles["best"].candidate)
        return found

    def _write(self, found: Search, best: Candidate) -> None:
        setting, out = self._setting, self._setting.place.out
        with writing(out), swapping.replacing(out, KIND) as staging:
            write_average(
                staging,
                setting.series,
                recipe_of(best, self._space.count),
                dtype=setting.trier.dtype,
                progress=in_bytes("averaging", setting.on_advance),
                shown=out,
            )
            if warning := write_report(found, staging, *self._told):
                setting.on_note(warning)
            # Hours may have gone by.
            self._check_out()
            setting.place.about_to_appear(staging)
