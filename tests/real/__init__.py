"""Genuine Whisper weights and neural voices: what holds on a real model, and the script that spoke the lines."""
