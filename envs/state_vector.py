"""The state observation: one flat float32 vector, of the same layout for every task of a robot.

The base frame is the robot's, on the floor; the tool is the tool centre point. n is the number of arm joints.

=====================  =======  ================================================================  ===============
part                   size     meaning                                                           range, unit
=====================  =======  ================================================================  ===============
arm positions          n        joint angles                                                      ± 7 rad
arm velocities         n        joint speeds                                                      ± 30 rad/s
gripper                1        distance between the pads                                         ± 1 m
tool position          3        in the base frame                                                 ± 50 m
tool axes              6        its x and z axis in the base frame                                ± 1
base pose              4        x, y [m], sin yaw, cos yaw in the map (constant for a fixed arm)  ± 50
base velocity          3        x, y [m/s], yaw [rad/s] in the map (0 for a fixed arm)            ± 30
head                   2        pan, tilt (0 for a fixed head)                                    ± 7 rad
10 slots for things    15 each  present; position relative to the tool (3), x axis (3) and z      ± 50 m, ± 1
                                axis (3) in the base frame; extent (3); opening; named in the
                                goal
6 slots for facts      16 each  one-hot predicate (13, in the order of `PREDICATES`); slot of     0 … 1
                                its first and of its second argument / 10; whether it is true
=====================  =======  ================================================================  ===============

The things of the goal come first, in the order in which the goal names them, then the other movable objects. A slot without
a thing or fact is 0, and so is an argument that is no thing of a slot. Of the mobile Panda the vector has 279 entries.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from yanshi.envs.fact_table import part_joints
from yanshi.envs.predicates import PREDICATES, Anatomy, Bools, Floats, Snapshot
from yanshi.envs.robots import Robot
from yanshi.goals import Fact

THINGS, THING_SIZE = 10, 15
FACTS, FACT_SIZE = 6, len(PREDICATES) + 3


def _bounds(robot: Robot) -> NDArray[np.float32]:
    """The bound (size,) of the absolute value of each entry."""
    joints = len(robot.arm_joints)
    body = (
        [7.0] * joints
        + [30.0] * joints
        + [1.0]
        + [50.0] * 3
        + [1.0] * 6
        + [50.0] * 2
        + [1.0] * 2
        + [30.0] * 3
        + [7.0] * 2
    )
    thing = [1.0] + [50.0] * 3 + [1.0] * 6 + [50.0] * 3 + [2.0, 1.0]
    return np.array(body + thing * THINGS + [1.0] * (FACT_SIZE * FACTS), dtype=np.float32)


def state_space(robot: Robot) -> spaces.Box:
    """The space of the state observation of a robot."""
    bound = _bounds(robot)
    return spaces.Box(-bound, bound, dtype=np.float32)


class StateVector:
    """Writes the state observation of one goal in one world."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact]) -> None:
        """`facts` are those of the goal's check."""
        robot, model = anatomy.robot, anatomy.model
        self._bound = _bounds(robot)
        named = dict.fromkeys(arg for fact in facts for arg in fact.args if arg in anatomy.things)
        names = tuple(dict.fromkeys([*named, *anatomy.objects]))[:THINGS]
        self._bodies = np.array([anatomy.body(name) for name in names], dtype=np.intp)
        arm = [model.joint(name) for name in robot.arm_joints]
        self._arm = np.array([joint.qposadr[0] for joint in arm], dtype=np.intp)
        self._arm_dof = np.array([joint.dofadr[0] for joint in arm], dtype=np.intp)
        self._fingers = np.array([model.joint(name).qposadr[0] for name in robot.finger_joints], dtype=np.intp)
        self._drive = np.array([model.joint(name).dofadr[0] for name in robot.base_joints], dtype=np.intp)
        self._head = np.array([model.joint(name).qposadr[0] for name in robot.head_joints], dtype=np.intp)
        self._base = anatomy.base
        self._n, self._m = len(arm), len(names)
        parts = [i for i, name in enumerate(names) if anatomy.entity(name).articulation is not None]
        self._parts = np.array(parts, dtype=np.intp)
        self._address, self._limit = part_joints(anatomy, [names[i] for i in parts])
        self._fact_count = min(len(facts), FACTS)
        self._template = self._constants(anatomy, names, named, facts)
        start = 2 * self._n + 19
        self._things = slice(start, start + THINGS * THING_SIZE)
        self._facts = slice(start + THINGS * THING_SIZE, None)
        self._buffer = self._template[None].copy()

    def _constants(
        self, anatomy: Anatomy, names: Sequence[str], named: dict[str, None], facts: Sequence[Fact]
    ) -> Floats:
        """What does not change within an episode (size,)."""
        things = np.zeros((THINGS, THING_SIZE))
        for slot, name in enumerate(names):
            things[slot, 0] = 1.0
            things[slot, 10:13] = anatomy.entity(name).extent
            things[slot, 14] = name in named
        table = np.zeros((FACTS, FACT_SIZE))
        for slot, fact in enumerate(facts[:FACTS]):
            table[slot, PREDICATES.index(fact.predicate)] = 1.0
            for place, arg in enumerate(fact.args[:2]):
                table[slot, len(PREDICATES) + place] = (names.index(arg) + 1) / THINGS if arg in names else 0.0
        return np.concatenate([np.zeros(2 * self._n + 19), things.ravel(), table.ravel()])

    def __call__(self, now: Snapshot, facts: Bools) -> NDArray[np.float32]:
        """The observations (n, size) float32 of n simulations, a fresh array; `facts` (n, facts) are the values now."""
        count = len(now.qpos)
        if len(self._buffer) != count:
            self._buffer = np.repeat(self._template[None], count, axis=0)
        out, n = self._buffer, self._n
        origin = now.xpos[:, self._base]
        axes = now.xmat[:, self._base]
        out[:, :n] = now.qpos[:, self._arm]
        out[:, n : 2 * n] = now.qvel[:, self._arm_dof]
        out[:, 2 * n] = now.qpos[:, self._fingers].sum(axis=1)
        rest = out[:, 2 * n + 1 :]
        rest[:, 0:3] = np.matmul((now.tcp - origin)[:, None], axes)[:, 0]
        rest[:, 3:9].reshape(count, 2, 3)[:] = np.matmul(now.tcp_mat[:, :, ::2].transpose(0, 2, 1), axes)
        rest[:, 9:11] = origin[:, :2]
        rest[:, 11] = axes[:, 1, 0]
        rest[:, 12] = axes[:, 0, 0]
        if len(self._drive):
            rest[:, 13:16] = now.qvel[:, self._drive]
        if len(self._head):
            rest[:, 16:18] = now.qpos[:, self._head]
        slots = out[:, self._things].reshape(count, THINGS, THING_SIZE)[:, : self._m]
        slots[..., 1:4] = np.matmul(now.xpos[:, self._bodies] - now.tcp[:, None], axes)
        directions = now.xmat[:, self._bodies, :, ::2].transpose(0, 1, 3, 2)
        slots[..., 4:10] = np.matmul(directions.reshape(count, -1, 3), axes).reshape(count, self._m, 6)
        if len(self._parts):
            slots[:, self._parts, 13] = now.qpos[:, self._address] / self._limit
        last = out[:, self._facts].reshape(count, FACTS, FACT_SIZE)
        last[:, : self._fact_count, -1] = facts[:, : self._fact_count]
        return np.clip(out, -self._bound, self._bound).astype(np.float32)
