"""One model's way from features to texts: encoder, decoder, and the words where they are asked for."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from faster_whisper.tokenizer import Tokenizer

from anime_whisper_ct2.engine.alignment import Aligner
from anime_whisper_ct2.engine.decoder import Decoder
from anime_whisper_ct2.engine.device import kind_of_error
from anime_whisper_ct2.engine.encoders import Encoder
from anime_whisper_ct2.engine.stale import called_again
from anime_whisper_ct2.errors import EngineMemoryError
from anime_whisper_ct2.options import DecodingOptions
from anime_whisper_ct2.records import Batch, Decoded


@dataclass(frozen=True, slots=True)
class Recognizer:
    """Recognizes batches; several threads may ask at once.

    `again`: how often a batch is tried again that fails by what may be an earlier one's fault: the threads of a GPU.
    `make_room`: gives back memory that is kept for later; called where a batch found none.
    """

    encoder: Encoder
    decoder: Decoder
    aligner: Aligner | None
    again: int
    make_room: Callable[[], object]

    def __call__(self, batch: Batch) -> list[Decoded]:
        """Give each window's text, in their order. Raises EngineError, of the kind that the device's words say."""
        try:
            return self._once(batch)
        except EngineMemoryError as error:
            # These frames hold what was computed so far.
            traceback.clear_frames(error.__traceback__)
            if error.__cause__ is not None:
                traceback.clear_frames(error.__cause__.__traceback__)
        # What one library keeps for later, another cannot take; and a batch that is halved is so for good.
        self.make_room()
        return self._once(batch)

    def _once(self, batch: Batch) -> list[Decoded]:
        try:
            return called_again(lambda: self._recognized(batch), self.again)
        except MemoryError as error:
            raise EngineMemoryError(str(error) or "out of memory") from error
        except (RuntimeError, ValueError) as error:
            raise kind_of_error(str(error))(str(error)) from error

    def _recognized(self, batch: Batch) -> list[Decoded]:
        with self.encoder(batch) as encoded:
            decoded = self.decoder(encoded, batch)
            return decoded if self.aligner is None else self.aligner(encoded.source, batch, decoded)


def recognizer(
    model: Any,
    encoder: Encoder,
    tokenizer: Tokenizer,
    config: Mapping[str, Any],
    decoding: DecodingOptions,
    again: int,
    make_room: Callable[[], object],
) -> Recognizer:
    """Put together what decodes with a model, `ctranslate2.models.Whisper`; `config`: its folder's `config.json`."""
    decoder = Decoder(model, tokenizer, config, decoding)
    aligner = Aligner(model, tokenizer, tokenizer.sot_sequence, again) if decoding.words else None
    return Recognizer(encoder, decoder, aligner, again, make_room)
