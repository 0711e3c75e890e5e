"""States of a recording's segments, one made of another by each decision, and the branches where reviewers differ.

A `Node` is one state of one segment. A branch has heads, which are the segments as they stand in it, and knows for each
earlier node which step took it away. `main` covers the recording; any other one begins at nodes of it, its base.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from anime_whisper_ct2.reviews.records import Decision, Piece
from anime_whisper_ct2.reviews.structure import Held, Impossible, check_apart


class Node:
    """One state of one segment. `tags`: changes to its tags, each with the number of its line."""

    __slots__ = ("held", "parents", "tags", "version")

    def __init__(self, held: Held, version: str, parents: Sequence[Node] = ()) -> None:
        self.held = held
        self.version = version
        self.parents = tuple(parents)
        self.tags: list[tuple[int, Decision]] = []

    @property
    def piece(self) -> Piece:
        """The segment, without its tags and rivals."""
        return self.held.piece


@dataclass(frozen=True, slots=True)
class Step:
    """A decision that took nodes away and put others in their place."""

    decision: Decision
    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]


class Standing(Enum):
    """What becomes of a branch: it counts, it was made by what is undone, or it was decided otherwise."""

    COUNTS = 0
    UNDONE = 1
    SETTLED = 2


@dataclass(eq=False)
class Branch:
    """What the segments at `base` have become in it, for those who did not see what became of them elsewhere."""

    base: list[Node]
    heads: dict[Node, None]
    steps: dict[Node, Step] = field(default_factory=dict)
    standing: Standing = Standing.COUNTS
    last: Decision | None = None

    def knows(self, node: Node) -> bool:
        """Say whether a node is one of its heads, or was."""
        return node in self.heads or node in self.steps

    def take(self, step: Step) -> None:
        """Carry out a step on heads."""
        for node in step.inputs:
            self.heads.pop(node, None)
            self.steps[node] = step
        self.heads.update(dict.fromkeys(step.outputs))
        self.last = step.decision


@dataclass(frozen=True, slots=True)
class Reach:
    """What nodes have become in a branch: `heads`, by `decisions`.

    `base`: the nodes, and those beside them with which they were merged later, as these then were. `derived`: the
    nodes, and all that was made of them.
    """

    base: tuple[Node, ...]
    derived: frozenset[Node]
    heads: tuple[Node, ...]
    decisions: tuple[Decision, ...]


def reach(branch: Branch, nodes: Iterable[Node]) -> Reach:
    """Follow nodes through a branch to its heads. Raises Impossible for nodes that have not been there together."""
    base = dict.fromkeys(nodes)
    derived = dict(base)
    heads: dict[Node, None] = {}
    # By their identity: one step may have taken several of them away.
    steps: dict[int, Step] = {}
    left = list(base)
    while left:
        node = left.pop()
        step = branch.steps.get(node)
        if step is None:
            heads[node] = None
        elif id(step) not in steps:
            steps[id(step)] = step
            # One that is made of another has not been beside it.
            if not base.keys().isdisjoint(step.outputs):
                raise Impossible("what it was decided on was never there at one time")
            fresh = [output for output in step.outputs if output not in derived]
            derived.update(dict.fromkeys(fresh))
            left += fresh
    for step in steps.values():
        base.update(dict.fromkeys(node for node in step.inputs if node not in derived))
    return Reach(tuple(base), frozenset(derived), tuple(heads), tuple(step.decision for step in steps.values()))


def fork(branch: Branch, there: Reach, inputs: Sequence[Node], step: Step, *, is_main: bool) -> Branch:
    """Give a branch in which a step was done on what is not there any more: `there` is what that has become.

    Raises Impossible where others have taken its room since.
    """
    kept = {} if is_main else {node: None for node in branch.heads if node not in there.heads}
    fresh = [*(node for node in there.base if node not in inputs), *step.outputs]
    check_apart([node.piece for node in fresh], [node.piece for node in kept])
    heads = {**kept, **dict.fromkeys(fresh)}
    gone = there.derived.union(heads)
    steps = {} if is_main else {node: made for node, made in branch.steps.items() if node not in gone}
    steps.update(dict.fromkeys(step.inputs, step))
    base = list(there.base) if is_main else list(branch.base)
    return Branch(base, heads, steps, last=step.decision)


def tags_of(node: Node) -> tuple[str, ...]:
    """Give a segment's tags: what was done to it and to those that it was made of, in the order of the lines."""
    seen, left = {node}, [node]
    changes: dict[int, Decision] = {}
    while left:
        each = left.pop()
        changes.update(each.tags)
        fresh = [parent for parent in each.parents if parent not in seen]
        seen.update(fresh)
        left += fresh
    tags: dict[str, None] = {}
    for _, decision in sorted(changes.items(), key=lambda change: change[0]):
        tags.update(dict.fromkeys(decision.value.get("add", ())))
        for name in decision.value.get("remove", ()):
            tags.pop(name, None)
    return tuple(tags)
