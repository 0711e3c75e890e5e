"""A page on this machine: a server that lets in whoever was given its address, and the files of the page.

`serving` runs an application until it is asked to end, `guards` stands before it, `assets` has the built page, `pages`
gives it out, `answers` writes JSON. None of them knows what the page is for. `page/` holds the page's sources, which
`building` builds into `dist/`.

May import: `errors`, `system`.
"""
