"""A device, a network or a limit that fails is no damage: nothing may be given up for it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from indexer.errors import StoreDamaged, StoreError
from indexer.store.facts import _damage
from indexer.store.upkeep.reading import damage

_BOTH = pytest.mark.parametrize("guard", [damage, _damage], ids=["upkeep", "facts"])
Guard = Callable[[Path], AbstractContextManager[None]]


@_BOTH
@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENOMEM, errno.ETIMEDOUT])
def test_what_may_pass_is_no_damage(guard: Guard, number: int) -> None:
    with pytest.raises(StoreError) as caught, guard(Path("manifests/x.parquet")):
        raise OSError(number, "as it says")
    assert not isinstance(caught.value, StoreDamaged)
    assert "Try again" in str(caught.value)


@_BOTH
@pytest.mark.parametrize("error", [OSError("Couldn't deserialize thrift"), FileNotFoundError(errno.ENOENT, "gone")])
def test_a_bad_or_missing_file_is_damage(guard: Guard, error: OSError) -> None:
    with pytest.raises(StoreDamaged), guard(Path("manifests/x.parquet")):
        raise error
