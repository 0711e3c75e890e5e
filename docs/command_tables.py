"""What the English pages of the commands take from the command line itself, for `cogapp`.

    python -m cogapp -r -U -I docs -p "import cog, command_tables" docs/en/reference/commands/*.md

writes it between the marks of these pages, and with `--check` instead of `-r` says whether it is up to date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import cleandoc

import click

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.cli.groups import option_groups

_DEFAULT = re.compile(r" *\[default: (.*)\]$", re.DOTALL)
# What is code in a help text: options, files, and whatever stands in quotes.
_CODE = re.compile(r"`[^`]+`|'([^' ]+)'|(?<![\w/-])(--?[a-z][a-z-]*|\w+\.(?:jsonl?|db)|\.svg|\.png|\[\w+\])(?![\w-])")


def usage(command: str) -> str:
    """Give how a command is called, as a block."""
    found = main.commands[command]
    line = " ".join(found.get_usage(click.Context(found, info_name=f"awct2 {command}")).split())
    return f"\n```text\n{line.removeprefix('Usage: ')}\n```\n"


def examples(command: str) -> str:
    """Give the examples of a command's help, as a block."""
    _, _, below = cleandoc(main.commands[command].help or "").partition("Example")
    lines = [line.strip() for line in below.splitlines()[1:]]
    return "\n```sh\n" + "\n".join(line for line in lines if line) + "\n```\n"


def options(command: str, group: str) -> str:
    """Give one group of a command's options, as a table."""
    rows = [_row(option) for option in option_groups(main.commands[command])[group]]
    head = "| Option | Value | Default | Effect |\n|---|---|---|---|\n"
    return f"\n{head}" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(option: click.Option) -> tuple[str, str, str, str]:
    effect, default = option.help or "", ""
    if said := _DEFAULT.search(effect):
        effect, default = effect[: said.start()], said[1]
    choices = option.type.choices if isinstance(option.type, click.Choice) else ()
    default = _code(default) if _is_code(default, choices) else _marked(default, ())
    default = " ".join(map(_code, _defaults(option))) or default
    effect = " ".join(effect.split())
    if choices:
        effect = effect.replace(f": {', '.join(choices)}", "")  # they stand beside it
    if option.is_bool_flag and (not option.secondary_opts or option.default is not None):
        default = "on" if option.default is True else "off"
    elif option.required:
        default = "required"
    names, given = (*option.opts, *option.secondary_opts), tuple(_values(option))
    return ", ".join(map(_code, names)), ", ".join(map(_code, given)), default, _marked(effect, given)


def _values(option: click.Option) -> Iterator[str]:
    """Give what an option takes: its choices, or what stands for its value."""
    if isinstance(option.type, click.Choice):
        yield from option.type.choices
    elif option.metavar:
        yield from option.metavar.split("|")
    elif not option.is_flag:
        yield option.type.name.upper().removesuffix(" RANGE")
    if isinstance(option.type, click.IntRange):
        yield f"x>={option.type.min}"


def _defaults(option: click.Option) -> list[str]:
    default = option.to_info_dict()["default"]
    given = default if isinstance(default, tuple | list) else (default,)
    return [str(value) for value in given if isinstance(value, str | int | float) and not isinstance(value, bool)]


def _is_code(default: str, choices: tuple[str, ...]) -> bool:
    return default in choices or re.fullmatch(r"[\d.]+|\S+/\S+", default) is not None


def _code(text: str) -> str:
    return f"`{text}`"


def _marked(text: str, values: tuple[str, ...]) -> str:
    """Mark what is code in a help text: also the values that it explains, which stand before a colon."""

    def mark(match: re.Match[str]) -> str:
        return match[0] if match[0].startswith("`") else f"`{match[1] or match[2]}`"

    text = _CODE.sub(mark, text).replace("|", "\\|")
    explained = "|".join(re.escape(value) for value in values if value.islower())
    return re.sub(rf"(?<![\w`-])({explained})(?=:)", r"`\1`", text) if explained else text
