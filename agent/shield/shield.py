"""The shield: between every command and every motor, in simulation and on a robot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import hypot
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.episode import Outcome, Request, Step
from yanshi.agent.shield.body import Body
from yanshi.agent.shield.kernels import differential, hull_centers, place, point_row, settle, slow_down
from yanshi.agent.shield.law_kernels import (
    ALTERED,
    BASE_OBSTACLE,
    CONTACT_FORCE,
    PERSON,
    WORKSPACE,
    beside_people,
    ease,
    ease_joints,
    joint_rows,
    obstacle_rows,
    people_rows,
    protect,
    self_rows,
)
from yanshi.agent.shield.limits import ShieldLimits
from yanshi.agent.shield.obstacles import Obstacles, Posture
from yanshi.agent.shield.record import REASONS, Intervention, Journal, Reason
from yanshi.contracts import Entity, Observation, Proprioception
from yanshi.envs.control_kernels import DAMPING, POSTURE_GAIN
from yanshi.envs.robots import Robot
from yanshi.errors import ContractError

__all__ = ["Shield"]

Array = NDArray[Any]
_ROWS = 512
"""More bounds than any posture beside any clutter writes: what does not fit would be left out, in silence."""
_STEP = 0.04
_DAMPING = 10.0 * DAMPING[0]
"""λ² of the differential kinematics: near a singularity the motor level lags, and is damped more than at rest."""
_SELF_REACH = 0.12
_FARTHEST = 0.45
"""Farther obstacles do not matter at any speed [m]."""
_GRIPS = 0.003
"""Fingers that rest this far from where they were told to go [m] hold something."""
PERSON_LABEL = "person"


class Shield:
    """Changes a command as little as is needed for no limit to be exceeded.

    In this order: what is not finite or too old becomes stillness; ranges; speed, acceleration and jerk of base, tool,
    head and joints; then joint limits, the workspace, the robot's own parts, sensed obstacles and contact forces, each
    as a bound on a speed from which there is still room to brake (a quadratic program with linear rows, as in control
    barrier filters; Ames et al., ECC 2019); at last the speed beside people. Braking may always be as hard as the
    motors can: bounds on acceleration hold for commands, not for protective stops.

    It knows the robot's description, the observations, its own past, and where people are believed to be: see `told`,
    or pass it to the loop as a subscriber too.

    Args:
        robot: the description.
        limits: what no command may exceed.
        clock: the present time [s]; None for the time of the observation, as in a loop that never waits.

    Raises:
        WorldError: the description does not fit its file.
        InputError: a limit does not fit the robot.
    """

    def __init__(
        self, robot: Robot, limits: ShieldLimits | None = None, clock: Callable[[], float] | None = None
    ) -> None:
        self.robot = robot
        self.limits = limits = limits or ShieldLimits()
        self.journal = Journal()
        """What was changed, and why."""
        self._clock = clock
        self._body = Body(robot)
        n = len(robot.arm_joints)
        speeds = limits.for_joints("joint_speed", n, robot.joint_speed or (2.0,) * n)
        self._joint_limits = np.array(
            [speeds, limits.for_joints("joint_acceleration", n), limits.for_joints("joint_jerk", n)], dtype=float
        )
        self._drives = bool(robot.base_joints)
        self._base = 3 if self._drives else 0
        self._m = self._base + 6
        linear, angular = robot.tcp_speed
        base = robot.base_speed if self._drives else ()
        self._scale = np.array([*base, *(linear,) * 3, *(angular,) * 3])
        self._head_scale = np.full(len(robot.head_joints), robot.head_speed)
        self._all_scale = np.concatenate((self._scale, self._head_scale))
        self._groups = self._make_groups()
        self._poses, self._where = self._body.poses(), self._body.places()
        self._jacobian, self._inverse, self._lagging = np.zeros((n, 6)), np.zeros((n, 6)), np.zeros((n, 6))
        self._drift, self._drift_lagging, self._tcp = np.zeros(n), np.zeros(n), np.zeros(3)
        self._rows = (np.zeros((_ROWS, self._m)), np.zeros(_ROWS), np.zeros(_ROWS, np.int64), np.zeros(1, np.int64))
        self._active, self._before = np.zeros(_ROWS), np.zeros(self._m)
        self._found = np.zeros(len(REASONS), np.bool_)
        self._obstacles = Obstacles(self._body, limits.memory)
        self._hand = self._body.shapes[6] == 2
        self._weight = limits.hand_weight if limits.hand_weight is not None else self._body.hand_weight
        self._nu = len(robot.action_names)
        self._order: tuple[tuple[str, ...], Array] | None = None
        self._workspace = _sides(limits)
        self.reset()

    @property
    def interventions(self) -> int:
        """How many actions were changed so far."""
        return self.journal.total

    def reset(self) -> None:
        """A new episode: forget obstacles, people and what was done."""
        self.journal.clear()
        self._obstacles.clear()
        self._given = np.zeros(self._m + len(self._head_scale))
        self._change = np.zeros_like(self._given)
        self._rates = np.zeros(len(self._drift))
        self._gripper = np.float32(0.0)
        self._opening = np.nan
        self._pressed: float | None = None
        self._away: Array | None = None
        self._stamp: float | None = None
        self._people_o = self._people_b = self._things_o = np.zeros((0, 3))

    def told(self, entities: Iterable[Entity], base_pose_w: Array, odometry: Array) -> None:
        """Take note of where people are believed to be.

        Args:
            entities: what is believed to be there; those with label ``person`` count.
            base_pose_w: (3,) x, y [m], yaw [rad] of the base in the map, at that time.
            odometry: (3,) the same in the odometry frame.
        """
        people = [e for e in entities if e.label == PERSON_LABEL and np.all(np.isfinite(e.position_w))]
        self._people_o = _rounds(people, base_pose_w, odometry)

    def about(self, entities: Iterable[Entity], base_pose_w: Array, odometry: Array) -> None:
        """Take note of what the running skill is to touch: near it, until told otherwise, the hand may meet things as
        fast as `ShieldLimits.skill_touch_speed`. The poses are those of `told`.
        """
        things = [e for e in entities if np.all(np.isfinite(e.position_w))]
        self._things_o = _rounds(things, base_pose_w, odometry)

    def filter(
        self, action: NDArray[np.float32], observation: Observation, *, stamp: float | None = None
    ) -> NDArray[np.float32]:
        """The command that goes to the motors: (nu,) float32 in [-1, 1], as near to `action` as is safe.

        Args:
            action: (nu,) as a skill wants it.
            observation: the newest.
            stamp: when the action was decided [s]; None for the time of the observation.

        Raises:
            ContractError: the action has the wrong shape.
        """
        if action.shape != (self._nu,):
            raise ContractError(f"Action: expected shape ({self._nu},), got {action.shape}.")
        self._found[:] = False
        self._observe(observation)
        now = observation.stamp if self._clock is None else self._clock()
        decided = observation.stamp if stamp is None else stamp
        if not np.all(np.isfinite(action)):
            safe = self._stand("not_finite")
        elif not now - decided <= self.limits.command_age:
            safe = self._stand("stale")
        else:
            safe = self._judge(action, observation)
        self._remember(safe)
        if np.any(self._found):
            reasons: tuple[Reason, ...] = tuple(REASONS[i] for i in np.flatnonzero(self._found))
            self.journal.add(
                Intervention(stamp=observation.stamp, reasons=reasons, asked=action.copy(), given=safe.copy())
            )
        return safe

    def on_start(self, requests: Sequence[Request]) -> None:
        """As a subscriber: a new episode begins."""
        self.reset()

    def on_step(self, step: Step) -> None:
        """As a subscriber: learn where people are believed to be, and what the running skill is about."""
        belief, odometry = step.belief, step.observation.proprioception.odometry
        self.told(belief.entities.values(), belief.base_pose_w, odometry)
        names = () if step.current is None else step.current.call.args
        self.about([belief.entities[n] for n in names if n in belief.entities], belief.base_pose_w, odometry)

    def on_end(self, outcome: Outcome) -> None:
        """As a subscriber: nothing to do."""

    # What there is.

    def _observe(self, observation: Observation) -> None:
        """Bring the body, its differential kinematics and the obstacles up to date."""
        felt, body = observation.proprioception, self._body
        values = self._values(felt)
        self._dt = _STEP if self._stamp is None else min(max(observation.stamp - self._stamp, 1e-3), 0.1)
        self._stamp = observation.stamp
        place(body.tree, values - body.zero, self._poses)
        settle(body.shapes, self._poses, self._where)
        self._joints = values[body.arm]
        pose = (body.chain, self._poses, self._joints)
        differential(*pose, (_DAMPING, POSTURE_GAIN), (self._jacobian, self._lagging, self._drift_lagging, self._tcp))
        differential(*pose, (DAMPING[0], POSTURE_GAIN), (self._jacobian, self._inverse, self._drift, self._tcp))
        self._motion = (self._inverse, self._drift, self._scale, self._drives)
        self._slow_motion = (self._lagging, self._drift_lagging, self._scale, self._drives)
        wanted = 0.5 * (float(self._gripper) + 1.0) * self.robot.max_opening
        rests = abs(felt.gripper_opening - self._opening) < 5e-4
        holds = rests and felt.gripper_opening > wanted + _GRIPS
        self._opening = felt.gripper_opening
        hulls = np.empty_like(body.hulls[1])
        hull_centers(body.hulls, self._poses, hulls)
        posture = Posture(
            stamp=observation.stamp,
            base_o=np.asarray(felt.odometry, dtype=float),
            where=(self._where[0].copy(), self._where[1].copy()),
            hulls=(hulls, *body.hulls[2:]),
            T_be=np.asarray(felt.T_be, dtype=float),
            holds=holds,
        )
        self._obstacles.update(observation, posture)

    def _values(self, felt: Proprioception) -> Array:
        """(nj,) joint values; what is not felt is taken to be as at home."""
        body = self._body
        if self._order is None or self._order[0] is not felt.joint_names:
            index = {name: k for k, name in enumerate(felt.joint_names)}
            names = (*self.robot.arm_joints, *self.robot.head_joints)
            if missing := [name for name in names if name not in index]:
                raise ContractError(f"Proprioception lacks the joints {', '.join(missing)}.")
            self._order = (felt.joint_names, np.array([index[name] for name in names]))
        values: Array = body.home.copy()
        positions = np.asarray(felt.joint_positions, dtype=float)[self._order[1]]
        values[body.arm] = positions[: len(body.arm)]
        values[body.head] = positions[len(body.arm) :]
        share = min(max(felt.gripper_opening / self.robot.max_opening, 0.0), 1.0)
        values[body.fingers] = body.finger_range[:, 0] + share * (body.finger_range[:, 1] - body.finger_range[:, 0])
        return values

    # What may be done.

    def _stand(self, reason: Reason) -> NDArray[np.float32]:
        """Stillness, the grip kept, so that what is held is not dropped."""
        self._found[REASONS.index(reason)] = True
        still = np.zeros(self._nu, np.float32)
        still[self._m] = self._gripper
        return still

    def _judge(self, action: NDArray[np.float32], observation: Observation) -> NDArray[np.float32]:
        m, base, limits = self._m, self._base, self.limits
        asked = np.clip(action.astype(float), -1.0, 1.0)
        if np.any(np.abs(action) > 1.0 + ALTERED):
            self._found[REASONS.index("range")] = True
        speed = np.concatenate((asked[:m] * self._scale, asked[m + 1 :] * self._head_scale))
        wish = speed.copy()
        marks = self._found.copy()
        ease(speed, self._given, self._change, self._groups, self._dt, marks)
        arm = (base, self._lagging, self._joint_limits, self._rates)
        spread = max(self._dt, limits.servo_lag)
        ease_joints(speed, self._given, self._change, self._groups, arm, spread, self._dt, marks)
        if float(np.abs((speed - wish) / self._all_scale).max()) > ALTERED:
            self._found |= marks
        command = speed[:m] / self._scale
        self._obstacles.survey(self._reach(speed[:m]))
        self._carry_gently(command)
        self._bind(observation)
        self._give_way(command)
        if protect(command, self._before, self._rows, self._active, self._found):
            # What the rows pushed aside may have gathered speed too fast.
            eased = command * self._scale
            ease(eased, self._given[:m], self._change[:m], self._groups[self._groups[:, 1] <= m], self._dt, marks)
            command = eased / self._scale
            slow_down(self._rows, command)
        self._slow_near_people(command, observation.proprioception.base_velocity_b)
        if base and self._obstacles.missing(observation.stamp, limits.sense_age):
            fast = float(np.hypot(*(command[:2] * self._scale[:2])))
            if fast > limits.blind_speed:
                command[:3] *= limits.blind_speed / fast
                self._found[REASONS.index("blind")] = True
        safe = np.empty(self._nu)
        safe[:m], safe[m], safe[m + 1 :] = command, asked[m], speed[m:] / self._head_scale
        return np.clip(safe, -1.0, 1.0).astype(np.float32)

    def _reach(self, speed: Array) -> Array:
        """(4,) how far from base, arm, hand and column an obstacle can be and still matter at this speed [m]."""
        limits = self.limits
        base, tool = self._base, speed[self._base :]
        driving = hypot(speed[0], speed[1]) + abs(speed[2]) if base else 0.0
        moving = driving + hypot(*tool[:3]) + 0.3 * hypot(*tool[3:]) + 0.1
        brake = min(limits.arm_braking, limits.base_braking) if driving > 0.0 else limits.arm_braking
        margin = max(limits.arm_margin, limits.carry_margin) if driving > 0.0 else limits.arm_margin
        arm = margin + limits.reaction * moving + moving**2 / (2.0 * brake)
        drive = limits.base_margin + limits.reaction * driving + driving**2 / (2.0 * limits.base_braking)
        near = min(drive, _FARTHEST) if driving > 0.0 else 0.0
        return np.array([near, min(arm, _FARTHEST), min(arm, _FARTHEST), near])

    def _carry_gently(self, command: Array) -> None:
        """Slow the base down so that it carries the hand past what is near no faster than the hand may touch it."""
        if not self._base:
            return
        speed, limits = command[:3] * self._scale[:3], self.limits
        carried = float(np.hypot(*self._carried(speed)))
        touch = limits.touch_speed[0]
        if carried <= touch:
            return
        room = max(0.0, float(self._obstacles.nearest[self._hand, :, 0].min()) - limits.carry_margin)
        above = limits.base_braking * limits.reaction
        most = float(np.sqrt((touch + above) ** 2 + 2.0 * limits.base_braking * room)) - above
        if carried > most:
            command[:3] *= most / carried
            self._found[BASE_OBSTACLE] = True

    def _bind(self, observation: Observation) -> None:
        """Write the rows that the command must keep."""
        limits, body, rows, motion = self.limits, self._body, self._rows, self._motion
        rows[3][0] = 0
        braking, reaction = limits.arm_braking, limits.reaction
        joint_limits = (body.low, body.high, self._joint_limits[0])
        joint_rows(rows, self._joints, joint_limits, motion, (limits.joint_margin, braking, 2.0 * reaction))
        self._force_row(observation)
        self._workspace_rows()
        parts = (body.shapes, body.spheres, body.pairs, body.chain, self._poses)
        apart = (limits.self_margin, braking, reaction, _SELF_REACH)
        self_rows(rows, parts, self._where, (motion, self._slow_motion), apart)
        margins = (limits.base_margin, limits.arm_margin, limits.hand_margin, limits.carry_margin)
        law = (margins, self._touch_speed(observation), braking, limits.base_braking, reaction)
        solid = (body.shapes, body.chain, self._poses)
        self._people_b = _in_base(self._people_o, observation)
        if len(self._people_b):
            keep = (limits.person_margin, braking, limits.base_braking, reaction)
            people_rows(rows, self._people_b, solid, self._where, motion, keep)
        obstacle_rows(rows, self._obstacles.nearest, solid, self._where, motion, law)

    def _workspace_rows(self) -> None:
        """The tool centre point stays above the floor and, where there is one, in the workspace."""
        limits, tool = self.limits, self._body.chain[2]
        for axis, sign, bound in self._workspace:
            room = sign * (bound - float(self._tcp[axis]))
            if room < 0.5:
                way = np.zeros(3)
                way[axis] = sign
                speed = _allowed(room, limits.arm_braking, limits.reaction)
                self._row_of_tool(tool, way, speed, WORKSPACE)

    def _row_of_tool(self, tool: int, way: Array, speed: float, reason: int) -> None:
        kind = (speed, reason, reason != WORKSPACE, True)
        point_row(self._rows, (tool, -1), self._body.chain, self._poses, self._motion, self._tcp, way, kind)

    def _force_row(self, observation: Observation) -> None:
        """The harder the hand presses, the more slowly it may press on; a hand that is pressed too hard gives way."""
        self._away, limits = None, self.limits
        touch = self._touch_speed(observation)[0]
        for frame in observation.frames.values():
            if frame.modality != "force_torque" or frame.T_bs is None:
                continue
            # The sensor feels how the arm holds the hand up; what is more than its weight comes from outside.
            force = np.array([0.0, 0.0, self._weight]) - frame.T_bs[:3, :3] @ frame.data[:3]
            strength, (light, firm) = float(np.linalg.norm(force)), limits.press_force
            if strength > light:
                speed = touch * max(0.0, firm - strength) / max(firm - light, 1e-9)
                self._row_of_tool(self._body.chain[2], -force / strength, speed, CONTACT_FORCE)
            if not strength > limits.contact_force:
                self._pressed = None
                continue
            if self._pressed is None:
                self._pressed = observation.stamp
            if strength > 2.0 * limits.contact_force or observation.stamp - self._pressed > limits.contact_time:
                self._away = force / strength

    def _give_way(self, command: Array) -> None:
        """Move a hand that is pressed too hard away: to stand still does not relieve the springs of the servos."""
        if self._away is None:
            return
        linear = slice(self._base, self._base + 3)
        velocity = command[linear] * self._scale[linear]
        lacking = self.limits.give_way_speed - float(velocity @ self._away)
        if lacking > 0.0:
            command[linear] = (velocity + lacking * self._away) / self._scale[linear]
            self._found[CONTACT_FORCE] = True

    def _touch_speed(self, observation: Observation) -> tuple[float, float]:
        """How fast the hand may meet something beside it and below it [m/s]: faster where it is about to do so."""
        limits = self.limits
        if not len(self._things_o):
            return limits.touch_speed
        things = _in_base(self._things_o, observation)
        away = np.hypot(things[:, 0] - self._tcp[0], things[:, 1] - self._tcp[1]) - things[:, 2]
        fast = limits.skill_touch_speed
        return (fast, fast) if float(away.min()) < limits.skill_reach else limits.touch_speed

    def _slow_near_people(self, command: Array, felt: Array) -> None:
        """Slow the command down so that the tool is slow enough beside people; `felt` (3,) is how the base moves."""
        if not len(self._people_b):
            return
        limits = self.limits
        told = limits.person_speed / (1.0 + limits.servo_overshoot)
        law = (limits.person_distance, told, limits.base_braking, limits.arm_braking, limits.reaction)
        most = beside_people(self._people_b, self._where[0], self._body.shapes, self._drives, law)
        if not np.isfinite(most):
            return
        tool = slice(self._base, self._base + 3)
        speed = command * self._scale
        over_floor = speed[tool].copy()
        if self._base:
            carried = self._carried(speed[:3])
            over_floor += [*carried, 0.0]
            rolls = float(np.hypot(*self._carried(felt)))
            if rolls > float(np.hypot(*carried)):
                # The base is slower to brake than the arm is to start: what it still does is taken off.
                left, swung = max(0.0, most - rolls), float(np.linalg.norm(speed[tool]))
                if swung > left:
                    self._found[PERSON] = True
                    command[self._base :] *= left / swung
                    over_floor = speed[tool] * (left / swung) + [*carried, 0.0]
        fast = float(np.linalg.norm(over_floor))
        if fast > most:
            if np.abs(command).max() * (1.0 - most / fast) > ALTERED:
                self._found[PERSON] = True
            command *= most / fast

    def _carried(self, base: Array) -> Array:
        """(2,) velocity of the tool over the floor [m/s] that a velocity (3,) of the base gives it."""
        return np.array([base[0] - base[2] * self._tcp[1], base[1] + base[2] * self._tcp[0]])

    def _remember(self, safe: NDArray[np.float32]) -> None:
        """Keep what was given, from which the next command must go on."""
        m = self._m
        given = np.concatenate((safe[:m] * self._scale, safe[m + 1 :] * self._head_scale))
        self._change = given - self._given
        self._rates = self._lagging @ self._change[self._base : m]
        self._given = given
        self._gripper = safe[m]

    def _make_groups(self) -> Array:
        limits, base = self.limits, self._base
        groups: list[tuple[float, ...]] = []
        if base:
            triple = zip(limits.base_speed, limits.base_acceleration, limits.base_jerk, strict=True)
            groups += [(low, high, *bounds) for (low, high), bounds in zip(((0, 2), (2, 3)), triple, strict=True)]
        triple = zip(limits.tool_speed, limits.tool_acceleration, limits.tool_jerk, strict=True)
        parts = ((base, base + 3), (base + 3, base + 6))
        groups += [(low, high, *bounds) for (low, high), bounds in zip(parts, triple, strict=True)]
        head = (limits.head_speed, limits.head_acceleration, limits.head_jerk)
        groups += [(base + 6 + k, base + 7 + k, *head) for k in range(len(self._head_scale))]
        return np.array(groups, dtype=float)


def _rounds(entities: Sequence[Entity], base_pose_w: Array, odometry: Array) -> Array:
    """(n, 3) x, y in the odometry frame and radius [m] of things in the map, by where the base (3,) is in both."""
    turn = odometry[2] - base_pose_w[2]
    c, s = np.cos(turn), np.sin(turn)
    found = np.zeros((len(entities), 3))
    for row, entity in zip(found, entities, strict=True):
        x, y = entity.position_w[:2] - base_pose_w[:2]
        row[:] = odometry[0] + c * x - s * y, odometry[1] + s * x + c * y, 0.5 * float(np.max(entity.extent[:2]))
    return found


def _sides(limits: ShieldLimits) -> list[tuple[int, float, float]]:
    """Axis, way out (-1, 1) and place [m] of each side that the tool centre point must stay within."""
    low = np.array([-np.inf, -np.inf, limits.floor_margin])
    high = np.full(3, np.inf)
    if limits.workspace is not None:
        low, high = np.maximum(low, limits.workspace[0]), np.asarray(limits.workspace[1], dtype=float)
    sides = [(axis, sign, float(end[axis])) for axis in range(3) for sign, end in ((-1.0, low), (1.0, high))]
    return [side for side in sides if np.isfinite(side[2])]


def _in_base(rounds_o: Array, observation: Observation) -> Array:
    """(n, 3) x, y and radius [m] in the base frame of what is known in the odometry frame."""
    x, y, yaw = observation.proprioception.odometry
    c, s = np.cos(yaw), np.sin(yaw)
    dx, dy = rounds_o[:, 0] - x, rounds_o[:, 1] - y
    return np.column_stack((c * dx + s * dy, -s * dx + c * dy, rounds_o[:, 2]))


def _allowed(room: float, braking: float, reaction: float) -> float:
    """As `kernels.allowed_speed`."""
    return braking * (float(np.sqrt(reaction**2 + 2.0 * room / braking)) - reaction) if room > 0.0 else 0.0
