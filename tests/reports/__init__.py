"""Files of the kinds that public bug reports tell of, made on the spot, and what the `ffmpeg` command hears in them."""
