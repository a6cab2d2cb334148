"""The digests that a store had when it was opened, as they stand there: 71 bytes each, compared before looked at.

In a store they stand in the natural order, nearly: repository by repository, by the time of the push. A listing of
what is known is the same digests in the same order, but for a few. So a listing is compared with what stands where the
one before it ended, as many digests at once as are alike; a span that stands elsewhere is found by one of its digests
that is among a sample. Only where one is found nowhere are all of them made keys and sorted, once, for 44 bytes more
each and three quarters of the time that all the rest takes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final, NamedTuple

from indexer.digests import LENGTH, key_of, keys_of_text
from indexer.store.keys import Keys

_STEP: Final = 16
"""Digests that a search and the comparison after it must bring on average; else the rest is searched for at once."""
_FIRST: Final = 64
"""Digests that are compared at first; while they are alike, twice as many follow."""
_HINTS: Final = 16
_SAMPLED: Final = 32
"""Of so many digests one is in the sample: a span of 100, as one call brings them, has three."""


class _Index(NamedTuple):
    """Keys in the order of the texts, and the texts that have none; in the place of such a one is another's key."""

    keys: Keys
    others: frozenset[str]

    def number(self, digest: str) -> int | None:
        key = key_of(digest)
        return None if key is None else self.keys.number(key)


class Standing:
    """Texts of the length of a sha256 digest, in the order in which they will be asked for. Threads may share it."""

    def __init__(self, parts: Iterable[str] = ()) -> None:
        """Take texts that stand end to end; a listing may begin where any of the parts does."""
        texts = list(parts)
        self._text = "".join(texts)
        self._sample: dict[str, int] | None = None
        self._index: _Index | None = None
        self._lock = threading.Lock()
        # Where listings may begin: where parts do, and where the last ones ended, the one that was right last in front.
        self._hints = [0]
        for text in texts[: _HINTS - 1]:
            self._hints.append(self._hints[-1] + len(text) // LENGTH)

    def __len__(self) -> int:
        index = self._indexed()
        return len(index.keys) + len(index.others)

    def holds(self, digest: str, key: bytes | None) -> bool:
        """Return whether a digest is here; its key is given where it has one (`indexer.digests`)."""
        if not self._text:
            return False
        index = self._indexed()
        return digest in index.others if key is None else key in index.keys

    def lacking(self, asked: str) -> list[bool]:
        """Return of each of the digests, which stand end to end, whether it is not here."""
        count = len(asked) // LENGTH
        if not self._text:
            return [True] * count
        lacking: list[bool] = []
        steps = 0
        while (at := len(lacking)) < count:
            steps += 1
            digest = asked[at * LENGTH : (at + 1) * LENGTH]
            number = self._hinted(digest)
            if number is None and self._index is None:
                number = self._sampled(asked, at)
            if number is None:
                if steps > _STEP + at // _STEP:
                    return lacking + self._search(asked[at * LENGTH :])
                number = self._indexed().number(digest)
            lacking += [not self.holds(digest, None)] if number is None else [False] * self._alike(asked, at, number)
        return lacking

    def lacking_keys(self, keys: bytes) -> list[bool]:
        """Return the same for keys, which stand end to end (`indexer.digests`)."""
        return self._indexed().keys.lacking(keys)

    def _hinted(self, digest: str) -> int | None:
        """Return the number of a digest that stands where a listing may begin."""
        for number in self._hints:
            if self._text.startswith(digest, number * LENGTH):
                return number
        return None

    def _sampled(self, asked: str, at: int) -> int | None:
        """Return the number of a digest that is followed by one of the sample, there and here."""
        sample = self._sample_of_all()
        for begin in range(at * LENGTH, min((at + _SAMPLED) * LENGTH, len(asked)), LENGTH):
            number = sample.get(asked[begin : begin + LENGTH])
            if number is not None:
                first = number * LENGTH - (begin - at * LENGTH)
                alike = first >= 0 and self._text.startswith(asked[at * LENGTH : begin], first)
                return first // LENGTH if alike else None
        return None

    def _alike(self, asked: str, at: int, number: int) -> int:
        """Return how many digests from `at` on are those from `number` on here, one at least: the first one is."""
        most = min(len(asked) // LENGTH - at, len(self._text) // LENGTH - number)
        least, step, grows = 1, _FIRST, True
        while step and least < most:  # so many are alike
            step = min(step, most - least)
            there = asked[(at + least) * LENGTH : (at + least + step) * LENGTH]
            alike = self._text.startswith(there, (number + least) * LENGTH)
            least += step if alike else 0
            grows = grows and alike
            step = step * 2 if grows else step // 2
        # In one step, as other threads may look at the same time: what they then miss is searched for.
        self._hints = [number + least, *(hint for hint in self._hints if hint != number)][:_HINTS]
        return least

    def _search(self, asked: str) -> list[bool]:
        keys = keys_of_text(asked)
        if keys is not None:
            return self.lacking_keys(keys)
        digests = (asked[at : at + LENGTH] for at in range(0, len(asked), LENGTH))
        return [not self.holds(digest, key_of(digest)) for digest in digests]

    def _sample_of_all(self) -> dict[str, int]:
        with self._lock:
            if self._sample is None:
                numbers = range(0, len(self._text) // LENGTH, _SAMPLED)
                self._sample = {self._text[number * LENGTH : (number + 1) * LENGTH]: number for number in numbers}
            return self._sample

    def _indexed(self) -> _Index:
        with self._lock:
            if self._index is None:
                keys = keys_of_text(self._text)
                self._index = _index_one_by_one(self._text) if keys is None else _Index(Keys.of(keys), frozenset())
            return self._index


def _index_one_by_one(text: str) -> _Index:
    digests = [text[at : at + LENGTH] for at in range(0, len(text), LENGTH)]
    keys = [key_of(digest) for digest in digests]
    others = frozenset(digest for digest, key in zip(digests, keys, strict=True) if key is None)
    instead = next((key for key in keys if key is not None), None)
    if instead is None:
        return _Index(Keys.of(b""), others)
    return _Index(Keys.of(b"".join(instead if key is None else key for key in keys)), others)
