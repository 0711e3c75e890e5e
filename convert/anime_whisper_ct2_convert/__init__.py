"""Converts Whisper checkpoints to folders that CTranslate2, faster-whisper and `awct2 run` read, without torch.

convert             a folder or hub id into a folder of your choice, or into the cache
ensure_converted    the same into the cache, once; for programs that want the model and not the conversion
verify              the result against transformers, token by token; the one door here that needs torch
"""

from anime_whisper_ct2_convert.conversion import Conversion, Progress, convert, default_output, ensure_converted
from anime_whisper_ct2_convert.verification import Verification, verify

__all__ = ["Conversion", "Progress", "Verification", "convert", "default_output", "ensure_converted", "verify"]
