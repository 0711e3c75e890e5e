"""All stages on the nodes of a Ray cluster: shards of references go out, and their lines come back as parts.

Each engine is an actor with the cores and the GPU that Ray gave it; in it runs what runs here, a fleet of one. Audio
and features stay on the node. An engine that is lost costs its shards in hand, which others do again; a node that joins
gets engines, and one that cannot take part is left out.

`RayExecutor` (in `executor`) decides. On its side, `shards` and `ahead` cut the corpus, `places` finds room, `engines`
listens, `contents` counts; `actor` is the other side, and `messages` is what the two say to each other. `connection`
and `engines` alone know Ray.

May import: `_version`, `errors`, `ids`, `model_dir`, `options`, `output`, `readers`, `records`, `system`,
`executors`, `executors.ahead`, `executors.continuous`, `executors.ladder`, `executors.messages`.
"""

from anime_whisper_ct2.executors.cluster.executor import RayExecutor

__all__ = ["RayExecutor"]
