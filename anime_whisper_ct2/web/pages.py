"""The page in front of an application: its files from the table, everything else from the application."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from anime_whisper_ct2.web.answers import problem_of
from anime_whisper_ct2.web.assets import Asset, Assets

_READING = ("GET", "HEAD")
_FOR_EVER = "private, max-age=31536000, immutable"


class Paged:
    """An application with a page at `/`. The nonce is taken from `guards.Guarded`, which stands before it."""

    def __init__(self, app: ASGIApp, assets: Assets) -> None:
        self._app = app
        self._assets = assets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asset = self._assets.by_path.get(scope["path"])
        if scope["path"] == "/":
            asset = Asset(self._assets.page(scope["state"]["nonce"]), "text/html; charset=utf-8", False)
        if asset is None:
            await self._app(scope, receive, send)
        elif scope["method"] not in _READING:
            await problem_of(405)(scope, receive, send)
        else:
            await _answer(asset, scope["method"])(scope, receive, send)


def _answer(asset: Asset, method: str) -> Response:
    answer = Response(asset.content, media_type=asset.media_type)
    if asset.is_fixed:
        answer.headers["cache-control"] = _FOR_EVER
    if method == "HEAD":
        answer.body = b""  # its length stays the page's
    return answer
