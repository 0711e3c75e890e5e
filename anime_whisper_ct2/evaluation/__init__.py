"""How well a corpus was heard: texts joined with references, counted, and shown side by side.

`open_texts` finds texts in whatever holds some, `texts_of_meta` in what a run knows of its corpus, `texts_of_review` in
what reviewers decided about one; `evaluate` compares runs with references, as `EvalOptions` say. Of the `Evaluation`,
`as_markdown`, `as_json` and `example_table` show what is asked for; `chart`, which needs matplotlib, is not loaded with
the rest.

`reviewed` and `decided` know what was decided about a run: as its texts, and as references. `joining` says which
reference a text belongs to, `scoring` counts, `bootstrap` says how sure a rate is.

May import: `errors`, `extensions`, `output`, `readers`, `records`, `reviews`, `system`, `text`.
"""

from anime_whisper_ct2.evaluation.decided import REVIEW, texts_of_review
from anime_whisper_ct2.evaluation.examples import EXAMPLES, example_table
from anime_whisper_ct2.evaluation.grouping import Grouping
from anime_whisper_ct2.evaluation.report import as_json, as_markdown
from anime_whisper_ct2.evaluation.scoring import EVAL, EvalOptions, Evaluation, evaluate
from anime_whisper_ct2.evaluation.texts import Columns, Texts, open_texts, texts_of_meta

__all__ = [
    "EVAL",
    "EXAMPLES",
    "REVIEW",
    "Columns",
    "EvalOptions",
    "Evaluation",
    "Grouping",
    "Texts",
    "as_json",
    "as_markdown",
    "evaluate",
    "example_table",
    "open_texts",
    "texts_of_meta",
    "texts_of_review",
]
