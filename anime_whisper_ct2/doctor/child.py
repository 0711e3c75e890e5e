"""A process for one question: a call comes in on standard input, its answer goes out, both as pickles.

CTranslate2 on a machine that it was not built for does not raise but dies, and takes its process along.
"""

from __future__ import annotations

import pickle

from anime_whisper_ct2.executors.process import streams


def main() -> None:
    """Answer with (True, result) or (False, message)."""
    source, sink = streams()
    from anime_whisper_ct2.errors import Awct2Error  # noqa: PLC0415 - only now that standard output is safe

    try:
        answer = (True, pickle.load(source)())
    except Awct2Error as error:
        answer = (False, str(error))
    except Exception as error:  # the question is whether it works, so each reason is an answer
        answer = (False, f"{type(error).__name__}: {error}")
    pickle.dump(answer, sink)
    sink.flush()


if __name__ == "__main__":
    main()
