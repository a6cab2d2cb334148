"""What all commands have in common: how they are added, how help is shown, what becomes of one that is stopped."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, Final, TypeAlias

import typer
import typer.core

from indexer.cli import front_page
from indexer.cli.commands import SUMMARIES
from indexer.cli.screen import width
from indexer.cli.signals import Interrupted, asked_to_end

HELP: Final = ("-h", "--help")
_WIDEST: Final = 100
_AS_IT_IS: Final = "\b\n"
"""Before a paragraph whose lines stay as they are: an example is there to be copied."""

Command: TypeAlias = Callable[..., None]
Adder: TypeAlias = Callable[..., Callable[[Command], Command]]


class Commands(typer.core.TyperGroup):
    """The commands; one that is stopped says so."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().make_context(*args, terminal_width=min(width(), _WIDEST), **kwargs)
        except KeyboardInterrupt as stop:
            raise Interrupted(stop, " before anything was done") from stop

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show a command's help before `indexer`'s own options are read: typer loads pydantic for that, for 0.1 s."""
        asked = self.commands.get(args[0]) if args[1:] in ([flag] for flag in HELP) else None
        if asked is not None and asked.add_help_option and not ctx.resilient_parsing:
            asked.make_context(args[0], args[1:], parent=ctx)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the page is the same everywhere
        """Write the page that is shown without typer, too."""
        formatter.write(front_page.page())

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):  # a RuntimeError each: the command itself has said how it ended
            raise
        except (KeyboardInterrupt, RuntimeError, ImportError) as error:
            # DuckDB makes a RuntimeError of a signal that comes while it works, and an ImportError while it is loaded.
            stop = error if isinstance(error, KeyboardInterrupt) else asked_to_end()
            if stop is None:
                raise
            raise Interrupted(stop, ": what was committed before is kept") from error


def narrowed(app: typer.Typer, words: Sequence[str]) -> typer.Typer:
    """Return `app` with the one command that the first word names, or as it is.

    typer makes all commands of all functions' signatures for whichever is called: 30 ms.
    """
    named = [info for info in app.registered_commands if words and info.name == words[0]]
    if not named:
        return app
    one = copy(app)
    one.registered_commands = named
    return one


def adder(app: typer.Typer) -> Adder:
    """Return what adds a function to `app`: under a name of indexer.cli.commands, with examples and typer's settings.

    Its help is what that module says the command does, and the function's docstring, if it has one.
    """

    def add(name: str, *examples: str, **settings: Any) -> Callable[[Command], Command]:
        shown = "\n  ".join(("Examples:" if len(examples) > 1 else "Example:", *examples))

        def register(function: Command) -> Command:
            told = "\n\n".join(filter(None, (SUMMARIES[name], inspect.getdoc(function))))
            return app.command(name, help=told, epilog=_AS_IT_IS + shown, **settings)(function)

        return register

    return add
