"""Disks that die, refuse or watch: the store's file operations with something between them."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeVar

from indexer.store import Disk

T = TypeVar("T")
Death = Literal["before", "torn", "power", "reordered"]


class Died(BaseException):
    """The process is no more: no code of the store may catch this and go on."""


class HookedDisk(Disk):
    """A disk all of whose changes go through `_around`."""

    def make_folder(self, path: Path) -> None:
        self._around("make_folder", lambda: super(HookedDisk, self).make_folder(path))

    def create(self, path: Path) -> int:
        return self._around("create", lambda: super(HookedDisk, self).create(path))

    def write(self, descriptor: int, data: memoryview) -> int:
        return self._around("write", lambda: super(HookedDisk, self).write(descriptor, data))

    def sync_file(self, descriptor: int) -> None:
        self._around("sync_file", lambda: super(HookedDisk, self).sync_file(descriptor))

    def close(self, descriptor: int) -> None:
        self._around("close", lambda: super(HookedDisk, self).close(descriptor))

    def rename(self, source: Path, target: Path) -> None:
        self._around("rename", lambda: super(HookedDisk, self).rename(source, target))

    def sync_folder(self, path: Path) -> None:
        self._around("sync_folder", lambda: super(HookedDisk, self).sync_folder(path))

    def remove(self, path: Path) -> None:
        self._around("remove", lambda: super(HookedDisk, self).remove(path))

    def remove_folder(self, path: Path) -> None:
        self._around("remove_folder", lambda: super(HookedDisk, self).remove_folder(path))

    def _around(self, name: str, operation: Callable[[], T]) -> T:
        raise NotImplementedError


class WatchedDisk(HookedDisk):
    """A disk that calls `step` with the operation's name before every change, and once more after it."""

    def __init__(self, step: Callable[[str], None]) -> None:
        self.step = step

    def _around(self, name: str, operation: Callable[[], T]) -> T:
        self.step(name)
        result = operation()
        self.step(name)
        return result


class DyingDisk(Disk):
    """A disk whose process dies at operation number `at` (from 0), and does nothing more from then on.

    `death` is before the operation, with a write half done, or after the operation by a power cut: then whatever was
    not synced is lost, which `bury` plays: files are cut in half, renames, removals and new folders undone. A device
    may keep later names and lose earlier ones: with `reordered` the last of them survives.
    """

    def __init__(self, at: int, death: Death) -> None:
        self.at = at
        self.death = death
        self.done: list[str] = []
        self._open: dict[int, Path] = {}
        self._unsynced_files: set[Path] = set()
        self._undo: list[tuple[Path, Callable[[], object]]] = []

    @property
    def dead(self) -> bool:
        return len(self.done) > self.at

    def make_folder(self, path: Path) -> None:
        self._do("make_folder", lambda: self._make_folder(path))

    def create(self, path: Path) -> int:
        return self._do("create", lambda: self._create(path))

    def write(self, descriptor: int, data: memoryview) -> int:
        if self.death == "torn" and len(self.done) == self.at:
            super().write(descriptor, data[: len(data) // 2])
        return self._do("write", lambda: super(DyingDisk, self).write(descriptor, data))

    def sync_file(self, descriptor: int) -> None:
        self._do("sync_file", lambda: self._unsynced_files.discard(self._open[descriptor]))

    def close(self, descriptor: int) -> None:
        self._do("close", lambda: self._close(descriptor))

    def rename(self, source: Path, target: Path) -> None:
        self._do("rename", lambda: self._rename(source, target))

    def sync_folder(self, path: Path) -> None:
        self._do("sync_folder", lambda: self._sync_folder(path))

    def remove(self, path: Path) -> None:
        self._do("remove", lambda: self._remove(path))

    def remove_folder(self, path: Path) -> None:
        self._do("remove_folder", lambda: super(DyingDisk, self).remove_folder(path))

    def bury(self) -> None:
        """Close what the dead process held open; after a power cut, undo what was not synced."""
        for descriptor in self._open:
            with suppress(OSError):
                os.close(descriptor)
        if self.death in {"power", "reordered"}:
            for path in self._unsynced_files:
                with suppress(FileNotFoundError):
                    os.truncate(path, path.stat().st_size // 2)
            for _, undo in reversed(self._undo[:-1] if self.death == "reordered" else self._undo):
                undo()

    def _do(self, name: str, operation: Callable[[], T]) -> T:
        if self.dead:
            raise Died
        self.done.append(name)
        if self.dead and self.death in {"before", "torn"}:
            raise Died
        result = operation()
        if self.dead:
            raise Died
        return result

    def _make_folder(self, path: Path) -> None:
        if not path.exists():
            super().make_folder(path)
            self._undo.append((path.parent, lambda: shutil.rmtree(path)))

    def _create(self, path: Path) -> int:
        descriptor = super().create(path)
        self._open[descriptor] = path
        self._unsynced_files.add(path)
        return descriptor

    def _close(self, descriptor: int) -> None:
        super().close(descriptor)
        del self._open[descriptor]

    def _rename(self, source: Path, target: Path) -> None:
        before = target.read_bytes() if target.exists() else None
        super().rename(source, target)
        if source in self._unsynced_files:
            self._unsynced_files.remove(source)
            self._unsynced_files.add(target)
        self._undo.append((target.parent, lambda: _rename_back(source, target, before)))

    def _sync_folder(self, path: Path) -> None:
        self._undo = [(folder, undo) for folder, undo in self._undo if folder != path]

    def _remove(self, path: Path) -> None:
        data = path.read_bytes()
        super().remove(path)
        self._undo.append((path.parent, lambda: path.write_bytes(data)))


def _rename_back(source: Path, target: Path, before: bytes | None) -> None:
    target.rename(source)
    if before is not None:
        target.write_bytes(before)


class FullDisk(HookedDisk):
    """A disk on which operation number `at` (from 0), and every later one like it, fails with an errno."""

    def __init__(self, at: int, operation: str, number: int = errno.ENOSPC) -> None:
        self._left = at
        self._operation = operation
        self._number = number

    def _around(self, name: str, operation: Callable[[], T]) -> T:
        if name == self._operation:
            self._left -= 1
            if self._left < 0:
                raise OSError(self._number, os.strerror(self._number))
        return operation()
