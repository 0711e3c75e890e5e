"""A guarded server with a page that says whether its own script ran, and an address that counts what is sent to it.

It prints its address; every request for `/api/count` gives how often `/api/change` was reached.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from anime_whisper_ct2.web.assets import Asset, Assets
from anime_whisper_ct2.web.guards import Access, Guarded
from anime_whisper_ct2.web.pages import Paged
from anime_whisper_ct2.web.serving import listening, serve

_INDEX = """<!doctype html><title>site</title>
<link rel="stylesheet" href="./assets/a.css"><script src="./assets/a.js" defer></script>
<style nonce="__NONCE__">p { color: rgb(1, 2, 3) }</style><style>p { color: rgb(4, 5, 6) }</style>
<p id="said">nothing</p><script>document.title = "inline"</script><img src="x" onerror="document.title = 'handler'">
<iframe src="/assets/a.css"></iframe>"""
_SCRIPT = """fetch("api/change", { method: "POST", body: "{}" }).then((answer) => answer.text())
  .then((text) => { document.getElementById("said").textContent = `${text} ${document.cookie}|`; });"""
_ASSETS = Assets(
    _INDEX.encode(),
    {
        "/assets/a.js": Asset(_SCRIPT.encode(), "text/javascript", False),
        "/assets/a.css": Asset(b"p { font-size: 33px }", "text/css", False),
    },
)


def main() -> None:
    """Serve until the process ends."""
    changes = 0

    async def change(_: Request) -> Response:
        nonlocal changes
        changes += 1
        return JSONResponse(changes)

    async def count(_: Request) -> Response:
        return JSONResponse(changes)

    app = Starlette(routes=[Route("/api/change", change, methods=["POST"]), Route("/api/count", count)])
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        access = Access.to(port)
        serve(
            Guarded(Paged(app, _ASSETS), access),
            taken,
            lambda: print(f"http://127.0.0.1:{port}/?token={access.token}", flush=True),
        )


if __name__ == "__main__":
    main()
