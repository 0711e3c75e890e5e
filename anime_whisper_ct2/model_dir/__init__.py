"""The converted folder: what it holds, where it is kept, and whether it is safe to run.

The converter writes this format and the engine reads it; neither knows the other. Checking one loads no weight: the
shape of the network is read from the names and dimensions in `model.bin`, so folders made by other converters are
checked just as well as our own, and run as they come.

`names` says what the files are called, `cache` where conversions are kept. `variables` finds what `model.bin` holds,
`shape` reads the network's dimensions off it, `opening` checks a folder, `faults` says what to do about one that is not
sound, and `mistaken` what to name instead of what is no model.

May import: `errors`, `system`.
"""

from anime_whisper_ct2.model_dir.cache import cache_root, cached_conversion_path
from anime_whisper_ct2.model_dir.names import (
    AWCT2,
    CONFIG,
    DEFAULT_QUANTIZATION,
    MODEL_BIN,
    MODEL_FILES,
    PREPROCESSOR,
    QUANTIZATIONS,
    REQUIRED_TOKENS,
    TOKENIZER,
    VOCABULARY,
    VOCABULARY_TEXT,
    is_checkpoint,
    is_converted,
)
from anime_whisper_ct2.model_dir.opening import ModelDir, open_model_dir
from anime_whisper_ct2.model_dir.shape import ModelShape

__all__ = [
    "AWCT2",
    "CONFIG",
    "DEFAULT_QUANTIZATION",
    "MODEL_BIN",
    "MODEL_FILES",
    "PREPROCESSOR",
    "QUANTIZATIONS",
    "REQUIRED_TOKENS",
    "TOKENIZER",
    "VOCABULARY",
    "VOCABULARY_TEXT",
    "ModelDir",
    "ModelShape",
    "cache_root",
    "cached_conversion_path",
    "is_checkpoint",
    "is_converted",
    "open_model_dir",
]
