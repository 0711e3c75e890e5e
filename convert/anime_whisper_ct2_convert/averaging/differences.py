"""What differs between the text files of checkpoints, in sentences: those of the last one become the average's."""

from __future__ import annotations

from collections.abc import Sequence

from anime_whisper_ct2_convert.source import Checkpoint

# What tells nothing of the model: where it came from, who wrote it, and the type, which is chosen.
_IGNORED = {
    *("_name_or_path", "_commit_hash", "_attn_implementation_autoset", "transformers_version"),
    *("dtype", "torch_dtype"),
}
# Files that a model is poorer without, wherever its tokenizer comes from.
_OWN = ("config.json", "generation_config.json")
# Tokens themselves are compared by their ids.
_COMPARED = (*_OWN, "preprocessor_config.json", "processor_config.json", "tokenizer_config.json", "normalizer.json")
_MOST = 3  # names that a sentence lists


def differences_from(last: int, names: Sequence[str], checkpoints: Sequence[Checkpoint]) -> tuple[str, ...]:
    """Say which settings of the last checkpoint others have otherwise, few sentences however many there are.

    `names`: what to call them. Raises CheckpointError for a file that is no JSON.
    """
    sentences: list[str] = []
    for file in _COMPARED:
        contents = [checkpoint.json(file) for checkpoint in checkpoints]
        kept = contents[last]
        there = [name for name, content in zip(names, contents, strict=True) if content is not None]
        if file in _OWN and 0 < len(there) < len(names):
            sentences.append(f"{file} is not in {_listed([name for name in names if name not in there])}")
            if kept is None:
                sentences[-1] += ", whose text files are taken, so there is none"
        if kept is None:
            continue
        keys_of: dict[str, tuple[str, ...]] = {}
        for name, content in zip(names, contents, strict=True):
            for key in sorted((content or kept).keys() | kept.keys()):
                if key not in _IGNORED and (content or kept).get(key) != kept.get(key):
                    keys_of[key] = (*keys_of.get(key, ()), name)
        for owners in dict.fromkeys(keys_of.values()):
            keys = [key for key in keys_of if keys_of[key] == owners]
            are = "is another one" if len(keys) == 1 else "are others"
            sentences.append(f"{file}: {_listed(keys)} {are} in {_listed(owners)}")
    return tuple(sentences)


def _listed(names: Sequence[str]) -> str:
    names = list(dict.fromkeys(names))
    if len(names) > _MOST:
        return f"{', '.join(names[:_MOST])} and {len(names) - _MOST:,} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
