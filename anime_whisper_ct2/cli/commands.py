"""What a command of `awct2` is: its help comes in groups, and an unknown option gets an answer that is true here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from inspect import cleandoc
from typing import Any

import click

from anime_whisper_ct2.cli.elsewhere import answer, command_for, near, own_name
from anime_whisper_ct2.cli.groups import OPTIONS, command_groups, option_groups
from anime_whisper_ct2.cli.printing import say
from anime_whisper_ct2.system.commands import command_line

_Row = tuple[str, str]
_MOST_COLUMNS = 26  # of an option's names; a longer one has its line


class _Answering(click.Command):
    """A command whose mistakes are answered by what they mean, instead of by how their letters look."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as click does. Raises UsageError, with what holds here for an option that others have."""
        # A shell that completes a line asks what could come next, and not what is wrong before it.
        if not ctx.resilient_parsing:
            _refuse_values_of_switches(self, ctx, args)
        # Click takes a name for near by its share of common letters: of --initial-prompt, it would make --min-silence.
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            message = f"No such option: {error.option_name}."
            raise click.UsageError(" ".join([message, *self.hints(ctx, error.option_name)]), ctx) from None

    def get_help_option_names(self, _ctx: click.Context) -> list[str]:
        """Give the names of the option for help."""
        # Not by the context's settings: click keeps the option that the first context asked for, whoever made it.
        return ["-h", "--help"]

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Give the option for help, whose text is printed as all else is."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _help
        return option

    def hints(self, _ctx: click.Context, name: str) -> Iterable[str]:
        """Say in a sentence what holds here in place of an unknown option; nothing where nothing is known of it."""
        return answer(self, name)


class Command(_Answering):
    """A command whose help has its options in their groups, all of them aligned."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the groups, then `--help`: with the other options where there is one group, else by itself."""
        groups = {title: list(map(_row(ctx), options)) for title, options in option_groups(self).items()}
        # It is no parameter of the command, but of the context that click parses in.
        help_option = self.get_help_option(ctx)
        if help_option is not None:
            groups.setdefault(OPTIONS if len(groups) <= 1 else "Help", []).append(_row(ctx)(help_option))
        _write(formatter, groups, _MOST_COLUMNS)


class Group(_Answering, click.Group):
    """A command of commands, which its help lists in sections with whole summaries."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.sections: dict[str, list[str]] = {}

    def add_section(self, title: str, *commands: click.Command) -> None:
        """Add commands under a title of the help."""
        for command in commands:
            self.add_command(command)
            assert command.name is not None
            self.sections.setdefault(title, []).append(command.name)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, and below them the few options that stand before a command."""
        # Click has them the other way round, and its group would list the commands again.
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands in their sections; no summary is cut."""
        sections = {
            title: [(command.name or "", _summary(command)) for command in commands]
            for title, commands in command_groups(self).items()
        }
        _write(formatter, sections, _MOST_COLUMNS)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find a command as click does. Raises UsageError, with the command that does what was asked for."""
        name = args[0]
        if ctx.resilient_parsing or self.get_command(ctx, name) is not None or name.startswith("-"):
            return super().resolve_command(ctx, args)
        known = command_for(name) or near(name.lower(), self.commands)
        # Whoever forgets the command begins with what is to be transcribed.
        if known is None and os.path.exists(name):  # noqa: PTH110 - whatever it is
            known = command_line("run", name, "-o", "OUTPUT")
        message = f"No such command: {name}."
        return ctx.fail(f"{message} Did you mean `awct2 {known}`?" if known else message)

    def hints(self, ctx: click.Context, name: str) -> Iterable[str]:
        """Say behind which command an option belongs that was given before any."""
        owners = {key: own for key, command in self.commands.items() if (own := own_name(command, name))}
        if owners:
            owner = "run" if "run" in owners else next(iter(owners))
            return (f"It goes behind its command: awct2 {owner} {owners[owner]}",)
        return super().hints(ctx, name)


def _help(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        say(ctx.get_help())
        ctx.exit()


def _refuse_values_of_switches(command: click.Command, ctx: click.Context, args: Sequence[str]) -> None:
    """Refuse `--verbose False`, as other tools have it: here False would be taken for a file."""
    for at, value in enumerate(args):
        if value.lower() not in ("true", "false") or os.path.exists(value):  # noqa: PTH110 - whatever it is
            continue
        # Whether the word before it is a switch, the value of an option or an argument, the parser knows.
        before, read = (_options_read(command, ctx, args[:end]) for end in (max(0, at - 1), at))
        if before is None or not read or len(read) == len(before):
            continue
        # What ends a command at once, such as --help, needs no advice.
        if not (switch := read[-1]).is_flag or switch.is_eager:
            continue
        name, other = args[at - 1], [*switch.secondary_opts, *switch.opts] if switch.secondary_opts else []
        off = next((f", or give {opposite}" for opposite in other if opposite != name), "")
        instead = f"leave {value} out" if value.lower() == "true" else f"leave both out{off}"
        raise click.UsageError(f"{name} is a switch and takes no value; {instead}.", ctx)


def _options_read(command: click.Command, ctx: click.Context, args: Sequence[str]) -> list[click.Option] | None:
    """Give the options in a part of the arguments; None where it cannot be parsed, such as before a value."""
    try:
        _, _, order = command.make_parser(ctx).parse_args(list(args))
    except click.UsageError:
        return None
    return [param for param in order if isinstance(param, click.Option)]


def _summary(command: click.Command) -> str:
    """Give the first paragraph of a help; some versions of click take the `...` of `INPUT...` for the end of it."""
    return " ".join(cleandoc(command.short_help or command.help or "").split("\n\n")[0].split())


def _row(ctx: click.Context) -> Callable[[click.Option], _Row]:
    return lambda option: option.get_help_record(ctx) or ("", "")


def _write(formatter: click.HelpFormatter, groups: dict[str, list[_Row]], most: int) -> None:
    """Write lists under titles, with one width for the terms of all of them."""
    # A list that is wider than the others would move all texts to the right for a single long name.
    width = max(len(term) for rows in groups.values() for term, _ in rows if len(term) <= most)
    for title, rows in groups.items():
        with formatter.section(title):
            formatter.write_dl([(term.ljust(width), said) for term, said in rows], col_max=width)
