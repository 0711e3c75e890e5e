"""Answers are JSON whatever is in their texts, and every error is a sentence and a code."""

from __future__ import annotations

import json
import math

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.web.answers import HANDLERS, JsonAnswer, as_json, problem

TEXTS = ["はい", "a\nb", "\0", '"><script>', "𝕏", "\u2028", "\u202e", "b\udc80\udcff", ""]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_every_text_comes_back_as_it_was(text: str) -> None:
    sent = as_json({text: [text]})
    assert json.loads(sent.decode("utf-8")) == {text: [text]}


def test_what_is_no_json_is_no_answer() -> None:
    with pytest.raises(ValueError, match="JSON"):
        as_json(math.nan)


def answered(error: Exception) -> tuple[int, dict[str, str]]:
    def fail(_: Request) -> Response:
        raise error

    app = Starlette(routes=[Route("/", fail)], exception_handlers=HANDLERS)
    answer = TestClient(app, raise_server_exceptions=False).get("/")
    return answer.status_code, answer.json()


@pytest.mark.parametrize("error", [InputError("a text is empty"), OutputError("a text is empty")], ids=repr)
def test_an_error_of_ours_is_its_sentence(error: Exception) -> None:
    assert answered(error) == (400, {"error": "a text is empty", "code": "bad_request"})


@pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (405, "not_allowed"), (418, "http_418")])
def test_a_status_is_a_sentence_too(status: int, code: str) -> None:
    number, said = answered(HTTPException(status))
    assert (number, said["code"]) == (status, code)
    assert said["error"].endswith(".")


def test_of_a_fault_nothing_is_told() -> None:
    status, said = answered(ZeroDivisionError("/home/mika/secret"))
    assert (status, said["code"]) == (500, "failed")
    assert "secret" not in said["error"]


def test_a_problem_is_one_line_and_may_say_more() -> None:
    answer = problem(409, "stale", "a\nb", row={"id": "\udc80"})
    assert isinstance(answer, JsonAnswer)
    assert json.loads(bytes(answer.body)) == {"error": "a\\nb", "code": "stale", "row": {"id": "\udc80"}}
    assert answer.status_code == 409
