"""What a model can be trusted with on somebody's clips, measured there and kept beside it.

`calibrate` decodes a sample of a corpus at 30 s and in shorter windows, sounds in which nobody speaks, and holds the
texts against references where there are any; `write_profile` keeps what passed in the model's `awct2.json`, `report`
puts it into words, and `chart` draws it.

May import: `_version`, `engine`, `errors`, `evaluation`, `executors`, `features`, `model_dir`, `options`, `output`,
`readers`, `records`, `system`, `text`.
"""

from anime_whisper_ct2.calibration.measuring import Calibration, CalibrationOptions, calibrate
from anime_whisper_ct2.calibration.profile import write_profile

__all__ = ["Calibration", "CalibrationOptions", "calibrate", "write_profile"]
