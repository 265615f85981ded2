"""What a world is before it becomes a model: plain values that can be read, compared and changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from yanshi.contracts import Room
from yanshi.errors import UnknownNameError

SIZES: Mapping[str, float] = {"small": 0.85, "medium": 1.0, "large": 1.15}
"""Size words and the scale of the object's file that they stand for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSpec:
    """One movable object (or a person), not yet placed."""

    kind: str
    """A file of ``sim_assets/objects``, e.g. ``mug``."""
    name: str = ""
    """What tells it apart from the others in its scene, e.g. ``large_red_mug``; given by `named`."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """color, size, material, shape, digit."""

    @property
    def scale(self) -> float:
        """Factor on all lengths of its file."""
        return SIZES[self.attributes.get("size", "medium")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """An object and where it starts."""

    item: ObjectSpec
    position_w: NDArray[Any]
    """(3,) centre of its box [m]."""
    yaw: float
    support: str
    """The fixture, part or object that it stands on or lies in; ``floor`` for the floor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixtureSpec:
    """A piece of furniture, a door, a mat or a control, and where it stands."""

    name: str
    kind: str
    """A file of ``sim_assets/furniture``, e.g. ``table``."""
    position_w: NDArray[Any]
    """(3,) centre of the lower face of its box [m]; for a door the centre of the closed leaf."""
    yaw: float = 0.0
    """Direction that its front (x of its file) faces [rad]."""
    room: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    openings: Mapping[str, float] = field(default_factory=dict)
    """Part (``drawer``, ``door``) → 0 closed … 1 open at the start."""
    drives: str | None = None
    """For a control: the room whose light it switches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """An upright box from the floor."""

    low_w: tuple[float, float]
    high_w: tuple[float, float]
    height: float = 2.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that `compose` needs to build a model."""

    world: str
    seed: int = 0
    rooms: tuple[Room, ...] = ()
    walls: tuple[Wall, ...] = ()
    fixtures: tuple[FixtureSpec, ...] = ()
    """Furniture, doors, mats and controls."""
    objects: tuple[Placement, ...] = ()
    """Those that a task asked for come first, in the order in which it asked."""
    start_w: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Robot base x, y [m], yaw [rad]."""
    lights: Mapping[str, bool] = field(default_factory=dict)
    """Room → whether its light is on at the start."""
    sounding: tuple[str, ...] = ()
    """Entities that sound at the start."""

    def placement(self, name: str) -> Placement:
        """The placement of an object.

        Raises:
            UnknownNameError: there is no object of that name.
        """
        for placement in self.objects:
            if placement.item.name == name:
                return placement
        raise UnknownNameError("object", name, (p.item.name for p in self.objects))

    def fixture(self, name: str) -> FixtureSpec:
        """The fixture of a name.

        Raises:
            UnknownNameError: there is no fixture of that name.
        """
        for fixture in self.fixtures:
            if fixture.name == name:
                return fixture
        raise UnknownNameError("fixture", name, (f.name for f in self.fixtures))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An object that a task asks for. What is None is drawn."""

    kind: str | None = None
    color: str | None = None
    size: str | None = None
    digit: int | None = None
    shape: str | None = None
    where: str | Sequence[str] | None = None
    """A fixture or part to stand on or lie in (``sink``, ``cabinet_drawer``), an object to stand on, a room, or several
    to choose from."""
    beside: int | None = None
    """Index of an earlier wanted object next to which this one stands (gap 3 to 8 cm)."""
    sounding: bool = False

    def matches(self, item: ObjectSpec) -> bool:
        """Whether an object is what was asked for."""
        attributes = {"color": self.color, "size": self.size, "shape": self.shape}
        if self.digit is not None:
            attributes["digit"] = str(self.digit)
        return self.kind in (None, item.kind) and all(
            value is None or item.attributes.get(key) == value for key, value in attributes.items()
        )


Forbidden = Callable[[ObjectSpec], bool]
"""Says of an object that was drawn to fill the scene that it must not be there."""


def named(items: Sequence[ObjectSpec], plain: Callable[[str], bool]) -> tuple[ObjectSpec, ...]:
    """Names objects by what tells them apart: ``red_mug``, else ``large_red_mug``, else ``red_mug_2``; ``tile_5``.

    Args:
        items: the objects of one scene.
        plain: whether a kind goes without its colour: a ``banana`` is yellow, and a person is not called by it.
    """

    def short(item: ObjectSpec) -> str:
        if "digit" in item.attributes:
            return f"{item.kind}_{item.attributes['digit']}"
        color = item.attributes.get("color")
        return item.kind if color is None or plain(item.kind) else f"{color}_{item.kind}"

    shorts = [short(item) for item in items]
    sizes: dict[str, set[str]] = {}
    for item, base in zip(items, shorts, strict=True):
        sizes.setdefault(base, set()).add(item.attributes.get("size", "medium"))
    seen: Counter[str] = Counter()
    result = []
    for item, base in zip(items, shorts, strict=True):
        size = item.attributes.get("size", "medium")
        name = f"{size}_{base}" if len(sizes[base]) > 1 and size != "medium" else base
        seen[name] += 1
        result.append(replace(item, name=name if seen[name] == 1 else f"{name}_{seen[name]}"))
    return tuple(result)
