"""Which average of checkpoints reads best? Averages are tried on a corpus whose right texts are known.

`course` is the whole way, and loads Optuna: `heard` lists the corpus and computes its features once, `parts` says what
is held out and in which parts the rest is heard; `trials` takes what a `study` of one `question` gives, which is kept
in a `study_file`, shared with a `company` of processes, proposed as `proposing` asks Optuna to, among `candidates`, and
given up as `pruning` asks it. `trying` averages, converts and hears, of sums that `summing` keeps, `objective` counts
what is wrong, `measuring` compares what was found on what was held out. `place` is where all of it goes, and `telling`
says how far it is; `report` tells what came of it in `words` that the user reads, by the names that `naming` gives, and
`chart` draws it in `panels`.

May import: `_version`, `engine`, `errors`, `evaluation`, `executors`, `features`, `model_dir`, `models`, `options`,
`output`, `readers`, `records`, `system`, `text`.
"""

from anime_whisper_ct2.search.options import STRATEGIES, SearchOptions, Strategy

__all__ = ["STRATEGIES", "SearchOptions", "Strategy"]
