"""Pages of the documentation: their fenced blocks, their links, and what the commands in them are to show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from support.commands import terminal

ROOT = Path(__file__).parent.parent.parent
COLUMNS = 100


class Block(NamedTuple):
    """A fenced block: its language, its text without the fence's indentation, and the heading that it stands under."""

    language: str
    text: str
    heading: str


class Page:
    """A page of the project; `name` is its path in the repository."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = (ROOT / name).read_text(encoding="utf-8")

    def blocks(self, *languages: str) -> Iterator[Block]:
        """Yield the fenced blocks of `languages`, in their order."""
        for match in re.finditer(r"^( *)```(\w+)\n(.*?)^\1```$", self.text, re.MULTILINE | re.DOTALL):
            indent, language, text = match.groups()
            if language in languages:
                headings = re.findall(r"^#+ (.*)$", self.text[: match.start()], re.MULTILINE)
                yield Block(language, re.sub(f"^{indent}", "", text, flags=re.MULTILINE), headings[-1])

    def links(self) -> list[str]:
        """Return where the page's links lead that stay in the repository."""
        return sorted(set(re.findall(r"\]\(([^):]+)\)", self.text)))

    def leads_to(self, link: str) -> bool:
        """Whether there is a file at `link`, and in it the heading that the link names."""
        path, _, anchor = link.partition("#")
        file = (ROOT / self.name).parent / path if path else ROOT / self.name
        if not anchor:
            return file.exists()
        return file.is_file() and anchor in _anchors(file.read_text(encoding="utf-8"))


def shown(text: str) -> list[str]:
    """What a person sees, without colours and what differs between two runs: how long it took, and seconds of times."""
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    plain = re.sub(r"(\d\d:\d\d):\d\d", r"\1:NN", plain)
    lines = [re.sub(r"\d+(\.\d+)? s\b", "N s", line).rstrip() for line in plain.splitlines()]
    return "\n".join(lines).strip().splitlines()


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block with what the block shows below it."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        while command.endswith("\\"):
            more, _, expected = expected.partition("\n")
            command = command[:-1] + more
        yield command, expected


def run(command: str, env: Mapping[str, str]) -> tuple[int, str]:
    """Run a page's `indexer …` in a terminal and return its exit code and what it shows."""
    words = shlex.split(command, comments=True)
    assert words[0] == "indexer", f"not one of ours: {command}"
    done = terminal(*words[1:], columns=COLUMNS, NO_COLOR="1", **env)
    return done.code, done.out


def _anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
