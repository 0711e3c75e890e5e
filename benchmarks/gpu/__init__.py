"""The GPU's part, `python -m benchmarks.gpu`: its steps against the clock, each a process of its own.

`look`, `oom` and `stations` are commands by themselves, too. On a machine without a GPU all of them run on the CPU.
"""
