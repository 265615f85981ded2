"""Which objects a scene has: those that a task asked for, and others to fill it that cannot be mistaken for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from yanshi.envs.worlds.catalog import Kind, kind, kinds
from yanshi.envs.worlds.scene import Forbidden, ObjectSpec, Wanted, named
from yanshi.errors import InputError, WorldError

_TRIES = 200


def choose(
    rng: np.random.Generator, wanted: Sequence[Wanted], count: int, forbid: Forbidden | None = None
) -> tuple[ObjectSpec, ...]:
    """Draw the objects of a scene, named.

    Args:
        rng: source of all choices.
        wanted: what must be there; the result begins with these, in order.
        count: how many objects in all (more if more are wanted).
        forbid: says of an object drawn to fill the scene that it must not be there.

    Raises:
        InputError: something is wanted that does not exist.
        WorldError: the scene cannot be filled under these conditions.
    """
    items: list[ObjectSpec] = []
    for wish in wanted:
        items.append(_grant(rng, wish, items))
    fill = [name for name in kinds("object") if kind(name).movable]
    while len(items) < count:
        for _ in range(_TRIES):
            item = _draw(rng, kind(fill[rng.integers(len(fill))]), items)
            if item is not None and not (forbid and forbid(item)) and not any(w.matches(item) for w in wanted):
                items.append(item)
                break
        else:
            raise WorldError(
                f"No object can be drawn that is not forbidden or like one that is wanted ({len(items)} of {count})."
            )
    return named(items, plain=lambda name: len(kind(name).colors) <= 1 or not kind(name).movable)


def _grant(rng: np.random.Generator, wish: Wanted, items: Sequence[ObjectSpec]) -> ObjectSpec:
    names = [wish.kind] if wish.kind is not None else [k for k in kinds("object") if kind(k).movable]
    if wish.digit is not None:
        names = ["tile"]
    forms = [kind(name) for name in names]
    able = [form for form in forms if _able(form, wish)]
    if not able:
        form = forms[0]
        has = f"{form.name} comes in colors {', '.join(form.colors)}; sizes {', '.join(form.sizes)}; shape {form.shape}"
        raise InputError(f"No kind of object fits {wish}." + (f" A {has}." if len(forms) == 1 else ""))
    for _ in range(_TRIES):
        item = _draw(rng, able[rng.integers(len(able))], items, wish)
        if item is not None:
            return item
    raise InputError(f"No object that fits {wish} is left: the scene has them all.")


def _able(form: Kind, wish: Wanted) -> bool:
    return wish.color in (None, *form.colors) and wish.size in (None, *form.sizes) and wish.shape in (None, form.shape)


def _draw(
    rng: np.random.Generator, form: Kind, items: Sequence[ObjectSpec], wish: Wanted | None = None
) -> ObjectSpec | None:
    """One object of a kind, or None if it is too like one that is there: same kind and colour, no size asked for."""
    wish = wish or Wanted()
    attributes: dict[str, str] = {"shape": form.shape, "material": form.material}
    attributes["color"] = wish.color or str(rng.choice(form.colors))
    attributes["size"] = wish.size or str(rng.choice(form.sizes))
    if form.name == "tile":
        taken: set[Any] = {other.attributes.get("digit") for other in items}
        left = [d for d in map(str, range(10)) if d not in taken]
        if wish.digit is None and not left:
            return None
        attributes["digit"] = str(wish.digit) if wish.digit is not None else str(rng.choice(left))
        return ObjectSpec(kind=form.name, attributes=attributes)
    alike = [o for o in items if o.kind == form.name and o.attributes["color"] == attributes["color"]]
    asked = wish.size is not None or wish.color is not None
    if any(not asked or o.attributes["size"] == attributes["size"] for o in alike) and not (wish.kind and wish.color):
        return None
    return ObjectSpec(kind=form.name, attributes=attributes)
