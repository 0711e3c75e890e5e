"""What `benchmarks.average` measures with: checkpoints of a training and recordings, and an average made the naive way.

`series` has checkpoints in a row, trained or made up; `speech` has lines spoken; `scores` hears and counts them;
`trials` times a trial of `awct2 average --search` beside what one would write by hand.
"""
