"""Does everything work that a run needs, and if not, what mends it? The room behind `awct2 doctor`.

`examine` gives a `Check` for each thing as it is found, and `passed` the verdict. `Probes` is where the answers come
from, `Hardware` what the driver says of itself and its GPUs; a test puts its own in their place.

`machine`, `gpu`, `sound` and `engine` each examine what they are called. Whatever could kill a process is tried in one
of its own: `trial` asks, `child` answers.

May import: `_version`, `audio`, `engine`, `errors`, `executors`, `features`, `model_dir`, `models`, `options`,
`records`, `system`, `text`.
"""

from anime_whisper_ct2.doctor.check import Check, State
from anime_whisper_ct2.doctor.examination import Probes, examine, passed
from anime_whisper_ct2.doctor.gpu import Hardware

__all__ = ["Check", "Hardware", "Probes", "State", "examine", "passed"]
