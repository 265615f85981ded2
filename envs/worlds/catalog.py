"""The kinds of things there are. Each is one MJCF file, and the file says everything about its kind.

Geometry is the file's one root body. Custom texts give words: ``label``, ``category``, ``material``, ``shape``,
``colors``, ``sizes``, ``sound``, ``fixed``, ``faces``. Sites give meaning: boxes named ``on*`` (the lower face is the
surface), ``in*``, ``handle*`` and ``button*``. A child body with a joint and a handle is a part and becomes an entity
of its own (a drawer, a door); one with a button belongs to its parent. The material ``paint`` takes the colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Articulation, Region
from yanshi.errors import InputError, UnknownNameError, WorldError
from yanshi.sim_assets import path

Category = Literal["object", "fixture", "door", "control"]

COLORS: Mapping[str, tuple[float, float, float]] = {
    "red": (0.76, 0.17, 0.15),
    "green": (0.24, 0.56, 0.28),
    "blue": (0.16, 0.36, 0.70),
    "yellow": (0.93, 0.77, 0.18),
    "orange": (0.92, 0.48, 0.12),
    "purple": (0.46, 0.25, 0.60),
    "white": (0.94, 0.93, 0.90),
    "black": (0.13, 0.13, 0.14),
    "brown": (0.45, 0.29, 0.18),
    "pink": (0.93, 0.56, 0.66),
}
"""Colour words and their RGB [0, 1]."""

_HIDDEN = 4
"""Geom and site group that is neither rendered nor seen."""
_EXTRA: dict[str, Path] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The root body of a kind, or a part of it that moves and has a handle."""

    body: str
    extent: NDArray[Any]
    """(3,) full size of its box [m], at scale 1."""
    position_k: NDArray[Any]
    """(3,) its origin in the frame of the kind [m]."""
    regions: tuple[Region, ...]
    articulation: Articulation | None
    joint: str | None
    """Name of the joint that opens it, in the file."""

    def region(self, kind: str) -> Region | None:
        """Its first region of a kind, or None."""
        return next((region for region in self.regions if region.kind == kind), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of object or fixture, as its file describes it."""

    name: str
    label: str
    category: Category
    material: str
    shape: str
    colors: tuple[str, ...]
    sizes: tuple[str, ...]
    sound: str | None
    """Waveform label (``ring``, ``beep``, …) if it can sound."""
    movable: bool
    faces: bool
    """Whether its front (x) is turned to whoever stands before it, as a clock or a number is."""
    root: Part
    parts: Mapping[str, Part] = field(default_factory=dict)
    """Drawers and doors by name."""
    button: str | None = None
    """Name of the joint of its button, in the file."""

    @property
    def extent(self) -> NDArray[Any]:
        """(3,) full size of its box [m], at scale 1."""
        return self.root.extent

    @property
    def affordances(self) -> frozenset[str]:
        """What can be done with it; parts have their own."""
        return affordances(self.root, grasp=self.movable, sound=self.sound is not None)


def affordances(part: Part, *, grasp: bool = False, sound: bool = False) -> frozenset[str]:
    """What can be done with a body that has these regions and joints."""
    regions = {region.kind for region in part.regions}
    offers: set[str] = {word for word in ("on", "in") if word in regions}
    if "button" in regions:
        offers.add("press")
    if part.articulation is not None:
        offers.add("open")
    if grasp:
        offers.add("grasp")
    if sound:
        offers.add("sound")
    return frozenset(offers)


def register_kind(file: Path) -> None:
    """Adds a kind from a file outside the package; its name is the file's stem.

    Raises:
        InputError: there is such a kind already.
    """
    if file.stem in kinds():
        raise InputError(f"Kind '{file.stem}' exists already, from {_file(file.stem)}; rename {file}.")
    _EXTRA[file.stem] = file


def kinds(category: Category | None = None) -> tuple[str, ...]:
    """Names of the kinds there are, sorted; of one category, if given."""
    names = sorted({f.stem for folder in ("objects", "furniture") for f in path(folder).glob("*.xml")} | set(_EXTRA))
    return tuple(name for name in names if category is None or kind(name).category == category)


@cache
def kind(name: str) -> Kind:
    """The kind of a name.

    Raises:
        UnknownNameError: there is none.
        WorldError: its file does not compile.
    """
    return _describe(name, _file(name))


def load(name: str, scale: float = 1.0) -> mujoco.MjSpec:
    """A fresh MJCF specification of a kind, scaled, with the origin of every entity body at its reference point.

    The reference point is the centre of the body's box; for fixtures and controls that of the box's lower face.

    Raises:
        UnknownNameError: there is no such kind.
        WorldError: its file does not compile.
    """
    spec = _prepared(name).copy()
    if scale != 1.0:
        _scale(root(spec), scale)
    return spec


@cache
def _prepared(name: str) -> mujoco.MjSpec:
    """A kind's specification at scale 1, with its origins at the reference points."""
    file = _file(name)
    spec = _parse(file)
    model = _compile(spec.copy(), file)
    first, lower = root(spec), _category(spec, file) in ("fixture", "control")
    for body in _entity_bodies(spec):
        low, high = _bounds(model, body.name)
        origin = (low + high) / 2
        if lower and body == first:
            origin[2] = low[2]
        _shift(body, origin)
    for site in spec.sites:
        site.group = _HIDDEN
    first.pos = (0.0, 0.0, 0.0)
    return spec


def root(spec: mujoco.MjSpec) -> mujoco.MjsBody:
    """The one root body of a kind's specification."""
    return spec.worldbody.first_body()


def _file(name: str) -> Path:
    for file in (path("objects", f"{name}.xml"), path("furniture", f"{name}.xml"), _EXTRA.get(name)):
        if file is not None and file.is_file():
            return file
    raise UnknownNameError("kind", name, kinds())


def _parse(file: Path) -> mujoco.MjSpec:
    try:
        spec = mujoco.MjSpec.from_file(str(file))
    except ValueError as error:
        raise WorldError(f"{file}: not valid MJCF: {_one_line(error)}") from error
    bodies = [body.name for body in spec.worldbody.bodies]
    if len(bodies) != 1:
        raise WorldError(f"{file}: expected one root body, got {len(bodies)} ({', '.join(bodies) or 'none'}).")
    return spec


def _compile(spec: mujoco.MjSpec, file: Path) -> mujoco.MjModel:
    try:
        return spec.compile()
    except ValueError as error:
        raise WorldError(f"{file}: does not compile: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _text(spec: mujoco.MjSpec, name: str, default: str = "") -> str:
    return next((str(text.data) for text in spec.texts if text.name == name), default)


def _category(spec: mujoco.MjSpec, file: Path) -> Category:
    category = _text(spec, "category", "fixture" if file.parent.name == "furniture" else "object")
    if category not in ("object", "fixture", "door", "control"):
        raise WorldError(f"{file}: expected category object, fixture, door or control, got '{category}'.")
    return cast(Category, category)


def _entity_bodies(spec: mujoco.MjSpec) -> list[mujoco.MjsBody]:
    """The root, then the parts that are entities of their own: bodies with a joint and a handle."""
    first = root(spec)
    return [first] + [
        body
        for body in spec.bodies[2:]
        if len(body.joints) and any(site.name.startswith("handle") for site in body.sites)
    ]


def _bounds(model: mujoco.MjModel, body: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Lower and upper corner (3,) of the box around a body's own solid geoms (or all, if none is), in its frame."""
    number = model.body(body).id
    geoms = [g for g in range(model.ngeom) if model.geom_bodyid[g] == number]
    solid = [g for g in geoms if model.geom_contype[g] or model.geom_conaffinity[g]]
    corners = []
    for g in solid or geoms:
        turn = np.zeros(9)
        mujoco.mju_quat2Mat(turn, model.geom_quat[g])
        center, half = model.geom_aabb[g, :3], model.geom_aabb[g, 3:]
        middle = model.geom_pos[g] + turn.reshape(3, 3) @ center
        reach = _reach(int(model.geom_type[g]), half, turn.reshape(3, 3))
        corners += [middle - reach, middle + reach]
    return np.min(corners, axis=0), np.max(corners, axis=0)


def _reach(shape: int, half: NDArray[Any], turn: NDArray[Any]) -> NDArray[Any]:
    """(3,) half extents of the box around a turned geom, given the half extents of its own box [m]."""
    axis: NDArray[Any] = np.abs(turn[:, 2])
    if shape == mujoco.mjtGeom.mjGEOM_SPHERE or shape == mujoco.mjtGeom.mjGEOM_ELLIPSOID:
        return np.asarray(np.sqrt(turn**2 @ half**2))
    if shape == mujoco.mjtGeom.mjGEOM_CAPSULE:
        return np.asarray(half[0] + axis * (half[2] - half[0]))
    if shape == mujoco.mjtGeom.mjGEOM_CYLINDER:
        return np.asarray(axis * half[2] + np.sqrt(np.maximum(1.0 - axis**2, 0.0)) * half[0])
    return np.asarray(np.abs(turn) @ half)


def _contents(body: mujoco.MjsBody) -> list[Any]:
    return [*body.geoms, *body.sites, *body.joints, *body.cameras, *body.bodies, *body.frames]


def _by_ends(element: Any) -> bool:
    """Whether a geom or site is given by its two end points."""
    return isinstance(element, mujoco.MjsGeom | mujoco.MjsSite) and not np.isnan(element.fromto[0])


def _shift(body: mujoco.MjsBody, origin: NDArray[Any]) -> None:
    """Moves the frame of a body to a point of it, leaving everything in it where it is."""
    for element in _contents(body):
        if element.frame is None:
            if _by_ends(element):
                element.fromto = np.asarray(element.fromto) - np.tile(origin, 2)
            else:
                element.pos = np.asarray(element.pos) - origin
    body.pos = np.asarray(body.pos) + origin


def _scale(body: mujoco.MjsBody, factor: float) -> None:
    for element in _contents(body):
        if _by_ends(element):
            element.fromto = np.asarray(element.fromto) * factor
        else:
            element.pos = np.asarray(element.pos) * factor
    for geom in body.geoms:
        geom.size = np.asarray(geom.size) * factor
        if not np.isnan(geom.mass):
            geom.mass = geom.mass * factor**3
    for site in body.sites:
        site.size = np.asarray(site.size) * factor
    for child in body.bodies:
        _scale(child, factor)


def _describe(name: str, file: Path) -> Kind:
    spec = _prepared(name)
    model = _compile(spec.copy(), file)
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    bodies = [body.name for body in _entity_bodies(spec)]
    regions: dict[str, list[Region]] = {body: [] for body in bodies}
    for site in range(model.nsite):
        region = next((k for k in ("on", "in", "handle", "button") if model.site(site).name.startswith(k)), None)
        if region is None:
            continue
        owner = int(model.site_bodyid[site])
        while model.body(owner).name not in regions:
            owner = int(model.body_parentid[owner])
        turn = data.xmat[owner].reshape(3, 3)
        center = turn.T @ (data.site_xpos[site] - data.xpos[owner])
        half = np.abs(turn.T @ data.site_xmat[site].reshape(3, 3)) @ model.site_size[site]
        regions[model.body(owner).name].append(Region(kind=cast(Any, region), center_e=center, half=half))
    parts = {}
    for body in bodies:
        low, high = _bounds(model, body)
        number = model.body(body).id
        joint, articulation = _articulation(model, number)
        parts[body] = Part(
            body=body,
            extent=high - low,
            position_k=data.xpos[number].copy(),
            regions=tuple(regions[body]),
            articulation=articulation,
            joint=joint,
        )
    category = _category(spec, file)
    buttons = [model.joint(j).name for j in range(model.njnt) if model.joint(j).name.startswith("button")]
    return Kind(
        name=name,
        label=_text(spec, "label", name),
        category=category,
        material=_text(spec, "material"),
        shape=_text(spec, "shape"),
        colors=tuple(_text(spec, "colors").split()),
        sizes=tuple(_text(spec, "sizes", "medium").split()),
        sound=_text(spec, "sound") or None,
        movable=category == "object" and _text(spec, "fixed") != "yes",
        faces=_text(spec, "faces") == "front",
        root=parts[bodies[0]],
        parts={body: parts[body] for body in bodies[1:]},
        button=buttons[0] if buttons else None,
    )


def _articulation(model: mujoco.MjModel, body: int) -> tuple[str | None, Articulation | None]:
    """The first slide or hinge joint of a body, if any. Part frames are parallel to the frame of their kind."""
    for joint in range(model.njnt):
        if model.jnt_bodyid[joint] != body:
            continue
        slide = model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_SLIDE
        if slide or model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE:
            return model.joint(joint).name, Articulation(
                kind="slide" if slide else "hinge",
                axis_e=model.jnt_axis[joint].copy(),
                pivot_e=model.jnt_pos[joint].copy(),
                limit=float(model.jnt_range[joint, 1]),
            )
    return None, None
