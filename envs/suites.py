"""Named sets of tasks. Nothing is imported here, so that the names can be had without MuJoCo."""

from __future__ import annotations

from collections.abc import Mapping

from yanshi.errors import UnknownNameError

TABLETOP = (
    "Pick", "PlaceOn", "PlaceIn", "Open", "Close", "Press", "PushTo", "Stack", "Tidy", "LookAlikes", "Compound",
    "DarkPick", "Chain",
)  # fmt: skip
HOME = (
    "HomePick", "HomePlaceOn", "HomePlaceIn", "HomeOpen", "HomeClose", "HomePress", "Fetch", "FindSound", "DarkRoom",
    "HomeTidy",
)  # fmt: skip
_SUITES: Mapping[str, tuple[str, ...]] = {
    "all": TABLETOP + HOME,
    "tabletop": TABLETOP,
    "home": HOME,
    "senses": ("FindSound", "DarkRoom", "DarkPick", "LookAlikes", "Compound"),
}


def suites() -> tuple[str, ...]:
    """Names of the suites."""
    return tuple(_SUITES)


def suite(name: str) -> tuple[str, ...]:
    """Task names of a suite. Raises: UnknownNameError."""
    if name not in _SUITES:
        raise UnknownNameError("suite", name, _SUITES)
    return _SUITES[name]
