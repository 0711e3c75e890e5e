"""Measurements of this project beside its peers; see README.md in this folder."""
