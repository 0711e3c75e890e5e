"""The sound of a segment, decoded in processes that may hang and die.

`clips` gives it and keeps some; `places` says where the audio of a recording is, after a `listing` of containers;
`clip_workers` are the processes, and `cutting` is what they do.

May import: `audio`, `errors`, `executors`, `extensions`, `features`, `output`, `readers`, `records`, `system`.
"""
