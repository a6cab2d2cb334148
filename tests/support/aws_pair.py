"""What the AWS CLI and our command are compared on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from support.commands import Done
from support.forked import Forked
from support.manifests import document, image

AWS = Path(sys.executable).with_name("aws")
PLAIN = image("config1", {"layer": 1})
LETTERS = image("config2", {"layer": 2}, annotations={"who": "Jürgen 漢字 😀\t|\x1b[31m\\ \"'", "empty": ""})
COLD = image("config3", {"layer": 3})
ODD = document({"schemaVersion": 2})


class Pair(NamedTuple):
    """Both commands, and the environment that they run in."""

    aws: Forked
    ours: Forked
    env: dict[str, str]

    def __call__(self, *words: str, **env: str | None) -> tuple[Done, Done]:
        """Run both with `words` after the name of the command; a variable that is None is left out."""
        changed = {name: value for name, value in {**self.env, **env}.items() if value is not None}
        return (
            self.aws(["aws", "ecr", "batch-get-image", *words], changed),
            self.ours(["indexer", "batch-get-image", *words], changed),
        )
