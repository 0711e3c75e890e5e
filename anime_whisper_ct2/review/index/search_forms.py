"""Full and half width alike: texts as Unicode's NFKC writes them, so that a search finds both.

Nearly all Japanese text is in that form already, or differs by letters of full width and dots; those DuckDB can write
itself. What is left goes through Python.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np

from anime_whisper_ct2.review.index.rows import restored, stored

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

# Each of these stays as it is, whatever stands beside it: no mark among them joins the character before it.
PLAIN = r"\x00-\x7f\x{3041}-\x{3096}\x{30a1}-\x{30fe}\x{4e00}-\x{9fff}。、「」『』々〆〇♪♡♥☆★○●◎◯△▲□■→←↑↓"
# Each of these becomes characters that are plain; the first few are those of nearly all other texts.
FREQUENT = {"…": "...", "！": "!", "？": "?", "\u3000": " "}
_WIDE = "".join(map(chr, range(0xFF01, 0xFF5F)))
_NARROW = "".join(map(chr, range(0x21, 0x7F)))
SIMPLE = rf"{PLAIN}{''.join(FREQUENT)}\x{{ff01}}-\x{{ff5e}}"
_BLOCK = 50_000


def folded_sql(text: str) -> str:
    """Give SQL for `segments.folded` of a text; NULL where the text itself is in that form, or `fold_the_rest` says."""
    frequent = text
    for wide, narrow in FREQUENT.items():
        frequent = f"replace({frequent}, '{wide}', '{narrow}')"
    narrow = _NARROW.replace("'", "''")
    return (
        f"CASE WHEN regexp_full_match({text}, '[{PLAIN}]*') THEN NULL "
        f"WHEN regexp_full_match({text}, '[{PLAIN}{''.join(FREQUENT)}]*') THEN {frequent} "
        # Such a table is made anew for every text.
        f"WHEN regexp_full_match({text}, '[{SIMPLE}]*') THEN translate({frequent}, '{_WIDE}', '{narrow}') END"
    )


def folded(text: str) -> str:
    """Write a text with full and half width alike."""
    return unicodedata.normalize("NFKC", text)


def fold(text: str) -> str | None:
    """Give what `segments.folded` holds of a text: None where it is the text itself."""
    alike = folded(text)
    return None if alike == text else stored(alike)


def fold_the_rest(con: Connection) -> None:
    """Write the texts that `folded_sql` left."""
    rest = con.cursor()
    rest.execute(f"SELECT row, text FROM segments WHERE NOT regexp_full_match(text, '[{SIMPLE}]*')")
    numbers: list[int] = []
    texts: list[str] = []
    while block := rest.fetchmany(_BLOCK):
        for row, text in block:
            if (alike := fold(restored(text))) is not None:
                numbers.append(row)
                texts.append(alike)
    if not numbers:
        return
    con.register("alike", {"row": np.array(numbers, np.int32), "text": np.array(texts, object)})
    con.execute("UPDATE segments SET folded = alike.text FROM alike WHERE alike.row = segments.row")
    con.unregister("alike")
