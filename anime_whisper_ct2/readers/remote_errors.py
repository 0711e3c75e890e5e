"""What goes wrong behind a URL: what may pass is tried again, and what does not is one clear line."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TypeVar

from anime_whisper_ct2.system.paths import can_be_no_name

T = TypeVar("T")

# What lasts longer than this is no hiccup.
_DELAYS_S = (0.2, 1.0)
_USER = re.compile(r"(?<=://)[^/\s]*@")
_QUERY = re.compile(r"\?[^\s'\"]*=[^\s'\"]*")
# Answers and no accidents: the other side would give them again.
_LASTING = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ValueError, ImportError)
_CREDENTIALS = {
    "s3": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "s3a": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS",
    "gcs": "set GOOGLE_APPLICATION_CREDENTIALS",
    "hf": "set HF_TOKEN, or log in with huggingface-cli",
}


class RemoteError(OSError):
    """What is behind a URL could not be reached; the message is one line and holds no credentials.

    `absent` says that the other side answered, and that nothing is there; `status` is its HTTP status, if it gave one;
    `lasting` says that it answered, and would answer the same another time.
    """

    def __init__(self, message: str, *, absent: bool = False, status: int | None = None, lasting: bool = False) -> None:
        super().__init__(message)
        self.absent = absent
        self.status = status
        self.lasting = lasting


def redacted(url: str) -> str:
    """Give a URL, or a text that holds some, without user, password and query, where secrets travel."""
    return _QUERY.sub("?…", _USER.sub("", url))


def protocol(url: str) -> str:
    """Give a URL's first protocol, in lower case."""
    return url.partition("://")[0].lower()


def attempt(url: str, action: Callable[[], T], *, again: bool = True) -> T:
    """Do something with what is behind a URL; what may pass is tried two times more, where `again` allows it.

    Raises RemoteError when nothing helps.
    """
    for delay_s in _DELAYS_S if again else ():
        try:
            return action()
        except Exception as error:  # every filesystem has errors of its own
            if not _may_pass(_cause(error)):
                raise remote_error(url, error) from error
        time.sleep(delay_s)
    try:
        return action()
    except Exception as error:
        raise remote_error(url, error) from error


def _cause(error: BaseException) -> BaseException:
    """Look behind fsspec's web filesystem, to which whatever goes wrong is a file that is not there."""
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and cause is not None and (_status(cause) or _may_pass(cause)):
        return cause
    return error


def _status(error: BaseException) -> int | None:
    """Give the HTTP status that an error of aiohttp, requests or botocore carries, or the one that it was made from."""
    for one in (error, error.__cause__):
        response = getattr(one, "response", None)
        if isinstance(response, dict):
            response = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        for found in (getattr(one, "status", None), getattr(response, "status_code", response)):
            if isinstance(found, int):
                return found
    return None


def _may_pass(error: BaseException) -> bool:
    """Say whether trying again may help: broken and refused connections, time-outs, servers in trouble."""
    status = _status(error)
    if status is not None:
        # Time-out, too early, too many requests: with these a server itself asks for another try.
        return status >= 500 or status in {408, 425, 429}
    if isinstance(error, _LASTING) or can_be_no_name(error):
        return False
    # Neither aiohttp's errors nor, before Python 3.11, asyncio's time-out are OSErrors.
    foreign = any(base.__module__.startswith("aiohttp") for base in type(error).__mro__)
    return isinstance(error, OSError) or foreign or "Timeout" in type(error).__name__


def remote_error(url: str, error: Exception) -> RemoteError:
    """Say in one line what went wrong with a URL."""
    if isinstance(error, RemoteError):
        return error
    cause = _cause(error)
    status = _status(cause)
    nowhere = isinstance(cause, FileNotFoundError) or can_be_no_name(cause)
    absent = status in {404, 410} or (status is None and nowhere)
    advice = _CREDENTIALS.get(protocol(url), "check its name and your credentials")
    if absent:
        reason = "no such file or folder"
    elif isinstance(cause, PermissionError) or status in {401, 403}:
        reason = f"forbidden; {advice}"
    elif "Credential" in type(cause).__name__:
        reason = f"no credentials; {advice}"
    else:
        line = next(iter(str(cause).splitlines()), "") or "no reason given"
        reason = f"{type(cause).__name__}: {redacted(line)}"
    return RemoteError(f"{redacted(url)}: {reason}", absent=absent, status=status, lasting=not _may_pass(cause))
