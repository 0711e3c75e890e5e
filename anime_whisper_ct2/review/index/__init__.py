"""A million segments in DuckDB, in the cache: made from a run's lines, asked by the page, and gone without a loss.

`index` opens it and answers; `files` is where it lies, and `noting` which logs it knows of. `building` reads the lines,
with `offsets`, `ids_on_disk`, `search_forms`, `speakers`, and a second run `against`; `risk` puts them in order.
`queries` and `queues` ask, `reading` gives `rows` as the page shows them, `vocabulary` the words that occur.
`updating` and `marking` write what decisions came to, with `numbering` and in whole `transactions`; `many` reads
the run's own lines again.

May import: `errors`, `model_dir`, `output`, `readers`, `records`, `reviews`, `system`, `text`.
"""
