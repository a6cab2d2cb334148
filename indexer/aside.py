"""Things done beside others, in threads: `concurrent.futures` can do it too, and takes 10 ms of a command's start."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Answer(Generic[T]):
    """What `work` returns, computed in a thread of its own from now on."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._found: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="aside")
        self._thread.start()

    def wait(self) -> None:
        """Return when it is known, or has failed."""
        self._thread.join()

    def known(self) -> list[T]:
        """Return it in a list, which is empty as long as it is not known."""
        return list(self._found)

    def result(self) -> T:
        """Return it when it is known; raises what `work` raised."""
        self.wait()
        if self._error is not None:
            raise self._error
        return self._found[0]

    def _run(self) -> None:
        try:
            self._found.append(self._work())
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that asks for the result
            self._error = error


class Aside:
    """A block in which things are done beside it. It ends when they have ended, however it ends."""

    def __init__(self) -> None:
        self._answers: list[Answer[object]] = []

    def do(self, work: Callable[[], T]) -> Answer[T]:
        """Begin `work`."""
        answer = Answer(work)
        self._answers.append(answer)  # type: ignore[arg-type]  # only waited for
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for answer in self._answers:
            answer.wait()
