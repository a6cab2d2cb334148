"""Every error this package raises on purpose, named by what the caller may do next.

    IndexerError                exit code 1   something failed; the message says what and what to do
    ├── UsageError                        2   the caller's words are wrong; nothing was called
    │   ├── ConfigError                   2   config.yaml, with the key's path
    │   └── QueryError                    2   a query, a parameter or an SQL statement
    ├── StoreError                        1   the store cannot be read or written
    │   ├── StoreMissing                  2   there is no store where one was named
    │   ├── StoreFormatError              2   the store is of a version this program does not know
    │   │   └── StoreOutdated             2   the store is of an older version; `indexer reflatten` upgrades it
    │   ├── StoreDamaged                  1   a committed file is missing or unreadable
    │   └── StoreLocked                   4   another run holds the store
    ├── RegistryError                     1   a call to ECR failed; `code` and `reason` go to `failures`
    │   ├── RegistryRefused               1   asking again gives the same answer
    │   └── RegistryUnavailable           1   asking again may help, and has been tried
    │       └── RegistryDown              1   the registry as a whole does not answer, or the run is stopping
    ├── DocumentError                     1   a manifest that cannot be flattened; never ends a run
    └── AwsCliError                     255   batch-get-image ends as the AWS CLI does
        └── AwsCliUsageError              2   the words on its command line are wrong

An incomplete run is no error: it commits, and the command ends with exit code 3 (EXIT_INCOMPLETE).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INCOMPLETE = 3
EXIT_LOCKED = 4
EXIT_AWS_CLI = 255

_USER = re.compile(r"(https?://)[^\s/?#\"']*@")
_HEADER = re.compile(r"Invalid header value b?(['\"]).*\1", re.DOTALL)
_QUERY = re.compile(r"(https?://[^\s?#\"']*)\?[^\s\"']*=[^\s\"']*")

_NEAREST = 3
_TELLING = 3
"""Characters from which on a part of a name says something."""


def nearest(text: str, names: Iterable[str]) -> list[str]:
    """Return the names that `text` may have meant, at most three: it begins them, is misspelt, or is in the middle."""
    known = list(dict.fromkeys(names))
    around = [name for name in known if text in name] if len(text) >= _TELLING else []
    begun = [name for name in around if name.startswith(text)]
    if f"{text}s" in known:
        return [f"{text}s"]
    return (begun or get_close_matches(text, known, n=1) or around)[:_NEAREST]


def did_you_mean(text: str, names: Iterable[str], otherwise: str = "") -> str:
    """Return `, did you mean …?` with what `nearest` finds; `otherwise` where that is nothing."""
    found = nearest(text, names)
    return f", did you mean {' or '.join(found)}?" if found else otherwise


def without_secrets(text: str) -> str:
    """Return `text` without what addresses in it may carry besides a place: a user, a password, a signed query.

    And without the value of a header that http.client would not send: it may be a session token.
    """
    return _HEADER.sub("Invalid header value ***", _QUERY.sub(r"\1?***", _USER.sub(r"\1***@", text)))


class IndexerError(Exception):
    """Base of all; `str(error)` is one sentence or two for a person, without a traceback."""

    exit_code: ClassVar[int] = EXIT_FAILED

    def __init__(self, message: str) -> None:
        super().__init__(without_secrets(message))

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in place of a traceback: in a notebook too the sentence is what helps."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(IndexerError):
    """The caller asked for something that cannot be; nothing was called."""

    exit_code = EXIT_USAGE


class ConfigError(UsageError):
    """config.yaml is absent, unreadable or wrong."""


class QueryError(UsageError):
    """A query, a parameter or an SQL statement is wrong."""


class StoreError(IndexerError):
    """The store cannot be read or written."""


class StoreMissing(StoreError):  # noqa: N818 - named by the state the caller meets
    """There is no store at the path that was named."""

    exit_code = EXIT_USAGE


class StoreFormatError(StoreError):
    """The store was written in a format this version does not know."""

    exit_code = EXIT_USAGE


class StoreOutdated(StoreFormatError):  # noqa: N818 - named by the state the caller meets
    """The store was written in an older format, which one command makes into this version's."""


class StoreDamaged(StoreError):  # noqa: N818 - named by the state the caller meets
    """A file that a commit promises is missing or cannot be read."""


class StoreLocked(StoreError):  # noqa: N818 - named by the state the caller meets
    """Another run holds the store."""

    exit_code = EXIT_LOCKED


class RegistryError(IndexerError):
    """A call to ECR failed for good.

    `operation` is ECR's name of the call, `code` the name of the exception (or our own for an answer that was no
    answer), `reason` its message. All three go to `failures`.
    """

    def __init__(self, operation: str, code: str, reason: str) -> None:
        self.operation = operation
        self.code = code
        self.reason = without_secrets(reason)
        super().__init__(f"{operation}: {code}: {reason}")


class RegistryRefused(RegistryError):  # noqa: N818 - named by what the registry did
    """The same question gets the same answer: access denied, repository not found, an invalid parameter."""


class RegistryUnavailable(RegistryError):  # noqa: N818 - named by what the registry did
    """Throttled, out of order, or not answering, and still so after all attempts."""


class RegistryDown(RegistryUnavailable):
    """Nothing was sent: the registry did not answer several calls in a row, or the run is being stopped."""


class DocumentError(IndexerError):
    """A manifest document that cannot be flattened; the message says where in it and what is wrong."""


class AwsCliError(IndexerError):
    """`indexer batch-get-image` ends as version 1 of the AWS CLI does; `str` is all of what it then says on stderr."""

    exit_code = EXIT_AWS_CLI


class AwsCliUsageError(AwsCliError):
    """An option is missing or has a value that it does not take."""

    exit_code = EXIT_USAGE
