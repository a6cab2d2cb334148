"""How large segments grow, and which numbers they have."""

from __future__ import annotations

from typing import Final, NamedTuple

FIRST_SEGMENT: Final = 500
SEGMENT_MANIFESTS: Final = 20_000
SEGMENT_BYTES: Final = 64 << 20


class Limits(NamedTuple):
    """A segment is committed when it holds so many manifests, or so many bytes of their text."""

    manifests: int = SEGMENT_MANIFESTS
    bytes: int = SEGMENT_BYTES

    def of_segment(self, number: int) -> Limits:
        """Return the limits of a run's segment `number`, counted from 0: each holds twice what the one before does.

        So a run that dies has lost no more than it had committed, and a long run leaves few small files.
        """
        return self._replace(manifests=min(self.manifests, FIRST_SEGMENT << min(number, 32)))

    def shared(self, processes: int) -> Limits:
        """Return the limits of each of several processes: what all have in hand stays what one would have."""
        return Limits(max(self.manifests // (2 * processes), FIRST_SEGMENT), self.bytes // (2 * processes))


class Numbers(NamedTuple):
    """The numbers of the segments of one writer among several: every `step`-th from `first` on, so that none meet."""

    first: int = 1
    step: int = 1
