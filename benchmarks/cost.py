"""What 100,000 hours of clips cost on 8, 64 and 512 GPUs, and which part gives out first.

    python -m benchmarks.cost [--encoder torch] [--usd 3] [--cores 16] [--storage-gb-s 5] [--opens 20000]
        [--stat-ms 0.3] [--language ja]

Prints the page that `benchmarks/README.md` has, for assumptions of one's own; nothing is measured.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

from benchmarks.measures.reckoning import Encoder, Figure, Inputs, gather
from benchmarks.report.cost_text import page


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the page for other assumptions than those of the README."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", choices=get_args(Encoder), default=Inputs().encoder, help="what computes it")
    parser.add_argument("--usd", type=float, default=Inputs().usd.value, help="for a GPU's hour")
    parser.add_argument("--cores", type=float, default=Inputs().cores.value, help="for each GPU")
    parser.add_argument("--storage-gb-s", type=float, default=Inputs().storage_bytes_s.value / 1e9)
    parser.add_argument("--opens", type=float, default=Inputs().opens_s.value, help="files opened a second, by all")
    parser.add_argument("--stat-ms", type=float, default=Inputs().stat_ms.value, help="to ask for a file's size")
    parser.add_argument("--kb-each", type=float, default=Inputs().bytes_each.value / 1000, help="kB of a clip")
    parser.add_argument("--language", choices=("en", "ja"), default="en")
    options = parser.parse_args(arguments)
    inputs = gather(encoder=options.encoder)
    given = {
        "usd": options.usd,
        "cores": options.cores,
        "storage_bytes_s": options.storage_gb_s * 1e9,
        "opens_s": options.opens,
        "stat_ms": options.stat_ms,
        "bytes_each": options.kb_each * 1000,
    }
    for name, value in given.items():
        # What was left as it is keeps where it comes from.
        if not math.isclose(value, getattr(inputs, name).value):
            changed: dict[str, Any] = {name: Figure(value, "assumed")}
            inputs = replace(inputs, **changed)
    print(page(inputs, options.language))


if __name__ == "__main__":
    main()
