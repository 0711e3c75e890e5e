"""The door to CTranslate2: batches of features in, texts and scores out.

`Engine` is what the rest of the house knows. `CTranslate2Engine` (in `whisper`) is the real one, `FakeEngine` (in
`fake`) needs no model and serves tests, here and elsewhere.

`cuda`, `pinning`, `preparing` and `device` settle where the model computes, `capacity` how much at a time, `processor`
what a CPU may use for it; `crew` has the threads. A `recognizer` is a model's way from features to texts: `encoders`
make batches ready for `decoder`, which gives the texts; `alignment`, `pieces` and `words` find out when each word is
spoken. `selfcheck` tries the device at load, with `first_layer` of the model; `stale` tells errors that an earlier call
left behind, and `overflow` has a second model for numbers that are none. To import the package loads no CTranslate2:
its modules do.

May import: `errors`, `features`, `model_dir`, `options`, `records`, `system`, `text`.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    # `cuda` is asked before anything else is loaded, in processes that may die of it: no numpy for that.
    from anime_whisper_ct2.records import Batch, Decoded, FeatureType, Worked

__all__ = ["Engine"]


class Engine(Protocol):
    """Decodes batches, several at a time."""

    @property
    def n_mels(self) -> int:
        """Mel bands that the model wants."""

    @property
    def feature_dtype(self) -> FeatureType:
        """The type in which features should come: float16 where the device computes in 16 bits."""

    def capacity(self, frames: int) -> int:
        """Give how many windows of so many frames go together; fewer after `shrink`."""

    def shrink(self, frames: int, windows: int) -> None:
        """Learn that so many windows of so many frames did not fit the device's memory."""

    @property
    def in_flight(self) -> int:
        """Batches to hand over before waiting for the first of them, so that the device never waits."""

    @property
    def description(self) -> Mapping[str, Any]:
        """What `run.json` says of the engine: the device and the compute type that `auto` and `default` came to."""

    def submit(self, batch: Batch) -> Future[list[Decoded]]:
        """Start on a batch; the result holds one entry for each window, in their order.

        The future raises EngineMemoryError when the batch does not fit, EngineLostError when only a new process can
        reach the device again, and EngineError when device or model fail otherwise: smaller batches are tried then.
        """

    def take_worked(self) -> Worked:
        """Give how long batches were computed, and none was between them, since this was last asked."""

    def close(self) -> None:
        """Finish what the device is computing, drop what waits for it, and let go of the device."""
