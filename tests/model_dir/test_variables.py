"""What is found in a `model.bin` is what CTranslate2's layout says, and what the converter wrote."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from anime_whisper_ct2.model_dir.variables import Variable, read_variables
from tests.support.places import CHECKPOINT

VALUES = np.arange(6, dtype="<f4").reshape(2, 3)


def string(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


def variable(name: str, shape: tuple[int, ...], type_id: int, data: bytes) -> bytes:
    return (
        string(name)
        + struct.pack(f"<B{len(shape)}I", len(shape), *shape)
        + struct.pack("<BI", type_id, len(data))
        + data
    )


def written(path: Path, *variables: bytes, aliases: tuple[tuple[str, str], ...] = ()) -> Path:
    head = struct.pack("<I", 6) + string("WhisperSpec") + struct.pack("<II", 3, len(variables))
    pairs = b"".join(string(name) for pair in aliases for name in pair)
    path.write_bytes(head + b"".join(variables) + struct.pack("<I", len(aliases)) + pairs)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.bin"


def test_values_are_mapped_wherever_they_lie(path: Path) -> None:
    # After a name of an odd length, no value is aligned.
    variables = read_variables(
        written(
            path,
            variable("odd", (), 2, struct.pack("<h", -3)),
            variable("matrix", (2, 3), 0, VALUES.tobytes()),
            variable("half", (2,), 4, np.array([1.5, -2], "<f2").tobytes()),
            variable("brain", (2,), 5, struct.pack("<HH", 0x3FC0, 0xC000)),
            variable("none", (0, 4), 0, b""),
            aliases=(("again", "matrix"),),
        )
    )
    assert variables.number("odd") == -3
    assert np.array_equal(variables.array("matrix"), VALUES)
    assert np.array_equal(variables.array("again"), VALUES)
    assert np.array_equal(variables.array("half"), [1.5, -2])
    # As bits: the upper halves of float32.
    assert variables.array("brain").tolist() == [0x3FC0, 0xC000]
    assert variables.array("none").shape == (0, 4)
    assert "again" in variables
    assert "other" not in variables
    assert variables["matrix"] == Variable((2, 3), "float32", variables["matrix"].offset_bytes, 24)


def test_what_the_converter_wrote_is_found(tiny_model: Path) -> None:
    variables = read_variables(tiny_model / "model.bin")
    there = load_file(CHECKPOINT / "model.safetensors")
    for name, stored in (
        ("encoder/conv1/weight", "encoder.conv1.weight"),
        ("encoder/position_encodings/encodings", "encoder.embed_positions.weight"),
        ("encoder/layer_3/ffn/linear_1/bias", "encoder.layers.3.fc2.bias"),
        ("decoder/projection/weight", "decoder.embed_tokens.weight"),
    ):
        assert np.array_equal(variables.array(name), there[f"model.{stored}"].astype(np.float32))
    assert variables.number("encoder/num_heads") == 3


def test_a_mapped_value_cannot_be_written_to(path: Path) -> None:
    values = read_variables(written(path, variable("matrix", (2, 3), 0, VALUES.tobytes()))).array("matrix")
    with pytest.raises(ValueError, match="read-only"):
        values[0, 0] = 1


@pytest.mark.parametrize(
    ("shape", "type_id", "said"),
    [((2, 4), 0, "has 24 bytes"), ((2, 3), 4, "has 24 bytes"), ((2, 3), 6, "has 24 bytes")],
    ids=["shape", "type", "unknown type"],
)
def test_a_length_that_is_not_the_shape_s_is_refused(
    shape: tuple[int, ...], type_id: int, said: str, path: Path
) -> None:
    variables = read_variables(written(path, variable("matrix", shape, type_id, VALUES.tobytes())))
    with pytest.raises(ValueError, match=said):
        variables.array("matrix")
    with pytest.raises(ValueError, match="no number"):
        variables.number("matrix")


def test_a_name_that_is_not_there_is_told_by_name(path: Path) -> None:
    variables = read_variables(written(path))
    for look in (variables.array, variables.number, variables.__getitem__):
        with pytest.raises(KeyError, match="gone"):
            look("gone")


def test_wherever_a_file_is_cut_off_it_is_refused(path: Path) -> None:
    whole = written(
        path, variable("odd", (1,), 1, b"\1"), variable("matrix", (2, 3), 0, VALUES.tobytes()), aliases=(("a", "odd"),)
    ).read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r".+"):
            read_variables(path)
