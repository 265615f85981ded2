"""Putting the objects of a scene in their places: those that a task asked for where it asked, then the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from yanshi.envs.worlds.catalog import kind
from yanshi.envs.worlds.layout import Arrangement
from yanshi.envs.worlds.scene import ObjectSpec, Wanted
from yanshi.errors import UnknownNameError, WorldError

_TRIES = 40


def fill(
    empty: Callable[[], Arrangement], items: Sequence[ObjectSpec], wanted: Sequence[Wanted], free: Sequence[str]
) -> Arrangement:
    """Place every object, beginning anew when one finds no room.

    Args:
        empty: makes the arrangement to be filled.
        items: the objects, those wanted first.
        wanted: what the task said of the first of them.
        free: surfaces for whatever has no place of its own.

    Raises:
        UnknownNameError: a task asked for a place that does not exist.
        WorldError: there is not enough room.
    """
    fault = ""
    for _ in range(_TRIES):
        arrangement = empty()
        try:
            for index, item in enumerate(items):
                _place(arrangement, item, wanted[index] if index < len(wanted) else Wanted(), free)
        except WorldError as error:
            fault = str(error)
        else:
            return arrangement
    raise WorldError(f"{len(items)} objects do not fit into the scene: {fault}")


def _place(arrangement: Arrangement, item: ObjectSpec, wish: Wanted, free: Sequence[str]) -> None:
    if wish.beside is not None:
        other = arrangement.placements[wish.beside]
        arrangement.place(item, other.support, beside=other)
        return
    choices = _choices(arrangement, wish, free if kind(item.kind).movable else _floors(arrangement))
    for owner in arrangement.rng.permutation(choices):
        try:
            arrangement.place(item, str(owner))
        except WorldError:
            continue
        return
    raise WorldError(f"No room for '{item.name}' on {', '.join(choices) or 'anything'}.")


def _floors(arrangement: Arrangement) -> list[str]:
    """Spots on the floor, for what is too large for a table."""
    return [owner for owner in arrangement.surfaces if owner.endswith("_floor")]


def _choices(arrangement: Arrangement, wish: Wanted, free: Sequence[str]) -> list[str]:
    """Surfaces that a wish allows."""
    if wish.where is None:
        return list(free)
    places = [wish.where] if isinstance(wish.where, str) else list(wish.where)
    names = {*arrangement.surfaces, *(p.item.name for p in arrangement.placements)}
    rooms = {s.room for s in arrangement.surfaces.values() if s.room is not None}
    result: list[str] = []
    for place in places:
        if place in rooms:
            result += [owner for owner in free if arrangement.surfaces[owner].room == place]
        elif place in names:
            result.append(place)
        else:
            raise UnknownNameError("place", place, names | rooms)
    return result
