"""Ray Data's pipeline as the documentation shows it, for a process of its own."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.options import DEFAULT_MODEL
from anime_whisper_ct2.ray import TranscribeBatch
from tests.support.places import ROOT

# The columns that a batch comes back with.
NEW = ["text", "segments", "flags", "duration", "missing_s", "error"]


def example(word: str) -> str:
    """Give the first fenced block that holds a word, of the README or else of the English documentation."""
    for path in (ROOT / "README.md", *sorted((ROOT / "docs" / "en").rglob("*.md"))):
        outside_and_inside = path.read_text(encoding="utf-8").split("\n```")
        for block in outside_and_inside[1::2]:
            if word in block:
                return block.partition("\n")[2]
    raise LookupError(f"no block holds {word}")


def pipeline(model: str, folder: str, out: str, answers: str) -> None:
    """Run the documented pipeline: read, transcribe, write; then note what actors were given.

    `answers`: a file for that, because Ray writes to both streams whenever it has something to say.
    """
    import ray
    from ray.data import DataContext

    from anime_whisper_ct2.ray import _given_by_ray

    # Sockets lie in it, whose names must be short; what is left of Ray for a moment still writes there.
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as session:
        ray.init(num_cpus=3, num_gpus=0, include_dashboard=False, object_store_memory=200 << 20, _temp_dir=session)
        DataContext.get_current().enable_progress_bars = False
        code = (
            example("ray.data.read_parquet")
            .replace(DEFAULT_MODEL, model)
            .replace("voices/", folder)
            .replace("voices-with-text/", out)
        )
        names: dict[str, Any] = {}
        exec(code, names)
        assert set(names["rows"].schema().names) == {"name", *NEW}
        resources = TranscribeBatch.resources()

        @ray.remote(num_cpus=2)
        class Actor:
            def given(self, **options: Any) -> dict[str, Any]:
                return _given_by_ray(options, opens_engine=True)

        actor = Actor.remote()
        given: list[Any] = [
            [resources["num_cpus"], "num_gpus" in resources],
            ray.get(actor.given.remote(language="ja")),
            ray.get(actor.given.remote(workers=4, device="cpu", cpu_threads=1)),
        ]
        try:
            given.append(ray.get(actor.given.remote(device="cuda")))
        except InputError as error:
            given.append(str(error).rpartition("InputError: ")[2].strip())
        Path(answers).write_text(json.dumps(given), encoding="utf-8")
        ray.shutdown()
