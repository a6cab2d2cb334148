"""Arrow's compute functions by their names, without the module that documents them.

`pyarrow.compute` makes a Python function with a docstring and a signature for each of the 300 functions there are when
it is loaded: 50 ms of CPU for every process of a run, a sixth of what a run with nothing new takes. The functions
themselves come with the extension module below it. It has no public name; where it is gone, the public one serves,
which has all of its names. The methods `take`, `filter` and `cast` of arrays load the public one, so what runs often
calls the functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final


class _Compute:
    """`pc.equal(a, b)` calls the function `equal`, `pc.and_(a, b)` the one whose name is a word of Python's.

    What goes beyond values is `options=pc.SliceOptions(...)`.
    """

    def __getattr__(self, name: str) -> Any:
        found = getattr(_module(), name) if name.endswith("Options") else _function(name.removesuffix("_"))
        setattr(self, name, found)
        return found


def _module() -> Any:
    try:
        from pyarrow import _compute  # noqa: PLC0415 - see above
    except ImportError:
        from pyarrow import compute  # noqa: PLC0415 - as above

        return compute
    return _compute


def _function(name: str) -> Callable[..., Any]:
    module = _module()
    try:
        module.get_function(name)
    except KeyError as error:  # of a later Arrow
        raise AttributeError(name) from error

    def call(*values: Any, options: Any = None) -> Any:
        return module.call_function(name, [*values], options)

    return call


pc: Final[Any] = _Compute()
