"""The groups of options and of commands: data, for the help and for whoever writes documentation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import click

OPTIONS = "Options"  # where a command has too few options to part them
COMMANDS = "Commands"

Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


class GroupedOption(click.Option):
    """An option that knows the title of its group."""

    def __init__(self, *args: Any, group: str = OPTIONS, **attributes: Any) -> None:
        # By keyword and with a default: click itself makes options too, `--version` and `--help`.
        super().__init__(*args, **attributes)
        self.group = group

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Leave out `[x>=1]`: bounds that are worth saying stand in the text, as those that the library checks."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra


def option_of(group: str) -> Callable[..., Decorator]:
    """Give what `click.option` is, for the options of a group."""
    return partial(click.option, cls=GroupedOption, group=group)


def together(*options: Decorator) -> Decorator:
    """Make one decorator of several options; the help has them in this order."""

    def apply(command: Callable[..., Any]) -> Callable[..., Any]:
        """Give a command all of them."""
        # A decorator puts its option before those of the decorators below it.
        for option in reversed(options):
            command = option(command)
        return command

    return apply


def option_groups(command: click.Command) -> dict[str, list[click.Option]]:
    """Give a command's options by the titles of their groups, both in the order of its help.

    Every option but `--help` is in exactly one group. A command with few options has one group, `Options`; hidden
    options are left out.
    """
    groups: dict[str, list[click.Option]] = {}
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            groups.setdefault(getattr(option, "group", OPTIONS), []).append(option)
    return groups


def command_groups(main: click.Group) -> dict[str, list[click.Command]]:
    """Give a group's commands by the titles under which its help lists them, both in that order."""
    sections: dict[str, list[str]] = getattr(main, "sections", {})
    groups = {title: [main.commands[name] for name in names] for title, names in sections.items()}
    # Whoever registers a command without a section still finds it in the help, and the tests find whoever did.
    listed = {name for names in sections.values() for name in names}
    if rest := [command for name, command in sorted(main.commands.items()) if name not in listed]:
        groups[COMMANDS] = rest
    return groups
