"""The version, in one place: setup.cfg, `awct2 --version`, `run.json` and `awct2.json` read it from here."""

__version__ = "0.1.0"
