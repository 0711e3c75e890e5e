"""What a run would come to, from names and a sample of headers: the room behind `awct2 run --dry-run`.

`plan_run` gives the `Plan`, with an `Estimate` for each sum, `LengthClass`es, `Bucket`s of windows and the `Rate` that
its times come from; `PlanOptions` say how large the sample is. `find_model` opens the model that a run would use, if it
is here. `headers` says how long recordings are.

May import: `audio`, `engine`, `errors`, `features`, `ids`, `model_dir`, `options`, `output`, `readers`, `records`,
`system`.
"""

from anime_whisper_ct2.plan.dry_run import find_model, plan_run
from anime_whisper_ct2.plan.figures import Bucket, Estimate, LengthClass, Plan, PlanOptions, Rate

__all__ = ["Bucket", "Estimate", "LengthClass", "Plan", "PlanOptions", "Rate", "find_model", "plan_run"]
