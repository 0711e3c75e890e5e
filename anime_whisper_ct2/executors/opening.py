"""Which executor a run gets: one engine in this process, several beside it, or a cluster's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from uuid import uuid4

from anime_whisper_ct2.engine import Engine, cuda
from anime_whisper_ct2.engine.pinning import pinned
from anime_whisper_ct2.engine.preparing import prepare
from anime_whisper_ct2.executors import Executor
from anime_whisper_ct2.executors.cluster.messages import Rest, Terms
from anime_whisper_ct2.executors.fleet import Fleet
from anime_whisper_ct2.executors.local import LocalExecutor
from anime_whisper_ct2.executors.messages import StationSettings
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.options import EngineOptions, RunOptions
from anime_whisper_ct2.system import waiting
from anime_whisper_ct2.text.doubt import Bounds


@contextmanager
def here(
    model: ModelDir, options: RunOptions, length: WindowLength, open_engine: Callable[[ModelDir, RunOptions], Engine]
) -> Iterator[Executor]:
    """Open one engine in this process, or each in a process of its own: several, and one on a GPU.

    A GPU that has failed serves no more in the process that it failed in, and a driver may take that down altogether.
    """
    parts = options.engine.split()
    if open_engine is not open_whisper or (len(parts) == 1 and not _is_on_gpu(parts[0])):
        engine = open_engine(model, replace(options, engine=parts[0]))
        try:
            bounds = Bounds.of(model.awct2)
            yield LocalExecutor(
                engine, options.decoding, options.frontend, length, options.segment, options.audio, bounds
            )
        finally:
            engine.close()
        return
    # Settled here: inside an engine's process nobody knows how many others share the cores.
    frontend = replace(options.frontend, workers=options.frontend.resolved_workers(len(parts)))
    settings = _settings(model, options, length)
    gpus = len(cuda.gpus()) if any(part.gpus[0] for part in parts) else 0
    seen = [pinned(part, gpus) for part in parts]
    fleet = Fleet([replace(settings, engine=part, env=env, frontend=frontend) for part, env in seen])
    try:
        fleet.open()
        yield fleet
    finally:
        fleet.close()


@contextmanager
def on_cluster(
    model: ModelDir,
    options: RunOptions,
    length: WindowLength,
    place: str,
    rest: Rest,
    corpus: tuple[str, ...],
    note: Callable[[str], None],
) -> Iterator[Executor]:
    """Open engines on a Ray cluster, which write their parts to `place` and must see the paths of `corpus`."""
    from anime_whisper_ct2.executors.cluster import RayExecutor  # noqa: PLC0415 - only for those who want it

    assert options.ray is not None
    # The token tells this run's parts from those that an earlier one has left.
    terms = Terms(_settings(model, options, length), place, uuid4().hex[:12], model.fingerprint, corpus)
    executor = RayExecutor(terms, rest, options.ray, note)
    try:
        executor.open()
        yield executor
    finally:
        executor.close()


def open_whisper(model: ModelDir, options: RunOptions) -> Engine:
    """Load the model on its device; CTranslate2 is imported here and not before."""
    prepare(options.engine.device)
    from anime_whisper_ct2.engine.whisper import CTranslate2Engine  # noqa: PLC0415

    # A large model loads for minutes, and a signal has to be heard meanwhile.
    return waiting.apart(partial(CTranslate2Engine, model, options.engine, options.decoding))


def _is_on_gpu(options: EngineOptions) -> bool:
    from anime_whisper_ct2.engine.device import is_cuda  # noqa: PLC0415 - CTranslate2 is imported by it

    return is_cuda(options)


def _settings(model: ModelDir, options: RunOptions, length: WindowLength) -> StationSettings:
    return StationSettings(
        # Absolute, since on other machines engines start in other folders.
        str(model.path.resolve()),
        options.engine,
        options.decoding,
        options.frontend,
        length,
        segment=options.segment,
        audio=options.audio,
        bounds=Bounds.of(model.awct2),
    )
