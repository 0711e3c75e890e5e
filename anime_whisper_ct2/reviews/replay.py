"""What decisions come to: one pure function over a recording and its lines."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, product

from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.reviews.branches import Branch, Node, Reach, Standing, Step, fork, reach
from anime_whisper_ct2.reviews.field import Field, Seen
from anime_whisper_ct2.reviews.records import Conflicts, Decision, Piece, Replayed
from anime_whisper_ct2.reviews.resolving import resolved
from anime_whisper_ct2.reviews.structure import Impossible, check_apart, length_of, outcome
from anime_whisper_ct2.reviews.versions import milliseconds

# Of states that came back so often, those two are looked for that were there together.
_MOST_PAIRS = 1000
_RESHAPING = frozenset(("trim", "split", "merge"))


def replay(
    transcript: Transcript,
    decisions: Sequence[Decision],
    is_undone: Callable[[Decision], bool],
    conflicts: Conflicts | None = None,
) -> Replayed:
    """Apply a recording's decisions, in the order in which `Logs.of` gives them, to its segments as the run has them.

    What was decided on a state that is not known yet waits for it: clocks differ. What was decided without knowledge of
    another's decision, and comes to something else, is a conflict, unless `conflicts` settles it. Raises ValueError for
    a transcript that has been through a review already.
    """
    if any(segment.verdict is not None for segment in transcript.segments):
        raise ValueError(f"{transcript.id}: has been through a review already")
    return _Replay(transcript).run(decisions, is_undone, conflicts)


class _Replay:
    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._length_s = length_of(transcript)
        self._field = Field(transcript)

    def run(
        self, decisions: Sequence[Decision], is_undone: Callable[[Decision], bool], conflicts: Conflicts | None
    ) -> Replayed:
        """Place every line, each as soon as what it was decided on is known."""
        undone = [is_undone(decision) for decision in decisions]
        waiting: dict[str, list[int]] = {}
        # Numbers in order are a heap.
        refused = self._place_all(list(range(len(decisions))), decisions, undone, waiting)
        if waiting and any(undone):
            self._recall(decisions, waiting)
            woken = sorted(chain.from_iterable(waiting.pop(seen) for seen in [*waiting] if self._field.knows(seen)))
            refused += self._place_all(woken, decisions, undone, waiting)
        lost = sorted((*refused, *chain.from_iterable(waiting.values())))
        stale = tuple(decisions[line] for line in lost if not undone[line])
        pieces = tuple(self._field.pieces())
        if conflicts is not None:
            pieces = resolved(pieces, conflicts)
        return Replayed(pieces, stale, undone.count(False) - len(stale), undone.count(True))

    def _place_all(
        self, due: list[int], decisions: Sequence[Decision], undone: Sequence[bool], waiting: dict[str, list[int]]
    ) -> list[int]:
        """Place the lines that are due, and those that wait for what they come to; gives those that fit nothing."""
        refused: list[int] = []
        while due:
            line = heapq.heappop(due)
            decision = decisions[line]
            missing = next((seen for seen in _seen(decision) if not self._field.knows(seen)), None)
            if missing is not None:
                waiting.setdefault(missing, []).append(line)
                continue
            self._field.versions = []
            try:
                self._place(line, decision, undone[line])
            except Impossible:
                refused.append(line)
            for version in self._field.versions:
                for woken in waiting.pop(version, ()):
                    heapq.heappush(due, woken)
        return refused

    def _recall(self, decisions: Sequence[Decision], waiting: Iterable[str]) -> None:
        """Learn of conflicts that were decided on, and that are none any more because a side of theirs is undone."""
        before = _Replay(self._transcript)
        before.run(decisions, lambda _: False, None)
        for seen in waiting:
            if contested := before._field.contested.get(seen):
                self._field.recall(seen, *contested)

    def _place(self, line: int, decision: Decision, is_undone: bool) -> None:
        branch, inputs, over = self._find(decision)
        if not _is_about(decision, inputs[0]):
            raise Impossible("its times are not those of what was seen")
        if decision.action == "tag":
            if not is_undone:
                self._field.tag(line, decision, branch, inputs[0])
            return
        if is_undone:
            self._undone(decision, branch, inputs)
            return
        if all(node in branch.heads for node in inputs) and branch.standing is Standing.COUNTS:
            self._field.take(branch, self._step(decision, branch, inputs))
        else:
            self._late(decision, branch, inputs, over)
        for other, heads in over:
            if other is self._field.main or other.standing is not Standing.COUNTS:
                continue
            # What has come to it since stands against this one, too.
            if tuple(other.heads) == heads or (other.last and other.last.reviewer == decision.reviewer):
                self._field.settle(other)
        self._field.compare()

    def _find(self, decision: Decision) -> tuple[Branch, tuple[Node, ...], tuple[Seen, ...]]:
        """Say which segments a line is about and in which branch; and which branches beside it had been seen."""
        field = self._field
        over: list[Seen] = []
        found: list[Sequence[Node]] = []
        for seen in _seen(decision):
            if contested := field.contested.get(seen):
                found.append([contested[0]])
                over += contested[1]
            else:
                found.append(field.nodes[seen][::-1])
        if inputs := _among(field.main.heads.__contains__, found):
            return field.main, inputs, tuple(over)
        beside = [branch for branch in field.beside[::-1] if any(map(branch.knows, chain.from_iterable(found)))]
        beside.sort(key=lambda branch: _rank(branch, decision.reviewer))
        for branch in beside:
            if branch.standing is Standing.COUNTS and (inputs := _among(branch.heads.__contains__, found)):
                return branch, inputs, tuple(over)
        # What the reviewer has made of it himself goes before what others have.
        own = [branch for branch in beside if _rank(branch, decision.reviewer) == (Standing.COUNTS.value, False)]
        for branch in (*own, field.main, *beside):
            if inputs := _once(branch, found):
                return branch, inputs, tuple(over)
        return *self._joined(beside, found), tuple(over)

    def _joined(self, beside: Sequence[Branch], found: Sequence[Sequence[Node]]) -> tuple[Branch, tuple[Node, ...]]:
        """Bring two segments together that are to be merged: one was made beside what stands, the other stands."""
        if len(found) == 2:
            for one, other in (found, found[::-1]):
                standing = next((node for node in other if self._field.main.knows(node)), None)
                branch = next((each for each in beside if any(map(each.knows, one))), None)
                if standing is None or branch is None:
                    continue
                there = reach(self._field.main, [standing])
                # What the branch has made something else of already is not taken in once more.
                if set(there.heads).isdisjoint(self._field.cover(branch).heads):
                    self._field.extend(branch, there.base)
                    if inputs := _once(branch, found):
                        return branch, inputs
        raise Impossible("what it was decided on is in different hands")

    def _step(self, decision: Decision, branch: Branch, inputs: tuple[Node, ...], there: Reach | None = None) -> Step:
        """Compute a step on nodes of a branch, which are heads, or were, and have become what is `there`."""
        others: Iterable[Piece] = ()
        if decision.action in _RESHAPING:
            # Which may give the branch more heads.
            covered = frozenset(() if branch is self._field.main else self._field.cover(branch).heads)
            view = branch.heads if there is None else self._view(branch, there)
            if covered:
                view = view | {node: None for node in self._field.main.heads if node not in covered}
            others = (node.piece for node in view if node not in inputs)
        made = outcome(decision, [node.held for node in inputs], others, self._length_s)
        return Step(decision, inputs, tuple(self._field.node(each, inputs) for each in made))

    def _view(self, branch: Branch, there: Reach) -> dict[Node, None]:
        """Give the heads of a branch as they were before something had become what is `there`."""
        return {**{node: None for node in branch.heads if node not in there.heads}, **dict.fromkeys(there.base)}

    def _undone(self, decision: Decision, branch: Branch, inputs: tuple[Node, ...]) -> None:
        """Note what a line that is undone would have made: others may have seen it."""
        there = reach(branch, inputs)
        step = self._step(decision, branch, inputs, there)
        if branch.standing is Standing.UNDONE and all(node in branch.heads for node in inputs):
            branch.take(step)
            return
        made = fork(branch, there, inputs, step, is_main=branch is self._field.main)
        made.standing = Standing.UNDONE
        self._field.put_beside(made)

    def _late(self, decision: Decision, branch: Branch, inputs: tuple[Node, ...], over: Sequence[Seen]) -> None:
        """Place a line about what is not there any more: over what its own reviewer made since, else beside it."""
        there = reach(branch, inputs)
        step = self._step(decision, branch, inputs, there)
        made = fork(branch, there, inputs, step, is_main=branch is self._field.main)
        since = list(there.decisions)
        target = branch
        if branch.standing is not Standing.COUNTS:
            target = self._field.main
            # What is undone nobody has decided, and it stands against nothing.
            since = [] if branch.standing is Standing.UNDONE else [step.decision for step in branch.steps.values()]
            there = self._field.cover(made)
            # Of a conflict, what stands may have been seen as the other side.
            if not any(other is target and set(heads).issuperset(there.heads) for other, heads in over):
                since += there.decisions
        if all(other.reviewer == decision.reviewer for other in since):
            self._put(decision, target, there, made)
        else:
            self._field.put_beside(made)

    def _put(self, decision: Decision, branch: Branch, there: Reach, made: Branch) -> None:
        """Put what a line has made in the place of what is there. Raises Impossible where that has no room any more."""
        nodes = [node for node in made.heads if branch is self._field.main or node not in branch.heads]
        check_apart([node.piece for node in nodes], [node.piece for node in branch.heads if node not in there.heads])
        outputs = []
        for node in nodes:
            if branch.knows(node):
                outputs.append(self._field.again(node, there.heads))
            else:
                # Tags stay that have come meanwhile.
                node.parents += there.heads
                outputs.append(node)
        self._field.take(branch, Step(decision, there.heads, tuple(outputs)))


def _seen(decision: Decision) -> Iterator[str]:
    yield decision.seen
    if decision.action == "merge":
        yield decision.value["with"]["seen"]


def _among(holds: Callable[[Node], bool], found: Sequence[Sequence[Node]]) -> tuple[Node, ...]:
    """Choose for each state a node that is there, the newest; none at all where one has none, or two have the same."""
    chosen = [next((node for node in nodes if holds(node)), None) for nodes in found]
    nodes = tuple(dict.fromkeys(node for node in chosen if node is not None))
    return nodes if len(nodes) == len(found) else ()


def _once(branch: Branch, found: Sequence[Sequence[Node]]) -> tuple[Node, ...]:
    """Choose for each state a node that a branch has, or had; of two, such as were there at one time."""
    known = [[node for node in nodes if branch.knows(node)] for nodes in found]
    for inputs in islice(product(*known), _MOST_PAIRS):
        with contextlib.suppress(Impossible):
            if len(set(inputs)) == len(inputs):
                reach(branch, inputs)
                return inputs
    return ()


def _rank(branch: Branch, reviewer: str) -> tuple[int, bool]:
    """Order branches: those that count first, and of these the reviewer's own."""
    return branch.standing.value, branch.last is None or branch.last.reviewer != reviewer


def _is_about(decision: Decision, node: Node) -> bool:
    piece = node.piece
    seen = milliseconds(piece.start), milliseconds(piece.end)
    return (milliseconds(decision.start), milliseconds(decision.end)) == seen
