"""What `indexer run` says while it runs, on stderr: lines for people, or one JSON object a line for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from indexer.cli import output


class LogFormat(StrEnum):
    """How it is said."""

    TEXT = "text"
    JSON = "json"


class Voice:
    """Says things: `quiet` leaves out all that is neither a warning nor an error.

    An object has the keys time, level (info, warning, error), event, text, and those of the event.
    """

    def __init__(self, format_: LogFormat, *, quiet: bool) -> None:
        self.for_machines = format_ is LogFormat.JSON
        self.quiet = quiet

    def progress(self, line: str, fields: dict[str, Any]) -> None:
        """Say how far the run is; a line has the time in front."""
        if self.for_machines:
            self._say_object("info", "progress", line, fields)
        elif not self.quiet:
            output.say(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {line}")

    def tell(self, event: str, lines: Sequence[str], fields: dict[str, Any] | None = None) -> None:
        """Say what is good to know."""
        if self.for_machines:
            self._say_object("info", event, lines[0] if lines else "", fields or {})
        elif not self.quiet:
            for line in lines:
                output.say(line)

    def warn(self, event: str, text: str) -> None:
        """Say what somebody should look at."""
        if self.for_machines:
            self._say_object("warning", event, text, {})
        else:
            output.say(f"warning: {text}")

    def fail(self, event: str, text: str, fields: dict[str, Any] | None = None, *, word: str = "error: ") -> None:
        """Say what went wrong."""
        if self.for_machines:
            self._say_object("error", event, text, fields or {})
        else:
            output.say(f"{word}{text}")

    def _say_object(self, level: str, event: str, text: str, fields: dict[str, Any]) -> None:
        if level == "info" and self.quiet:
            return
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        output.say(json.dumps({"time": at, "level": level, "event": event, "text": text, **fields}))
