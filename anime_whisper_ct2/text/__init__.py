"""Texts compared and made alike, without listening."""

from anime_whisper_ct2.text.cer import Errors, count_errors
from anime_whisper_ct2.text.normalize import NORMALIZERS, Normalizer

__all__ = ["NORMALIZERS", "Errors", "Normalizer", "count_errors"]
