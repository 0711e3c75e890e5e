"""Texts compared, made alike and doubted, without listening.

`count_errors` gives the `Errors` between a reference and what was heard; `NORMALIZERS` names the ways to write the same
words the same, each a `Normalizer`. `quality` says what looks wrong with a text, and bounds how long one may become.

May import: `errors`, `records`.
"""

from anime_whisper_ct2.text.cer import Errors, count_errors
from anime_whisper_ct2.text.normalize import NORMALIZERS, Normalizer

__all__ = ["NORMALIZERS", "Errors", "Normalizer", "count_errors"]
