"""All states of one recording's segments: what stands, and beside it what reviewers differ on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.reviews.branches import Branch, Node, Reach, Standing, Step, reach, tags_of
from anime_whisper_ct2.reviews.records import Decision, Piece, Rival
from anime_whisper_ct2.reviews.structure import Held, held
from anime_whisper_ct2.reviews.versions import milliseconds, version_of

# A branch, and its heads at some time.
Seen = tuple[Branch, tuple[Node, ...]]


class Field:
    """The main branch, and those beside it. `versions` are names of states that have become known since it was asked.

    Of a state in conflict, `contested` has the node on the main branch, and what stood against it then.
    """

    def __init__(self, transcript: Transcript) -> None:
        self._id = transcript.id
        self.nodes: dict[str, list[Node]] = {}
        self.contested: dict[str, tuple[Node, tuple[Seen, ...]]] = {}
        self.versions: list[str] = []
        self.main = Branch([], {})
        self.beside: list[Branch] = []
        # Which branches count against a head of the main one, and against which heads a branch counts.
        self._against: dict[Node, list[Branch]] = {}
        self._covers: dict[Branch, tuple[Node, ...]] = {}
        self._changed: list[Branch] = []
        self._tagged = False
        for segment in held(transcript):
            self.main.heads[self.node(segment)] = None

    def knows(self, version: str) -> bool:
        """Say whether a state has been there."""
        return version in self.nodes or version in self.contested

    def node(self, segment: Held, parents: Sequence[Node] = ()) -> Node:
        """Make a node."""
        piece = segment.piece
        version = version_of(self._id, piece.start, piece.end, piece.text, piece.verdict)
        node = Node(segment, version, parents)
        self.nodes.setdefault(version, []).append(node)
        self.versions.append(version)
        return node

    def again(self, node: Node, parents: Sequence[Node]) -> Node:
        """Make a node that says the same: a branch goes forward only, and a state that comes back is a new one."""
        return self.node(node.held, (node, *parents))

    def take(self, branch: Branch, step: Step) -> None:
        """Carry out a step on heads of a branch."""
        if branch is self.main:
            for node in step.inputs:
                self._changed += self._against.get(node, ())
        else:
            self._changed.append(branch)
        branch.take(step)

    def put_beside(self, branch: Branch) -> None:
        """Add a branch."""
        self.beside.append(branch)
        self._changed.append(branch)

    def settle(self, branch: Branch) -> None:
        """Let a branch count no more."""
        branch.standing = Standing.SETTLED
        self._changed.append(branch)

    def cover(self, branch: Branch) -> Reach:
        """Give what the main branch has in the place of another one, which grows by what was merged with that."""
        there = reach(self.main, branch.base)
        self.extend(branch, there.base)
        return there

    def extend(self, branch: Branch, nodes: Iterable[Node]) -> None:
        """Have a branch cover more nodes of the main one; it has left them as they are."""
        fresh = [node for node in nodes if node not in branch.base]
        branch.base += fresh
        branch.heads.update(dict.fromkeys(fresh))

    def compare(self) -> None:
        """Settle branches that come to the same as the main one, and name the states of those that do not."""
        touched: dict[Node, None] = {}
        for branch in dict.fromkeys(self._changed):
            for node in self._covers.pop(branch, ()):
                self._against[node].remove(branch)
                touched[node] = None
            if branch.standing is not Standing.COUNTS:
                continue
            there = self.cover(branch)
            if _content(branch.heads) in (_content(there.heads), _content(branch.base)):
                branch.standing = Standing.SETTLED
                continue
            self._covers[branch] = there.heads
            for node in there.heads:
                self._against.setdefault(node, []).append(branch)
                touched[node] = None
        self._changed = []
        for node in touched:
            if node in self.main.heads and (beside := self._rivals_of(node)):
                piece = node.piece
                rivals = [self._rival(branch) for branch in beside]
                version = version_of(self._id, piece.start, piece.end, piece.text, piece.verdict, rivals)
                self.contested[version] = (node, tuple((branch, tuple(branch.heads)) for branch in beside))
                self.versions.append(version)

    def recall(self, version: str, node: Node, beside: Sequence[Seen]) -> None:
        """Name a state in conflict that was there before a line was undone; `node` and `beside` are another field's."""
        if node.version not in self.nodes:
            return
        over: list[Seen] = []
        for _, heads in beside:
            side = {each.version for each in heads}
            over += (
                (branch, tuple(branch.heads))
                for branch in self.beside
                if {each.version for each in branch.heads} == side
            )
            if standing := tuple(each for each in self.main.heads if each.version in side):
                over.append((self.main, standing))
        self.contested[version] = (self.nodes[node.version][-1], tuple(over))

    def tag(self, line: int, decision: Decision, branch: Branch, node: Node) -> None:
        """Tag a segment, in whichever state; whoever's text stands in the end, the sound is the same."""
        self._tagged = True
        nodes = {node: None}
        for head in reach(self.main, branch.base if branch is not self.main else [node]).heads:
            nodes[head] = None
            for other in self._against.get(head, ()):
                nodes.update(other.heads)
        for each in nodes:
            each.tags.append((line, decision))

    def pieces(self) -> Iterator[Piece]:
        """Give the segments as they stand, in the order of their times."""
        # One record for each branch, by which it is seen what belongs together.
        rivals = {branch: self._rival(branch) for branch in self._covers}
        for node in sorted(self.main.heads, key=lambda node: _place(node.piece)):
            piece = self._tagged_piece(node)
            if beside := self._rivals_of(node):
                piece = replace(piece, rivals=tuple(rivals[branch] for branch in beside))
            yield piece

    def _rivals_of(self, node: Node) -> list[Branch]:
        return sorted(self._against.get(node, ()), key=_latest)

    def _rival(self, branch: Branch) -> Rival:
        assert branch.last is not None
        pieces = sorted((self._tagged_piece(node) for node in branch.heads), key=_place)
        if all(piece.verdict == "rejected" for piece in pieces):
            pieces = []
        return Rival(branch.last, tuple(pieces))

    def _tagged_piece(self, node: Node) -> Piece:
        return replace(node.piece, tags=tags_of(node)) if self._tagged else node.piece


def _place(piece: Piece) -> tuple[float, float]:
    return piece.start, piece.end


def _latest(branch: Branch) -> tuple[str, str]:
    assert branch.last is not None
    return branch.last.at, branch.last.reviewer


def _content(nodes: Iterable[Node]) -> list[tuple[int, int, str, str]]:
    """Give what segments say, for comparison: of what is rejected, no text; whoever accepts a text agrees to it."""
    found = []
    for node in nodes:
        piece = node.piece
        is_rejected = piece.verdict == "rejected"
        verdict = "" if piece.verdict is None else "rejected" if is_rejected else "kept"
        found.append((milliseconds(piece.start), milliseconds(piece.end), "" if is_rejected else piece.text, verdict))
    return sorted(found)
