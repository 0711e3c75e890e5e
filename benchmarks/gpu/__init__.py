"""The GPU's part, `python -m benchmarks.gpu`: its steps against the clock, each a process of its own.

`prepare`, `probe`, `texts`, `oom` and `stations` are commands by themselves, too, and run on a CPU as well. `carry`
gathers what a machine without a network has to be brought.
"""
