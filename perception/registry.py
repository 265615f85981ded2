"""Names for configurations, so that a saved model can say which encoders, projectors and readers it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, Generic, TypeVar

from yanshi.errors import InputError, UnknownNameError

C = TypeVar("C")


class Registry(Generic[C]):
    """Frozen configuration dataclasses by name. One entry says both what is built and how it is written to JSON."""

    def __init__(self, kind: str, known: Mapping[str, type[C]]) -> None:
        """`kind` is what messages call an entry, e.g. ``encoder``."""
        self.kind = kind
        self._known = dict(known)

    def register(self, name: str, config: type[C]) -> None:
        """Make a configuration class known. Raises: InputError where the name is taken."""
        if name in self._known:
            raise InputError(f"The {self.kind} '{name}' is already registered.")
        self._known[name] = config

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self._known))

    def to_dict(self, config: C) -> dict[str, Any]:
        """What JSON holds: the name and every field. Raises: InputError if its class was not registered."""
        for name, known in self._known.items():
            if type(config) is known:
                values = asdict(config)  # type: ignore[call-overload]
                return {"name": name} | {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
        raise InputError(f"{type(config).__name__} is no registered {self.kind}; register it under a name first.")

    def from_dict(self, values: Mapping[str, Any]) -> C:
        """The configuration that `to_dict` wrote.

        Raises:
            UnknownNameError: If there is no such name.
            InputError: If a field does not exist.
        """
        name = str(values.get("name"))
        if name not in self._known:
            raise UnknownNameError(self.kind, name, self._known)
        config = self._known[name]
        known = {field.name for field in fields(config)}  # type: ignore[arg-type]
        given = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items() if key != "name"}
        for key in sorted(given.keys() - known):
            raise UnknownNameError(f"option of the {self.kind} '{name}'", key, known)
        return config(**given)
