"""Work that falls into pieces, on as many processes as one likes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def each(make: Callable[[In], Out], pieces: Iterable[In], workers: int) -> Iterator[Out]:
    """What `make` makes of each piece, as it is done; with one worker in this process and in order.

    Args:
        make: a function of a module (processes are spawned, so it is looked up there), or a partial of one.
        pieces: its arguments.
        workers: processes.
    """
    if workers <= 1:
        yield from map(make, pieces)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in as_completed([pool.submit(make, piece) for piece in pieces]):
            yield done.result()
