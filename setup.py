"""Finds the packages of both source roots; `find:` in setup.cfg, which holds all the rest, looks into one."""

import warnings

from setuptools import find_packages, setup

# An editable install says that folders of the same names come first in the working folder; those are what it installs.
warnings.filterwarnings("ignore", message="Editable installation")

setup(packages=[*find_packages(include=["anime_whisper_ct2*"]), *find_packages("convert")])
