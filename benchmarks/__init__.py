"""Measurements of this project beside its peers; see README.md in this folder."""

import sys
from importlib.util import find_spec
from pathlib import Path

# In a checkout that was not installed, the converter's source root is not on the path.
if find_spec("anime_whisper_ct2_convert") is None:
    sys.path.append(str(Path(__file__).resolve().parents[1] / "convert"))
