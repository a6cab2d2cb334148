"""The lock of a store in a bucket: an object that its holder renews, and that nobody else may change meanwhile.

A bucket cannot tell that a process has ended. So the lock is a lease: it is the holder's for as long as it was written
less than `LEASE` seconds ago, by the server's clock; a holder that died loses it then. Every change of the object is
conditional on what was last seen of it, so of two that want it one gets it.

The lease says who may begin. That nobody commits who has lost it is said by asking (`check`) before every change.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from indexer.errors import StoreError, StoreLocked
from indexer.objects import Bucket, Found
from indexer.store import layout

LEASE: Final = 60
"""Seconds without a sign of life after which the lock is free."""
RENEWAL: Final = 15.0
"""Seconds between signs of life: three may fail."""
_NO_ETAG: Final = '"00000000000000000000000000000000"'
"""The mark of no object's content."""


class Watched:
    """The lease of another process, for which this one writes."""

    descriptors: tuple[int, ...] = ()
    held = True

    def __init__(self, bucket: Bucket, location: str, token: str) -> None:
        self._bucket = bucket
        self._location = location
        self.token = token

    def release(self) -> None:
        """Do nothing: the lock is the other's."""

    def check(self) -> None:
        """Return where the lease is its holder's at this moment; StoreError where it is not.

        It is asked of the bucket, which answers by what is there: no clock of ours comes into it, and no pause of this
        process before the question makes the answer wrong.
        """
        found = self._bucket.get(layout.LOCK_FILE)
        who = _Holder.of(found)
        if who.token != self.token:
            raise StoreError(
                f"this run has lost the lock of the store {self._location}, as it could not renew it for {LEASE} "
                f"seconds; {who} has it now. What was committed stays; run again for the rest"
            )


class Lease(Watched):
    """The lease, held from construction to `release` and renewed by a thread of its own.

    StoreLocked where another writer holds it, StoreError where the service knows no conditional writes. `renewal` is
    the seconds between two signs of life.
    """

    def __init__(
        self, bucket: Bucket, location: str, command: str, since: datetime, *, renewal: float = RENEWAL
    ) -> None:
        super().__init__(bucket, location, secrets.token_hex(16))
        self._holder = _Holder(
            self.token, command, os.getpid(), socket.gethostname(), since.astimezone(UTC).isoformat(timespec="seconds")
        )
        self._beats = 0
        self._renewal = renewal
        self._process = os.getpid()
        self._changing = threading.Lock()
        self._ended = threading.Event()
        self._lost = False
        self._etag = self._take()
        self._refuse_unconditional()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    @property
    def held(self) -> bool:  # type: ignore[override]  # a watched one is never given up here
        """Whether this very process holds the lock: False after release, in a fork, and once it is known to be lost."""
        return not self._ended.is_set() and not self._lost and os.getpid() == self._process

    def release(self) -> None:
        """Say that the lock is free. Where that does not arrive, it is free when the lease ends."""
        if os.getpid() != self._process or self._ended.is_set():
            return
        self._ended.set()
        with self._changing, suppress(StoreError):
            self._bucket.put(layout.LOCK_FILE, self._body(free=True), etag=self._etag)
        self._thread.join()

    def _take(self) -> str:
        found = self._bucket.get(layout.LOCK_FILE)
        if found is not None:
            self._refuse_held(found)
        etag = self._bucket.put(layout.LOCK_FILE, self._body(), etag=None if found is None else found.etag)
        if etag is None:  # another was faster, and says who it is
            self._refuse_held(self._bucket.get(layout.LOCK_FILE), fresh=True)
            raise AssertionError  # never: the line above raises
        return etag

    def _refuse_held(self, found: Found | None, *, fresh: bool = False) -> None:
        who = _Holder.of(found)
        age = 0 if found is None else round(found.age)
        if not fresh and (not who.token or age > LEASE):
            return
        raise StoreLocked(
            f"the store {self._location} is held by another run: {who}. Wait for it to end, or end it. "
            f"If it is dead: its last sign of life is {age} s old, and {LEASE} s after it the store is free"
        )

    def _refuse_unconditional(self) -> None:
        """Make sure that conditions count here: where a service ignores them, any number of writers get the lock."""
        for condition, etag in (("If-None-Match", None), ("If-Match", _NO_ETAG)):
            if self._bucket.put(layout.LOCK_FILE, self._body(), etag=etag) is not None:
                raise StoreError(
                    f"the service that keeps {self._location} ignores conditions of writes ({condition}), so a store "
                    "cannot be locked there. Use Amazon S3, or a version of the service that knows them"
                )

    def _renew(self) -> None:
        while not self._ended.wait(self._renewal) and not self._lost:
            with self._changing, suppress(StoreError):  # it is tried again in time, and check() asks
                if not self._ended.is_set():
                    self._renew_once()

    def _renew_once(self) -> None:
        etag = self._bucket.put(layout.LOCK_FILE, self._body(), etag=self._etag, attempts=1)
        if etag is None:
            self._find_again()
        else:
            self._etag = etag

    def _find_again(self) -> None:
        """See whose the lock is that has changed: an earlier renewal of ours may have arrived without its answer."""
        found = self._bucket.get(layout.LOCK_FILE)
        if found is None or _Holder.of(found).token != self.token:
            self._lost = True
        else:
            self._etag = found.etag

    def _body(self, *, free: bool = False) -> bytes:
        # Each body differs from the one before, and with it the etag: who saw the older one cannot replace this one.
        self._beats += 1
        holder = self._holder._replace(token="") if free else self._holder
        return json.dumps({**holder._asdict(), "lease": LEASE, "beat": self._beats}).encode() + b"\n"


class _Holder(NamedTuple):
    """Who holds the lock; without a token nobody does."""

    token: str
    command: str = ""
    pid: int = 0
    host: str = ""
    since: str = ""

    @classmethod
    def of(cls, found: Found | None) -> _Holder:
        """Return who wrote the lock. Something else in its place is held by nobody known."""
        if found is None:
            return cls("")
        try:
            stated: dict[str, Any] = json.loads(found.body)
            return cls(*(stated[name] for name in cls._fields))
        except (ValueError, KeyError, TypeError):
            return cls("unknown")

    def __str__(self) -> str:
        if not self.host:
            return "a process that says nothing of itself"
        return f"{self.command!r}, process {self.pid} on {self.host}, since {self.since}"
