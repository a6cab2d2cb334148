"""A command whose words are not typer's to take apart: they reach it as they were given."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from indexer.aws_cli.arguments import options

_HELP = frozenset({"-h", "--help"})


class AsGiven(TyperCommand):
    """Passes its words on in `context.args`; its options are there for the help and for completion."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take no word but -h and --help, and what the shell's completion looks at."""
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        if not _HELP.isdisjoint(args) or args == ["help"]:
            typer.echo(ctx.get_help())
            raise typer.Exit
        ctx.args = list(args)
        return []


def with_aws_options(command: Callable[[typer.Context], None]) -> Callable[..., None]:
    """Give `command` the options of the AWS CLI's command to show; it takes its words from the context."""

    def told(context: typer.Context, **_: Any) -> None:
        command(context)

    shown = [
        Parameter(
            each.name.strip("-").replace("-", "_"),
            Parameter.KEYWORD_ONLY,
            default=False if each.metavar is None else None,
            annotation=Annotated[
                bool if each.metavar is None else str | None,
                typer.Option(each.name, metavar=each.metavar, help=each.help),
            ],
        )
        for each in options()
    ]
    context = Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    told.__signature__ = Signature([context, *shown])  # type: ignore[attr-defined]  # as inspect.signature documents
    told.__doc__ = command.__doc__
    return told
