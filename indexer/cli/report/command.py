"""`indexer report FILE.html`: where the page goes."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from indexer.cli import output
from indexer.cli.places import open_store
from indexer.errors import UsageError

_NEEDED: Final = {"altair": "altair", "jinja2": "jinja2", "vl_convert": "vl-convert-python"}
"""Modules, and the packages of the extra `report` that bring them."""
_MARK: Final = b'<meta name="generator" content="manifest-indexer">'
_BEGINNING: Final = 1_000
"""Bytes of a page in which its mark stands."""
_ENDINGS: Final = (".html", ".htm")


def write_report(file: str, config: str | None, store: str | None, *, title: str | None, price: float) -> None:
    """Write the page about the store to `file`, whole or not at all; `-` is stdout."""
    missing = [package for name, package in _NEEDED.items() if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"indexer report needs {', '.join(missing)}: pip install '.[report]' in a checkout brings what is missing, "
            f"elsewhere pip install {' '.join(missing)}"
        )
    if file != "-" and not file.lower().endswith(_ENDINGS):
        raise UsageError(f"{file}: the page is HTML, name a file that ends in .html (or - for stdout)")
    if file != "-" and not Path(file).absolute().parent.is_dir():
        raise UsageError(f"{file}: there is no folder {Path(file).absolute().parent}; make it, or name another file")
    if file != "-":
        _check_replaceable(Path(file))
    from indexer.cli.report.page import page  # noqa: PLC0415 - altair, jinja2: an extra, and slow to import

    with open_store(config, store) as opened:
        text = page(opened, title=title or "What is in the registries", price=price, now=datetime.now(UTC))
    if file == "-":
        output.emit(text)
        return
    _write(Path(file), text)
    output.say(f"written: {file}")


def _check_replaceable(path: Path) -> None:
    """Raise UsageError where the file has something else than a report, which would be lost."""
    try:
        with path.open("rb") as file:
            begins = file.read(_BEGINNING)
    except FileNotFoundError:
        return
    except OSError:  # whatever it is, writing will tell
        return
    if begins and _MARK not in begins:
        raise UsageError(f"{path} exists and is no report: name another file, or remove it yourself")


def _write(path: Path, text: str) -> None:
    """Replace the file at once: whoever has it open keeps the old page, whoever opens it gets a whole one."""
    mode = 0o644
    with suppress(OSError):
        mode = path.stat().st_mode & 0o777
    try:
        with NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.absolute().parent, prefix=f".{path.name}.", delete=False
        ) as new:
            try:
                new.write(text)
                new.flush()
                Path(new.name).chmod(mode & ~_umask())
                Path(new.name).replace(path)
            except BaseException:
                Path(new.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}; name a file in a folder that you may write"
        ) from error


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current
