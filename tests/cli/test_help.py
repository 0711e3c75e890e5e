"""The help: whole summaries, options in titled groups, and nothing that a plain terminal of 80 columns cannot show."""

from __future__ import annotations

import re
from inspect import cleandoc

import click
import pytest
from click.testing import CliRunner

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.cli.commands import Command
from anime_whisper_ct2.cli.groups import COMMANDS, OPTIONS, command_groups, option_groups

ALL = pytest.mark.parametrize("name", sorted(main.commands))
LONG = 8  # options from which on a command has groups


def help_of(*args: str) -> str:
    # Click leaves two columns of the terminal's 80 free.
    result = CliRunner().invoke(main, [*args, "-h"], prog_name="awct2", terminal_width=78)
    assert result.exit_code == 0, result.output
    return result.output


def sections(said: str) -> dict[str, str]:
    """Cut a help text at its titles, which begin a line and end with a colon."""
    parts = re.split(r"^(\S.*):\n", said, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


class TestCommands:
    def test_no_summary_is_cut(self) -> None:
        lines = [line.strip() for line in help_of().splitlines()]
        for name, command in main.commands.items():
            summary = " ".join(cleandoc(command.help or "").split("\n\n")[0].split())
            assert [line for line in lines if re.fullmatch(rf"{name} +{re.escape(summary)}", line)], summary

    def test_every_command_has_a_place_of_its_own(self) -> None:
        groups = command_groups(main)
        placed = [command.name for commands in groups.values() for command in commands]
        assert sorted(map(str, placed)) == sorted(main.commands)
        assert all(groups)
        assert COMMANDS not in groups

    def test_the_help_has_the_sections_of_the_data(self) -> None:
        said = sections(help_of())
        for title, commands in command_groups(main).items():
            assert [line.split()[0] for line in said[title].splitlines() if line] == [c.name for c in commands]

    def test_a_command_without_a_section_is_listed_all_the_same(self) -> None:
        group = click.Group(commands=[click.Command("late", help="Come late.")])
        assert [command.name for command in command_groups(group)[COMMANDS]] == ["late"]


class TestOptions:
    @ALL
    def test_every_option_is_in_exactly_one_group(self, name: str) -> None:
        command = main.commands[name]
        grouped = [option for options in option_groups(command).values() for option in options]
        assert sorted(map(id, grouped)) == sorted(id(p) for p in command.params if isinstance(p, click.Option))
        assert "help" not in {option.name for option in grouped}

    @ALL
    def test_every_group_has_a_title(self, name: str) -> None:
        groups = option_groups(main.commands[name])
        assert all(re.fullmatch(r"[A-Z][a-z ]+", title) for title in groups)
        count = sum(map(len, groups.values()))
        assert (OPTIONS in groups) == (count <= LONG), f"{name} has {count} options in {list(groups)}"

    @ALL
    def test_the_help_has_the_groups_of_the_data(self, name: str) -> None:
        said, groups = sections(help_of(name)), option_groups(main.commands[name])
        shown = [title for title in said if title in groups]
        assert shown == list(groups)
        for title, options in groups.items():
            # Behind the names of an option and its value, there are two spaces or the end of the line.
            names = [
                re.split(r"  |$", line.strip())[0]
                for line in said[title].splitlines()
                if line.startswith("  -") and "--help" not in line
            ]
            assert [name.split()[0].rstrip(",") for name in names] == [option.opts[0] for option in options]

    @ALL
    def test_every_option_says_what_it_does(self, name: str) -> None:
        for option in (p for p in main.commands[name].params if isinstance(p, click.Option)):
            assert re.match(r"\w+", (option.help or "").partition("[")[0]), option.opts

    def test_the_groups_of_run_are_those_of_its_handbook_page(self) -> None:
        titles = ["Model and device", "Text", "Sound", "Segments", "Recordings", "Cluster", "Output", "Plan"]
        assert list(option_groups(main.commands["run"])) == titles

    def test_what_has_to_be_given_is_in_the_usage(self) -> None:
        assert help_of("run").splitlines()[0] == "Usage: awct2 run [OPTIONS] -o OUTPUT INPUT..."


@pytest.mark.parametrize("args", [[], *([name] for name in sorted(main.commands))], ids=str)
class TestTerminal:
    def test_80_columns_are_enough(self, args: list[str]) -> None:
        assert [line for line in help_of(*args).splitlines() if len(line) > 80] == []

    def test_any_code_page_can_show_it(self, args: list[str]) -> None:
        assert help_of(*args).isascii()

    def test_no_value_is_called_by_its_type_and_no_bound_is_a_formula(self, args: list[str]) -> None:
        assert re.findall(r"INTEGER|FLOAT|TEXT|RANGE|[<>]=", help_of(*args)) == []

    def test_colours_and_boxes_are_left_to_those_who_want_them(self, args: list[str]) -> None:
        assert "\x1b" not in help_of(*args)


def test_the_short_name_of_help_is_known_whoever_asked_for_it_first() -> None:
    command = Command("new")
    command.get_usage(click.Context(command))

    with pytest.raises(click.exceptions.Exit):
        command.make_context("new", ["-h"])
