"""Options of commands that apply what reviewers decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import click
from click.core import ParameterSource

from anime_whisper_ct2.cli.groups import Decorator, option_of
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.reviews import CONFLICTS, ReviewOptions

_DEFAULTS = ReviewOptions()
Reviewing = Literal["all", "accepted", "none"]


def review_option(group: str, help_: str) -> Decorator:
    """Give the option that says which decisions are applied, for a group of a command's options."""
    return option_of(group)(
        "--review", type=click.Choice(get_args(Reviewing)), default=_DEFAULTS.review, show_default=True, help=help_
    )


def conflicts_option(group: str) -> Decorator:
    """Give the option that says what becomes of segments that reviewers differ about."""
    return option_of(group)(
        "--conflicts",
        type=click.Choice(CONFLICTS),
        help="Where reviewers differ about a segment without having seen each other's decision: take the first, the "
        "last, or drop the segment.",
    )


def read_review_options(given: Mapping[str, Any]) -> ReviewOptions:
    """Make options of what was given of them. Raises InputError for one that has no effect beside the other."""
    options = ReviewOptions(given["review"], given.get("conflicts"))
    if options.review == "none" and options.conflicts is not None:
        raise InputError("--conflicts has no effect: --review none passes over all decisions; leave one of the two out")
    return options


def is_given(name: str) -> bool:
    """Say whether the user has chosen an option, also where that is its default."""
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE
