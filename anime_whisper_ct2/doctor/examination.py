"""Everything that a run needs, examined one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from anime_whisper_ct2.doctor.check import Check
from anime_whisper_ct2.doctor.engine import check_ctranslate2, check_engine, check_model, default_folder
from anime_whisper_ct2.doctor.gpu import (
    Hardware,
    check_cublas,
    check_driver,
    check_gpus,
    check_kernel_cache,
    gpu_name,
    look,
)
from anime_whisper_ct2.doctor.machine import check_disk, check_packages, check_python
from anime_whisper_ct2.doctor.sound import FORMATS, Format, check_format, check_resampler
from anime_whisper_ct2.doctor.trial import Build, Trial, build, transcribe_clip
from anime_whisper_ct2.engine import cuda
from anime_whisper_ct2.errors import Awct2Error
from anime_whisper_ct2.model_dir import ModelDir, cache_root
from anime_whisper_ct2.models import resolve_model
from anime_whisper_ct2.options import Device

_UNEXPECTED = "install anime-whisper-ct2 again, and report this line if it stays"


@dataclass(frozen=True, slots=True)
class Probes:
    """Where the answers come from; a test puts its own in place."""

    look: Callable[[], Hardware] = look
    load_cublas: Callable[[], cuda.Cublas] = cuda.load_cublas
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    packages: Callable[[], Check] = check_packages
    formats: tuple[Format, ...] = FORMATS
    resolve: Callable[[str], ModelDir] = resolve_model
    build: Callable[[], Build] = build
    transcribe_clip: Callable[[ModelDir, Device, int], Trial] = transcribe_clip


def examine(model: str | None = None, probes: Probes | None = None) -> Iterator[Check]:
    """Examine one thing after the other, giving each result as it is found; a check that breaks is a failed one.

    `model`: as for `awct2 run`, made ready as there; None: the default one, if it is in the cache.
    """
    probes = probes or Probes()
    yield from _guarded("Python", check_python)
    yield from _guarded("packages", probes.packages)
    # What the later checks go by where the driver cannot even be asked.
    hardware = Hardware(cuda.Driver(problem="not examined"), ())
    try:
        hardware = probes.look()
    except Exception as error:
        yield _broken("NVIDIA driver", error)
    else:
        yield from _guarded("NVIDIA driver", partial(check_driver, hardware, probes.environ))
    yield from _guarded("GPU", partial(check_gpus, hardware))
    yield from _guarded("cuBLAS 12", lambda: check_cublas(hardware, probes.load_cublas()))
    yield from _guarded("kernel cache", partial(check_kernel_cache, hardware, probes.environ))
    yield from _guarded("CTranslate2", partial(check_ctranslate2, probes.build, hardware))
    for kind in probes.formats:
        yield from _guarded(kind.name, partial(check_format, kind))
    yield from _guarded("resampling", check_resampler)
    yield from _guarded("cache", lambda: check_disk(cache_root(), default_folder() is not None))
    folder: ModelDir | None = None
    try:
        check, folder = check_model(model, probes.resolve)
        yield check
    except Exception as error:
        yield _broken("model", error)
    # The CPU as well where there are GPUs: it is what is left when they fail.
    devices: list[tuple[str, Device, int]] = [("engine on the CPU", "cpu", 0)]
    devices += [(f"engine on {gpu_name(gpu)}", "cuda", gpu.index) for gpu in hardware.gpus]
    for name, device, index in devices:
        yield from _guarded(name, partial(check_engine, name, probes.transcribe_clip, folder, device, index))


def passed(checks: Iterable[Check]) -> bool:
    """Tell whether nothing failed: warnings and skipped checks are no failures."""
    return all(check.state != "failed" for check in checks)


def _guarded(name: str, check: Callable[[], Check | Iterable[Check]]) -> Iterator[Check]:
    try:
        found = check()
        yield from (found,) if isinstance(found, Check) else found
    except Exception as error:
        yield _broken(name, error)


def _broken(name: str, error: Exception) -> Check:
    what = str(error) if isinstance(error, Awct2Error) else f"{type(error).__name__}: {error}"
    return Check(name, "failed", what, _UNEXPECTED)
