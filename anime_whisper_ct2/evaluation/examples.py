"""The lines that tell runs apart: reference and what each run heard, in the manner of the author's `examples.md`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from anime_whisper_ct2.evaluation.grouping import Grouping
from anime_whisper_ct2.evaluation.joining import Join, References
from anime_whisper_ct2.evaluation.markdown import cell, table
from anime_whisper_ct2.evaluation.scoring import Evaluation
from anime_whisper_ct2.evaluation.texts import Texts

EXAMPLES = 20
# Errors count over the line's characters and this many more: else one wrong character in `あ` would beat all, and by
# plain errors the longest recordings would.
_SHORT = 10


def example_table(evaluation: Evaluation, runs: Mapping[str, Texts], reference: Texts, count: int = EXAMPLES) -> str:
    """Give the lines where the runs' errors differ most, as a Markdown table; of one run, where it errs most.

    Columns: the reference, each run's text, all as written, and the id. Reads all sources again.
    """
    chosen = _chosen(evaluation, count)
    wanted = set(chosen)
    references = References(reference, Grouping("none"))
    columns = [
        {number: line.text or "" for number, line in Join(texts, references) if number in wanted}
        for texts in runs.values()
    ]
    rows = []
    for number in chosen:
        heard = (cell(found.get(number, "")) for found in columns)
        rows.append([cell(references.texts[number]), *heard, cell(references.ids[number])])
    return table(["reference", *map(cell, runs), "id"], rows, texts=len(runs) + 2)


def _chosen(evaluation: Evaluation, count: int) -> list[int]:
    """Give the numbers of the references to show, the most telling first."""
    edits = evaluation.edits
    spread = edits.max(axis=0) - edits.min(axis=0) if len(edits) > 1 else edits[0]
    weight = np.where((edits >= 0).all(axis=0), spread / (evaluation.characters + _SHORT), 0.0)
    # Stable, so that the same lines are shown every time.
    order = np.argsort(-weight, kind="stable")[: max(0, count)]
    return [number for number in order.tolist() if weight[number] > 0]
