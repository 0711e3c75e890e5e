"""The addresses that the page speaks to, as `web/page/src/api.ts` lists them; numbers name all things, never paths."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias

import anyio
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.review.answers import (
    closed_json,
    decided_json,
    detail_json,
    preview_json,
    queue_json,
    replace_json,
    row_json,
    rows_json,
    rules_json,
    sample_json,
    state_json,
)
from anime_whisper_ct2.review.bodies import Body
from anime_whisper_ct2.review.opening import Opening
from anime_whisper_ct2.review.refusing import RefusedError, not_saved
from anime_whisper_ct2.review.requests import (
    batch_request,
    chosen_request,
    decide_request,
    queue_request,
    replace_request,
    rules_of,
    sample_request,
)
from anime_whisper_ct2.review.rules import read_rules, write_rules
from anime_whisper_ct2.review.sound.cutting import NoSound
from anime_whisper_ct2.web.answers import HANDLERS, JsonAnswer, problem

# So many rows are answered at most.
_MOST_ROWS = 200
# Clips are waited for in threads of their own, so that they keep no decision waiting.
_CLIPS_AT_ONCE = 8
_WIDEST_MARGIN_S = 10.0
# No number that is given out is longer; one of thousands of digits is none to Python.
_MOST_DIGITS = 15

_Json: TypeAlias = dict[str, Any]
_Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


class _Number(IntegerConvertor):
    """A number in an address; what is none leads nowhere."""

    regex = f"[0-9]{{1,{_MOST_DIGITS}}}"


register_url_convertor("number", _Number())


class Routes:
    """What answers each address."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._clips: anyio.CapacityLimiter | None = None

    def app(self) -> Starlette:
        """Give the application."""
        return Starlette(
            routes=[
                _asked("/api/state", self._state),
                _asked("/api/queue/{queue:number}/rows", self._rows),
                _asked("/api/queue/{queue:number}/find", self._find),
                _asked("/api/row/{row:number}", self._row),
                Route("/api/clip/{row:number}", self._clip),
                _posted("/api/queue", self._queue),
                _posted("/api/decide", self._decide),
                _posted("/api/undo", self._undo),
                _posted("/api/redo", self._redo),
                _posted("/api/batch", self._batch),
                _posted("/api/replace/preview", self._replace_preview),
                _posted("/api/replace", self._replace),
                _posted("/api/rules/read", self._read_rules),
                _posted("/api/rules/write", self._write_rules),
                _posted("/api/sample", self._sample),
                _posted("/api/sample/close", self._close_sample),
                _posted("/api/save", self._save),
            ],
            exception_handlers={
                **HANDLERS,
                RefusedError: self._refused,
                OutputError: self._not_saved,
                NoSound: _no_sound,
            },
        )

    def _state(self, _: Request) -> _Json:
        return state_json(self._opening.state())

    def _rows(self, request: Request) -> _Json:
        first, count = _number(request, "from", 0), _number(request, "count", 100)
        queue = int(request.path_params["queue"])
        return {"rows": rows_json(self._opening.session.rows(queue, first, min(count, _MOST_ROWS)))}

    def _find(self, request: Request) -> _Json:
        queue = self._opening.session.bench.shelf.get(int(request.path_params["queue"]))
        return {"position": queue.position(_number(request, "row"))}

    def _row(self, request: Request) -> _Json:
        detail = self._opening.session.detail(int(request.path_params["row"]))
        return detail_json(detail, self._opening.refused)

    async def _clip(self, request: Request) -> Response:
        """Answer with the sound of a row, and how much there is of it."""
        if self._clips is None:
            self._clips = anyio.CapacityLimiter(_CLIPS_AT_ONCE)
        margin_s = _seconds(request, "margin", 0.0)
        row = int(request.path_params["row"])
        clip = await run_sync(partial(self._opening.clip, row, margin_s), limiter=self._clips)
        reach = {"X-Clip-Start": f"{clip.start_s:.6f}", "X-Clip-End": f"{clip.end_s:.6f}"}
        return Response(clip.wav, media_type="audio/wav", headers=reach)

    def _queue(self, body: Body) -> _Json:
        return queue_json(*self._opening.session.queue(queue_request(body)))

    def _decide(self, body: Body) -> _Json:
        return decided_json(self._opening.session.decide(decide_request(body)))

    def _undo(self, _: Body) -> _Json:
        return decided_json(self._opening.session.undo())

    def _redo(self, _: Body) -> _Json:
        return decided_json(self._opening.session.redo())

    def _batch(self, body: Body) -> _Json:
        request, session = batch_request(body), self._opening.session
        if request.dry:
            return preview_json(session.batch_preview(request))
        return decided_json(session.batch(request))

    def _replace_preview(self, body: Body) -> _Json:
        return replace_json(self._opening.session.replace_preview(replace_request(body)))

    def _replace(self, body: Body) -> _Json:
        return decided_json(self._opening.session.replace(chosen_request(body)))

    def _read_rules(self, body: Body) -> _Json:
        return {"rules": rules_json(read_rules(body.text("csv")))}

    def _write_rules(self, body: Body) -> _Json:
        return {"csv": write_rules(rules_of(body))}

    def _sample(self, body: Body) -> _Json:
        return sample_json(self._opening.session.draw(sample_request(body)))

    def _close_sample(self, body: Body) -> _Json:
        return closed_json(self._opening.session.close_sample(body.text("sample")))

    def _save(self, _: Body) -> _Json:
        return {"path": str(self._opening.save())}

    def _refused(self, _: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)
        more: _Json = {}
        if error.row is not None and (rows := self._opening.session.bench.shown([error.row])):
            more["row"] = row_json(rows[0])
        return problem(error.status, error.code, str(error), **more)

    def _not_saved(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, OutputError)
        return self._refused(request, not_saved(error))


def _asked(path: str, answer: Callable[[Request], _Json]) -> Route:
    """Make a route that changes nothing; it is answered in a thread."""

    async def endpoint(request: Request) -> Response:
        """Answer a request."""
        return await run_sync(lambda: JsonAnswer(answer(request)))

    return Route(path, endpoint)


def _posted(path: str, answer: Callable[[Body], _Json]) -> Route:
    """Make a route that takes JSON; it is answered in a thread."""

    async def endpoint(request: Request) -> Response:
        """Answer a request."""
        raw = await request.body()
        return await run_sync(lambda: JsonAnswer(answer(Body.read(raw))))

    return Route(path, endpoint, methods=["POST"])


def _number(request: Request, key: str, default: int | None = None) -> int:
    """Read a whole number of the address. Raises RefusedError for what is none."""
    written = request.query_params.get(key)
    if written is None and default is not None:
        return default
    if written is None or not (written.isascii() and written.isdigit() and len(written) <= _MOST_DIGITS):
        raise RefusedError(f"`{key}` must be a whole number from 0 on")
    return int(written)


def _seconds(request: Request, key: str, default: float) -> float:
    written = request.query_params.get(key)
    try:
        seconds = default if written is None else float(written)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _WIDEST_MARGIN_S:
        raise RefusedError(f"`{key}` must be seconds from 0 to {_WIDEST_MARGIN_S:g}")
    return seconds


def _no_sound(_: Request, error: Exception) -> Response:
    return problem(422, "no_sound", str(error))
