"""The options, and the words on the command line taken apart as the AWS CLI takes them.

The AWS CLI has three parsers after each other: one takes the options of every command wherever they stand, one the
operation, one the operation's own options. So does this, with the same library: abbreviated options, values joined with
`=` and what counts as an unknown option come out the same.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn
from urllib.parse import urlparse

from indexer.errors import AwsCliError, AwsCliUsageError

PROGRAM: Final = "indexer batch-get-image"
_USAGE: Final = (
    f"usage: {PROGRAM} --repository-name NAME --image-ids ID [ID ...] [options]\n"
    f"To see all options, run: {PROGRAM} --help"
)
_DEFAULT_TIMEOUT: Final = 60
_RELAXING: Final = ("--cli-input-json", "--generate-cli-skeleton")


@dataclass(frozen=True, slots=True)
class Option:
    """An option as help and completion show it."""

    name: str
    metavar: str | None
    help: str


@dataclass(frozen=True, slots=True)
class Invocation:
    """What was asked for. The values of parameters are still words: `indexer.aws_cli.request` makes them a request.

    Time-outs are in seconds, None for none at all; `verify` is False, a file of certificates, or None for the default;
    `search` is a compiled JMESPath expression.
    """

    parameters: dict[str, Any]
    cli_input_json: str | None
    skeleton: str | None
    from_store: bool
    store: str | None
    config: str | None
    profile: str | None
    region: str | None
    endpoint_url: str | None
    output: str | None
    search: Any
    color: str
    verify: bool | str | None
    sign: bool
    read_timeout: int | None
    connect_timeout: int | None
    debug: bool
    version: bool


def parse(words: Sequence[str]) -> Invocation:
    """Return what `words` (those after the command's name) ask for.

    Raises AwsCliUsageError where the AWS CLI ends with 2, AwsCliError where it ends with 255.
    """
    given, rest = _everywhere().parse_known_args(["ecr", "batch-get-image", *words])
    _, rest = _operation().parse_known_args(rest)
    if given.version:
        return _invocation(given, argparse.Namespace())
    search = _compiled(given.query)
    _check_endpoint(given.endpoint_url)
    given.search = search
    given.read_timeout = _timeout(given.read_timeout)
    given.connect_timeout = _timeout(given.connect_timeout)
    own, rest = _own(required=not _relaxed(rest)).parse_known_args(rest)
    unknown = rest if own.help is None else [*rest, own.help]
    if unknown:
        raise AwsCliError(f"{_USAGE}\n\nUnknown options: {', '.join(unknown)}")
    return _invocation(given, own)


def options() -> Iterator[Option]:
    """Yield all options, the operation's own first."""
    for parser in (_own(required=False), _everywhere()):
        for action in parser._actions:  # noqa: SLF001 - argparse has no other list of what it was given
            if action.option_strings and action.help:
                metavar = None if action.nargs == 0 else str(action.metavar)
                yield Option(action.option_strings[0], metavar, action.help)


class _Parser(argparse.ArgumentParser):
    """Refuses with an exception; what argparse prints by itself is the AWS CLI's to say."""

    def __init__(self) -> None:
        super().__init__(prog=PROGRAM, add_help=False, conflict_handler="resolve")

    def error(self, message: str) -> NoReturn:
        raise AwsCliUsageError(f"{_USAGE}\n{self.prog}: error: {message}")


def _everywhere() -> _Parser:
    """The options of every command; "Command line options" in the AWS CLI user guide."""
    parser = _Parser()
    flag: dict[str, Any] = {"action": "store_true"}
    parser.add_argument("--debug", **flag, help="Write what botocore does to stderr.")
    parser.add_argument("--endpoint-url", metavar="URL", help="Ask this URL and not the region's.")
    parser.add_argument(
        "--no-verify-ssl", dest="verify_ssl", action="store_false", help="Do not check the certificate of the endpoint."
    )
    parser.add_argument("--no-paginate", **flag, help="Changes nothing: this operation has no pages.")
    parser.add_argument(
        "--output",
        choices=["json", "text", "table"],
        metavar="FORMAT",
        help="json, text or table; default: as configured.",
    )
    parser.add_argument("--query", metavar="JMESPATH", help="Show what this JMESPath expression finds in the answer.")
    parser.add_argument("--profile", metavar="NAME", help="The profile of ~/.aws/config to use.")
    parser.add_argument("--region", metavar="REGION", help="The region; default: as configured.")
    parser.add_argument("--version", **flag, help="Show the version and exit.")
    parser.add_argument(
        "--color",
        choices=["on", "off", "auto"],
        default="auto",
        metavar="WHEN",
        help="Colours of tables: on, off or auto.",
    )
    parser.add_argument(
        "--no-sign-request", dest="sign_request", action="store_false", help="Send the request without credentials."
    )
    parser.add_argument("--ca-bundle", metavar="FILE", help="The certificates to check the endpoint's with.")
    parser.add_argument(
        "--cli-read-timeout", dest="read_timeout", metavar="SECONDS", help="Longest wait for data; 0: forever."
    )
    parser.add_argument(
        "--cli-connect-timeout", dest="connect_timeout", metavar="SECONDS", help="Longest wait to connect; 0: forever."
    )
    parser.add_argument("--no-cli-pager", **flag, help="Changes nothing: there is no pager. (AWS CLI version 2)")
    parser.add_argument("command")
    return parser


def _operation() -> _Parser:
    parser = _Parser()
    parser.add_argument("operation")
    return parser


def _own(*, required: bool) -> _Parser:
    """The options of batch-get-image, and ours about the store."""
    parser = _Parser()
    parser.add_argument("--registry-id", metavar="ACCOUNT", help="The account of the registry; default: the caller's.")
    parser.add_argument("--repository-name", required=required, metavar="NAME", help="The repository.")
    parser.add_argument(
        "--image-ids",
        nargs="*",
        required=required,
        metavar="ID",
        help="imageTag=TAG, imageDigest=DIGEST or both with a comma; several; or JSON; or file://FILE.",
    )
    parser.add_argument(
        "--accepted-media-types", nargs="*", metavar="TYPE", help="The media types to accept; others may be converted."
    )
    parser.add_argument(
        "--cli-input-json", metavar="JSON", help="All parameters, as JSON or file://FILE; options overrule it."
    )
    parser.add_argument(
        "--generate-cli-skeleton",
        nargs="?",
        const="input",
        choices=["input", "output"],
        metavar="input|output",
        help="Show the JSON of the parameters, or (output) check them and show a sample answer; nothing is called.",
    )
    parser.add_argument("--from-store", action="store_true", help="Answer from the store, without any call.")
    parser.add_argument(
        "--store", metavar="DIR", help="The store for --from-store; default: INDEXER_STORE, or the config's."
    )
    parser.add_argument(
        "--config", metavar="FILE", help="The configuration that names the store; default: config.yaml."
    )
    parser.add_argument("help", nargs="?")
    return parser


def _relaxed(words: Sequence[str]) -> bool:
    """Whether no parameter is required: JSON may hold them, and the skeleton of the input needs none."""
    if _RELAXING[0] in words:
        return True
    if _RELAXING[1] not in words:
        return False
    following = words.index(_RELAXING[1]) + 1
    return list(words[following : following + 1]) != ["output"]


def _invocation(given: argparse.Namespace, own: argparse.Namespace) -> Invocation:
    return Invocation(
        parameters={
            "registryId": getattr(own, "registry_id", None),
            "repositoryName": getattr(own, "repository_name", None),
            "imageIds": getattr(own, "image_ids", None),
            "acceptedMediaTypes": getattr(own, "accepted_media_types", None),
        },
        cli_input_json=getattr(own, "cli_input_json", None),
        skeleton=getattr(own, "generate_cli_skeleton", None),
        from_store=getattr(own, "from_store", False),
        store=getattr(own, "store", None),
        config=getattr(own, "config", None),
        profile=given.profile,
        region=given.region,
        endpoint_url=given.endpoint_url,
        output=given.output,
        search=getattr(given, "search", None),
        color=given.color,
        verify=given.ca_bundle if given.verify_ssl else False,
        sign=given.sign_request,
        read_timeout=given.read_timeout,
        connect_timeout=given.connect_timeout,
        debug=given.debug,
        version=given.version,
    )


def _compiled(expression: str | None) -> Any:
    if expression is None:
        return None
    import jmespath  # noqa: PLC0415 - a tenth of a second that the help need not wait for

    try:
        return jmespath.compile(expression)
    except Exception as error:  # jmespath lets others than its own through for some texts
        raise AwsCliError(f"\nBad value for --query {expression}: {error}") from error


def _check_endpoint(url: str | None) -> None:
    if url is not None and not urlparse(url).scheme:
        raise AwsCliError(
            f'\nBad value for --endpoint-url "{url}": scheme is missing.  '
            "Must be of the form http://<hostname>/ or https://<hostname>/"
        )


def _timeout(word: str | None) -> int | None:
    try:
        seconds = _DEFAULT_TIMEOUT if word is None else int(word)
    except ValueError as error:
        raise AwsCliError(f"\n{error}") from error
    return seconds or None
