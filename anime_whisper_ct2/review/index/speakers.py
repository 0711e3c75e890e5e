"""Who speaks, and how fast: a segment is held against what its speaker is wont to say in a second."""

from __future__ import annotations

# In `run`, as `building.load` reads it: what the corpus told, else the first folder.
SPEAKER = "coalesce(nullif(told, ''), CASE WHEN contains(id, '/') THEN split_part(id, '/', 1) ELSE '' END)"
# Of a speaker with fewer lines than this, the median of all lines says more.
LEAST_LINES = 20
_SPEAKING = "cps > 0"
PACES = f"""UPDATE speakers SET pace = told.pace FROM (
    SELECT r.speaker AS number, count(*) FILTER ({_SPEAKING}) AS lines,
    CASE WHEN lines >= {LEAST_LINES} THEN median(cps) FILTER ({_SPEAKING})
        ELSE (SELECT median(cps) FROM segments WHERE {_SPEAKING}) END AS pace
    FROM segments s JOIN recs r ON r.rec = s.rec GROUP BY r.speaker) told WHERE told.number = speakers.number"""
