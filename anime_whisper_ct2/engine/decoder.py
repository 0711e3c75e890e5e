"""From encoded batches to texts and scores: CTranslate2's decoder, and what to make of what it says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from faster_whisper.tokenizer import Tokenizer

from anime_whisper_ct2.engine.encoders import Encoded
from anime_whisper_ct2.options import DecodingOptions
from anime_whisper_ct2.records import Batch, Decoded, Window
from anime_whisper_ct2.text.quality import OVERFLOW, token_cap

# So many cost next to nothing.
_FEW_SUPPRESSED = 4
# The score of a window without a text because its numbers overflowed. No text is less probable: where none of a
# vocabulary's scores is a number, CTranslate2 takes the lowest float for one, -65504 at best, and token 0 for the text.
_NO_LOGPROB = -99.0
_LOST = Decoded("", (), avg_logprob=_NO_LOGPROB, no_speech_prob=0.0, flags=(OVERFLOW,))


class Decoder:
    """Decodes encoded batches with one model. `prompt` holds the token ids that every text begins with.

    `model`: `ctranslate2.models.Whisper`; `config`: its folder's `config.json`.
    """

    def __init__(self, model: Any, tokenizer: Tokenizer, config: Mapping[str, Any], decoding: DecodingOptions) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._decoding = decoding
        self.prompt: list[int] = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        # Given with every batch: CTranslate2 would read them anew for each.
        self._suppress = [int(token) for token in config.get("suppress_ids") or []]

    def __call__(self, encoded: Encoded, batch: Batch) -> list[Decoded]:
        """Give each window's text, in their order; none, and the flag `overflow`, where the scores are no numbers.

        Raises RuntimeError and ValueError as CTranslate2 does.
        """
        cap = token_cap(max(window.end_s - window.start_s for window in batch.windows))
        results = self._generate(encoded, cap, self._decoding.at(batch.step))
        return [self._read(result, window) for result, window in zip(results, batch.windows, strict=True)]

    def _generate(self, encoded: Encoded, cap: int, decoding: DecodingOptions) -> list[Any]:
        """Decode a batch, with the suppressed tokens never in it.

        CTranslate2 spends time on them that grows with the square of list and batch, at every step, on the CPU
        (CTranslate2#1923). A greedy text in which none of them was ever the likeliest is the same with and without the
        list, so the list is used only for the few texts that came out with one.
        """
        if decoding.beam_size > 1 or len(self._suppress) <= _FEW_SUPPRESSED:
            return self._generate_with(encoded.source, cap, decoding, self._suppress)
        results = self._generate_with(encoded.source, cap, decoding, [])
        never = set(self._suppress)
        wrong = [at for at, result in enumerate(results) if not never.isdisjoint(result.sequences_ids[0])]
        if wrong:
            again = self._generate_with(encoded.rows(wrong), cap, decoding, self._suppress)
            for at, result in zip(wrong, again, strict=True):
                results[at] = result
        return results

    def _generate_with(self, source: Any, cap: int, decoding: DecodingOptions, suppress: list[int]) -> list[Any]:
        return list(
            self._model.generate(
                source,
                [self.prompt] * source.shape[0],
                beam_size=decoding.beam_size,
                no_repeat_ngram_size=decoding.no_repeat_ngram_size,
                # CTranslate2 takes half of this for new tokens, as Whisper's own decoder did.
                max_length=2 * cap,
                return_scores=True,
                return_no_speech_prob=True,
                suppress_blank=True,
                suppress_tokens=suppress,
            )
        )

    def _read(self, result: Any, window: Window) -> Decoded:
        # The batch had the limit of its longest window; each has its own, so that no text depends on its company.
        cap = token_cap(window.end_s - window.start_s)
        tokens = tuple(result.sequences_ids[0])
        score, no_speech_prob = float(result.scores[0]), float(result.no_speech_prob)
        if not (math.isfinite(score) and score > _NO_LOGPROB and math.isfinite(no_speech_prob)):
            return _LOST
        # The score is the sum over the length, without the end token that is part of the sum.
        mean = score * len(tokens) / (len(tokens) + 1)
        tokens = tokens[:cap]
        return Decoded(
            text=self._tokenizer.decode(tokens).strip(),
            tokens=tokens,
            avg_logprob=mean,
            no_speech_prob=no_speech_prob,
            capped=len(tokens) >= cap,
        )
