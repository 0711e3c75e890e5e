"""Word times of a decoded batch, from CTranslate2's alignment of its tokens with the sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from faster_whisper.tokenizer import Tokenizer

from anime_whisper_ct2.engine.device import kind_of_error
from anime_whisper_ct2.engine.pieces import UNSPACED, words_of
from anime_whisper_ct2.engine.stale import called_again
from anime_whisper_ct2.engine.words import sounding, stretches
from anime_whisper_ct2.errors import EngineMemoryError
from anime_whisper_ct2.features.mel import FRAMES_PER_S
from anime_whisper_ct2.records import Batch, Decoded, Window, Word
from anime_whisper_ct2.text.quality import NO_WORDS

# The encoder's positions, in mel frames.
_STEP = 2
# The median filter, 7 positions wide, needs more of them than half of that.
_LEAST_FRAMES = 16


class Aligner:
    """Gives decoded windows their words, a batch at a time; the heads are those of the model's `config.json`.

    `start`: the token ids that a text begins with, without the one that forbids timestamps. `again`: how often a call
    is made again that fails by what may be an earlier one's fault.
    """

    def __init__(self, model: Any, tokenizer: Tokenizer, start: Sequence[int], again: int = 0) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._start = list(start)
        self._again = again
        self._spaced = tokenizer.language_code not in UNSPACED

    def __call__(self, source: Any, batch: Batch, decoded: Sequence[Decoded]) -> list[Decoded]:
        """Add the words to each text; an empty one has none. Word times are seconds from the window's start.

        A text whose words cannot be had stands, and has the flag `no_words`: after any failure, that of a lost device
        too, which the next batch tells of. `source`: the batch's mel or encoder output as CTranslate2 holds it. Raises
        what CTranslate2 raises where memory is short for several windows: fewer may go.
        """
        # Whisper's special tokens begin with the end of the text, and none of them is spoken.
        tokens = [[token for token in one.tokens if token < self._tokenizer.eot] for one in decoded]
        if not any(one.text for one in decoded):
            return list(decoded)
        found = self._found(source, tokens, _frames_of(batch, tokens))
        return [
            self._with_words(window, one, ids, result) if one.text else one
            for window, one, ids, result in zip(batch.windows, decoded, tokens, found, strict=True)
        ]

    def _found(self, source: Any, tokens: list[list[int]], frames: list[int]) -> list[Any | None]:
        """Align a batch; None for each window where that fails, as on some GPUs (CTranslate2#2064)."""
        nothing: list[Any | None] = [None] * len(tokens)
        try:
            found = called_again(lambda: self._model.align(source, self._start, tokens, frames), self._again)
        except (RuntimeError, ValueError, MemoryError) as error:
            short = isinstance(error, MemoryError) or kind_of_error(str(error)) is EngineMemoryError
            if short and len(tokens) > 1:
                raise
            return nothing
        return list(found) if len(found) == len(tokens) else nothing

    def _with_words(self, window: Window, one: Decoded, tokens: list[int], result: Any | None) -> Decoded:
        words = None if result is None else self._words(window, tokens, result)
        return replace(one, flags=(*one.flags, NO_WORDS)) if words is None else replace(one, words=words)

    def _words(self, window: Window, tokens: list[int], result: Any) -> tuple[Word, ...] | None:
        """Give a text's words; None where the alignment is not one of these tokens, or holds what is no number."""
        sound = sounding(window.mel.values)
        starts = _starts(result.alignments, len(sound))
        probabilities = np.asarray(result.text_token_probs, np.float64)
        if len(starts) <= len(tokens) or len(probabilities) < len(tokens) or not np.isfinite(probabilities).all():
            return None
        spelled = [self._tokenizer.tokenizer.id_to_token(token) for token in tokens]
        pieces = words_of(spelled, spaced=self._spaced)
        length_s = window.end_s - window.start_s
        return tuple(
            Word(
                # The last frame can reach some milliseconds beyond the window.
                start=min(start / FRAMES_PER_S, length_s),
                end=min(end / FRAMES_PER_S, length_s),
                text=piece.text,
                probability=float(probabilities[piece.first : piece.end].mean()),
            )
            for piece, (start, end) in zip(pieces, stretches(pieces, starts, sound), strict=True)
        )


def _frames_of(batch: Batch, tokens: Sequence[Sequence[int]]) -> list[int]:
    """Give how many frames of each window are real; no word lies behind them."""
    frames = [min(batch.frames, max(_LEAST_FRAMES, window.mel.values.shape[1])) for window in batch.windows]
    if len({number // _STEP for number in frames}) == 1 and len({len(one) for one in tokens}) > 1:
        # CTranslate2 takes the padding behind shorter texts for text where all have the same number of frames, and
        # only there: one that is a position shorter keeps every text's times its own.
        frames[-1] -= _STEP
    return frames


def _starts(path: Sequence[tuple[int, int]], frames: int) -> list[int]:
    """Give the frame at which each token begins, and behind them the last one's end; none is above `frames`.

    `path`: (token, position) pairs in order, where the token behind the last is the end of the text.
    """
    starts: list[int] = []
    for token, position in path:
        if token == len(starts):
            starts.append(min(_STEP * position, frames))
    return starts
