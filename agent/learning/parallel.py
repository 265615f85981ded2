"""Work that falls into pieces, on as many processes as one likes."""

from __future__ import annotations

import math
import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def each(make: Callable[[In], Out], pieces: Iterable[In], workers: int, seconds: float = math.inf) -> Iterator[Out]:
    """What `make` makes of each piece, in their order; with one worker in this process.

    Args:
        make: a function of a module (processes are spawned, so it is looked up there), or a partial of one.
        pieces: its arguments.
        workers: processes.
        seconds: pieces that were not begun by then are left out.
    """
    until = time.time() + seconds
    if workers <= 1:
        for piece in pieces:
            yield from _in_time(make, piece, until)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in [pool.submit(_in_time, make, piece, until) for piece in pieces]:
            yield from done.result()


def _in_time(make: Callable[[In], Out], piece: In, until: float) -> tuple[Out, ...]:
    return (make(piece),) if time.time() < until else ()
