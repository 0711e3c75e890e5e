"""The extensions of what is read: in small letters, without the dot."""

from __future__ import annotations

from collections.abc import Iterable

# What libsndfile reads and FFmpeg does not, or not as well.
_LIBSNDFILE = ("wav", "wave", "bwf", "rf64", "avr", "htk", "paf", "pvf", "sds", "wve", "xi")
# FFmpeg's demuxers, each with the usual extensions of its files. They read one file and open no other, and tell by what
# a file holds that it is theirs: raw samples are no part of this.
_FFMPEG = {
    "aac": ("aac", "adts"),
    "ac3": ("ac3", "a52"),
    "adx": ("adx",),
    "aea": ("aea",),
    "aiff": ("aif", "aiff", "aifc"),
    "amr": ("amr", "awb"),
    "ape": ("ape",),
    "asf": ("asf", "wma", "wmv", "dvr-ms"),
    "ast": ("ast",),
    "au": ("au", "snd"),
    "avi": ("avi", "divx"),
    "bfstm": ("bfstm", "bcstm"),
    "bink": ("bik", "bk2"),
    "brstm": ("brstm",),
    "caf": ("caf", "caff"),
    "dsf": ("dsf",),
    "dss": ("dss",),
    "dts": ("dts",),
    "dtshd": ("dtshd",),
    "dv": ("dv", "dif"),
    "eac3": ("eac3", "ec3"),
    "flac": ("flac",),
    "flv": ("flv",),
    "fsb": ("fsb",),
    "gsm": ("gsm",),
    "gxf": ("gxf",),
    "hca": ("hca",),
    "iff": ("iff", "8svx", "svx", "dff"),
    "ircam": ("ircam", "sf"),
    "loas": ("loas", "latm"),
    "matroska": ("mkv", "mka", "mk3d", "webm", "weba"),
    "mlp": ("mlp",),
    "mov": (
        *("mp4", "m4a", "m4b", "m4r", "m4v", "mov", "qt", "3gp", "3gpp", "3ga", "3g2", "f4v", "f4a", "f4b"),
        *("ismv", "isma", "mj2", "psp"),
    ),
    "mp3": ("mp3", "mp2", "mp1", "mpa", "m2a"),
    "mpc": ("mpc", "mp+"),
    "mpc8": ("mpc",),
    "mpeg": ("mpg", "mpeg", "mpe", "m2p", "vob", "evo"),
    "mpegts": ("ts", "m2ts", "mts", "m2t", "trp"),
    "mxf": ("mxf",),
    "nistsphere": ("sph", "nist"),
    "nsv": ("nsv",),
    "nut": ("nut",),
    "ogg": ("ogg", "oga", "ogv", "ogx", "ogm", "opus", "spx"),
    "oma": ("oma", "omg", "aa3"),
    "qcp": ("qcp",),
    "qoa": ("qoa",),
    "rm": ("rm", "rmvb", "ra"),
    "shn": ("shn",),
    "smk": ("smk",),
    "sox": ("sox",),
    "tak": ("tak",),
    "truehd": ("thd", "truehd"),
    "tta": ("tta",),
    "usm": ("usm",),
    "vag": ("vag",),
    "voc": ("voc",),
    "vqf": ("vqf", "vql", "vqe"),
    "w64": ("w64",),
    # Its own ones are among libsndfile's above; these hold ATRAC, which FFmpeg alone decodes.
    "wav": ("at3", "at9"),
    "wsd": ("wsd",),
    "wtv": ("wtv",),
    "wv": ("wv",),
    "xwma": ("xwma",),
}
DEMUXERS = tuple(_FFMPEG)
AUDIO = frozenset((*_LIBSNDFILE, *(extension for extensions in _FFMPEG.values() for extension in extensions)))

TARS = ("tar", "tar.gz", "tgz", "tar.bz2", "tar.xz")
ARROW = ("arrow", "feather")
TABLES = ("parquet", *ARROW)
CONTAINERS = (*TARS, *TABLES)

JSON_LINES = ("jsonl", "ndjson", "json")
DELIMITED = ("csv", "tsv")
PATH_LISTS = ("txt", "lst")
VOICE_LISTS = ("list",)
MANIFESTS = (*JSON_LINES, *DELIMITED, *PATH_LISTS, *VOICE_LISTS)
KALDI = ("scp",)


def has_extension(path: str, extensions: Iterable[str]) -> bool:
    """Say whether a name ends in a dot and one of these, in whatever case."""
    return path.lower().endswith(tuple("." + extension for extension in extensions))
