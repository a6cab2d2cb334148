"""pyarrow.compute, loaded when it is first used: it takes 50 ms, which who only reads a store need not pay."""

from __future__ import annotations

from typing import Any, Final


class _Compute:
    def __getattr__(self, name: str) -> Any:
        import pyarrow.compute  # noqa: PLC0415 - see above

        found = getattr(pyarrow.compute, name)
        setattr(self, name, found)
        return found


pc: Final[Any] = _Compute()
