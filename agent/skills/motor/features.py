"""What a motor policy is told, 25 times a second, from belief and observation alone.

=======  ====================================================================  ======  ===========
index    meaning                                                               frame   unit of 1
=======  ====================================================================  ======  ===========
0…2      hand, from where it shall be                                          ``_t``  0.1 m
3…5      rotation vector of the hand, from how it shall be turned              ``_t``  0.5 rad
6…8      velocity of the hand                                                  ``_t``  0.2 m/s
9        turn of the hand about its axis                                       ``_t``  1 rad/s
10       distance between the finger pads                                              0.08 m
11       … that they were told to go to                                                0.08 m
12       … and how fast it changes                                                     0.1 m/s
13       … less the believed width of the thing between them                           0.04 m
14…17    force on the pads: left normal, left shear, right normal, right shear         log(1 + N) / 3
18…20    wrist force since the start                                           hand    20 N
21…23    wrist torque since the start                                          hand    2 N m
24…26    upwards                                                               ``_t``  1
27…29    believed size of the thing, along the axes                            ``_t``  0.1 m
30…32    standard deviation of its estimate                                    ``_t``  0.02 m
33       age of the estimate                                                           0.2 s
34…36    the newest estimate, from the smoothed one that ``_t`` follows          ``_t``  0.02 m
37…39    the estimate, from where it was at the start                          ``_t``  0.1 m
40       how far the hand has risen since the start                                    0.1 m
41       time since the start, as a share of the time-out                              1
42…56    the last three actions, newest first                                          1
57…62    what the manoeuvre must know besides, see `Aim.extras`                        1
63…67    the correction in force, see `residual`                                       1
68       the fingers have closed on nothing, and the hand is still there               0 or 1
69       how often they have                                                           3
70…72    where the hand was then                                                ``_t``  0.05 m
73…75    where the hand was when it last met something                          ``_t``  0.05 m
76       how long ago that was, t                                                      exp(-t / 1 s)
77…82    where the hand was when a pad last touched: left, right                ``_t``  0.05 m
=======  ====================================================================  ======  ===========

``_t`` is the frame of the aim by the smoothed estimate: origin where the hand shall be, z out of the gripper, y along
finger motion. Lengths are
clipped at ±3 units. Senses that the robot has not, read 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.skills.motion import rotation_vector
from yanshi.agent.skills.motor.action import ACTION
from yanshi.agent.skills.motor.aim import EXTRAS, Aim
from yanshi.agent.skills.motor.memory import MEMORY, Memory
from yanshi.agent.skills.script import Situation

__all__ = ["FEATURES", "HISTORY", "FeatureReader"]

Array = NDArray[Any]
HISTORY = 3
"""How many actions are remembered: more than the greatest latency."""
FEATURES = 42 + HISTORY * ACTION + EXTRAS + MEMORY
_DT = 0.04
_NOT_SEEN = 1.0
"""Age of an estimate that was never seen [s]."""


class FeatureReader:
    """Reads the features of one run of a manoeuvre; make it where the run starts.

    Args:
        now: the situation at the start.
        aim: what the manoeuvre works towards.
        timeout: of the manoeuvre [s].
        trust: weight of a new estimate of where its thing is, at least; see `Memory`.
        patient: whether corrections wait until the hand has met something; see `Memory`.
    """

    def __init__(self, now: Situation, aim: Aim, timeout: float, trust: float = 0.12, patient: bool = False) -> None:
        self._aim, self._timeout = aim, timeout
        self._start = now.time
        self._first = now.entity(aim.name).position_w.copy()
        self.memory = Memory(now, aim, trust, patient)
        self.T_wt = self.memory.frame()
        """(4, 4) the frame of what was read last."""
        self._T_we, self._height, self._opening = now.T_we, float(now.T_we[2, 3]), now.opening
        self._wrench = _wrench(now)
        self._actions = np.zeros((HISTORY, ACTION))
        self._last_read = now.time

    def acted(self, action: Array) -> None:
        """Remember an action (ACTION,) before it is carried out."""
        self.memory.correct(action)
        self._actions = np.concatenate([np.clip(action, -1.0, 1.0)[None], self._actions[:-1]])

    def read(self, now: Situation) -> NDArray[np.float32]:
        """(FEATURES,) float32 of this control step; ask once in each."""
        self.memory.update(now)
        T_wt = self.T_wt = self.memory.frame()
        entity, T_we = now.entity(self._aim.name), now.T_we
        R = T_wt[:3, :3]
        R_tw = R.T
        elapsed = max(now.time - self._last_read, _DT)
        moved = T_we[:3, 3] - self._T_we[:3, 3]
        turned = rotation_vector(self._T_we[:3, :3].T @ T_we[:3, :3])
        std, size = np.zeros(3), np.asarray(entity.extent)
        if entity.covariance is not None:
            std = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", R_tw, entity.covariance, R_tw), 0.0))
        c, s = np.cos(entity.yaw), np.sin(entity.yaw)
        along = np.abs(R_tw @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])) @ size
        age = _NOT_SEEN if entity.last_seen is None else now.time - entity.last_seen
        touch, wrench = now.touch, _wrench(now) - self._wrench
        values = np.concatenate([
            R_tw @ (T_we[:3, 3] - T_wt[:3, 3]) / 0.1,
            rotation_vector(R_tw @ T_we[:3, :3]) / 0.5,
            R_tw @ moved / elapsed / 0.2,
            [turned[2] / elapsed, now.opening / 0.08, now.gripper / 0.08, (now.opening - self._opening) / elapsed / 0.1,
             (now.opening - self._aim.between) / 0.04],
            np.zeros(4) if touch is None else np.log1p(np.abs(touch[:4])) / 3.0,
            wrench[:3] / 20.0,
            wrench[3:] / 2.0,
            R_tw[:, 2],
            along / 0.1,
            std / 0.02,
            [age / 0.2],
            R_tw @ (entity.position_w - self.memory.entity.position_w) / 0.02,
            R_tw @ (entity.position_w - self._first) / 0.1,
            [(T_we[2, 3] - self._height) / 0.1, (now.time - self._start) / self._timeout],
            self._actions.ravel(),
            self._aim.extras(now, T_wt),
            self.memory.features(now, T_wt),
        ])  # fmt: skip
        self._T_we, self._opening, self._last_read = T_we, now.opening, now.time
        return np.asarray(np.clip(values, -3.0, 3.0), dtype=np.float32)


def _wrench(now: Situation) -> Array:
    """(6,) force [N] and torque [N m] at the wrist, where there is such a sense."""
    frame = now.observation.frames.get("wrist_force")
    return np.zeros(6) if frame is None else np.asarray(frame.data, dtype=float)
