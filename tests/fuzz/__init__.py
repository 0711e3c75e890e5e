"""A fuzzer for every door that hostile or damaged files come in by, and for what a run leaves on disk.

`python -m tests.fuzz [TARGET...] [--minutes 10] [--seed N]` mutates the seeds of each target, keeps in its pool what
reaches new code or has a new outcome, and holds each case to the target's invariants, which its docstring states. All
of it happens in a process of its own, so that a case which kills, hangs or bloats that process is a finding like any
other. What is found is cut down and kept in `cases/`, named by its target and a hash; `test_fuzz.py` replays it.
"""
