"""How well a corpus was heard: texts joined with references, counted, and shown side by side."""

from anime_whisper_ct2.evaluation.examples import EXAMPLES, example_table
from anime_whisper_ct2.evaluation.grouping import Grouping
from anime_whisper_ct2.evaluation.report import as_json, as_markdown
from anime_whisper_ct2.evaluation.scoring import EVAL, EvalOptions, Evaluation, evaluate
from anime_whisper_ct2.evaluation.texts import Columns, Texts, open_texts, texts_of_meta

__all__ = [
    "EVAL",
    "EXAMPLES",
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
]
