"""The application behind the page of `awct2 review`, asked as the page asks it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from starlette.testclient import TestClient

from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.review import ReviewSettings, open_review
from anime_whisper_ct2.reviews import Action, Decision, Logs, Reviews, open_log, review_folder, version_of

Json = dict[str, Any]


@dataclass(slots=True)
class Page:
    """What a page knows: who it speaks to, and the queue that it shows."""

    client: TestClient
    queue: int = 0

    def get(self, path: str) -> Any:
        """Ask for something that is there."""
        return _of(self.client.get(f"/api/{path}"))

    def post(self, path: str, **body: Any) -> Any:
        """Send something that is taken."""
        return _of(self.client.post(f"/api/{path}", json=body))

    def refused(self, path: str, status: int, code: str, **body: Any) -> Json:
        """Send something that is not taken; gives the Problem."""
        return problem(self.client.post(f"/api/{path}", json=body), status, code)

    def freeze(self, sort: str = "id", descending: bool = False, **filters: Any) -> Json:
        """Make a queue, which is the one that is shown from now on."""
        made: Json = self.post("queue", filters=filters, sort=sort, descending=descending)
        self.queue = made["queue"]
        return made

    def rows(self, first: int = 0, count: int = 200) -> list[Json]:
        """Give rows of the queue."""
        rows: list[Json] = self.get(f"queue/{self.queue}/rows?from={first}&count={count}")["rows"]
        return rows

    def wish(self, row: Json, action: str, value: Any = None, **more: Any) -> Json:
        """Give what the page sends where somebody decides on a row."""
        measured = {"heard": 1.0, "rate": 1.5, "ms": 1200}
        known = {"queue": self.queue, "position": 0, "row": row["row"], "seen": row["seen"]}
        return known | measured | {"action": action, "value": value} | more

    def decide(self, row: Json, action: str, value: Any = None, **more: Any) -> Json:
        """Decide on a row."""
        decided: Json = self.post("decide", **self.wish(row, action, value, **more))
        return decided

    def batch(self, action: str, value: Any = None, only_undecided: bool = True, **more: Any) -> Json:
        """Decide on the whole queue."""
        done: Json = self.post(
            "batch", queue=self.queue, action=action, value=value, only_undecided=only_undecided, **more
        )
        return done


def problem(answer: httpx.Response, status: int, code: str) -> Json:
    """Read a Problem, which is to be the one that is expected."""
    told: Json = answer.json()
    assert (answer.status_code, told["code"]) == (status, code), told
    assert "\n" not in told["error"]
    return told


@contextmanager
def reviewing(run: Path, reviewer: str = "花子", **settings: Any) -> Iterator[Page]:
    """Open a run, and wait until it is ready."""
    with open_review(ReviewSettings(run, reviewer, **settings)) as app, TestClient(app) as client:
        page = Page(client)
        wait_until_ready(page)
        yield page


def wait_until_ready(page: Page) -> Json:
    """Ask for the state until the index is made."""
    state: Json
    while not (state := page.get("state"))["ready"]:
        assert state["problem"] is None, state["problem"]
        time.sleep(0.005)
    return state


def effective(run: Path) -> Mapping[str, Transcript]:
    """Give the recordings of a run as the logs leave them: what `export` reads."""
    file = RunFolder(run).file
    return RunFolder(run, Reviews(file).overlay)


def said(run: Path) -> list[tuple[str, float, float, str, str | None]]:
    """Give what the segments of a run say, by the logs alone, those in conflict aside."""
    folder = RunFolder(run)
    reviews = Reviews(folder.file)
    told: list[tuple[str, float, float, str, str | None]] = []
    for one in folder.values():
        pieces = reviews.replayed(one).pieces
        if any(piece.rivals for piece in pieces):
            kept = [piece for piece in pieces if not piece.rivals]
            told += [(one.id, piece.start, piece.end, piece.text, piece.verdict) for piece in kept]
        else:
            laid = sorted(reviews.overlay(one).segments, key=lambda segment: (segment.start, segment.end))
            told += [(one.id, each.start, each.end, each.text, each.verdict) for each in laid]
    return told


def shown(page: Page) -> list[tuple[str, float, float, str, str | None]]:
    """Give what the page shows of all segments, those in conflict aside, in the order of ids and times."""
    count = page.freeze("id")["count"]
    rows = [row for at in range(0, count, 200) for row in page.rows(at)]
    verdict = {"open": None}
    return [
        (row["id"], row["start"], row["end"], row["text"], verdict.get(row["status"], row["status"]))
        for row in rows
        if row["status"] != "conflict"
    ]


def seen(one: Transcript, number: int, action: Action, value: Any = None, **more: Any) -> Decision:
    """Draft a decision on a segment as the run itself has it."""
    segment = one.segments[number]
    version = version_of(one.id, segment.start, segment.end, segment.text)
    return Decision("", "", one.id, segment.start, segment.end, version, action, value, **more)


def elsewhere(run: Path, reviewer: str, *drafts: Decision) -> None:
    """Decide as another reviewer does on another machine."""
    with open_log(review_folder(RunFolder(run).file), reviewer) as log:
        log.append(drafts)


def lines(run: Path) -> list[Decision]:
    """Give all decisions about a run's recordings, in the order of time."""
    logs = Logs(review_folder(RunFolder(run).file))
    return sorted((line for id_ in logs.ids for line in logs.of(id_)), key=lambda line: (line.at, line.reviewer))


def _of(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()
