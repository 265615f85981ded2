"""LiDAR in the home: yanshi beside mj_multiRay, mujoco-lidar (its CPU back end) and Open3D (Embree).

All cast the same rays from the robot's LiDAR into the same geoms (visible, not the robot's), in alternating order, one
scan each a round. Before every round all free bodies are moved. Open3D has to be told of it: the static world is built
once, and a second scene with the bodies that can move is built anew for every scan. "Frozen" is Open3D with everything
in one scene that is built beforehand and only cast, which no moving world allows. Open3D uses all cores, the others
one. Required: at 16×360 no slower than the best; at 64×1024, with bodies moving, 3 × mj_multiRay; within 1 mm.

Usage: python benchmarks/lidar.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.envs.senses.frames import robot_geoms, visible_geoms
from yanshi.envs.senses.patterns import Grid, spinning
from yanshi.envs.senses.range_image import RangeImage
from yanshi.envs.senses.raycast import MultiRay
from yanshi.envs.worlds import world

try:
    import open3d as o3d
    from mujoco_lidar import MjLidarWrapper
except ImportError as error:
    sys.exit(f"{error.name} is not installed; the peers come with: pip install 'yanshi[peers]'")

Array = NDArray[Any]
REACH = 20.0
SITE = "lidar"


def triangles(model: mujoco.MjModel, data: mujoco.MjData, geom: int) -> Any:
    """A primitive as a mesh in the map frame; curved ones with 24 sides."""
    make = o3d.geometry.TriangleMesh
    kind, (a, b, c) = mujoco.mjtGeom(model.geom_type[geom]), model.geom_size[geom]
    if kind == mujoco.mjtGeom.mjGEOM_BOX:
        mesh = make.create_box(2 * a, 2 * b, 2 * c).translate((-a, -b, -c))
    elif kind == mujoco.mjtGeom.mjGEOM_PLANE:
        a, b = a or 50.0, b or 50.0
        corners = o3d.utility.Vector3dVector([(-a, -b, 0), (a, -b, 0), (a, b, 0), (-a, b, 0)])
        mesh = make(corners, o3d.utility.Vector3iVector([(0, 1, 2), (0, 2, 3)]))
    elif kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        mesh = make.create_sphere(a, 12)
    elif kind == mujoco.mjtGeom.mjGEOM_ELLIPSOID:
        mesh = make.create_sphere(1.0, 12)
        mesh.vertices = o3d.utility.Vector3dVector(np.asarray(mesh.vertices) * (a, b, c))
    elif kind == mujoco.mjtGeom.mjGEOM_CYLINDER:
        mesh = make.create_cylinder(a, 2 * b, 24, 1)
    else:
        ends = [make.create_sphere(a, 12).translate((0, 0, z)) for z in (-b, b)]
        mesh = make.create_cylinder(a, 2 * b, 24, 1) + ends[0] + ends[1]
    return mesh.rotate(data.geom_xmat[geom].reshape(3, 3), center=(0, 0, 0)).translate(data.geom_xpos[geom])


def open3d_scene(meshes: Sequence[Any]) -> Any:
    """A scene of meshes, put together into one, which is the fastest to build and to cast into."""
    whole = o3d.geometry.TriangleMesh()
    for mesh in meshes:
        whole += mesh
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(o3d.t.geometry.TriangleMesh.from_legacy(whole))
    scene.cast_rays(o3d.core.Tensor(np.zeros((1, 6), np.float32)))  # It is built when it is first used.
    return scene


class Open3D:
    """The static world in one scene; what moves in another, from vertices turned into place with numpy."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, geoms: Array, grid: Grid) -> None:
        bodies = model.geom_bodyid[geoms]
        moves = np.isin(bodies, np.flatnonzero(model.body_weldid != 0))
        self.directions, self.data = grid.directions, data
        self.static = open3d_scene([triangles(model, data, g) for g in geoms[~moves]])
        self.frozen = open3d_scene([triangles(model, data, g) for g in geoms])
        corners, faces, self.of = [], [], []
        for geom in geoms[moves]:
            mesh = triangles(model, data, geom)
            faces.append(np.asarray(mesh.triangles) + sum(map(len, corners)))
            local = (np.asarray(mesh.vertices) - data.geom_xpos[geom]) @ data.geom_xmat[geom].reshape(3, 3)
            corners.append(local)
            self.of.append(np.full(len(local), geom))
        self.corners, self.faces, self.of = np.concatenate(corners), np.concatenate(faces), np.concatenate(self.of)
        self.faces = self.faces.astype(np.uint32)

    def rays(self) -> Any:
        site = self.data.site(SITE)
        directions = self.directions @ site.xmat.reshape(3, 3).T
        return np.column_stack((np.broadcast_to(site.xpos, directions.shape), directions)).astype(np.float32)

    def frozen_scan(self) -> Array:
        return finite(self.frozen.cast_rays(o3d.core.Tensor(self.rays()))["t_hit"].numpy())

    def scan(self) -> Array:
        turned = np.einsum("nij,nj->ni", self.data.geom_xmat.reshape(-1, 3, 3)[self.of], self.corners)
        moving = o3d.t.geometry.RaycastingScene()
        moving.add_triangles(
            o3d.core.Tensor((turned + self.data.geom_xpos[self.of]).astype(np.float32)), o3d.core.Tensor(self.faces)
        )
        rays = o3d.core.Tensor(self.rays())
        return finite(np.minimum(*(s.cast_rays(rays)["t_hit"].numpy() for s in (self.static, moving))))


def finite(distance: Array) -> Array:
    return np.where(distance <= REACH, distance, -1.0)


def mujoco_lidar_scan(model: mujoco.MjModel, data: mujoco.MjData, hidden: Array, grid: Grid) -> Callable[[], Array]:
    """Its own wrapper over mj_multiRay, with the robot's geoms in a group that it is told to leave out."""
    import copy

    apart = copy.copy(model)
    apart.geom_group[:] = np.where(hidden, 5, 0)
    groups = np.array([1, 1, 1, 1, 1, 0], np.uint8)
    lidar = MjLidarWrapper(apart, SITE, backend="cpu", cutoff_dist=REACH, args={"geomgroup": groups})
    theta, phi = (a.ravel() for a in np.meshgrid(grid.azimuths, grid.elevations))
    theta, phi = np.ascontiguousarray(theta), np.ascontiguousarray(phi)

    def scan() -> Array:
        distance = np.asarray(lidar.trace_rays(data, theta, phi)).ravel()
        return np.where((distance > 0.0) & (distance < REACH), distance, -1.0)

    return scan


def scans(grid: Grid) -> tuple[mujoco.MjModel, mujoco.MjData, dict[str, Callable[[], Array]]]:
    """Every way to scan the home, by name."""
    home = world("home", 1)
    model, data = home.model, mujoco.MjData(home.model)
    data.qpos[:] = home.qpos0
    mujoco.mj_forward(model, data)
    seen = visible_geoms(model) & ~robot_geoms(model, home.robot)
    ours, multi = RangeImage(model, seen, grid), MultiRay(model, seen, grid)
    peer = Open3D(model, data, np.flatnonzero(seen), grid)
    site = data.site(SITE)

    def cast(caster: RangeImage | MultiRay) -> Array:
        return caster.cast(data, site.xpos, site.xmat.reshape(3, 3), REACH).distance

    ways = {
        "yanshi": lambda: cast(ours),
        "mj_multiRay": lambda: cast(multi),
        "mujoco-lidar": mujoco_lidar_scan(model, data, ~seen, grid),
        "Open3D": peer.scan,
        "Open3D, frozen": peer.frozen_scan,
    }
    return model, data, ways


def move(model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
    """Shift and turn every free body a little."""
    for joint in np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE):
        address = model.jnt_qposadr[joint]
        data.qpos[address : address + 2] += rng.normal(0.0, 0.02, 2)
        data.qpos[address + 3 : address + 7] += rng.normal(0.0, 0.1, 4)
    mujoco.mj_normalizeQuat(model, data.qpos)
    mujoco.mj_kinematics(model, data)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    print(__doc__.split("\n\nUsage")[0].split("\n\n", 1)[1].strip(), "\n")
    print("| rays | | ms a scan, median (min … max) | million rays/s | of yanshi's time | median difference [mm] |")
    print("|---|---|---:|---:|---:|---:|")
    for rows, columns in ((16, 360), (64, 1024)):
        grid = spinning(columns, rows, (np.deg2rad(-40.0), np.deg2rad(10.0)))
        model, data, ways = scans(grid)
        reference = ways["mj_multiRay"]()
        difference = {}
        for name, way in ways.items():  # Also their first call, which compiles and allocates. Nothing has moved yet.
            distance = way()
            both = (distance > 0.0) & (reference > 0.0) & (reference <= REACH)
            difference[name] = float(np.median(np.abs(distance - reference)[both])) * 1e3
        took: dict[str, list[float]] = {name: [] for name in ways}
        rng = np.random.default_rng(0)
        for turn in range(rounds):
            move(model, data, rng)
            names = list(ways) if turn % 2 else list(ways)[::-1]
            for name in names:
                begin = time.perf_counter()
                ways[name]()
                took[name].append((time.perf_counter() - begin) * 1e3)
        fastest = statistics.median(took["yanshi"])
        for name, times in took.items():
            median = statistics.median(times)
            spread = f"{median:.2f} ({min(times):.2f} … {max(times):.2f})"
            speed = rows * columns / median / 1e3
            ratio = f"{median / fastest:.1f} ×"
            print(f"| {rows}×{columns} | {name} | {spread} | {speed:.1f} | {ratio} | {difference[name]:.4f} |")


if __name__ == "__main__":
    main()
