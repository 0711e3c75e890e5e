"""What somebody sees who comes without the token: how to get in, and nothing else."""

from __future__ import annotations

from starlette.responses import HTMLResponse

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">{again}
<title>awct2</title>
<style nonce="{nonce}">
:root {{ color-scheme: light dark; font: 1rem/1.6 system-ui, sans-serif; }}
body {{ max-width: 36rem; margin: 20vh auto 0; padding: 0 1rem; }}
</style>
<h1>awct2</h1>
<p>This page opens with the address that the command has printed in the terminal: it ends in <code>?token=…</code>,
and is another one each time the command is started.</p>
<p lang="ja">このページは、コマンドがターミナルに表示したアドレスから開いてください。
アドレスは <code>?token=…</code> で終わり、コマンドを起動するたびに変わります。</p>
</html>
"""
# A link on another site led here: a page's own request for itself brings the cookie that such a visit does not.
_AGAIN = '\n<meta http-equiv="refresh" content="0">'


def doorstep(nonce: str, came_from_site: bool) -> HTMLResponse:
    """Give the page, with status 401; `came_from_site`: it asks once more by itself."""
    return HTMLResponse(_PAGE.format(nonce=nonce, again=_AGAIN if came_from_site else ""), 401)
