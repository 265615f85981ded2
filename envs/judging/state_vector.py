"""The state observation: one flat float32 vector, of the same layout for every task of a robot.

The base frame is the robot's, on the floor; the tool is the tool centre point. n is the number of arm joints. There are
slots for 10 things and for 6 facts of the goal; each row of the table holds all slots of one meaning.

===============  =======  =================================================================  ===========
part             size     meaning                                                            range, unit
===============  =======  =================================================================  ===========
arm              n        joint angles                                                       ± 7 rad
gripper          2        finger positions; their sum is the distance between the pads       ± 7 m
head             2        pan, tilt (0 for a fixed head)                                     ± 7 rad
thing opening    10       0 closed … 1 open (0 for what does not open)                       ± 7
arm speed        n        joint speeds                                                       ± 30 rad/s
base speed       3        x, y [m/s], yaw [rad/s] in the map (0 for a fixed arm)             ± 30
base             4        x, y [m], sin yaw, cos yaw in the map                              ± 50
tool position    3        in the base frame                                                  ± 50 m
tool axes        6        its x, then its z axis, in the base frame                          ± 1
thing position   10 × 3   relative to the tool, in the base frame                            ± 50 m
thing axes       10 × 6   its x, then its z axis, in the base frame                          ± 1
fact true        6        whether the fact of the goal is true now                           0, 1
thing present    10       whether the slot is in use                                         0, 1
thing named      10       whether the goal names it                                          0, 1
thing extent     10 × 3   size of its box                                                    0 … 50 m
fact predicate   6 × 13   one-hot, in the order of `PREDICATES`                              0, 1
fact arguments   6 × 2    slot of the first and second argument / 10, 0 for none             0 … 1
===============  =======  =================================================================  ===========

The things of the goal come first, in the order in which the goal names them, then the other movable objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from yanshi.envs.facts.checks import part_joints
from yanshi.envs.facts.predicates import PREDICATES, Anatomy, Bools, Snapshot
from yanshi.envs.judging.kernels import FACTS, observe
from yanshi.envs.robots import Robot
from yanshi.goals import Fact

THINGS = 10


def _layout(joints: int) -> dict[str, tuple[int, float]]:
    """Part → (size, bound), in order."""
    return {
        "arm": (joints, 7.0),
        "gripper": (2, 7.0),
        "head": (2, 7.0),
        "thing opening": (THINGS, 7.0),
        "arm speed": (joints, 30.0),
        "base speed": (3, 30.0),
        "base": (4, 50.0),
        "tool position": (3, 50.0),
        "tool axes": (6, 1.0),
        "thing position": (3 * THINGS, 50.0),
        "thing axes": (6 * THINGS, 1.0),
        "fact true": (FACTS, 1.0),
        "thing present": (THINGS, 1.0),
        "thing named": (THINGS, 1.0),
        "thing extent": (3 * THINGS, 50.0),
        "fact predicate": (FACTS * len(PREDICATES), 1.0),
        "fact arguments": (FACTS * 2, 1.0),
    }


def parts(robot: Robot) -> dict[str, slice]:
    """Where each part of the table is in the vector of a robot."""
    found, start = {}, 0
    for name, (size, _) in _layout(len(robot.arm_joints)).items():
        found[name] = slice(start, start + size)
        start += size
    return found


def state_space(robot: Robot) -> spaces.Box:
    """The space of the state observation of a robot."""
    layout = _layout(len(robot.arm_joints)).values()
    bound = np.concatenate([np.full(size, bound, np.float32) for size, bound in layout])
    return spaces.Box(-bound, bound, dtype=np.float32)


class StateVector:
    """Writes the state observation of one goal in one world."""

    def __init__(self, anatomy: Anatomy, facts: Sequence[Fact]) -> None:
        """`facts` are those of the goal's check."""
        robot, model = anatomy.robot, anatomy.model
        self._at = parts(robot)
        self._bound = state_space(robot).high
        named = dict.fromkeys(arg for fact in facts for arg in fact.args if arg in anatomy.things)
        names = tuple(dict.fromkeys([*named, *anatomy.objects]))[:THINGS]
        self._bodies = np.array([anatomy.body(name) for name in names], dtype=np.intp)
        joints = {
            "arm": robot.arm_joints,
            "gripper": robot.finger_joints[:2],
            "head": robot.head_joints,
        }
        speeds = {"arm speed": robot.arm_joints, "base speed": robot.base_joints}
        openable = [i for i, name in enumerate(names) if anatomy.entity(name).articulation is not None]
        address, limit = part_joints(anatomy, [names[i] for i in openable])
        into = self._at["thing opening"].start + np.array(openable, dtype=np.intp)
        into_qpos, qpos = self._pairs({k: [model.joint(j).qposadr[0] for j in v] for k, v in joints.items()})
        into_qvel, qvel = self._pairs({k: [model.joint(j).dofadr[0] for j in v] for k, v in speeds.items()})
        unit = np.concatenate([np.ones(len(qpos)), limit])
        self._copied = (np.append(into_qpos, into), np.append(qpos, address), unit, into_qvel, qvel)
        self._mobile = bool(robot.base_joints)
        parts_written = ("tool position", "thing position", "thing axes", "fact true")
        pose = self._at["base"].start if self._mobile else -1
        self._starts = (anatomy.base, pose, *(self._at[part].start for part in parts_written))
        self._template = self._constants(anatomy, names, named, facts)

    def _constants(
        self, anatomy: Anatomy, names: Sequence[str], named: dict[str, None], facts: Sequence[Fact]
    ) -> NDArray[np.float32]:
        """What does not change within an episode (size,)."""
        vector = np.zeros(len(self._bound), np.float32)
        count = len(names)
        vector[self._at["thing present"]][:count] = 1.0
        vector[self._at["thing named"]][:count] = [name in named for name in names]
        vector[self._at["thing extent"]].reshape(THINGS, 3)[:count] = [anatomy.entity(name).extent for name in names]
        if not self._mobile:
            vector[self._at["base"]] = anatomy.base_pose
        predicate = vector[self._at["fact predicate"]].reshape(FACTS, len(PREDICATES))
        arguments = vector[self._at["fact arguments"]].reshape(FACTS, 2)
        for slot, fact in enumerate(facts[:FACTS]):
            predicate[slot, PREDICATES.index(fact.predicate)] = 1.0
            for place, arg in enumerate(fact.args[:2]):
                arguments[slot, place] = (names.index(arg) + 1) / THINGS if arg in names else 0.0
        return vector

    def _pairs(self, addresses: Mapping[str, Sequence[int]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Where in the vector, and from where in qpos or qvel, the values of some parts of the table go."""
        into = [self._at[part].start + place for part, listed in addresses.items() for place in range(len(listed))]
        return np.array(into, dtype=np.intp), np.array(
            [a for listed in addresses.values() for a in listed], dtype=np.intp
        )

    def __call__(self, now: Snapshot, facts: Bools) -> NDArray[np.float32]:
        """The observations (n, size) float32 of n simulations, a fresh array; `facts` (n, facts) are the values now."""
        state = (now.qpos, now.qvel, now.xpos, now.xmat, now.tcp, now.tcp_mat)
        constant = (self._template, self._bound)
        vectors: NDArray[np.float32] = observe(constant, state, facts, self._copied, self._bodies, self._starts)
        return vectors
