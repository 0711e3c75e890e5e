"""Converts Whisper checkpoints to folders that CTranslate2, faster-whisper and `awct2 run` read, without torch.

convert             a folder or hub id into a folder of your choice, or into the cache
convert_opened      the same for a checkpoint that is open, and need not lie on a disk
ensure_converted    the same into the cache, once; for programs that want the model and not the conversion
verify              the result against transformers, token by token; the one door here that needs torch
check_can_verify    whether that is there, before anything is converted
open_checkpoint     a checkpoint's weights, to be read tensor by tensor
write_checkpoint    other weights, in a folder like that of the checkpoint that they are from

`conversion` knows the order of the steps: `source` finds the checkpoint, `tokenizer` and `config` make the small files,
`weights` opens the tensors, `whisper_layout` says which variables they make up, `binary` writes these, `publish` has
the folder appear whole. `rewriting` opens checkpoints and writes others like them, by `safetensors_file`; `averaging`
makes one of several.

Of `anime_whisper_ct2`, it may import `_version`, `errors`, `model_dir` and `system`: the two meet at the converted
folder alone.
"""

from anime_whisper_ct2_convert.conversion import (
    Conversion,
    Progress,
    convert,
    convert_opened,
    default_output,
    ensure_converted,
)
from anime_whisper_ct2_convert.rewriting import OpenCheckpoint, open_checkpoint, write_checkpoint
from anime_whisper_ct2_convert.verification import Verification, check_can_verify, verify

__all__ = [
    "Conversion",
    "OpenCheckpoint",
    "Progress",
    "Verification",
    "check_can_verify",
    "convert",
    "convert_opened",
    "default_output",
    "ensure_converted",
    "open_checkpoint",
    "verify",
    "write_checkpoint",
]
