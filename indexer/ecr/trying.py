"""How often a call is tried and for how long, and when a registry as a whole counts as down.

A call has so many attempts, and a limit on its time from the first to the last. Where several calls in a row were given
up and none got through, one cheap question decides whether it is the calls or the registry: a registry that does not
answer that one either is not asked again in this run, so that a run ends soon and not after every call has had all its
attempts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar, cast

from indexer.errors import RegistryDown, RegistryError, RegistryRefused, RegistryUnavailable

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

T = TypeVar("T")

THROTTLES: Final = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "LimitExceededException"}
)
"""Answers that say nothing worse than: later."""
_THROTTLES_AN_ATTEMPT: Final = 5
"""So many throttles use up one attempt: with three calls in five throttled, eight attempts would lose one in sixty."""
_FIRST_WAIT: Final = 0.2
_LONGEST_WAIT: Final = 20.0
_LONGEST_CALL: Final = 120.0
"""Seconds from a call's first attempt until it is given up; an attempt that hangs takes 30 of them."""
_LONGEST_THROTTLED: Final = 300.0
"""The same for a call that was throttled last: whoever throttles is there, and has others to serve."""
_CALLS_GIVEN_UP: Final = 3
REGISTRY_DOWN: Final = "RegistryDown"
"""Our code for what was not asked because the registry as a whole does not answer."""
ATTEMPTS_TO_KNOW: Final = 2
"""Attempts of the question that decides whether a registry is down."""


class Patience:
    """Tells when one call has been tried enough (tenacity's `stop`); for one call only."""

    def __init__(self, most: int) -> None:
        self._left = float(most)

    def __call__(self, state: RetryCallState) -> bool:
        throttled = is_throttle(error_of(state))
        self._left -= 1 / _THROTTLES_AN_ATTEMPT if throttled else 1
        took = max(state.seconds_since_start or 0.0, state.idle_for)
        return self._left < 1e-9 or took >= (_LONGEST_THROTTLED if throttled else _LONGEST_CALL)  # noqa: PLR2004 - zero, after fifths


def retrying(
    most: int, *, sleep: Callable[[float], object], before_sleep: Callable[[RetryCallState], None]
) -> Retrying:
    """Return what tries one call again for as long as that may help, with waits that grow and differ."""
    from tenacity import Retrying, retry_if_exception  # noqa: PLC0415 - it loads asyncio; most runs need neither
    from tenacity.wait import wait_random_exponential  # noqa: PLC0415 - as above

    return Retrying(
        stop=Patience(most),
        wait=wait_random_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
        retry=retry_if_exception(_may_help),
        before_sleep=before_sleep,
        sleep=cast("Callable[[float], None]", sleep),  # whatever it gives, nobody there looks at it
        reraise=True,
    )


def is_throttle(error: BaseException | None) -> bool:
    """Whether an error is the registry's way to say that calls come too fast."""
    return isinstance(error, RegistryUnavailable) and error.code in THROTTLES


def error_of(state: RetryCallState) -> BaseException | None:
    """Return what was wrong with the attempt just made."""
    return state.outcome.exception() if state.outcome is not None else None


def _may_help(error: BaseException) -> bool:
    return isinstance(error, RegistryUnavailable) and not isinstance(error, RegistryDown)


class Signs(NamedTuple):
    """How calls went: whether any was answered, how many were given up since, and what the last of these said."""

    answered: bool
    given_up: int
    error: str


class Trouble(NamedTuple):
    """Calls that fail and are tried again: so many attempts, since when (`time.monotonic`), and what the last one said.

    None of these calls, and no other, was answered since.
    """

    since: float
    attempts: int
    error: str


class Health:
    """Whether the registry of an account and region answers at all: a circuit breaker. Threads may share it."""

    def __init__(self) -> None:
        self._given_up = 0
        self._lock = threading.Lock()
        self._down: str | None = None
        self.trouble: Trouble | None = None
        """What goes wrong at this moment, for whoever watches; None since the last answer, or where no call goes on."""
        self._again = 0
        self._trouble_lock = threading.Lock()  # the other one is held while the probe is tried

    def failed(self, error: BaseException | None) -> None:
        """Note an attempt that failed, of a call that is tried again."""
        with self._trouble_lock:
            before = self.trouble or Trouble(time.monotonic(), 0, "")
            self.trouble = Trouble(before.since, before.attempts + 1, str(error))

    @contextmanager
    def trying_again(self) -> Iterator[None]:
        """Try a call again while the block lasts: when the last of these is given up, nothing is waited for."""
        with self._trouble_lock:
            self._again += 1
        try:
            yield
        finally:
            with self._trouble_lock:
                self._again -= 1
                if not self._again:
                    self.trouble = None

    @property
    def down(self) -> str | None:
        """Why the registry is not asked any more; None where it is."""
        return self._down

    def trip(self, reason: str) -> None:
        """Have nothing more asked."""
        self._down = reason

    def check(self, operation: str) -> None:
        """Raise RegistryDown where nothing is asked any more."""
        if self._down is not None:
            raise RegistryDown(operation, REGISTRY_DOWN, self._down)

    def of(self, call: Callable[[], T], probe: Callable[[], object]) -> T:
        """Return what `call` gives, and note how it went.

        After several calls in a row that were given up, `probe` asks whether the registry is there.
        """
        try:
            answer = call()
        except RegistryDown:
            raise
        except RegistryUnavailable as error:
            self.hear(Signs(answered=False, given_up=1, error=str(error)), probe)
            raise
        except RegistryRefused:
            self.answered()  # a refusal is an answer
            raise
        self.answered()
        return answer

    def answered(self) -> None:
        """Note that somebody is there."""
        self._given_up = 0
        self.trouble = None

    def hear(self, signs: Signs, probe: Callable[[], object]) -> None:
        """Note how calls went, here or in another process."""
        if signs.answered:
            self.trouble = None
        with self._lock:
            self._given_up = signs.given_up + (0 if signs.answered else self._given_up)
            if signs.given_up and self._down is None and self._given_up >= _CALLS_GIVEN_UP:
                self._ask(probe, signs.error)

    def _ask(self, probe: Callable[[], object], error: str) -> None:
        try:
            probe()
        except RegistryRefused:
            self._given_up = 0
        except RegistryError as told:
            self._down = (
                f"not asked any more in this run: {self._given_up} calls in a row got no good answer ({error}), "
                f"nor did a last one ({told})"
            )
        else:
            self._given_up = 0


class Pulse(Health):
    """The health of a registry as one of several processes sees it: decided by whoever hears the signs of all."""

    def __init__(self) -> None:
        super().__init__()
        self._answered = False
        self._error = ""

    def answered(self) -> None:
        """Note that somebody is there."""
        with self._lock:
            self._answered, self._given_up = True, 0

    def hear(self, signs: Signs, _probe: Callable[[], object]) -> None:
        """Note a call that was given up."""
        with self._lock:
            self._given_up += signs.given_up
            self._error = signs.error

    def signs(self) -> Signs:
        """Return how calls went since this was last asked."""
        with self._lock:
            signs = Signs(self._answered, self._given_up, self._error)
            self._answered, self._given_up = False, 0
            return signs
