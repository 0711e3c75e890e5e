"""Whether checkpoints are of one model, so that their average means something: tensors, network and vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2_convert.rewriting import OpenCheckpoint
from anime_whisper_ct2_convert.whisper_layout import WhisperShape

# Types may differ: the average is computed in one that holds them all.
_FREE = "dtype"
_ONE_MODEL = "only checkpoints of one model can be averaged"


def check_one_model(names: Sequence[str], checkpoints: Sequence[OpenCheckpoint]) -> None:
    """Hold each checkpoint against the first: names and shapes of the tensors, and what config.json makes of them.

    Raises CheckpointError, which names what differs, and in which two.
    """
    for name, checkpoint in zip(names[1:], checkpoints[1:], strict=True):
        _check_tensors(names[0], checkpoints[0], name, checkpoint)
        for field in fields(WhisperShape):
            one, other = getattr(checkpoints[0].shape, field.name), getattr(checkpoint.shape, field.name)
            if one != other and field.name != _FREE:
                # Heads are in no tensor's shape: such weights fit, and mean something else.
                where = f"{one} in the config.json of {names[0]} and {other} in that of {name}"
                raise CheckpointError(f"{field.name} is {where}; {_ONE_MODEL}")


def check_one_vocabulary(name: str, ids: Mapping[str, int], other: str, others: Mapping[str, int]) -> None:
    """Hold the ids of one tokenizer's tokens against another's.

    Raises CheckpointError, which names the first token that differs, with both ids.
    """
    if ids == others:
        return
    tokens = sorted({**others, **ids}.items(), key=lambda item: (item[1], item[0]))
    token = next(token for token, _ in tokens if ids.get(token) != others.get(token))
    one, two = (f"has id {each[token]} in" if token in each else "is no token of" for each in (ids, others))
    raise CheckpointError(
        f"{token!r} {one} {name} and {two} {other}; only checkpoints of one vocabulary can be averaged"
    )


def _check_tensors(one: str, first: OpenCheckpoint, other: str, second: OpenCheckpoint) -> None:
    for tensor in sorted(first.tensors.keys() | second.tensors.keys()):
        if tensor not in second.tensors:
            raise CheckpointError(f"{tensor} is in {one} and not in {other}; {_ONE_MODEL}")
        if tensor not in first.tensors:
            raise CheckpointError(f"{tensor} is in {other} and not in {one}; {_ONE_MODEL}")
        if first.tensors[tensor].shape != second.tensors[tensor].shape:
            shapes = [list(checkpoint.tensors[tensor].shape) for checkpoint in (first, second)]
            raise CheckpointError(f"{tensor} has shape {shapes[0]} in {one} and {shapes[1]} in {other}; {_ONE_MODEL}")
