"""What `benchmarks.adapt` learns and measures with: lines, voices that speak them, and what is counted of their texts.

`speech` has the lines spoken, by `voices` in a Python of its own; `sounds` varies them, and `corpora` writes them where
`awct2` finds them. `stages` teaches, decodes and times, each from files to files, and `figures` counts; `trials` tries
other ways to teach.
"""
