"""Lists of recordings, read line by line: manifests (JSON lines, CSV, TSV), plain paths, and Kaldi's `wav.scp`."""
