"""The tokenizer.json that is built encodes and decodes as transformers' own tokenizer of the same files."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2_convert.source import open_source
from anime_whisper_ct2_convert.tokenizer import open_tokenizer

TEXTS = [
    "",
    " ",
    "えっと、おはよう！今日はいい天気だね…",
    "あはは、くすぐったいよ♡　全角空白と\tタブ\n改行",
    "Hello, world!  two spaces   three, it's we'll I'VE 12345",
    "絵文字😀👩‍👩‍👧‍👦🇯🇵と𠮷野家とがぎぐ",
    "<|startoftranscript|><|ja|><|transcribe|><|notimestamps|>はい<|endoftext|>",
    "<|0.00|>はい、<|1.50|><|1.50|>ええ<|30.00|>",
    "x<|ja|> y<|ja|>z <|notoken|> \x00 �",
]


def reference(checkpoint: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(checkpoint)


def assert_same(checkpoint: Path) -> None:
    ours = open_tokenizer(open_source(str(checkpoint))).backend
    theirs = reference(checkpoint)
    assert type(theirs).__name__ == "WhisperTokenizerFast"
    assert ours.get_vocab() == theirs.get_vocab()
    for text in TEXTS:
        for special in (False, True):
            ids = ours.encode(text, add_special_tokens=special).ids
            assert ids == theirs.backend_tokenizer.encode(text, add_special_tokens=special).ids, text
            for skip in (False, True):
                decoded = ours.decode(ids, skip_special_tokens=skip)
                assert decoded == theirs.backend_tokenizer.decode(ids, skip_special_tokens=skip)


def test_the_hub_s_files_give_what_transformers_gives(pristine: Path) -> None:
    assert_same(pristine)


def test_so_do_older_files_without_an_added_tokens_decoder(checkpoint: Path) -> None:
    path = checkpoint / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    del settings["added_tokens_decoder"], settings["additional_special_tokens"]
    path.write_text(json.dumps(settings), encoding="utf-8")
    assert_same(checkpoint)


def test_what_is_built_is_what_transformers_would_save(pristine: Path) -> None:
    ours = json.loads(open_tokenizer(open_source(str(pristine))).to_json())
    assert ours == json.loads(reference(pristine).backend_tokenizer.to_str())


def test_an_existing_tokenizer_json_is_taken(checkpoint: Path) -> None:
    built = open_tokenizer(open_source(str(checkpoint)))
    (checkpoint / "tokenizer.json").write_text(built.to_json(), encoding="utf-8")
    for name in ("vocab.json", "merges.txt", "added_tokens.json"):
        (checkpoint / name).unlink()
    taken = open_tokenizer(open_source(str(checkpoint)))
    assert built.is_built
    assert not taken.is_built
    assert taken.to_json() == built.to_json()


def test_timestamps_that_the_files_leave_out_are_filled_in(checkpoint: Path) -> None:
    path = checkpoint / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    decoder = settings["added_tokens_decoder"]
    settings["added_tokens_decoder"] = {i: token for i, token in decoder.items() if token["special"]}
    path.write_text(json.dumps(settings), encoding="utf-8")
    tokenizer = open_tokenizer(open_source(str(checkpoint)))
    size = len(tokenizer.ids) + 1501
    assert tokenizer.vocabulary(size)[-1501:-1498] == ["<|0.00|>", "<|0.02|>", "<|0.04|>"]
    assert tokenizer.vocabulary(size)[-1] == "<|30.00|>"


def test_more_tokens_than_embeddings_are_refused(pristine: Path) -> None:
    with pytest.raises(CheckpointError, match="100 embeddings"):
        open_tokenizer(open_source(str(pristine))).vocabulary(100)


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("vocab.json", None, r"neither tokenizer\.json nor vocab\.json"),
        ("vocab.json", "{", r"vocab\.json: is no valid JSON"),
        ("merges.txt", None, r"merges\.txt: is absent; download it again$"),
        ("merges.txt", "#version: 0.2\na b\nc\n", "line 3 is not two parts"),
        ("merges.txt", "#version: 0.2\nnever seen\n", "do not fit together"),
        ("tokenizer.json", "{}", r"tokenizer\.json: is no tokenizer"),
    ],
)
def test_broken_files_are_named(name: str, spoil: str | None, message: str, checkpoint: Path) -> None:
    if spoil is None:
        (checkpoint / name).unlink()
    else:
        (checkpoint / name).write_text(spoil, encoding="utf-8")
    with pytest.raises(CheckpointError, match=message):
        open_tokenizer(open_source(str(checkpoint)))


def test_added_ids_that_cannot_come_out_are_refused(checkpoint: Path) -> None:
    path = checkpoint / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    decoder = settings["added_tokens_decoder"]
    last = max(map(int, decoder))
    decoder[str(last + 5)] = decoder.pop(str(last))
    path.write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(CheckpointError, match=rf"<\|30\.00\|> has id {last + 5} .* would get {last}"):
        open_tokenizer(open_source(str(checkpoint)))


def test_a_tokenizer_without_whisper_s_tokens_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(checkpoint, tmp_path / "other"))
    for name in ("added_tokens.json", "tokenizer_config.json", "special_tokens_map.json"):
        (other / name).unlink()
    with pytest.raises(CheckpointError, match=r"lacks <\|startoftranscript\|>"):
        open_tokenizer(open_source(str(other)))
