"""Perception by the truth, restricted to what the senses reach: what is in view, met by rays, heard or felt.

It stands in for learned perception and is labelled ``oracle`` wherever it is used. What it tells is exact; *that* it
tells it depends on the frames of the observation: no frame of a sense, nothing from that sense.

- A camera shows a thing that has at least `LEAST_PIXELS` pixels in it and light enough to be seen.
- A LiDAR meets a thing with at least `LEAST_RAYS` rays at once and `LEAST_ECHOES` in a few turns. It knows neither
colour, material nor digit.
- Microphones hear what arrives louder than `HEARD_FROM`, from where it seems to come: round a corner that is the
doorway.
- Finger pads tell what is held.
- The robot knows its place.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Array, Detection, Frame, Observation, Percept, SoundEvent
from yanshi.envs.facts.table import FactTable
from yanshi.envs.oracle import LiveSnapshot, Oracle, body_pose, upright_box
from yanshi.envs.senses.acoustics import NEAREST, OCCLUDED
from yanshi.envs.senses.camera import camera_pose, intrinsics, segmentation
from yanshi.envs.senses.frames import base_pose, robot_geoms, visible_geoms
from yanshi.envs.senses.lidar import Lidar
from yanshi.envs.senses.range_image import RangeImage
from yanshi.envs.senses.rendering import shared_renderer
from yanshi.envs.senses.soundscape import Acoustics, Soundscape
from yanshi.envs.senses.waveforms import LEVEL
from yanshi.envs.simulation import Simulation
from yanshi.envs.surfaces import Surfaces
from yanshi.goals import Fact

LEAST_PIXELS = 12
LEAST_RAYS = 2
"""Of one turn of a LiDAR: a single echo that stands out may be noise."""
LEAST_ECHOES = 3
"""Of all turns within `ECHOES_FOR`."""
ECHOES_FOR = 0.35
"""How long the echoes of a LiDAR are counted [s]."""
LEAST_LIGHT = 12.0
"""Grey level [0, 255] that the brightest tenth of a thing's pixels must reach."""
HEARD_FROM = 35.0
"""Level at the microphones [dB SPL]: the noise of a quiet house."""
BEARING_ERROR = np.deg2rad(5.0)
VIEW_RANGE = 4.0
"""Surfaces farther away [m] are not searched."""
LIDAR_VIEW_RANGE = 1.5
"""Farther away [m] the beams of a LiDAR are too far apart to miss nothing."""
SMALL_THING = 0.05
"""Surfaces count as viewed where a thing of this size [m] would have `LEAST_PIXELS`."""
_DEPTH_SLACK = 0.04
_POSITION_VARIANCE = 1e-4
_RELATIONS = ("on", "in", "beside", "open", "closed", "clear")
_UNSEEN_BY_LIDAR = ("color", "material", "digit")


@dataclass
class _Seen:
    """What the senses reach in one observation."""

    detections: dict[str, Detection]
    by_camera: set[str]
    viewed: set[str]


class OraclePerception:
    """Makes percepts of one simulation's observations. Frames that were perceived before are not perceived again."""

    def __init__(self, sim: Simulation) -> None:
        """Prepare; nothing is rendered yet."""
        self._sim = sim
        self._oracle = Oracle(sim)
        things = self._oracle.anatomy.things
        self._names = tuple(things)
        self._thing_of_geom = np.full(sim.model.ngeom + 1, -1, dtype=np.intp)
        for index, thing in enumerate(things.values()):
            self._thing_of_geom[list(thing.geoms)] = index
        self._relations, self._powered, self._holding = (
            _Truths(sim, self._oracle, predicates) for predicates in (_RELATIONS, ("powered",), ("holding",))
        )
        self._surfaces = Surfaces(things)
        self._rays: _Rays | None = None
        self._soundscape: Soundscape | None = None
        self._perceived: dict[str, Frame] = {}
        self._stamp = 0.0
        self._met: set[str] = set()
        self._echoes: dict[str, list[tuple[float, NDArray[np.intp]]]] = {}
        """LiDAR → the stamps [s] of its last turns and how many rays (things,) met each thing."""

    def perceive(self, observation: Observation) -> Percept:
        """What can be known from the frames of `observation` that are new."""
        if observation.stamp < self._stamp:
            self._met.clear()
            self._echoes.clear()
        self._stamp = observation.stamp
        fresh = [frame for frame in observation.frames.values() if self._perceived.get(frame.name) is not frame]
        self._perceived = dict(observation.frames)
        seen = _Seen({}, set(), set())
        for frames in _by_camera(fresh):
            self._look(frames, seen)
        for frame in fresh:
            if frame.modality == "lidar":
                self._range(frame, seen)
        self._met |= seen.detections.keys()
        sounds = tuple(self._listen()) if any(frame.modality == "audio" for frame in fresh) else ()
        facts = self._facts(seen)
        if any(frame.modality == "touch" for frame in fresh):
            facts.update(self._feel())
        return Percept(
            stamp=observation.stamp,
            base_pose_w=body_pose(self._sim, self._oracle.anatomy.base),
            detections=tuple(seen.detections.values()),
            sounds=sounds,
            facts=facts,
            viewed=frozenset(seen.viewed),
            source="oracle",
        )

    # Cameras.

    def _look(self, frames: Sequence[Frame], seen: _Seen) -> None:
        """Add what a camera shows."""
        sim, frame = self._sim, frames[0]
        camera = frame.name.rsplit("_", 1)[0]
        height, width = frame.data.shape[:2]
        index = sim.model.camera(camera).id
        bright, depth = self._light_and_depth(frames, index)
        things = self._thing_of_geom[segmentation(sim, camera, width, height)]
        shown = things >= 0
        counts = np.bincount(things[shown], minlength=len(self._names))
        lit = np.bincount(things[shown & bright], minlength=len(self._names))
        for number in np.flatnonzero((counts >= LEAST_PIXELS) & (lit >= 0.1 * counts)).tolist():
            name = self._names[number]
            seen.by_camera.add(name)
            known = seen.detections.get(name)
            if known is not None and known.mask is not None and known.mask.sum() >= counts[number]:
                continue
            mask = things == number
            (top, bottom), (left, right) = _ends(mask.any(axis=1)), _ends(mask.any(axis=0))
            box = (float(left), float(top), float(right), float(bottom))
            seen.detections[name] = replace(self._detection(name), sensor=frame.name, box=box, mask=mask)
        K = intrinsics(sim.model, index, width, height)
        seen.viewed |= self._viewed(camera_pose(sim.data, index), K, depth, bright)

    def _light_and_depth(self, frames: Sequence[Frame], camera: int) -> tuple[NDArray[np.bool_], Array]:
        """(H, W) where there is light enough, and depth [m], NaN where unknown; drawn anew only where no frame
        tells.
        """
        colors = [frame.data for frame in frames if frame.modality == "rgb"]
        depths = [frame.data for frame in frames if frame.modality == "depth"]
        if colors and depths:
            return colors[0].max(axis=2) >= LEAST_LIGHT, depths[0]
        height, width = frames[0].data.shape[:2]
        view = shared_renderer(self._sim.model).view(self._sim.data, camera, width, height)
        return view.rgb.max(axis=2) >= LEAST_LIGHT, view.depth

    def _viewed(self, T_wc: Array, K: Array, depth: Array, bright: NDArray[np.bool_]) -> set[str]:
        """Fixtures whose surface or inside is in view."""
        height, width = depth.shape
        reach = min(VIEW_RANGE, K[0, 0] * SMALL_THING / np.sqrt(LEAST_PIXELS))
        local = (self._surfaces.points(self._sim.data) - T_wc[:3, 3]) @ T_wc[:3, :3]
        z = local[..., 2]
        ahead = (z > 0.05) & (np.linalg.norm(local, axis=2) <= reach)
        pixel = local[..., :2] / np.maximum(z, 1e-6)[..., None] * K[0, 0] + K[:2, 2]
        column, row = np.moveaxis(np.rint(pixel).astype(int), 2, 0)
        visible = ahead & (column >= 0) & (column < width) & (row >= 0) & (row < height)
        row, column = np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)
        slack = _DEPTH_SLACK * np.maximum(z, 1.0)
        visible &= (depth[row, column] >= z - slack) & bright[row, column]  # NaN compares false
        return self._surfaces.viewed(visible)

    # LiDAR.

    def _range(self, frame: Frame, seen: _Seen) -> None:
        """Add what a LiDAR meets."""
        sim, model = self._sim, self._sim.model
        if frame.T_bs is None or not len(frame.data):
            return
        if self._rays is None:
            self._rays = _Rays(model, visible_geoms(model) & ~robot_geoms(model, sim.robot))
        T_ws = base_pose(sim.data, self._oracle.anatomy.base) @ frame.T_bs
        distance = np.maximum(np.linalg.norm(frame.data[:, :3], axis=1), 1e-6)
        lidar = next((s.sensor for s in sim.sensors if s.name == frame.name), None)
        if isinstance(lidar, Lidar):
            geoms = self._rays.met(sim.data, T_ws, lidar, frame.data[:, :3])
        else:  # of another make, whose rays are not known
            rays = (frame.data[:, :3] / distance[:, None]) @ T_ws[:3, :3].T
            geoms, _ = self._rays.cast(sim.data, T_ws[:3, 3], rays, mujoco.mjMAXVAL)
        things = self._thing_of_geom[geoms]
        counts = np.bincount(things[things >= 0], minlength=len(self._names))
        turns = [turn for turn in self._echoes.get(frame.name, ()) if 0.0 < frame.stamp - turn[0] <= ECHOES_FOR]
        self._echoes[frame.name] = turns = [*turns, (frame.stamp, counts)]
        echoes = np.sum([count for _, count in turns], axis=0)
        for number in np.flatnonzero((counts >= LEAST_RAYS) & (echoes >= LEAST_ECHOES)):
            name = self._names[number]
            if name in seen.detections:
                continue
            found = self._detection(name)
            attributes = {k: v for k, v in found.attributes.items() if k not in _UNSEEN_BY_LIDAR}
            seen.detections[name] = replace(found, sensor=frame.name, attributes=attributes)
        seen.viewed |= self._swept(T_ws, frame.data[:, 2] / distance)

    def _swept(self, T_ws: Array, rise: Array) -> set[str]:
        """Fixtures whose surface or inside lies open to a LiDAR; `rise` (n,): sines of its echoes' elevations."""
        assert self._rays is not None
        offset = self._surfaces.points(self._sim.data) - T_ws[:3, 3]
        distance = np.linalg.norm(offset, axis=2)
        sine = offset @ T_ws[:3, 2] / distance
        free = (distance <= LIDAR_VIEW_RANGE) & (sine >= rise.min()) & (sine <= rise.max())
        length = distance[free]
        _, reached = self._rays.cast(self._sim.data, T_ws[:3, 3], offset[free] / length[:, None], LIDAR_VIEW_RANGE)
        free[free] = (reached < 0.0) | (reached >= length - _DEPTH_SLACK)
        return self._surfaces.viewed(free)

    # Ears and fingers.

    def _listen(self) -> Iterator[SoundEvent]:
        """What sounds loud enough."""
        sim = self._sim
        if self._soundscape is None:
            self._soundscape = Soundscape(sim, sim.world, Acoustics())
        ear = sim.data.site("mic_array").xpos.copy()
        for name in sorted(sim.devices.sounding):
            label = self._soundscape.label(name)
            if label is None:
                continue
            source = self._soundscape.position(sim, name)
            knot = self._soundscape.knot(sim, source, ear[None], name)
            way = knot.arrival
            offset = way.position_w - ear
            distance = float(np.linalg.norm(offset))
            clear = way.clear * (1.0 - knot.occlusion * (1.0 - OCCLUDED))
            gain = (clear + way.dull) / max(distance + way.detour, NEAREST)
            if LEVEL[label] + 20.0 * np.log10(max(gain, 1e-9)) < HEARD_FROM:
                continue
            yield SoundEvent(
                label=label,
                direction_w=offset / max(distance, 1e-9),
                origin_w=ear,
                covariance=np.eye(2) * BEARING_ERROR**2,
                track=name if not way.route and knot.occlusion < 0.5 else None,
            )

    def _feel(self) -> dict[Fact, bool]:
        """What is held, of the things that were met before; whatever the fingers close on is thereby met."""
        holding = self._holding.among(self._oracle.anatomy.support)
        return {fact: value for fact, value in holding.items() if value or fact.args[0] in self._met}

    # What follows.

    def _facts(self, seen: _Seen) -> dict[Fact, bool]:
        """Relations among the things that are seen, and what is on among those in a camera's view."""
        facts = self._relations.among(seen.detections.keys()) if seen.detections else {}
        if seen.by_camera:
            facts.update(self._powered.among(seen.by_camera))
        return facts

    def _detection(self, name: str) -> Detection:
        thing = self._oracle.anatomy.things[name]
        entity, data = thing.entity, self._sim.data
        yaw, extent = entity.yaw, entity.extent
        if entity.category == "object":
            yaw, extent = upright_box(
                data.xmat[thing.body].reshape(3, 3), np.asarray(extent), entity.attributes.get("shape", "")
            )
        return Detection(
            label=entity.label,
            attributes=dict(entity.attributes),
            position_w=data.xpos[thing.body].copy(),
            covariance=np.eye(3) * _POSITION_VARIANCE,
            yaw=yaw,
            extent=extent,
            track=name,
            opening=self._oracle.opening(name),
        )


class _Truths:
    """The facts of some predicates that could be true, and which of them are."""

    def __init__(self, sim: Simulation, oracle: Oracle, predicates: Collection[str]) -> None:
        self._names = tuple(oracle.anatomy.things)
        self._table = FactTable(oracle.anatomy, tuple(oracle.among(self._names, predicates)))
        self._now = LiveSnapshot(sim)
        number = {name: index for index, name in enumerate(self._names)}
        self._first, self._last = (
            np.array([number[fact.args[side]] for fact in self._table.facts], dtype=np.intp) for side in (0, -1)
        )

    def among(self, names: Collection[str]) -> dict[Fact, bool]:
        """Whether each fact is true now that has only `names` as arguments."""
        values = self._table(self._now)[0]
        wanted = np.array([name in names for name in self._names])
        chosen = np.flatnonzero(wanted[self._first] & wanted[self._last])
        return {self._table.facts[index]: bool(values[index]) for index in chosen}


class _Rays:
    """Which geom a ray meets, among those that are seen."""

    def __init__(self, model: mujoco.MjModel, seen: NDArray[np.bool_]) -> None:
        self._seen = seen
        self._images: dict[str, RangeImage] = {}
        self._model = copy.copy(model)
        self._model.geom_group[:] = np.where(seen, 0, 5)
        self._groups = np.array([1, 1, 1, 1, 1, 0], np.uint8)

    def met(self, data: mujoco.MjData, T_ws: Array, lidar: Lidar, echoes: Array) -> Array:
        """Geoms (n,), -1 for none, where rays of `lidar` at a pose now meet something, those of `echoes` (n, 3)."""
        if lidar.name not in self._images:
            self._images[lidar.name] = RangeImage(self._model, self._seen, lidar.grid)
        hits = self._images[lidar.name].cast(data, T_ws[:3, 3], T_ws[:3, :3], lidar.config.range[1])
        return hits.geom[lidar.grid.nearest(echoes)]

    def cast(self, data: mujoco.MjData, origin_w: Array, rays_w: Array, far: float) -> tuple[Array, Array]:
        """Geoms (n,) and distances (n,) [m] along unit vectors (n, 3); -1 where there is nothing within `far` [m]."""
        count = len(rays_w)
        geoms, distances = np.empty(count, np.int32), np.empty(count)
        mujoco.mj_multiRay(
            m=self._model,
            d=data,
            pnt=np.array(origin_w, dtype=np.float64),
            vec=np.asarray(rays_w, dtype=np.float64).ravel(),
            geomgroup=self._groups,
            flg_static=1,
            bodyexclude=-1,
            geomid=geoms,
            dist=distances,
            normal=None,
            nray=count,
            cutoff=far,
        )
        return geoms, distances


def _ends(marked: NDArray[np.bool_]) -> tuple[int, int]:
    """The first of those marked, and the one after the last."""
    return int(marked.argmax()), len(marked) - int(marked[::-1].argmax())


def _by_camera(frames: Sequence[Frame]) -> Iterator[list[Frame]]:
    """The colour and depth frames of each camera that are of one size."""
    groups: dict[tuple[str, tuple[int, ...]], list[Frame]] = {}
    for frame in frames:
        if frame.modality in ("rgb", "depth"):
            groups.setdefault((frame.name.rsplit("_", 1)[0], frame.data.shape[:2]), []).append(frame)
    yield from groups.values()
