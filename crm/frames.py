"""Room for the interpreter's frames.

Until the spring of 2026 Python kept the frames of calls in pieces of 16 kB and gave a piece back as soon as
it was empty, and 3.11 and 3.12 still do: a loop that happens to stand at the end of one has memory mapped
and unmapped for every call it makes, which then takes 8 µs instead of 0.05 (python/cpython#142183). A page
is drawn about a hundred calls deep, and the heads of a table's columns took a fifth of it.
"""

from collections.abc import Callable
from typing import TypeVar

Function = TypeVar("Function", bound=Callable[..., object])

# In words of eight bytes. So large a frame has a piece of its own, of twice its size, and what is left of
# that is room for about a thousand calls. Memory that nobody touches is never really taken.
_STACK_WORDS = 2**15


def roomy(function: Function) -> Function:
    """Whatever it calls has room; that costs as much as one such call."""
    code = function.__code__
    function.__code__ = code.replace(co_stacksize=_STACK_WORDS)
    return function
