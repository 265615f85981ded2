"""The robot's own body as the shield knows it: links, joints and solid shapes, read once from its description."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.agent.shield.kernels import BOX, CAPSULE, COLUMN, CYLINDER, SPHERE, gap, place, settle
from yanshi.envs.robots import Robot
from yanshi.errors import WorldError

__all__ = ["Body"]

Array = NDArray[Any]
_NEAR_AT_HOME = 0.05
"""Parts nearer than this in the home posture are made to be near one another [m]."""
_SILL = 0.05
"""The column begins above what the base drives over [m]."""
_SKIN = 0.01
"""By how much the footprint of a description is larger than the base [m]."""
_KINDS = {
    mujoco.mjtGeom.mjGEOM_SPHERE: SPHERE,
    mujoco.mjtGeom.mjGEOM_CAPSULE: CAPSULE,
    mujoco.mjtGeom.mjGEOM_CYLINDER: CYLINDER,
    mujoco.mjtGeom.mjGEOM_BOX: BOX,
    mujoco.mjtGeom.mjGEOM_ELLIPSOID: BOX,
    mujoco.mjtGeom.mjGEOM_MESH: BOX,
}
"""Ellipsoids and meshes are taken for their boxes, which is on the safe side."""


class Body:
    """Kinematics and shapes of a robot whose base is nailed down at the origin of the base frame.

    MuJoCo reads the description, once; what comes of it are plain arrays, so that nothing of a simulator runs later.

    Args:
        robot: its description.

    Raises:
        WorldError: a body has more than one joint.
    """

    def __init__(self, robot: Robot) -> None:
        self.robot = robot
        model = robot.nailed_down()
        if np.any(model.body_jntnum > 1):
            raise WorldError(f"Robot '{robot.name}': the shield expects at most one joint a body.")
        self._read_tree(model)
        self._read_shapes(model)
        self.pairs = self._pairs()
        """(p, 2) int: which sphere may strike which shape."""
        tool = model.body_subtreemass[self._tool] * 9.81
        self.hand_weight = float(tool)
        """[N]."""

    def _read_tree(self, model: mujoco.MjModel) -> None:
        robot, count = self.robot, model.nbody
        ids = [model.joint(name).id for name in robot.arm_joints]
        joint = np.where(model.body_jntnum > 0, model.body_jntadr, -1).astype(np.int64)
        has = joint >= 0
        axis, anchor, slide = np.zeros((count, 3)), np.zeros((count, 3)), np.zeros(count, np.bool_)
        axis[has], anchor[has] = model.jnt_axis[joint[has]], model.jnt_pos[joint[has]]
        slide[has] = model.jnt_type[joint[has]] == mujoco.mjtJoint.mjJNT_SLIDE
        turn = np.array([_rotation(quat) for quat in model.body_quat])
        parent = model.body_parentid.astype(np.int64)
        self.tree = (parent, model.body_pos.copy(), turn, joint, slide, axis, anchor)
        bodies = model.jnt_bodyid[ids].astype(np.int64)
        moved = np.zeros((count + 1, len(ids)), np.bool_)
        for body in range(1, count):
            moved[body] = moved[parent[body]] | (bodies == body)
        site = model.site(robot.tcp_site).id
        self._tool = int(model.site_bodyid[site])
        home = model.qpos0.copy()
        for name, value in robot.home.items():
            if name not in robot.base_joints:
                home[model.joint(name).qposadr[0]] = value
        self.zero = model.qpos0.copy()
        """(nj,) joint values in which the bodies are as the description places them."""
        self.home = home
        """(nj,) joint values of the home posture."""
        self.arm = np.array(ids, np.int64)
        """(n,) which of the joints are the arm's."""
        self.head = np.array([model.joint(name).id for name in robot.head_joints], np.int64)
        self.fingers = np.array([model.joint(name).id for name in robot.finger_joints], np.int64)
        opens_up = robot.gripper_ctrl[1] >= robot.gripper_ctrl[0]
        self.finger_range = model.jnt_range[self.fingers][:, :: 1 if opens_up else -1].copy()
        """(f, 2) values of the finger joints when closed, when open."""
        low, high = model.jnt_range[ids].T
        free = model.jnt_limited[ids] == 0
        self.low, self.high = np.where(free, -np.inf, low), np.where(free, np.inf, high)
        """(n,) limits of the arm joints."""
        self.chain = (bodies, moved, self._tool, model.site_pos[site].copy(), home[self.arm].copy(), slide[bodies])
        """Body of each arm joint, which joints move a body, the tool's body, the tool centre point in it, home, and
        which joints slide."""
        self._count = count
        self._fixed = np.array([not any(row) for row in moved.tolist()])
        self._is_tool = np.zeros(count, np.bool_)
        for body in range(count):
            self._is_tool[body] = body == self._tool or self._is_tool[parent[body]]

    def _read_shapes(self, model: mujoco.MjModel) -> None:
        """Shapes of what can collide, and spheres that cover those which the arm moves."""
        solid = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
        geoms = [g for g in np.flatnonzero(solid) if mujoco.mjtGeom(model.geom_type[g]) in _KINDS]
        kinds = np.array([_KINDS[mujoco.mjtGeom(model.geom_type[g])] for g in geoms], np.int64)
        sizes, offsets = model.geom_size[geoms].copy(), model.geom_pos[geoms].copy()
        turns = np.array([_rotation(model.geom_quat[g]) for g in geoms])
        for i, g in enumerate(geoms):
            if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_MESH:
                sizes[i] = model.geom_aabb[g, 3:]
                offsets[i] += turns[i] @ model.geom_aabb[g, :3]
        bodies = model.geom_bodyid[geoms].astype(np.int64)
        radii = np.array([_bounding_radius(k, s) for k, s in zip(kinds, sizes, strict=True)])
        roles = np.where(self._is_tool[bodies], 2, np.where(self._fixed[bodies], 0, 1)).astype(np.int64)
        if self.robot.base_joints and self.robot.footprint > 0.0:
            # Whatever stands beside the base, at any height: near by, no sensor sees all of a wall.
            top = float(max(o[2] + r for o, r, role in zip(offsets, radii, roles, strict=True) if role == 0))
            half = 0.5 * (top - _SILL)
            bodies, kinds = np.append(bodies, model.nbody), np.append(kinds, CYLINDER)
            sizes = np.vstack([sizes, [self.robot.footprint - _SKIN, half, 0.0]])
            offsets, turns = np.vstack([offsets, [0.0, 0.0, _SILL + half]]), np.concatenate([turns, np.eye(3)[None]])
            radii = np.append(radii, np.hypot(self.robot.footprint, half))
            roles = np.append(roles, COLUMN)
        self.shapes = (bodies, kinds, sizes, offsets, turns, radii, roles)
        """Body, kind, size, place in its body, bounding radius, and role of each shape: 0 base, 1 arm, 2 hand, and
        last, for a robot that drives, the column of the base."""
        owners, first = np.unique(bodies, return_index=True)
        last = np.append(first[1:], len(bodies))
        middles = np.array([offsets[a:b].mean(axis=0) for a, b in zip(first, last, strict=True)])
        hull_radii = np.array(
            [
                (np.linalg.norm(offsets[a:b] - middle, axis=1) + radii[a:b]).max()
                for a, b, middle in zip(first, last, middles, strict=True)
            ]
        )
        self.hulls = (owners, middles, hull_radii, first.astype(np.int64), last.astype(np.int64))
        """A ball round the shapes of each body: body, centre in it, radius, first shape, one past the last."""
        covering: list[tuple[int, Array, float]] = []
        for i in np.flatnonzero((roles == 1) | (roles == 2)).tolist():
            long, radius = _stretch(int(kinds[i]), sizes[i])
            steps = max(1, int(np.ceil(2.0 * float(np.linalg.norm(long)) / max(radius, 0.02)))) + 1
            along = np.linspace(-1.0, 1.0, steps) if np.any(long) else np.zeros(1)
            covering += [(int(bodies[i]), offsets[i] + turns[i] @ (t * long), radius) for t in along]
        self.spheres = (
            np.array([body for body, _, _ in covering], np.int64),
            np.array([centre for _, centre, _ in covering]).reshape(-1, 3),
            np.array([radius for _, _, radius in covering]),
        )
        """Body, centre in it and radius of each sphere."""

    def poses(self) -> tuple[Array, Array, Array, Array]:
        """Room for `place`: origins (nb, 3), axes (nb, 3, 3), and pivots and directions of the joints (nb, 3)."""
        n = self._count + 1  # The last belongs to the column, and stays where it is.
        return np.zeros((n, 3)), np.tile(np.eye(3), (n, 1, 1)), np.zeros((n, 3)), np.zeros((n, 3))

    def places(self) -> tuple[Array, Array]:
        """Room for `settle`: centres (ng, 3) and axes (ng, 3, 3) of the shapes."""
        n = len(self.shapes[0])
        return np.zeros((n, 3)), np.zeros((n, 3, 3))

    def _pairs(self) -> Array:
        """Pairs with at least two arm joints between them that are not near one another at home."""
        poses = self.poses()
        place(self.tree, self.home - self.zero, poses)
        centers, frames = where = self.places()
        settle(self.shapes, poses, where)
        moved = self.chain[1]
        found = []
        for s, (body, centre, radius) in enumerate(zip(*self.spheres, strict=True)):
            point = poses[0][body] + poses[1][body] @ centre
            for g, other in enumerate(self.shapes[0]):
                if self.shapes[6][g] == COLUMN:
                    continue
                between = int((moved[body] ^ moved[other]).sum())
                mirrored = not self._fixed[other] and moved[other].sum() > moved[body].sum()
                if between < 2 or mirrored:
                    continue
                distance = gap(self.shapes[1][g], self.shapes[2][g], centers[g], frames[g], point)[0]
                if distance - radius > _NEAR_AT_HOME:
                    found.append((s, g))
        return np.array(found, np.int64).reshape(-1, 2)


def _rotation(quat: Array) -> Array:
    out = np.empty(9)
    mujoco.mju_quat2Mat(out, quat)
    return out.reshape(3, 3)


def _bounding_radius(kind: int, size: Array) -> float:
    if kind == SPHERE:
        return float(size[0])
    if kind == CAPSULE:
        return float(size[0] + size[1])
    return float(np.hypot(size[0], size[1])) if kind == CYLINDER else float(np.linalg.norm(size))


def _stretch(kind: int, size: Array) -> tuple[Array, float]:
    """Half the axis (3,) along which spheres of a radius cover a shape, in its own frame."""
    if kind == SPHERE:
        return np.zeros(3), float(size[0])
    if kind in (CAPSULE, CYLINDER):
        return np.array([0.0, 0.0, size[1]]), float(size[0])
    longest = int(np.argmax(size))
    radius = float(np.linalg.norm(np.delete(size, longest)))
    axis = np.zeros(3)
    axis[longest] = max(0.0, float(size[longest]) - 0.5 * radius)
    return axis, radius
