"""What can go wrong, one class each. Every message says what was expected, what came and what exists."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class YanshiError(Exception):
    """Base of every error that yanshi raises on purpose."""


class InputError(YanshiError, ValueError):
    """A value that a user gave is not acceptable."""


class UnknownNameError(InputError):
    """A name was asked for that does not exist."""

    def __init__(self, kind: str, name: str, existing: Iterable[str]) -> None:
        names = sorted(existing)
        near = difflib.get_close_matches(name, names, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        super().__init__(f"Unknown {kind} '{name}'.{hint} Available: {', '.join(names) or 'none'}.")
        self.kind, self.name, self.existing = kind, name, tuple(names)


class ContractError(YanshiError, ValueError):
    """A value that crosses a border has the wrong shape, dtype, unit or range."""


class SenseError(ContractError):
    """A reading of a sense cannot be used: wrong shape, rate or unit, or nothing but NaN."""


class ModelError(YanshiError):
    """A model's weights or configuration are missing, of another kind, or not what their hash says."""


class WorldError(YanshiError):
    """A world, robot or object description does not compile or cannot be laid out."""


class NotUnderstoodError(YanshiError):
    """An instruction could not be turned into a goal with enough confidence."""


class PlanningError(YanshiError):
    """No plan reaches the goal from the present belief."""


class MissingDependencyError(YanshiError, ImportError):
    """An optional package is needed and not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"'{package}' is not installed; install it with: pip install 'yanshi[{extra}]'")


class RenderingError(YanshiError):
    """No OpenGL context can be made, so cameras cannot see."""
