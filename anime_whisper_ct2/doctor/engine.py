"""CTranslate2, the model folder, and one clip through both."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from anime_whisper_ct2.doctor.check import Check
from anime_whisper_ct2.doctor.gpu import CUBLAS_REMEDY, Hardware
from anime_whisper_ct2.doctor.trial import Build, Trial
from anime_whisper_ct2.errors import Awct2Error, EngineError, ModelError, ModelFolderError, ModelNotFoundError, counted
from anime_whisper_ct2.model_dir import (
    DEFAULT_QUANTIZATION,
    ModelDir,
    cached_conversion_path,
    is_converted,
    open_model_dir,
)
from anime_whisper_ct2.options import DEFAULT_MODEL, Device
from anime_whisper_ct2.system.commands import command_line

# As setup.cfg asks for.
OLDEST, BELOW = (4, 8), (5,)
_REINSTALL = f'pip install --force-reinstall "ctranslate2>={OLDEST[0]}.{OLDEST[1]},<{BELOW[0]}"'
# The parts of what the engine says, and what mends each.
_REMEDIES = (
    ("libcublas|cublas64|cuBLAS|CUBLAS", CUBLAS_REMEDY),
    ("SIGKILL|0xC0000017", "free some memory (the system ended it), or convert with --quantization int8"),
    ("out of memory|CUDA_ERROR_OUT_OF_MEMORY", "free some memory (nvidia-smi names who holds a GPU's)"),
    ("no CUDA device", "see CTranslate2 above: it does not see this GPU"),
    ("kernel image|PTX|driver", "install the newest NVIDIA driver"),
    ("knows no language", "name a Japanese model with --model"),
)
# What the engine says where its numbers are wrong: what it saw, and what to do.
_UNTRUSTED = re.compile(r"^(.*(?:cannot be trusted|numbers overflow).*?); (.*?)(?:; awct2 doctor says more)?$")
_NAME_ONE = "name a converted folder, a checkpoint's folder or a hub id with --model"
# The errors of a folder end in what mends it, as a command where there is one.
_ADVICE = re.compile(r"^(.*?); (?:(?:repair it|make one) with: )?(.*)$", re.DOTALL)


def check_ctranslate2(ask: Callable[[], Build], hardware: Hardware) -> Check:
    """Load CTranslate2, and see whether its version fits and it sees the GPUs that the driver sees."""
    try:
        build = ask()
    except EngineError as error:
        return Check("CTranslate2", "failed", f"cannot be loaded: {error}", _REINSTALL)
    found = f"{build.version}; CPU: {', '.join(build.cpu_types)}"
    release = tuple(int(part) for part in re.findall(r"\d+", build.version)[:2])
    if not OLDEST <= release < BELOW:
        return Check("CTranslate2", "failed", found, _REINSTALL)
    if build.gpus < len(hardware.gpus):
        found += (
            f"; it sees {build.gpus} of {counted(len(hardware.gpus), 'GPU')}, so it was built without CUDA or cannot "
        )
        found += "start it"
        remedy = (
            "install its wheel for x86-64 Linux or Windows, or build it with -DWITH_CUDA=ON; see what nvidia-smi says"
        )
        # An unusable driver hides GPUs too, and is reported in its own line; the CPU serves all the same.
        return Check("CTranslate2", "failed" if not hardware.driver.problem else "warning", found, remedy)
    return Check("CTranslate2", "ok", found)


def check_model(name: str | None, resolve: Callable[[str], ModelDir]) -> tuple[Check, ModelDir | None]:
    """Check a model's folder; without a name, the default model's in the cache, and nothing is fetched."""
    try:
        if name is not None:
            model = resolve(name)
        elif (folder := default_folder()) is not None:
            model = open_model_dir(folder)
        else:
            return Check("model", "skipped", f"{DEFAULT_MODEL} is not converted yet", "awct2 convert"), None
    except ModelError as error:
        advice = _ADVICE.match(str(error)) if isinstance(error, ModelFolderError) else None
        convert = command_line("awct2", "convert", name or DEFAULT_MODEL)
        otherwise = _NAME_ONE if isinstance(error, ModelNotFoundError) else convert
        found, remedy = advice.groups() if advice else (str(error), otherwise)
        return Check("model", "failed", found, remedy), None
    shape = model.shape
    kind = model.awct2.get("quantization", "another converter's")
    layers = counted(shape.decoder_layers, "decoder layer")
    found = f"{model.path}: {kind}, {shape.n_mels} mel bands, {shape.n_vocab} tokens, {layers}"
    return Check("model", "ok", found), model


def default_folder() -> Path | None:
    """Give the folder that a run without `--model` would use, if it is there."""
    here = Path(DEFAULT_MODEL)
    cached = cached_conversion_path(DEFAULT_MODEL, None, DEFAULT_QUANTIZATION)
    return next((folder for folder in (here, cached) if is_converted(folder)), None)


def check_engine(
    name: str, ask: Callable[[ModelDir, Device, int], Trial], model: ModelDir | None, device: Device, gpu: int = 0
) -> Check:
    """Send one clip through the engine on a device."""
    if model is None:
        return Check(name, "skipped", "there is no model to try it with")
    try:
        trial = ask(model, device, gpu)
    except Awct2Error as error:
        message = str(error)
        if untrusted := _UNTRUSTED.match(message):
            return Check(name, "failed", *untrusted.groups())
        # The first that fits; what none fits is taken for a damaged installation.
        remedy = next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, message)), _REINSTALL)
        return Check(name, "failed", message, remedy)
    took = f"the model loads in {trial.load_s:.1f} s, a 30 s window takes {trial.clip_s:.2f} s"
    return Check(name, "ok", f"{trial.compute_type}, {trial.encoder} encodes; {took}")
