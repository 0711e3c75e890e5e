"""A tiny Whisper checkpoint and the scripts that make it."""
