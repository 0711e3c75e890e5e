"""Checkpoints that are opened together are of one model, and whatever is not is named."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch

from anime_whisper_ct2.errors import CheckpointError, InputError, ModelNotFoundError
from anime_whisper_ct2_convert import convert, rewriting
from anime_whisper_ct2_convert.averaging import Mix, Recipe, Series, hashing, open_series, read_recipe
from anime_whisper_ct2_convert.averaging.blending import blended
from anime_whisper_ct2_convert.tensor import Tensor
from tests.support.averages import (
    TOKENIZER_FILES,
    assert_same,
    like,
    reference,
    set_json,
    spoil,
    tensors_of,
    without_tokenizer,
)

DTYPES = ["float32", "float16", "bfloat16"]
FIRST = "model.decoder.embed_positions.weight"


def names_of(folders: Sequence[Path]) -> list[str]:
    return [str(folder) for folder in folders]


def differences(folders: Sequence[Path], tokenizer: Path | None = None) -> tuple[str, ...]:
    with open_series(names_of(folders), str(tokenizer) if tokenizer else None) as opened:
        return opened.differences


def refused(folders: Sequence[Path], message: str, kind: type[Exception] = CheckpointError) -> None:
    with pytest.raises(kind, match=message) as raised, open_series(names_of(folders)):
        pytest.fail("it was opened")
    assert "\n" not in str(raised.value)


@pytest.fixture(scope="module")
def of_types(
    pristine: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, tuple[list[Path], Series]]]:
    """Three checkpoints of each type, and open."""
    top = tmp_path_factory.mktemp("of types")
    made = {
        dtype: [like(pristine, top / f"{dtype}-{number}", number, dtype) for number in range(3)] for dtype in DTYPES
    }
    made["mixed"] = [made[dtype][number] for number, dtype in enumerate(("float16", "float32", "bfloat16"))]
    with ExitStack() as opened:
        yield {
            dtype: (folders, opened.enter_context(open_series(names_of(folders)))) for dtype, folders in made.items()
        }


WAYS: dict[str, tuple[dict[str, Any], Callable[[str], Sequence[float]]]] = {
    "uniform": ({}, lambda _: (1, 1, 1)),
    "weights": ({"weights": "0.2,0.3,0.5"}, lambda _: (0.2, 0.3, 0.5)),
    "shares": ({"weights": "2,1,4"}, lambda _: (2, 1, 4)),
    "range": ({"range_": ":-1"}, lambda _: (1, 1, 0)),
    "layers": (
        {"weights": "0,0.5,0.5", "layers": ["encoder*=1:", "decoder.layers.0.*=0"]},
        lambda name: (
            (0, 1, 1)
            if name.startswith("model.encoder")
            else (1, 0, 0)
            if name.startswith("model.decoder.layers.0.")
            else (0, 0.5, 0.5)
        ),
    ),
}


@pytest.mark.parametrize("dtype", [None, *DTYPES])
@pytest.mark.parametrize("stored", [*DTYPES, "mixed"])
@pytest.mark.parametrize("way", WAYS)
def test_every_element_is_torchs(
    way: str, stored: str, dtype: Any, of_types: dict[str, tuple[list[Path], Series]]
) -> None:
    (folders, series), (how, weights) = of_types[stored], WAYS[way]
    recipe = read_recipe(series.names, **({"weights": None, "range_": None, "layers": ()} | how))
    blend = series.blend(recipe, dtype=dtype)
    found = {name: as_torch(tensor) for name, tensor in blend.tensors.items()}
    first = series.used(recipe)[0]
    expected = reference(folders, weights, dtype or (None if first == 0 else DTYPES[0]))
    assert_same(found, expected)


def as_torch(tensor: Tensor) -> Any:
    values = torch.from_numpy(tensor.read(0, tensor.size))
    return (values.view(torch.bfloat16) if tensor.dtype == "bfloat16" else values).reshape(tensor.shape)


def test_one_name_twice_is_two_checkpoints(three: list[Path]) -> None:
    with open_series(names_of([three[0], three[1], three[0]])) as opened:
        assert opened.checkpoints[0] is opened.checkpoints[2]
        recipe = Recipe(Mix.of_range(3, 0, 3))
        values = opened.blend(recipe).read(FIRST)
    first, second = (tensors_of(folder)[FIRST].double() for folder in three[:2])
    assert torch.equal(torch.from_numpy(values), ((first + second + first) / 3).float())


def test_what_is_named_twice_is_opened_and_read_once(three: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(three[0].parent)
    count = 0
    with open_series([str(three[0]), f"./{three[0].name}/", three[1].name]) as opened:
        assert opened.checkpoints[0] is opened.checkpoints[1]
        tensor = opened.checkpoints[0].tensors[FIRST]

        def read(start: int, stop: int) -> Any:
            nonlocal count
            count += stop - start
            return tensor.read(start, stop)

        counting = replace(opened.checkpoints[0], tensors={FIRST: replace(tensor, read=read)})
        mix = Mix.of_weights([0.25, 0.25, 0.5])
        average = blended(FIRST, mix, [counting, counting, opened.checkpoints[2]], "float32")
        values = average.read(0, average.size)
        assert count == tensor.size
    first, second = (tensors_of(folder)[FIRST].double() for folder in three[:2])
    assert torch.equal(torch.from_numpy(values), (0.5 * first + 0.5 * second).float().view(-1))


def test_nothing_named_is_no_series(series: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    refused([], "no checkpoint is named", InputError)
    # A path would take it for the folder that one is in.
    monkeypatch.chdir(series[0])
    for names, tokenizer in (([""], None), ([str(series[1]), " "], None), ([str(series[1])], "")):
        with pytest.raises(InputError, match="is empty; name a folder or a hub id"), open_series(names, tokenizer):
            pytest.fail("it was opened")


def test_a_blend_says_the_type_of_the_first_that_has_a_part_and_has_the_texts_of_the_last(series: list[Path]) -> None:
    spoil(series[1], lambda tensors: tensors.update({name: one.half() for name, one in tensors.items()}))
    set_json(series[1] / "config.json", torch_dtype="float16")
    with open_series(names_of(series)) as opened:
        for recipe, dtype, source in [
            (Recipe(Mix.of_range(3, 0, 3)), "float32", series[2]),
            (Recipe(Mix.of_range(3, 1, 3)), "float16", series[2]),
            (Recipe(Mix.of_range(3, 0, 2)), "float32", series[1]),
        ]:
            blend = opened.blend(recipe)
            assert {tensor.dtype for tensor in blend.tensors.values()} == {dtype}
            assert blend.config["torch_dtype"] == blend.shape.dtype == dtype
            assert blend.files.source == str(source)
        assert opened.blend(Recipe(Mix.of_range(3, 0, 3)), dtype="bfloat16").config["torch_dtype"] == "bfloat16"


def test_a_pattern_for_no_tensor_is_refused_with_names_of_some(three: list[Path]) -> None:
    whole, first = Mix.of_range(3, 0, 3), Mix.of_range(3, 0, 1)
    with open_series(names_of(three)) as opened:
        with pytest.raises(InputError, match=r"--layers enc: no tensor has such a name; .* decoder\.embed_positions"):
            opened.blend(Recipe(whole, (("enc", first),)))
        with pytest.raises(InputError, match=r"--layers encoder\*: .* taken by one before"):
            opened.blend(Recipe(whole, (("*", first), ("encoder*", whole))))
        # Although few are left.
        with pytest.raises(InputError, match=r"--layers nothing: .* called decoder\.embed_positions.*encoder\."):
            opened.blend(Recipe(whole, (("encoder*", first), ("decoder.l*", first), ("nothing", whole))))
        with pytest.raises(ValueError, match="2 weights for 3 checkpoints"):
            opened.blend(Recipe(Mix.of_range(2, 0, 2)))


def identities(folders: Sequence[Path], progress: Any = None) -> tuple[str, ...]:
    with open_series(names_of(folders)) as opened:
        return opened.identities(progress)


def test_an_identity_changes_with_the_weights_and_not_with_their_folder(series: list[Path], tmp_path: Path) -> None:
    before = identities(series)
    assert len({*before}) == 3
    assert all(len(one) == 64 for one in before)
    moved = series[0].rename(tmp_path / "moved")
    assert identities([moved, series[1]]) == before[:2]
    os.utime(moved / "model.safetensors", ns=(1, 1))
    assert identities([shutil.copytree(moved, tmp_path / "copy")])[0] == before[0]
    # However little it is, and wherever.
    for name in tensors_of(moved):
        spoil(moved, lambda tensors, name=name: tensors[name].view(-1)[7:8].add_(1))  # type: ignore[misc] # bound here
        known = identities([moved])[0]
        assert known not in before
        before = (*before, known)
    set_json(series[1] / "config.json", encoder_attention_heads=4)
    assert identities([series[1]])[0] != before[1]


def test_weights_are_read_once_for_their_identity_and_it_is_told_how_far_that_is(
    series: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int, int]] = []
    monkeypatch.setattr(hashing, "_CHUNK_BYTES", 1000)
    found = identities([series[0], series[1], series[0]], lambda *args: told.append(args))
    assert found == (*identities(series[:2]), found[0])
    total = sum((folder / "model.safetensors").stat().st_size for folder in series[:2])
    assert told[-1] == ("hashing", total, total)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


def test_a_commit_of_the_hub_is_known_without_reading_it(
    series: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots = {name: shutil.copytree(series[0], tmp_path / "snapshots" / (name * 40)) for name in "ab"}
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda *_, revision, **__: str(snapshots["b" if revision else "a"])
    )
    names = ["someone/their-whisper", "someone/their-whisper@v2", "someone/their-whisper@v3", str(series[0])]
    with open_series(names) as opened:
        read: list[Path] = []
        monkeypatch.setattr(hashing, "digest_of", lambda path, _: f"{read.append(path)}")
        one, other, third, folder = opened.identities()
        assert other == third
        assert len({one, other, folder}) == 3
        assert read == [series[0] / "model.safetensors"]
        # Two revisions of one commit.
        assert opened.checkpoints[1] is opened.checkpoints[2]


def test_an_interrupt_while_files_are_read_comes_through(series: list[Path]) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        identities(series, interrupt)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "no checkpoint|no config.json|config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "holds no weights"),
        (lambda folder: os.truncate(folder / "model.safetensors", 50_000), "is truncated: 50,000 of"),
        (lambda folder: spoil(folder, lambda tensors: tensors.pop(FIRST)), f"lacks the tensor {FIRST}"),
        (lambda folder: spoil(folder, lambda tensors: tensors.update(more=torch.zeros(2))), "holds more, which"),
        (lambda folder: (folder / "vocab.json").write_text("{", encoding="utf-8"), "vocab.json: is no valid JSON"),
        (lambda folder: (folder / "tokenizer.json").write_text("{", encoding="utf-8"), "is no tokenizer"),
    ],
)
def test_what_is_no_whole_checkpoint_is_refused(
    change: Callable[[Path], object], message: str, series: list[Path]
) -> None:
    change(series[1])
    refused(series, rf"checkpoint-1000.*({message})")


def test_a_folder_of_something_else_and_a_converted_model_are_refused(series: list[Path], tmp_path: Path) -> None:
    refused([series[0], tmp_path / "run"], "holds no model itself", CheckpointError)
    refused([series[0], tmp_path / "nothing" / "there" / "at all"], "is no folder here", ModelNotFoundError)
    converted = convert(str(series[0]), tmp_path / "converted").path
    refused([series[0], converted], "is a converted model already")


def test_another_shape_is_named_with_both(series: list[Path]) -> None:
    # Whole in itself, so that only the other shows it.
    spoil(series[1], lambda tensors: tensors.update({FIRST: torch.zeros(400, 32)}))
    set_json(series[1] / "config.json", max_target_positions=400)
    refused(series, rf"{FIRST} has shape \[448, 32\] in .*500 and \[400, 32\] in .*1000; only checkpoints of one model")


def test_a_tensor_that_another_has_not_is_named(series: list[Path]) -> None:
    def untie(tensors: dict[str, Any]) -> None:
        tensors["proj_out.weight"] = tensors["model.decoder.embed_tokens.weight"].flip(0)

    spoil(series[2], untie)
    set_json(series[2] / "config.json", tie_word_embeddings=False)
    refused(series, r"proj_out\.weight is in .*1500 and not in .*500")
    refused(series[::-1], r"proj_out\.weight is in .*1500 and not in .*1000")


def test_other_heads_are_refused_although_all_shapes_are_the_same(series: list[Path]) -> None:
    set_json(series[2] / "config.json", decoder_attention_heads=8)
    refused(series, r"decoder_attention_heads is 4 in the config\.json of .*500 and 8 in that of .*1500")


def test_two_vocabularies_are_refused_with_the_first_token_that_differs(series: list[Path]) -> None:
    path = series[0] / "vocab.json"
    vocabulary = json.loads(path.read_text(encoding="utf-8"))
    one, other = sorted(vocabulary, key=vocabulary.__getitem__)[40:42]
    vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]
    path.write_text(json.dumps(vocabulary), encoding="utf-8")
    refused(series, rf"{other!r} has id 40 in .*500 and has id 41 in .*1500; only checkpoints of one vocabulary")
    # Not hidden by those that bring none along.
    without_tokenizer(series[1])
    refused(series, "only checkpoints of one vocabulary")


def test_a_tokenizer_that_is_named_is_held_against_the_others(series: list[Path], pristine: Path) -> None:
    path = series[2] / "added_tokens.json"
    set_json(path, more=max(json.loads(path.read_text(encoding="utf-8")).values()) + 1)
    (series[2] / "tokenizer_config.json").unlink()
    with pytest.raises(CheckpointError, match=r"'more' is no token of .*500 and has id"):
        differences(series[:1], series[2])
    with pytest.raises(CheckpointError, match="holds no tokenizer"):
        differences(series[:1], series[0].parent)


def test_settings_that_others_have_otherwise_are_told_in_few_sentences(series: list[Path]) -> None:
    assert differences(series) == ()
    set_json(series[2] / "config.json", _name_or_path="/elsewhere", transformers_version="9", dropout=0.3)
    set_json(series[0] / "generation_config.json", max_length=9, no_repeat_ngram_size=5)
    (series[1] / "generation_config.json").unlink()
    assert differences(series) == (
        "config.json: dropout is another one in checkpoint-500 and checkpoint-1000",
        "generation_config.json is not in checkpoint-1000",
        "generation_config.json: max_length and no_repeat_ngram_size are others in checkpoint-500",
    )
    assert differences(series[1:]) == (
        "config.json: dropout is another one in checkpoint-1000",
        "generation_config.json is not in checkpoint-1000",
    )
    assert differences(series[:2]) == (
        "generation_config.json is not in checkpoint-1000, whose text files are taken, so there is none",
    )


def test_a_tokenizer_comes_from_whoever_has_it(series: list[Path], pristine: Path) -> None:
    with_it = series[1] / "vocab.json"
    content = with_it.read_bytes()
    for folder in (series[0], series[2]):
        without_tokenizer(folder)
    (series[2] / "preprocessor_config.json").unlink()
    with open_series(names_of(series)) as opened:
        assert opened.differences == (
            f"the tokenizer is that of {series[1]}",
            f"preprocessor_config.json is that of {series[1]}",
        )
        texts = opened.blend(Recipe(Mix.of_range(3, 0, 3))).files
        assert texts.source == str(series[2])
        assert (texts.folder / "vocab.json").read_bytes() == content
        assert (texts.folder / "normalizer.json").is_file()
        assert (texts.folder / "preprocessor_config.json").is_file()
        assert (texts.folder / "config.json").read_bytes() == (series[2] / "config.json").read_bytes()
    assert not texts.folder.exists()
    (series[2] / "preprocessor_config.json").write_bytes((series[1] / "preprocessor_config.json").read_bytes())
    without_tokenizer(series[1])
    assert differences(series) == (
        "no tokenizer is there, and none is written; name a folder or hub id that has it with --tokenizer",
    )
    assert differences(series, pristine) == (f"the tokenizer is that of {pristine}",)


def test_the_trainer_s_folder_is_looked_into_when_no_checkpoint_has_it(series: list[Path], pristine: Path) -> None:
    for folder in series:
        without_tokenizer(folder)
        (folder / "preprocessor_config.json").unlink()
    run = series[0].parent
    for name in (*TOKENIZER_FILES, "preprocessor_config.json"):
        if (pristine / name).is_file():
            shutil.copyfile(pristine / name, run / name)
    expected = (f"the tokenizer is that of {run}", f"preprocessor_config.json is that of {run}")
    assert differences(series) == expected
    with open_series(names_of(series)) as opened:
        texts = opened.blend(Recipe(Mix.of_range(3, 0, 3))).files
        for name in ("vocab.json", "preprocessor_config.json"):
            assert (texts.folder / name).read_bytes() == (pristine / name).read_bytes()
    # Only a trainer's: what a folder of another name lies in says nothing of it.
    assert "no tokenizer is there" in differences([series[0].rename(run / "mine")])[0]


def test_what_is_named_for_its_tokenizer_gives_other_files_only_when_no_checkpoint_has_them(
    series: list[Path], pristine: Path
) -> None:
    for folder in series:
        without_tokenizer(folder)
    (series[2] / "preprocessor_config.json").unlink()
    own = f"preprocessor_config.json is that of {series[1]}"
    assert differences(series, pristine) == (f"the tokenizer is that of {pristine}", own)
    for folder in series[:2]:
        (folder / "preprocessor_config.json").unlink()
    assert differences(series, pristine)[1] == f"preprocessor_config.json is that of {pristine}"


def closed(monkeypatch: pytest.MonkeyPatch, what: Path, *methods: str) -> None:
    """Have the system refuse a file, or all in a folder: root may do anything."""
    for method in methods:
        call = getattr(Path, method)

        def refusing(path: Path, *given: Any, call: Any = call, **more: Any) -> Any:
            if what == (path.parent if os.path.isdir(what) else path):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return call(path, *given, **more)

        monkeypatch.setattr(Path, method, refusing)


@pytest.mark.parametrize("name", ["config.json", "vocab.json", "merges.txt", "model.safetensors"])
def test_a_file_that_may_not_be_read_is_named_and_not_said_to_be_broken(
    name: str, series: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed(monkeypatch, series[1] / name, "read_bytes", "open")
    refused(series, rf"^{series[1] / name}: cannot be read \(Permission denied\)$")


def test_a_folder_that_may_not_be_looked_into_is_named(series: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    closed(monkeypatch, series[1], "stat", "is_file")
    refused(series, rf"^{series[1]}: cannot be looked into \(Permission denied\)$")
    with pytest.raises(CheckpointError, match=rf"^{series[1]}: cannot be looked into \(Permission denied\)$"):
        differences(series[:1], series[1])


def test_a_hub_id_may_have_a_revision_and_a_folder_be_called_like_one(
    series: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str | None]] = []

    def download(source: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((source, revision))
        return str(series[0])

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.chdir(tmp_path)
    Path("someone").mkdir()
    series[1].rename("someone/their-whisper@v2")
    with open_series(["someone/their-whisper@v1", "someone/their-whisper", "someone/their-whisper@v2"]) as opened:
        assert [checkpoint.files.revision for checkpoint in opened.checkpoints] == ["v1", None, None]
        assert opened.checkpoints[2].files.source == str((tmp_path / "someone/their-whisper@v2").resolve())
    assert asked == [("someone/their-whisper", "v1"), ("someone/their-whisper", None)]


def test_more_files_than_may_be_open_are_one_line(three: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    opened_before = rewriting.open_weights
    calls: list[Path] = []

    def open_weights(folder: Path, files: Any) -> Any:
        calls.append(folder)
        if len(calls) == 3:
            try:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            except OSError as error:
                raise CheckpointError(f"{folder}: cannot be read") from error
        return opened_before(folder, files)

    monkeypatch.setattr(rewriting, "open_weights", open_weights)
    refused(three, r"1500: with 2 checkpoints open, .* no more files; raise that limit")
