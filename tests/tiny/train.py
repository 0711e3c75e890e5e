"""Make the tiny checkpoint from nothing: `python -m tests.tiny.train --out DIR`.

Speaks the lines, trains with a learning rate that rises and falls once, and writes `DIR/checkpoint`. The last fifth
mixes in 30 s windows and several lines to a window. Started again on the same DIR it goes on from the last saved state.
Uses CUDA where there is one.

`--keep N --keep-from SHARE` also leaves N checkpoints of the steps behind that share, `DIR/kept/checkpoint-STEP`, for
others to average. There the learning rate no longer falls, so that they scatter around a point which none of them is
at, and the windows of the last fifth come from the same step, so that all of them were taught alike.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import jiwer
import numpy as np
import torch
from torch.nn import functional as F
from transformers import WhisperTokenizer

from tests.tiny import checkpoint_files, data, lines
from tests.tiny.model import SIZES, Learner, decode, encode, greedy, off_diagonal

SEED = 1
CLIPS = 10_000
STEPS = 2_000
BATCH = 32
LONG_BATCH = 12  # clips in a 30 s window batch
LATE_FROM = 0.8  # share of the steps after which half the windows are 30 s long and half hold several lines
MOST_LINES = 4  # in one window; they come in the order of the draw
PEAK_LR = 2e-3
WARM_UP = 200  # steps
GRAIN = 40  # windows are whole multiples of so many frames: every new shape costs the CPU kernels a set-up
SAVE_EVERY = 200  # steps
BARE_PROMPT = 0.12  # share of the batches without language and task in the prompt
HELD_OUT = 60  # lines read at every save
KEEP_FROM = 0.65  # share of the steps; where checkpoints are kept


def learning_rate(step: int, steps: int) -> float:
    """A linear rise, then a cosine down to a fiftieth."""
    done = max(0.0, (step - WARM_UP) / max(1, steps - WARM_UP))
    return PEAK_LR * min((step + 1) / WARM_UP, 0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * done)))


def kept_steps(steps: int, keep: int, keep_from: float) -> list[int]:
    """So many steps behind that share of all, evenly apart, the last one among them."""
    return [round(steps * (keep_from + (1 - keep_from) * (at + 1) / keep)) for at in range(keep)]


def stream(clips: list[data.Clip], steps: int, late_from: float) -> Iterator[tuple[list[data.Clip], int]]:
    """For every step its clips and its window in mel frames."""
    rng = np.random.default_rng(SEED)
    step = 0
    while True:
        for batch in data.batches(clips, BATCH, rng):
            tail_s = rng.uniform(3.0, 8.0) if rng.random() < 0.06 else rng.uniform(0.0, 2.5)
            late = step >= late_from * steps
            if late and step % 4 in (1, 2):
                k = int(rng.integers(2, MOST_LINES + 1))
                rows = rng.permutation(len(batch))[: BATCH // k * k].reshape(-1, k)
                batch = [data.in_a_row([batch[i] for i in row], rng) for row in rows]  # noqa: PLW2901
            longest = max(len(clip.mel) for clip in batch)
            frames = min(GRAIN * math.ceil((longest + tail_s * data.FRAME_HZ) / GRAIN), data.WINDOW_FRAMES)
            if late and step % 2 == 0:
                yield batch[:: max(1, len(batch) // LONG_BATCH)][:LONG_BATCH], data.WINDOW_FRAMES
            else:
                yield batch, frames
            step += 1


class Trainer:
    """One training run in a folder: its data, its model and the state it can go on from."""

    def __init__(self, folder: Path, clips: int, steps: int, keep: int = 0, keep_from: float = KEEP_FROM) -> None:
        self.folder, self.steps, self.step = folder, steps, 0
        self.kept = kept_steps(steps, keep, keep_from)
        self.level_from = round(keep_from * steps) if keep else steps
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        folder.mkdir(parents=True, exist_ok=True)
        self.clips = data.speak_all(folder / "data" / "train", clips, SEED, held=False, log=self.log)
        self.held = data.speak_all(folder / "data" / "held", HELD_OUT, 0, held=True, log=self.log)
        checkpoint_files.write_tokenizer(folder / "tokenizer", [*lines.lines(SEED, 20_000), "。"])
        self.tokenizer: WhisperTokenizer = checkpoint_files.load_tokenizer(folder / "tokenizer")
        self.prompt: list[int] = self.tokenizer.prefix_tokens
        # faster-whisper and CTranslate2 take a vocabulary below 51,865 for English-only and leave language and task
        # out of the prompt; a share of the batches learns that form, so that they too read this checkpoint.
        self.bare_prompt = [self.prompt[0], self.prompt[-1]]
        self.rng = np.random.default_rng(SEED)
        self.phonemes = {p: 1 + i for i, p in enumerate(sorted({p for c in self.clips for p in c.phonemes}))}
        torch.manual_seed(SEED)
        config = checkpoint_files.config(self.tokenizer, **SIZES)
        self.model = Learner(config, len(self.phonemes)).to(self.device)
        self.model.whisper.generation_config = checkpoint_files.generation_config(self.tokenizer)
        self.optimizers = self._optimizers()
        if (folder / "state.pt").exists():
            state = torch.load(folder / "state.pt", map_location=self.device)
            self.step = state["step"]
            self.model.load_state_dict(state["model"])
            for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        """Muon for the matrices inside the layers, AdamW for all else."""
        named = [(n, p) for n, p in self.model.named_parameters() if p.requires_grad]
        matrices = [p for n, p in named if ".layers." in n and p.ndim == 2]
        others = [p for n, p in named if not (".layers." in n and p.ndim == 2)]
        return [
            torch.optim.Muon(matrices, lr=PEAK_LR, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(others, lr=PEAK_LR, betas=(0.9, 0.98), weight_decay=0.01, fused=True),
        ]

    def log(self, line: str) -> None:
        """Print `line` at once."""
        print(time.strftime("%H:%M:%S"), line, flush=True)

    def losses(self, clips: list[data.Clip], frames: int) -> dict[str, torch.Tensor]:
        """Text (cross-entropy), phonemes (CTC) and attention (off the diagonal) for one batch."""
        texts = [self.tokenizer(clip.text, add_special_tokens=False).input_ids for clip in clips]
        prompt = self.bare_prompt if self.rng.random() < BARE_PROMPT else self.prompt
        end = self.tokenizer.eos_token_id
        tokens = torch.full((len(clips), len(prompt) + max(map(len, texts))), end)
        labels = torch.full_like(tokens, -100)
        for row, label, text in zip(tokens, labels, texts, strict=True):
            start = len(prompt)
            row[:start], row[start : start + len(text)] = torch.tensor(prompt), torch.tensor(text)
            if prompt is self.prompt:
                label[0] = prompt[1]  # the language, so that detection works
            label[start - 1 : start + len(text)] = torch.tensor([*text, end])
        mel = data.padded(clips, frames).to(self.device)
        with torch.autocast(self.device, torch.bfloat16):
            states = encode(self.model.whisper, mel)
            logits = decode(self.model.whisper, tokens.to(self.device), states)
            sounds = self.model.phoneme_head(states)
        text_loss = F.cross_entropy(
            logits.float().flatten(0, 1), labels.flatten().to(self.device), label_smoothing=0.05
        )
        n_frames = [min(len(clip.mel) // 2 + 2, sounds.shape[1]) for clip in clips]
        targets = torch.tensor([self.phonemes[p] for clip in clips for p in clip.phonemes])
        sound_loss = F.ctc_loss(
            sounds.float().log_softmax(-1).transpose(0, 1),
            targets.to(self.device),
            torch.tensor(n_frames),
            torch.tensor([len(clip.phonemes) for clip in clips]),
            zero_infinity=True,
        )
        look_loss = off_diagonal(self.model.looked, [len(t) for t in texts], n_frames, len(prompt) - 1)
        return {"text": text_loss, "sound": sound_loss, "look": look_loss}

    def run(self) -> None:
        """Train to the last step, saving on the way."""
        start = time.monotonic()
        sums: dict[str, float] = {}
        batches = stream(self.clips, self.steps, min(LATE_FROM, self.level_from / self.steps))
        for _ in range(self.step):
            next(batches)
        self.model.train()
        while self.step < self.steps:
            clips, frames = next(batches)
            for optimizer in self.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate(min(self.step, self.level_from), self.steps)
            parts = self.losses(clips, frames)
            done = self.step / self.steps
            loss = parts["text"] + max(0.1, 1 - 2 * done) * parts["sound"] + max(0.0, 1 - 3 * done) * parts["look"]
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            for optimizer in self.optimizers:
                optimizer.step()
                optimizer.zero_grad()
            for name, part in parts.items():
                sums[name] = sums.get(name, 0.0) + part.item() / 50
            self.step += 1
            if self.step % 50 == 0:
                means = " ".join(f"{name} {value:.3f}" for name, value in sums.items())
                self.log(f"step {self.step} {means} {time.monotonic() - start:.0f} s")
                sums.clear()
            if self.step in self.kept:
                kept = self.folder / "kept" / f"checkpoint-{self.step}"
                checkpoint_files.write_checkpoint(self.model.whisper, self.folder / "tokenizer", kept)
            if self.step % SAVE_EVERY == 0 or self.step == self.steps:
                self.save()

    def save(self) -> None:
        """Read the held-out lines, write the checkpoint and the state to go on from."""
        self.model.eval()
        heard: list[str] = []
        for first in range(0, len(self.held), 20):
            clips = self.held[first : first + 20]
            mel = data.padded(clips, max(len(c.mel) for c in clips) + 256).to(self.device)
            heard += self.tokenizer.batch_decode(greedy(self.model.whisper, mel, self.prompt), skip_special_tokens=True)
        truth = [clip.text for clip in self.held]
        self.log(f"step {self.step}: CER {jiwer.cer(truth, heard):.4f} on {len(truth)} held-out lines")
        for said, got in zip(truth[:6], heard[:6], strict=True):
            self.log(f"    {said} > {got}")
        checkpoint_files.write_checkpoint(self.model.whisper, self.folder / "tokenizer", self.folder / "checkpoint")
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
        }
        torch.save(state, self.folder / "state.tmp")
        (self.folder / "state.tmp").replace(self.folder / "state.pt")
        self.model.train()


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the clips, the state and the checkpoint")
    parser.add_argument("--clips", type=int, default=CLIPS)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--keep", type=int, default=0, help="checkpoints in a row to keep")
    parser.add_argument("--keep-from", type=float, default=KEEP_FROM, help="share of the steps that are behind then")
    args = parser.parse_args()
    Trainer(args.out, args.clips, args.steps, args.keep, args.keep_from).run()


if __name__ == "__main__":
    main()
