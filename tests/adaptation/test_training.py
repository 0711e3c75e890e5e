"""The student learns its teacher's answers, and a training that was stopped ends as one that was not."""

from __future__ import annotations

import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from anime_whisper_ct2.adaptation import student
from anime_whisper_ct2.adaptation import training as training_room
from anime_whisper_ct2.adaptation.lessons import Lesson, LessonStore, Teacher
from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.adaptation.options import LOSSES, TRAINS, AdaptOptions, Loss, Train
from anime_whisper_ct2.adaptation.records import Advance
from anime_whisper_ct2.adaptation.student import Student, windows
from anime_whisper_ct2.adaptation.training import Trained, Training
from anime_whisper_ct2.errors import EngineError, EngineMemoryError, InputError, OutputError
from anime_whisper_ct2.records import LogMel

PROMPT = (686, 688, 690)
OPTIONS = AdaptOptions(steps=24, batch_size=3, learning_rate=1e-3, tails_s=(0.64, 2.56), keep_every_s=1e9)
N_MELS, WIDTH = 16, 32
# Of no use but to be quick: what is tried here is the training, and not what comes of it.
CONFIG = {
    "num_mel_bins": N_MELS,
    "d_model": WIDTH,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "vocab_size": 700,
}


class Killed(BaseException):
    """As good as `kill -9`: nothing behind it is done."""


def network() -> Network:
    of, rng = Network(CONFIG), np.random.default_rng(3)
    weights = {name: rng.normal(0, 0.3, values.shape).astype(np.float32) for name, values in of.tensors()}
    return of.load({name: 1 + values if "norm.weight" in name else values for name, values in weights.items()})


@torch.inference_mode()
def lesson(number: int) -> Lesson:
    """Make up a lesson: noise of another length each, and tokens; what is hidden is the teacher's own."""
    rng = np.random.default_rng(number)
    frames, count = 40 + 17 * number, 3 + number % 4
    mel = LogMel(rng.normal(0, 0.4, (N_MELS, frames)).astype(np.float32), -0.6)
    bare = Lesson(
        id=f"{number:02d}",
        mel=mel,
        tokens=tuple(rng.integers(5, 600, count).tolist()),
        hidden=np.zeros((count, WIDTH), np.float16),
        text="",
        seconds=frames / 100,
        usable=True,
    )
    teacher = network()
    ids = torch.tensor([[*PROMPT, *bare.tokens[:-1]]])
    hidden = teacher.decode(ids, teacher.encode(windows([bare], 3_000)))[0, len(PROMPT) - 1 :]
    return replace(bare, hidden=hidden.numpy().astype(np.float16))


@pytest.fixture(scope="module")
def lessons() -> list[Lesson]:
    return [lesson(number) for number in range(10)]


@pytest.fixture(scope="module")
def store(lessons: list[Lesson], tmp_path_factory: pytest.TempPathFactory) -> LessonStore:
    found = LessonStore(tmp_path_factory.mktemp("lessons"), Teacher("0" * 64, "ja", PROMPT, "mix", N_MELS))
    for one in lessons:
        found.add(one)
    return found


def training(store: LessonStore, kept: Path, options: AdaptOptions = OPTIONS, of: Network | None = None) -> Training:
    entries = sorted(store.entries(), key=lambda entry: entry.frames)
    return Training(of or network(), PROMPT, store, entries[:8], entries[8:], options, kept)


def run(one: Training, stop_at: int | None = None) -> Trained:
    def advance(told: Advance) -> None:
        if told.done == stop_at:
            raise Killed

    return one.run(advance)


def distance(of: Network, lessons: list[Lesson], frames: int) -> float:
    with torch.no_grad():
        return sum(float(Student(of, PROMPT).distance([one], frames).loss()) for one in lessons)


@pytest.mark.parametrize("train", TRAINS)
def test_a_training_brings_short_windows_nearer_to_the_teacher(
    store: LessonStore, lessons: list[Lesson], tmp_path: Path, train: Train
) -> None:
    of = network()
    before = distance(of, lessons[:8], 300)
    run(training(store, tmp_path / "kept", replace(OPTIONS, train=train), of))
    assert distance(of, lessons[:8], 300) < 0.8 * before


def test_one_step_lowers_the_loss_of_its_lessons(store: LessonStore, lessons: list[Lesson], tmp_path: Path) -> None:
    options = replace(OPTIONS, steps=1, batch_size=8, tails_s=(1.0,))
    of = network()
    frames = lessons[7].mel.values.shape[1] + 100
    before = distance(of, lessons[:8], frames + frames % 2)
    run(training(store, tmp_path / "kept", replace(options, learning_rate=1e-4), of))
    assert distance(of, lessons[:8], frames + frames % 2) < before


def test_the_teacher_is_at_no_distance_from_itself(lessons: list[Lesson]) -> None:
    with torch.no_grad():
        found = Student(network(), PROMPT).distance(lessons[:1], 3_000)
    assert float(found.divergence) < 1e-3  # of what is hidden, 16 bits are kept
    assert found.differ == 0


def test_lessons_together_are_as_far_as_each_alone(lessons: list[Lesson]) -> None:
    one_student = Student(network(), PROMPT)
    with torch.no_grad():
        together = one_student.distance(lessons[:4], 300)
        alone = [one_student.distance([one], 300) for one in lessons[:4]]
    assert float(together.loss()) == pytest.approx(sum(float(one.loss()) for one in alone), rel=1e-4)
    assert (together.differ, together.tokens) == (sum(o.differ for o in alone), sum(o.tokens for o in alone))


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_makes_small_what_it_is_called_after(
    store: LessonStore, lessons: list[Lesson], tmp_path: Path, loss: Loss
) -> None:
    of = network()

    def far() -> tuple[float, float]:
        with torch.no_grad():
            found = [Student(of, PROMPT).distance([one], 300) for one in lessons[:8]]
        return sum(float(one.error) for one in found), sum(float(one.divergence) for one in found)

    before = far()
    run(training(store, tmp_path / "kept", replace(OPTIONS, loss=loss), of))
    for kind, was, now in zip(("hidden", "probabilities"), before, far(), strict=True):
        assert now < was or loss not in ("both", kind)


@pytest.mark.parametrize("train", TRAINS)
def test_killed_and_resumed_equals_undisturbed(store: LessonStore, tmp_path: Path, train: Train) -> None:
    options = replace(OPTIONS, train=train, keep_every_s=0.0)
    undisturbed, resumed = network(), network()
    whole = run(training(store, tmp_path / "whole", options, undisturbed))
    for stop_at in (1, 9, 20):
        with pytest.raises(Killed):
            run(training(store, tmp_path / "kept", options), stop_at)
    again = run(training(store, tmp_path / "kept", options, resumed))
    assert again.points == whole.points
    for (name, ours), (_, theirs) in zip(resumed.tensors(), undisturbed.tensors(), strict=True):
        assert np.array_equal(ours, theirs), name


def test_what_is_finished_is_not_done_again(store: LessonStore, tmp_path: Path) -> None:
    first, second = network(), network()
    run(training(store, tmp_path / "kept", OPTIONS, first))
    told: list[Advance] = []
    training(store, tmp_path / "kept", OPTIONS, second).run(told.append)
    assert told == []
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(first.tensors(), second.tensors(), strict=True))


def test_a_kill_while_it_is_kept_leaves_what_was_kept_before(
    store: LessonStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = replace(OPTIONS, keep_every_s=0.0)
    with pytest.raises(Killed):
        run(training(store, tmp_path / "kept", options), 5)
    before = (tmp_path / "kept").read_bytes()

    def torn(_state: Any, file: Any) -> None:
        file.write(b"half")
        raise Killed

    monkeypatch.setattr(torch, "save", torn)
    with pytest.raises(Killed):
        run(training(store, tmp_path / "kept", options))
    assert (tmp_path / "kept").read_bytes() == before


def test_lessons_in_parts_give_the_same_gradients(
    store: LessonStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parted = network(), network()
    run(training(store, tmp_path / "whole", OPTIONS, whole))
    original, sizes = Student.distance, []

    def small(self: Student, lessons: Any, frames: int) -> Any:
        if len(lessons) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        sizes.append(len(lessons))
        return original(self, lessons, frames)

    monkeypatch.setattr(Student, "distance", small)
    run(training(store, tmp_path / "parted", OPTIONS, parted))
    assert set(sizes) == {1}
    for (name, ours), (_, theirs) in zip(parted.tensors(), whole.tensors(), strict=True):
        assert np.allclose(ours, theirs, atol=2e-3), name


def test_without_memory_for_one_lesson_it_says_what_helps(
    store: LessonStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Student, "distance", none)
    entries = sorted(store.entries(), key=lambda entry: entry.frames)
    with pytest.raises(EngineMemoryError, match="--train small"):
        run(Training(network(), PROMPT, store, entries, [], OPTIONS, tmp_path / "kept"))


@pytest.mark.parametrize(
    ("change", "said"),
    [({"steps": 30}, "--steps"), ({"learning_rate": 2e-3}, "--learning-rate"), ({"tails_s": (0.64,)}, "--tail")],
)
def test_a_training_with_other_settings_is_not_gone_on_with(
    store: LessonStore, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    run(training(store, tmp_path / "kept"))
    with pytest.raises(InputError, match=f"another {said}"):
        run(training(store, tmp_path / "kept", replace(OPTIONS, **change)))


def test_a_file_that_is_torn_is_said_to_be(store: LessonStore, tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(InputError, match="--overwrite"):
        run(training(store, tmp_path / "kept"))


def test_a_torn_file_or_one_of_another_training_is_begun_again_only_when_that_is_asked_for(
    store: LessonStore, tmp_path: Path
) -> None:
    entries = sorted(store.entries(), key=lambda entry: entry.frames)
    run(training(store, tmp_path / "kept"))
    fewer = replace(OPTIONS, steps=5)
    again = Training(network(), PROMPT, store, entries, [], fewer, tmp_path / "kept", overwrite=True)
    assert [point.step for point in run(again).points][-1] == 5
    (tmp_path / "kept").write_bytes(b"PK\x03\x04 torn")
    again = Training(network(), PROMPT, store, entries, [], fewer, tmp_path / "kept", overwrite=True)
    assert [point.step for point in run(again).points][-1] == 5


def test_a_training_of_the_same_settings_goes_on_also_where_it_may_be_begun_again(
    store: LessonStore, tmp_path: Path
) -> None:
    entries = sorted(store.entries(), key=lambda entry: entry.frames)
    run(training(store, tmp_path / "kept"))
    told: list[Advance] = []
    Training(network(), PROMPT, store, entries[:8], entries[8:], OPTIONS, tmp_path / "kept", overwrite=True).run(
        told.append
    )
    assert told == []


def test_another_teachers_training_is_not_gone_on_with(store: LessonStore, tmp_path: Path) -> None:
    run(training(store, tmp_path / "kept"))
    other = LessonStore(tmp_path / "lessons", Teacher("1" * 64, "ja", PROMPT, "mix", N_MELS))
    for entry in store.entries():
        other.add(store.read(entry.id))
    with pytest.raises(InputError, match="another checkpoint"):
        run(training(other, tmp_path / "kept"))


def test_what_torch_says_of_a_full_disk_is_one_line_and_leaves_nothing_behind(
    store: LessonStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_state: Any, file: Any) -> None:
        file.write(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc] unexpected pos 64 vs 0\nframe #0")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OutputError, match=r"cannot be written: .*unexpected pos 64 vs 0$"):
        run(training(store, tmp_path / "kept", replace(OPTIONS, keep_every_s=0.0)))
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_fails_is_told_in_one_line(
    store: LessonStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: Any) -> Any:
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might …")

    monkeypatch.setattr(torch.optim.AdamW, "step", lost)
    with pytest.raises(EngineError, match=r"illegal memory access was encountered$"):
        run(training(store, tmp_path / "kept"))


def test_kept_where_nothing_is_scaled_it_goes_on_where_that_is_done(
    store: LessonStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = replace(OPTIONS, keep_every_s=0.0)
    with pytest.raises(Killed):
        run(training(store, tmp_path / "kept", options), 5)
    scaler = torch.amp.GradScaler
    monkeypatch.setattr(torch.amp, "GradScaler", lambda *_args, **_given: scaler("cpu", enabled=True))
    assert run(training(store, tmp_path / "kept", options)).points[-1].step == options.steps


def test_a_training_that_runs_away_says_what_to_do(
    store: LessonStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = network()
    with torch.no_grad():
        of.encoder.conv1.bias.fill_(float("nan"))
    with pytest.raises(EngineError, match="--learning-rate"):
        run(training(store, tmp_path / "kept", OPTIONS, of))


def test_the_curve_begins_before_the_first_step_and_ends_behind_the_last(store: LessonStore, tmp_path: Path) -> None:
    told: list[Advance] = []
    done = training(store, tmp_path / "kept").run(told.append)
    assert [point.step for point in done.points] == [0, 3, 5, 8, 10, 12, 15, 17, 20, 22, 24]
    assert done.points[-1].divergence != done.points[0].divergence
    assert [one.done for one in told] == list(range(1, OPTIONS.steps + 1))
    assert all(one.loss is not None and one.loss > 0 for one in told)
    assert told[-1].seconds_left == 0


def test_no_more_than_the_lessons_of_a_step_are_in_memory(
    store: LessonStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, read = LessonStore.read, []

    def watched(self: LessonStore, id_: str) -> Lesson:
        found = original(self, id_)
        alive = sum(one() is not None for one in read)
        assert alive < OPTIONS.batch_size + 1, "a lesson of an earlier step is still there"
        read.append(weakref.ref(found.mel.values))
        return found

    monkeypatch.setattr(LessonStore, "read", watched)
    run(training(store, tmp_path / "kept"))
    assert len(read) > 24


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_16_bits_as_on_a_gpu_it_learns_and_resumes_as_well(
    store: LessonStore, lessons: list[Lesson], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    scaler = torch.amp.GradScaler
    monkeypatch.setattr(training_room, "reduced", lambda _device: dtype)
    monkeypatch.setattr(student, "_in_16_bits", lambda _device: torch.autocast("cpu", dtype))
    # Of the device's own there is none here.
    monkeypatch.setattr(torch.amp, "GradScaler", lambda _device, enabled: scaler("cpu", 2.0**10, enabled=enabled))
    seen = []
    original = Network.logits

    def logits(self: Network, hidden: torch.Tensor) -> torch.Tensor:
        seen.append((hidden.dtype, torch.is_autocast_enabled("cpu")))
        return original(self, hidden)

    monkeypatch.setattr(Network, "logits", logits)
    options = replace(OPTIONS, keep_every_s=0.0)
    undisturbed, resumed = network(), network()
    before = distance(undisturbed, lessons[:8], 300)
    run(training(store, tmp_path / "whole", options, undisturbed))
    assert distance(undisturbed, lessons[:8], 300) < 0.8 * before
    # Probabilities are told apart in 32 bits.
    assert set(seen) == {(torch.float32, False)}
    with pytest.raises(Killed):
        run(training(store, tmp_path / "kept", options), 9)
    run(training(store, tmp_path / "kept", options, resumed))
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(resumed.tensors(), undisturbed.tensors(), strict=True))


def test_older_gpus_multiply_in_float16_and_newer_ones_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    for capability, dtype in (((7, 5), torch.float16), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device, found=capability: found)
        assert student.reduced(torch.device("cuda")) is dtype
    assert student.reduced(torch.device("cpu")) is None
