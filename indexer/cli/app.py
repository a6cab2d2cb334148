"""The commands and what they take. What they do stands in the modules that they import when they run.

What each does in a sentence stands in indexer.cli.commands; a docstring here is what its help says after that.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from indexer.cli import front_page
from indexer.cli.as_given import AsGiven, with_aws_options
from indexer.cli.commands import ABOUT, OPTIONS
from indexer.cli.completion import query_names, repositories
from indexer.cli.group import HELP, Commands, adder
from indexer.cli.options import (
    ConfigOption,
    Format,
    FormatOption,
    LimitOption,
    ParametersOption,
    SortOption,
    StoreOption,
)
from indexer.cli.upkeep_commands import add_upkeep
from indexer.cli.voice import LogFormat, Voice
from indexer.errors import EXIT_USAGE

_QUERY_EXAMPLES = (
    "indexer query most-shared-layers -p limit=5",
    "indexer query most-shared-layers --help",
)
_BATCH_EXAMPLES = (
    "indexer batch-get-image --repository-name team/app --image-ids imageTag=latest",
    "indexer batch-get-image --repository-name team/app --image-ids imageTag=latest --from-store",
)


app = typer.Typer(
    name="indexer",
    cls=Commands,
    rich_markup_mode=None,  # help is text: to load rich for it takes as long as all the rest
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": [*HELP]},
)


command = adder(app)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(front_page.version())
        raise typer.Exit


@app.callback(invoke_without_command=True, help=ABOUT)
def _root(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - the callback acts on it
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help=OPTIONS["--version"])
    ] = False,
    debug: Annotated[  # noqa: ARG001 - indexer.cli.entry looks for it, also where parsing fails
        bool, typer.Option("--debug", help=OPTIONS["--debug"])
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(EXIT_USAGE)


@command("init", "indexer init", "indexer init --region eu-west-1 --region us-east-1 --profile prod")
def init(  # noqa: PLR0913 - the keys of the file, by name
    *,
    config: Annotated[str, typer.Option("--config", metavar="FILE", help="The file to write.")] = "config.yaml",
    store: Annotated[
        str | None, typer.Option("--store", metavar="DIR", help="Where to keep what is learned; default: ./store.")
    ] = None,
    regions: Annotated[
        list[str] | None, typer.Option("--region", metavar="REGION", help="A region to index; may be repeated.")
    ] = None,
    registry_id: Annotated[
        str | None, typer.Option("--registry-id", metavar="ACCOUNT", help="The account, where it is not your own.")
    ] = None,
    profile: Annotated[str | None, typer.Option("--profile", metavar="NAME", help="A profile of ~/.aws.")] = None,
    role_arn: Annotated[str | None, typer.Option("--role-arn", metavar="ARN", help="A role to assume.")] = None,
    external_id: Annotated[
        str | None, typer.Option("--external-id", metavar="TEXT", help="What the role asks for.")
    ] = None,
    endpoint_url: Annotated[
        str | None, typer.Option("--endpoint-url", metavar="URL", help="ECR's address, where it is not the usual one.")
    ] = None,
    include: Annotated[
        list[str] | None, typer.Option("--include", metavar="GLOB", help="Repositories to index; may be repeated.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", metavar="GLOB", help="Repositories to leave out; may be repeated.")
    ] = None,
) -> None:
    """A file that is there is never changed."""
    from indexer.cli.init import Answers, write_config  # noqa: PLC0415 - pydantic

    answers = Answers(
        store, regions or [], registry_id, profile, role_arn, external_id, endpoint_url, include or [], exclude or []
    )
    write_config(config, answers)


@command("check", "indexer check --config config.yaml")
def check(config: ConfigOption = None, store: StoreOption = None, format_: FormatOption = Format.TABLE) -> None:
    """Exit code 0: a run can begin; 1: something would fail it; 2: the configuration is wrong."""
    from indexer.cli.check import show_check  # noqa: PLC0415 - boto3, pydantic

    raise typer.Exit(show_check(config, store, format_))


@command("run", "indexer run --config config.yaml")
def run(  # noqa: PLR0913 - the options of a command, by name
    config: ConfigOption = None,
    store: StoreOption = None,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no summary; errors are shown.")] = False,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="How to say what happens: for people, or an object a line.")
    ] = LogFormat.TEXT,
    metrics_file: Annotated[
        str | None,
        typer.Option("--metrics-file", metavar="FILE", help="Metrics for Prometheus' textfile collector: *.prom."),
    ] = None,
    summary_file: Annotated[
        str | None, typer.Option("--summary-file", metavar="FILE", help="How the run ended, as a JSON object.")
    ] = None,
    on_failure: Annotated[
        str | None,
        typer.Option(
            "--on-failure", metavar="COMMAND", help="What the shell runs for any exit code but 0, and 130 of Ctrl-C."
        ),
    ] = None,
) -> None:
    """Exit code 0: complete; 3: committed, but some things could not be indexed; 4: another run holds the store."""
    from indexer.cli.run import Watchers, run_job  # noqa: PLC0415 - boto3, pydantic

    voice = Voice(log_format, quiet=quiet)
    raise typer.Exit(run_job(config, store, voice, Watchers(metrics_file, summary_file, on_failure)))


@command("status", "indexer status --limit 5")
def status(
    config: ConfigOption = None,
    store: StoreOption = None,
    format_: FormatOption = Format.TABLE,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Runs at most.")] = 10,
) -> None:
    from indexer.cli.status import show_status  # noqa: PLC0415 - duckdb, pyarrow

    show_status(config, store, format_, limit)


@command("query", *_QUERY_EXAMPLES, add_help_option=False)
def query(  # noqa: PLR0913 - the options of a command, by name
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="The query; without it, all of them.", autocompletion=query_names)
    ] = None,
    *,
    parameters: ParametersOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    format_: FormatOption = Format.TABLE,
    limit: LimitOption = None,
    sort: SortOption = None,
    describe: Annotated[bool, typer.Option("--describe", help="Show the query's caveats and parameters.")] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Show the query's SQL.")] = False,
    help_: Annotated[bool, typer.Option("-h", "--help", help="Show this message, or the query's.")] = False,
) -> None:
    if help_ and name is None:
        typer.echo(context.get_help())
        return
    from indexer.cli import query as commands  # noqa: PLC0415 - duckdb, pyarrow

    if name is None:
        commands.list_queries(config, store, format_)
    elif help_ or describe or sql:
        commands.describe_query(name, config, store, sql=sql)
    else:
        commands.run_query(name, parameters or [], commands.Asked(config, store, format_, limit, sort or ()))


@command("sql", 'indexer sql "select repository, count(*) as tags from tags group by all order by all"')
def sql(  # noqa: PLR0913 - as above
    statement: Annotated[
        str | None, typer.Argument(help="A reading statement; - reads it from stdin; without it, the views.")
    ] = None,
    *,
    parameters: ParametersOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    format_: FormatOption = Format.TABLE,
    limit: LimitOption = None,
    sort: SortOption = None,
) -> None:
    """A parameter is $key in the statement; its value is text: write $key::bigint where a number is needed."""
    from indexer.cli import query as commands  # noqa: PLC0415 - duckdb, pyarrow

    asked = commands.Asked(config, store, format_, limit, sort or ())
    if statement is None:
        commands.list_views(asked)
    else:
        commands.run_sql(sys.stdin.read() if statement == "-" else statement, parameters or [], asked)


@command("find", "indexer find team/app:latest", "indexer find 723254a2c089", "indexer find team/app")
def find(
    what: Annotated[
        str,
        typer.Argument(
            metavar="DIGEST|REPOSITORY[:TAG]",
            help="A digest or its first 6 characters, a repository, an image.",
            autocompletion=repositories,
        ),
    ],
    config: ConfigOption = None,
    store: StoreOption = None,
    format_: FormatOption = Format.TABLE,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="Rows of each list; json and csv have all.")
    ] = 20,
) -> None:
    from indexer.cli.find import show_find  # noqa: PLC0415 - duckdb, pyarrow

    show_find(what, config, store, format_, limit)


@command("batch-get-image", *_BATCH_EXAMPLES, cls=AsGiven)
@with_aws_options
def batch_get_image(context: typer.Context) -> None:
    """More than 100 image ids are fetched in several calls. Exit code 0: done; 2: wrong usage; 255: anything else."""
    from indexer.cli import batch_get_image as commands  # noqa: PLC0415 - boto3, duckdb

    raise typer.Exit(commands.batch_get_image(context.args))


@command("demo", "indexer demo --nights 3")
def demo(
    store: Annotated[str, typer.Option("--store", metavar="DIR", help="Where to put the demo's store.")] = "demo-store",
    nights: Annotated[int, typer.Option("--nights", min=1, max=60, metavar="N", help="Nights to play.")] = 6,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Another seed, another estate.")] = 7,
    keep_serving: Annotated[
        bool, typer.Option("--keep-serving", help="Leave the local registry up, to try things on; Ctrl-C ends it.")
    ] = False,
) -> None:
    from indexer.cli.demo import play_demo  # noqa: PLC0415 - boto3, duckdb, pyarrow

    play_demo(store, nights=nights, seed=seed, keep_serving=keep_serving)


@command("export-views", "indexer export-views ecr.duckdb")
def export_views(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file to write; an earlier export is replaced.")],
    config: ConfigOption = None,
    store: StoreOption = None,
) -> None:
    """It holds no rows: it reads the store's files where they are.

    It shows the store as it was when it was written.
    """
    from indexer.cli import export  # noqa: PLC0415 - duckdb, pyarrow

    export.export_views(file, config, store)


@command("report", "indexer report registry.html --price-per-gb-month 0.10")
def report(
    file: Annotated[str, typer.Argument(metavar="FILE.html", help="The page to write; - is stdout.")],
    config: ConfigOption = None,
    store: StoreOption = None,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="What stands above the page.")] = None,
    price: Annotated[
        float,
        typer.Option("--price-per-gb-month", min=0, metavar="N", help="What a GB costs a month, in your currency."),
    ] = 0.10,
) -> None:
    """It is a single file that needs no network, and is written whole or not at all."""
    from indexer.cli.report.command import write_report  # noqa: PLC0415 - duckdb, pyarrow

    write_report(file, config, store, title=title, price=price)


add_upkeep(command)
