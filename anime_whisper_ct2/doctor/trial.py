"""What is asked of CTranslate2, each in a process of its own, which a crash ends and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TypeVar, cast

from anime_whisper_ct2.engine import cuda
from anime_whisper_ct2.engine.pinning import pinned
from anime_whisper_ct2.engine.preparing import prepare
from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.executors.process import Child
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.options import DecodingOptions, Device, EngineOptions
from anime_whisper_ct2.system import waiting
from anime_whisper_ct2.system.processes import cause_of_death

T = TypeVar("T")

_CHILD = "anime_whisper_ct2.doctor.child"
# A GPU newer than CTranslate2 compiles all kernels first, and a small CPU takes its time over a large model.
_PATIENCE_S = 900.0


@dataclass(frozen=True, slots=True)
class Build:
    """What CTranslate2 can do here: compute types on the CPU, and how many GPUs it sees."""

    version: str
    cpu_types: tuple[str, ...]
    gpus: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One clip through the engine: seconds to load the model, seconds for the clip; which library encoded."""

    load_s: float
    clip_s: float
    compute_type: str
    encoder: str


def apart(call: Callable[[], T], patience_s: float = _PATIENCE_S, env: Mapping[str, str] = MappingProxyType({})) -> T:
    """Make a call in a process of its own, with `env` in its environment; call and result must be picklable.

    Raises EngineError with what it raised, or with how the process died.
    """
    child = Child(_CHILD, {"CT2_VERBOSE": "-1", **env})  # warnings would stand between the lines of the report
    timed_out = threading.Event()

    def give_up() -> None:
        """End the wait: the process is killed, and `receive` finds its pipe ended."""
        timed_out.set()
        child.kill()

    late = threading.Timer(patience_s, give_up)
    late.daemon = True
    late.start()
    try:
        child.send(call)
        succeeded, answer = waiting.apart(child.receive)
    except (EOFError, OSError):
        status = child.close()
        waited = f"no answer within {patience_s:.0f} s"
        raise EngineError(waited if timed_out.is_set() else f"the process died: {cause_of_death(status)}") from None
    finally:
        late.cancel()
        child.kill()  # after Ctrl-C it may still be at work
        child.close()
    if not succeeded:
        raise EngineError(answer)
    return cast(T, answer)


def build() -> Build:
    """Ask CTranslate2 what it can do here. Raises EngineError when it does not even load."""
    return apart(_build)


def transcribe_clip(model: ModelDir, device: Device, gpu: int) -> Trial:
    """Send one clip of built-in sound through the engine. Raises EngineError."""
    # It sees its own GPU alone, as in a run. A batch size is given, since to measure one takes longer than a clip.
    options, env = pinned(EngineOptions(device=device, gpus=(gpu,), batch_size=1), len(cuda.gpus()))
    return apart(partial(_transcribe_clip, model, options), env=env)


def _build() -> Build:
    import ctranslate2  # noqa: PLC0415 - in the child alone

    types = sorted(ctranslate2.get_supported_compute_types("cpu"))
    return Build(ctranslate2.__version__, tuple(types), ctranslate2.get_cuda_device_count())


def _transcribe_clip(model: ModelDir, options: EngineOptions) -> Trial:
    prepare(options.device)
    from anime_whisper_ct2.doctor.sound import TONE_S, tone  # noqa: PLC0415 - in the child alone
    from anime_whisper_ct2.engine.whisper import CTranslate2Engine  # noqa: PLC0415
    from anime_whisper_ct2.features.mel import SAMPLE_RATE, WINDOW_FRAMES, log_mel  # noqa: PLC0415
    from anime_whisper_ct2.records import Batch, Window  # noqa: PLC0415
    from anime_whisper_ct2.text.quality import OVERFLOW  # noqa: PLC0415

    start = time.monotonic()
    engine = CTranslate2Engine(model, options, DecodingOptions())
    loaded = time.monotonic()
    try:
        mel = log_mel(tone(SAMPLE_RATE), engine.n_mels, engine.feature_dtype)
        batch = Batch((Window(key=0, number=0, start_s=0.0, end_s=TONE_S, mel=mel),), WINDOW_FRAMES)
        (decoded,) = waiting.result_of(engine.submit(batch))
        done = time.monotonic()
        compute_type, encoder = (engine.description[key] for key in ("compute_type", "encoder"))
    finally:
        engine.close()
    if OVERFLOW in decoded.flags:
        raise EngineError(f"numbers overflow in {compute_type}; try --compute-type float32")
    return Trial(loaded - start, done - loaded, str(compute_type), str(encoder["library"]))
