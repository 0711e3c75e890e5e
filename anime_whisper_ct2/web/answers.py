"""Answers in JSON: what was asked for, or a Problem, which is a sentence and a code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from anime_whisper_ct2.errors import Awct2Error, one_line


def as_json(content: object) -> bytes:
    """Write JSON as UTF-8; a byte of a path that was no UTF-8 becomes an escape. Raises ValueError for NaN."""
    written = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return written.encode("utf-8", "backslashreplace")


class JsonAnswer(Response):
    """JSON, whatever characters are in its texts."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Write the body."""
        return as_json(content)


def problem(status: int, code: str, sentence: str, **more: object) -> JsonAnswer:
    """Say what was wrong with a request; `code` is for the page, the sentence for whoever reads it."""
    return JsonAnswer({"error": one_line(sentence), "code": code, **more}, status)


# Of statuses that an application or a guard gives by itself: the code, and a sentence where HTTP's own phrase is none.
_CODES = {
    400: ("bad_request", "The request cannot be read."),
    401: ("no_token", "Open the address that the command has printed."),
    403: ("foreign", "The request came from another page."),
    404: ("not_found", "There is nothing under this address."),
    405: ("not_allowed", "This address does not take that method."),
    413: ("too_large", "The request is too large."),
    421: ("foreign_host", "This server does not go by that name; --allow-host allows another."),
    500: ("failed", "The server failed over this request; the terminal that it runs in says more."),
}


def problem_of(status: int, sentence: str | None = None) -> JsonAnswer:
    """Give the Problem of a status by itself."""
    code, known = _CODES.get(status, (f"http_{status}", f"{HTTPStatus(status).phrase}."))
    return problem(status, code, sentence or known)


def _of_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = problem_of(error.status_code)
    answer.headers.update(error.headers or {})
    return answer


def _of_awct2(_: Request, error: Exception) -> Response:
    return problem(400, _CODES[400][0], str(error))


def _of_fault(_: Request, __: Exception) -> Response:
    return problem_of(500)


# For `Starlette(exception_handlers=…)`: every error is a Problem. A fault of the program is raised again behind its
# answer, for whoever stands around the application.
HANDLERS: Mapping[Any, Callable[[Request, Exception], Response]] = {
    HTTPException: _of_http,
    Awct2Error: _of_awct2,
    Exception: _of_fault,
}
