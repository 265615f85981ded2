"""Scripts: skills written as Python generators that read top to bottom, one `yield` for each control step.

A script yields a `Command` and is resumed at the next control step with the `Situation` brought up to date. It
returns words for what
was done, and raises `GiveUpError` with the reason when it cannot go on. `ScriptedSkill` makes a `Skill` of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.kinematics import Kinematics
from yanshi.agent.skills.skill import SkillStep
from yanshi.contracts import Entity, Fact, FloorPlan, Observation, SkillCall, Status, WorldState
from yanshi.envs.robots import Robot
from yanshi.errors import YanshiError

__all__ = ["Command", "GiveUpError", "Grip", "Script", "ScriptedSkill", "Situation", "motor_action"]

Array = NDArray[Any]


class GiveUpError(YanshiError):
    """A script cannot reach its end; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a script wants of the motors in one control step. SI units, base frame."""

    phase: str
    base: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """vx, vy [m/s], yaw rate [rad/s]."""
    twist_b: Array = field(default_factory=lambda: np.zeros(6))
    """(6,) linear [m/s] and angular [rad/s] velocity of the end effector relative to the base."""
    gripper: float | None = None
    """Opening to go to [m]; None keeps the last one."""
    look_at_w: Array | None = None
    """(3,) point of the map that the head turns to; None leaves it."""


Script = Generator[Command, None, str]


@dataclass(frozen=True, slots=True)
class Grip:
    """What is in the hand, and how."""

    name: str
    offset_e: Array
    """(3,) centre of the object in the end-effector frame [m]."""
    extent: Array
    """(3,) of the object [m]."""
    yaw_e: float
    """Yaw of the object minus that of the hand (finger axis) when it was gripped [rad]."""
    opening: float
    """Distance between the pads on it [m]."""


class Situation:
    """What a script may know: the belief, the observation, the robot's own body, and what it did with its hand."""

    def __init__(self, robot: Robot, kinematics: Kinematics, floor_plan: FloorPlan) -> None:
        self.robot = robot
        self.kinematics = kinematics
        self.floor_plan = floor_plan
        self.grip: Grip | None = None
        self.gripper = robot.max_opening
        """Opening that the gripper was told to go to [m]."""
        self.memory: dict[str, Any] = {}
        """What scripts keep between control steps to save work."""
        self.policies: Mapping[str, Any] = {}
        """Learned manoeuvres by name, see `yanshi.agent.skills.motor.learned`."""
        self.success_estimate = 1.0
        """How likely the running skill is to succeed, as far as it knows [0, 1]."""
        self.belief: WorldState
        self.observation: Observation

    def update(self, belief: WorldState, observation: Observation) -> None:
        """Take in what is new in this control step."""
        self.belief = belief
        self.observation = observation

    @property
    def mobile(self) -> bool:
        """Whether the robot can drive."""
        return bool(self.robot.base_joints)

    @property
    def time(self) -> float:
        """[s]."""
        return self.observation.stamp

    @property
    def base_w(self) -> Array:
        """(3,) base x, y [m], yaw [rad] in the map."""
        return self.belief.base_pose_w

    @property
    def T_wb(self) -> Array:
        """(4, 4) base in the map."""
        x, y, yaw = self.base_w
        c, s = np.cos(yaw), np.sin(yaw)
        return np.array([[c, -s, 0.0, x], [s, c, 0.0, y], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])

    @property
    def T_be(self) -> Array:
        """(4, 4) end effector in the base."""
        return self.observation.proprioception.T_be

    @property
    def T_we(self) -> Array:
        """(4, 4) end effector in the map."""
        return np.asarray(self.T_wb @ self.T_be)

    @property
    def opening(self) -> float:
        """Distance between the finger pads [m]."""
        return self.observation.proprioception.gripper_opening

    @property
    def arm(self) -> Array:
        """(n,) arm joints [rad]."""
        proprioception = self.observation.proprioception
        return np.asarray(
            proprioception.joint_positions[[proprioception.joint_names.index(name) for name in self.robot.arm_joints]]
        )

    @property
    def touch(self) -> Array | None:
        """(F,) newest touch reading [N], where there is such a sense."""
        frame = self.observation.frames.get("touch")
        return None if frame is None else frame.data

    @property
    def force_e(self) -> Array | None:
        """(3,) what pulls and presses at the hand, its own weight and load included [N], where it is felt."""
        frame = self.observation.frames.get("wrist_force")
        return None if frame is None else np.asarray(frame.data[:3], dtype=float)

    @property
    def force(self) -> float | None:
        """How hard that is [N]."""
        force_e = self.force_e
        return None if force_e is None else float(np.linalg.norm(force_e))

    def to_base(self, point_w: Array) -> Array:
        """A point (3,) of the map in the base frame [m]."""
        T_wb = self.T_wb
        return np.asarray(T_wb[:3, :3].T @ (np.asarray(point_w) - T_wb[:3, 3]))

    def entity(self, name: str) -> Entity:
        """A thing by name, with a known position.

        Raises:
            GiveUpError: it is not known, or nobody knows where it is.
        """
        entity = self.belief.entities.get(name)
        if entity is None:
            raise GiveUpError(f"I know of no {name}.")
        if not np.all(np.isfinite(entity.position_w)):
            raise GiveUpError(f"I do not know where {name} is.")
        return entity

    def holding(self) -> str | None:
        """Which object the hand holds, as far as is known."""
        for fact, held in self.belief.facts.items():
            if held.value and fact.predicate == "holding":
                return fact.args[0]
        return self.grip.name if self.grip is not None else None

    def true(self, predicate: str, *args: str) -> bool:
        """Whether a fact is believed."""
        return self.belief.true(Fact(predicate, args))


class ScriptedSkill:
    """A skill whose policy is a script."""

    def __init__(self, name: str, situation: Situation, script: Callable[..., Script], arity: tuple[int, ...]) -> None:
        self.name = name
        self.situation = situation
        self.script = script
        self.arity = arity
        self._running: Script | None = None
        self._ended: SkillStep | None = None

    def start(self, call: SkillCall, belief: WorldState, observation: Observation) -> None:
        """Begin anew; nothing moves before `act`."""
        self.situation.update(belief, observation)
        self.situation.success_estimate = 1.0
        self._ended = None
        if len(call.args) not in self.arity:
            expected = " or ".join(str(n) for n in self.arity)
            self._running = _refuse(f"{self.name} takes {expected} argument(s), got {call}.")
        else:
            self._running = self.script(self.situation, *call.args)

    def act(self, belief: WorldState, observation: Observation) -> SkillStep:
        """Run the script to its next `yield`."""
        situation = self.situation
        situation.update(belief, observation)
        if self._ended is None and self._running is not None:
            try:
                return self._step(next(self._running))
            except StopIteration as end:
                self._ended = SkillStep(
                    self._still(),
                    Status.SUCCEEDED,
                    note=str(end.value or ""),
                    phase="done",
                    success_estimate=situation.success_estimate,
                )
            except GiveUpError as error:
                self._ended = SkillStep(
                    self._still(), Status.FAILED, note=str(error), phase="failed", success_estimate=0.0
                )
            self._running = None
        if self._ended is None:
            note = f"{self.name} was not started."
            return SkillStep(self._still(), Status.FAILED, note=note, phase="failed", success_estimate=0.0)
        return replace(self._ended, action=self._still())

    def _step(self, command: Command) -> SkillStep:
        action, chance = motor_action(self.situation, command), self.situation.success_estimate
        return SkillStep(action, Status.RUNNING, phase=command.phase, success_estimate=chance)

    def _still(self) -> Array:
        return np.asarray(self.situation.robot.action(gripper=self.situation.gripper))


def motor_action(situation: Situation, command: Command) -> NDArray[np.float32]:
    """The robot's action (nu,) for a command; the situation remembers what the fingers were told."""
    if command.gripper is not None:
        situation.gripper = command.gripper
    head = (0.0, 0.0)
    if command.look_at_w is not None:
        head = situation.kinematics.head_rates(
            situation.observation.proprioception, situation.to_base(command.look_at_w)
        )
    return situation.robot.action(
        base=command.base,
        linear=tuple(command.twist_b[:3]),
        angular=tuple(command.twist_b[3:]),
        gripper=situation.gripper,
        head=head,
    )


def _refuse(reason: str) -> Script:
    """A script that gives up at once."""
    raise GiveUpError(reason)
    yield Command(phase="refuse")
