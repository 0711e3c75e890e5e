"""`esd.list` and `.list` files of other projects, opened as a run and saved as a new list.

`voice_lists` opens and saves them, `lines` keeps each as it is written, `recordings` makes a run of them.

May import: `errors`, `languages`, `output`, `readers`, `records`, `reviews`, `system`, `text`, `review.sound`.
"""
