"""The sample corpus and the script that makes it."""
