"""What an episode leaves behind, gathered turn by turn: the raw material of the report and the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.episode import Event, Outcome, Request, Step
from yanshi.agent.recording.lidar_view import lidar_picture
from yanshi.contracts import Fact, Held, Provenance, SkillCall, WorldState

Image = NDArray[Any]
TOLD = frozenset({"succeeded", "failed", "finished"})
"""Events that are worth a picture."""
MAX_MOMENTS = 24
SAME_MOMENT = 0.3
"""Seconds within which the later of two pictures stands for both."""
CELL = 0.05
"""Side of a cell of the LiDAR map [m]."""


class View(Protocol):
    """The scene from outside."""

    def __call__(self, *, draft: bool = False) -> NDArray[np.uint8]:
        """A picture (H, W, 3); a draft is quicker, and good enough for a moving picture."""


def call_words(call: SkillCall) -> str:
    """A call as a person reads it: ``place in red mug → sink``."""
    return f"{call.skill} {' → '.join(call.args)}".replace("_", " ").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What was seen at one time."""

    stamp: float
    title: str
    scene: Image | None
    """(H, W, 3) uint8 from outside."""
    frames: dict[str, Image]
    """By name: rgb (H, W, 3) uint8, depth (H, W) float32 [m], and the LiDAR's echoes from above (H, W, 3) uint8."""


@dataclass(frozen=True, slots=True)
class Change:
    """When a fact came to be believed true or false, and how."""

    stamp: float
    value: bool
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Heard:
    """One sound event: when, what, from where."""

    stamp: float
    label: str
    bearing: float
    """Direction in the map [rad], counter-clockwise from x."""
    score: float


@dataclass
class EpisodeLog:
    """A subscriber that remembers what a person will want to see. Pictures are taken when something happens."""

    view: View | None = None
    path: list[tuple[float, float, float, float]] = field(default_factory=list)
    """Stamp [s], base x, y [m], yaw [rad]."""
    touch: list[tuple[float, float]] = field(default_factory=list)
    """Stamp [s], force on the finger pads [N]."""
    opening: list[tuple[float, float]] = field(default_factory=list)
    """Stamp [s], gripper opening [m]."""
    events: list[Event] = field(default_factory=list)
    facts: dict[Fact, list[Change]] = field(default_factory=dict)
    wanted: set[Fact] = field(default_factory=set)
    """What the goals of the plans ask for, with names."""
    moments: list[Moment] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    sound: list[NDArray[np.float32]] = field(default_factory=list)
    """Clips of the first microphone, end to end."""
    sound_rate: float = 0.0
    cells: set[tuple[int, int]] = field(default_factory=set)
    """Cells (of side `CELL`) of the map in which the LiDAR hit something between knee and head height."""
    requests: Sequence[Request] = ()
    belief: WorldState | None = None
    outcome: Outcome | None = None
    perception: str = ""
    senses: set[str] = field(default_factory=set)
    _stamps: dict[str, float] = field(default_factory=dict)
    _believed: dict[Fact, Held] = field(default_factory=dict)

    def on_start(self, requests: Sequence[Request]) -> None:
        """Remember what was asked."""
        self.requests = requests

    def on_step(self, step: Step) -> None:
        """Remember what changed."""
        now = step.observation.stamp
        if self.belief is None:
            self._take("at the start", step)
        self.belief = step.belief
        self.perception = step.percept.source or self.perception
        x, y, yaw = (float(v) for v in step.percept.base_pose_w)
        self.path.append((now, x, y, yaw))
        self.opening.append((now, step.observation.proprioception.gripper_opening))
        self._note_facts(step.belief, now)
        for sound in step.percept.sounds:
            bearing = float(np.arctan2(sound.direction_w[1], sound.direction_w[0]))
            self.heard.append(Heard(now, sound.label, bearing, sound.score))
        for name, frame in step.observation.frames.items():
            if self._stamps.get(name) == frame.stamp:
                continue
            self._stamps[name] = frame.stamp
            self.senses.add(name)
            if frame.modality == "audio":
                self.sound.append(frame.data[:, 0].copy())
                self.sound_rate = frame.rate
            elif frame.modality == "touch":
                self.touch.append((now, float(np.abs(frame.data).sum())))
            elif frame.modality == "lidar" and name == "lidar" and frame.T_bs is not None:
                self._map(frame.data, frame.T_bs, x, y, yaw)
        if step.plan is not None and step.events:
            asked = (f for f in step.plan.goal.facts() if not any(arg.startswith("?") for arg in f.args))
            self.wanted.update(asked)
        self.events.extend(step.events)
        for event in step.events:
            if event.kind in TOLD:
                call = f"{call_words(event.call)}: " if event.call is not None else ""
                self._take(f"{call}{event.kind}", step)
                break

    def on_end(self, outcome: Outcome) -> None:
        """Remember how it ended."""
        self.outcome = outcome

    @property
    def duration(self) -> float:
        """How long it took [s]."""
        return self.path[-1][0] if self.path else 0.0

    def _note_facts(self, belief: WorldState, now: float) -> None:
        if belief.facts is self._believed:
            return
        for fact, held in belief.facts.items():
            changes = self.facts.get(fact)
            if changes is None:
                self.facts[fact] = [Change(now, held.value, held.provenance)]
            elif changes[-1].value != held.value or (
                changes[-1].provenance == "expected" and held.provenance != "expected"
            ):
                changes.append(Change(now, held.value, held.provenance))
        for fact in self._believed.keys() - belief.facts.keys():
            if self.facts[fact][-1].value:
                self.facts[fact].append(Change(now, False, "expected"))
        self._believed = dict(belief.facts) if not isinstance(belief.facts, dict) else belief.facts

    def _map(self, points_s: NDArray[np.float32], T_bs: Image, x: float, y: float, yaw: float) -> None:
        points_b = points_s[:, :3] @ T_bs[:3, :3].T + T_bs[:3, 3]
        points_b = points_b[(points_b[:, 2] > 0.1) & (points_b[:, 2] < 1.9)]
        c, s = np.cos(yaw), np.sin(yaw)
        points_w = points_b[:, :2] @ np.array([[c, s], [-s, c]]) + (x, y)
        self.cells.update(zip(*np.floor(points_w / CELL).astype(int).T.tolist(), strict=True))

    def _take(self, title: str, step: Step) -> None:
        """Keep the pictures of this turn; when there are too many, every other one goes."""
        frames = {f.name: f.data for f in step.observation.frames.values() if f.modality in ("rgb", "depth")}
        lidar = step.observation.frames.get("lidar")
        if lidar is not None and lidar.T_bs is not None:
            picture = lidar_picture(lidar.data, lidar.T_bs, step.percept.base_pose_w, step.belief.plan_of_home)
            frames["lidar"] = picture
        scene = self.view() if self.view is not None else None
        if self.moments and step.observation.stamp - self.moments[-1].stamp < SAME_MOMENT:
            self.moments.pop()
        if len(self.moments) >= MAX_MOMENTS:
            del self.moments[2::2]
        self.moments.append(Moment(stamp=step.observation.stamp, title=title, scene=scene, frames=frames))
