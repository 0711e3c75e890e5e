"""Print the character error rate of a run against reference texts: `python score.py RUN REFERENCES`.

Clips and long recordings are told apart: the model was trained on single lines, and plain 30 s pieces cut through them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import jiwer

LONG_S = 30.0


def read(path: Path) -> dict[str, dict[str, object]]:
    """Read JSON lines by their id."""
    return {row["id"]: row for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}


def main() -> None:
    """Parse the command line, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="the output folder of `awct2 run`")
    parser.add_argument("references", type=Path, help="JSON lines with id and text")
    parser.add_argument("--max-cer", type=float, help="exit with 1 when the clips' rate, in percent, is above this")
    args = parser.parse_args()
    said = read(args.references)
    heard = read(args.run / "transcripts.jsonl")
    if missing := said.keys() - heard.keys():
        raise SystemExit(f"not transcribed: {', '.join(sorted(missing))}")
    rate = 0.0
    for name, is_long in (("clips", False), ("long recordings", True)):
        ids = [id_ for id_ in sorted(said) if (float(str(heard[id_]["duration"])) > LONG_S) is is_long]
        cer = 100 * jiwer.cer([str(said[id_]["text"]) for id_ in ids], [str(heard[id_]["text"]) for id_ in ids])
        print(f"{name}: CER {cer:.2f} % over {len(ids)}")
        rate = rate if is_long else cer
    if args.max_cer is not None and rate > args.max_cer:
        raise SystemExit(f"above {args.max_cer} %")


if __name__ == "__main__":
    main()
