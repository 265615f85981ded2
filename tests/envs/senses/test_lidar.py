from __future__ import annotations

import math

import mujoco
import numpy as np
import pytest

from yanshi.envs.senses.lidar import SCANNER, Lidar, LidarConfig, reflectance
from yanshi.envs.senses.patterns import Grid, sector, spinning
from yanshi.envs.senses.range_image import RangeImage
from yanshi.envs.senses.raycast import MultiRay, Raycaster
from yanshi.envs.senses.sensor import check_sensor
from yanshi.errors import InputError, WorldError

MOUNT = '<body name="base" pos=".3 -.2 0" euler="0 0 25"><site name="lidar" pos="0 0 1.3"/><geom size=".01"/></body>'
PERFECT = LidarConfig(echo=math.inf)
RNG = np.random.default_rng(0)


def make_multi_ray(model: mujoco.MjModel, seen: np.ndarray, grid: Grid) -> Raycaster:
    return MultiRay(model, seen, grid)


def make_range_image(model: mujoco.MjModel, seen: np.ndarray, grid: Grid) -> Raycaster:
    return RangeImage(model, seen, grid)


CASTERS = [make_multi_ray, make_range_image]


def scan(sim, config: LidarConfig = PERFECT, rng: np.random.Generator = RNG):  # type: ignore[no-untyped-def]
    lidar = Lidar(config=config)
    lidar.setup(sim)
    return lidar.read(sim, rng)


def in_world(sim, frame):  # type: ignore[no-untyped-def]
    """Echoes in the map frame, through T_bs and the base as the frame itself reports them."""
    base = np.eye(4)
    base[:3, :3] = sim.data.body("base").xmat.reshape(3, 3)
    base[:3, 3] = sim.data.body("base").xpos
    T = base @ frame.T_bs
    return frame.data[:, :3] @ T[:3, :3].T + T[:3, 3]


def random_scene(seed: int, mesh: bool = False) -> mujoco.MjModel:
    """60 geoms of every primitive kind at any pose about the origin, a floor, and maybe a mesh."""
    rng = np.random.default_rng(seed)
    spec = mujoco.MjSpec()
    kinds = [getattr(mujoco.mjtGeom, f"mjGEOM_{k}") for k in ("SPHERE", "CAPSULE", "ELLIPSOID", "CYLINDER", "BOX")]
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[6, 4, 0.1], pos=[0, 0, -1.5])
    for k in range(60):
        body = spec.worldbody.add_body(pos=rng.uniform(-5, 5, 3) * [1, 1, 0.4], quat=rng.standard_normal(4))
        size = rng.uniform(0.05, 0.6, 3) if k % 3 else [2.0, 0.05, 1.0]
        body.add_geom(type=kinds[k % 5], size=size)
    if mesh:
        vertices = rng.standard_normal((20, 3))
        spec.add_mesh(name="rock", uservert=vertices.ravel())
        spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname="rock", pos=[2, 1, 0])
    return spec.compile()


GRIDS = [
    spinning(90, 12, (-1.4, 1.4)),
    spinning(361, 3, (-0.2, 0.3)),
    sector(71, math.radians(270), 5, (-0.6, 0.6)),
    sector(40, math.radians(358), 2, (-0.1, 0.1)),
    Grid(2.5, 0.03, 50, (-0.3, 0.0, 0.2)),
]


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("mesh", [False, True])
def test_range_image_meets_what_mj_multi_ray_meets(grid: Grid, mesh: bool) -> None:
    """Any sensor pose, every kind of primitive, inside and outside of them."""
    reach = 4.0
    for seed in range(4):
        model = random_scene(seed, mesh)
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        rng = np.random.default_rng(seed)
        seen = rng.random(model.ngeom) < 0.8
        ours, theirs = make_range_image(model, seen, grid), make_multi_ray(model, seen, grid)
        for _ in range(6):
            rotation, origin = np.empty(9), rng.uniform(-4, 4, 3) * [1, 1, 0.3]
            quaternion = rng.standard_normal(4)
            mujoco.mju_quat2Mat(rotation, quaternion / np.linalg.norm(quaternion))
            a = ours.cast(data, origin, rotation.reshape(3, 3), reach)
            b = theirs.cast(data, origin, rotation.reshape(3, 3), reach)
            # MuJoCo leaves out whole geoms beyond its reach, not hits.
            expected = np.where(b.distance > reach, -1.0, b.distance)
            assert np.abs(a.distance - expected).max() < 1e-9
            same = (a.geom == b.geom) & (a.distance > 0.0)
            assert same.sum() >= 0.99 * (expected > 0.0).sum()
            assert np.allclose(a.cosine[same], b.cosine[same], atol=1e-6)


@pytest.mark.parametrize("grid", GRIDS)
def test_points_are_found_on_the_rays_that_they_lie_on(grid: Grid) -> None:
    directions = grid.directions
    distance = np.random.default_rng(0).uniform(0.1, 20.0, (len(directions), 1))
    points = (distance * directions).astype(np.float32)
    np.testing.assert_array_equal(grid.nearest(points), np.arange(len(directions)))


@pytest.mark.parametrize("make", CASTERS)
def test_plane_and_sphere_in_closed_form(make) -> None:  # type: ignore[no-untyped-def]
    h, center, radius = 1.3, np.array([2.0, 0.5, 1.0]), 0.4
    model = mujoco.MjModel.from_xml_string(
        f'<mujoco><worldbody><geom type="plane" size="0 0 1"/><geom pos="2 .5 1" size="{radius}"/></worldbody></mujoco>'
    )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    grid = spinning(720, 32, (-1.2, 0.5))
    hits = make(model, np.ones(2, bool), grid).cast(data, np.array([0.0, 0.0, h]), np.eye(3), 30.0)
    d = grid.directions
    with np.errstate(divide="ignore"):
        floor = np.where(d[:, 2] < 0.0, -h / d[:, 2], np.inf)
    along = d @ (center - [0.0, 0.0, h])
    inside = radius**2 - (np.sum((center - [0.0, 0.0, h]) ** 2) - along**2)
    ball = np.where((inside >= 0.0) & (along > 0.0), along - np.sqrt(np.maximum(inside, 0.0)), np.inf)
    expected = np.minimum(floor, ball)
    met = expected <= 30.0
    assert np.array_equal(hits.distance > 0.0, met)
    assert np.abs(hits.distance - expected)[met].max() < 1e-9
    assert np.array_equal(hits.geom[met] == 1, (ball < floor)[met])
    on_floor = met & (floor < ball)
    assert np.abs(hits.cosine - np.abs(d[:, 2]))[on_floor].max() < 1e-9
    on_ball = met & (ball < floor)
    normal = d[on_ball] * ball[on_ball, None] + [0.0, 0.0, h] - center
    assert np.abs(hits.cosine[on_ball] - np.abs(np.sum(normal * d[on_ball], axis=1)) / radius).max() < 1e-6


@pytest.mark.parametrize("make", CASTERS)
def test_same_distances_as_open3d(make) -> None:  # type: ignore[no-untyped-def]
    o3d = pytest.importorskip("open3d")
    rng = np.random.default_rng(3)
    scene, spec = o3d.t.geometry.RaycastingScene(), mujoco.MjSpec()
    for k in range(25):
        position, quaternion = rng.uniform(-4, 4, 3) * [1, 1, 0.3], rng.standard_normal(4)
        quaternion /= np.linalg.norm(quaternion)
        rotation = np.empty(9)
        mujoco.mju_quat2Mat(rotation, quaternion)
        half = rng.uniform(0.1, 0.5, 3)
        if k % 2:
            mesh = o3d.geometry.TriangleMesh.create_box(*(2.0 * half)).translate(-half)
            spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=half, pos=position, quat=quaternion)
        else:
            mesh = o3d.geometry.TriangleMesh.create_sphere(half[0], resolution=120)
            spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=half, pos=position, quat=quaternion)
        mesh.rotate(rotation.reshape(3, 3), center=(0, 0, 0)).translate(position)
        scene.add_triangles(o3d.t.geometry.TriangleMesh.from_legacy(mesh))
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    grid = spinning(512, 32, (-0.8, 0.8))
    hits = make(model, np.ones(model.ngeom, bool), grid).cast(data, np.zeros(3), np.eye(3), 100.0)
    rays = np.column_stack((np.zeros((len(grid.directions), 3)), grid.directions)).astype(np.float32)
    theirs = scene.cast_rays(o3d.core.Tensor(rays))["t_hit"].numpy()
    both = (hits.distance > 0.0) & np.isfinite(theirs)
    assert both.mean() > 0.1
    assert ((hits.distance > 0.0) == np.isfinite(theirs)).mean() > 0.999
    error = np.abs(hits.distance - theirs)[both]
    assert np.median(error) < 1e-4
    assert np.quantile(error, 0.99) < 5e-3  # Their spheres have facets.


def test_the_readings_are_those_of_mujocos_own_rays(simulate, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    sim = simulate(MOUNT + '<geom type="plane" size="0 0 1"/><geom type="box" size="1 1 1" pos="3 0 1"/>')
    ours = scan(sim, LidarConfig(), np.random.default_rng(1))
    monkeypatch.setattr("yanshi.envs.senses.lidar.RangeImage", MultiRay)
    theirs = scan(sim, LidarConfig(), np.random.default_rng(1))
    assert ours.data.shape == theirs.data.shape
    assert np.allclose(ours.data, theirs.data, atol=1e-5)


def test_echoes_lie_on_surfaces_where_T_bs_says(simulate) -> None:  # type: ignore[no-untyped-def]
    sim = simulate(MOUNT + '<geom type="plane" size="0 0 1"/><geom type="box" size="1 1 1" pos="3 0 1"/>')
    frame = scan(sim)
    p = in_world(sim, frame)
    on_floor = np.abs(p[:, 2]) < 1e-4
    on_box = np.max(np.abs(p - [3.0, 0.0, 1.0]), axis=1) < 1.0 + 1e-4
    assert on_floor.sum() > 1000
    assert on_box.sum() > 100
    assert np.all(on_floor | on_box)


def test_the_whole_robot_is_left_out_and_nothing_else(simulate) -> None:  # type: ignore[no-untyped-def]
    """The robot has several bodies and surrounds the sensor; behind it stands a wall."""
    robot = (
        '<body name="base"><geom type="cylinder" size=".3 .2" pos="0 0 .2"/><site name="lidar" pos="0 0 1"/>'
        '<body><joint/><geom type="box" size=".05 .5 .5" pos=".3 0 1"/>'
        '<body><joint/><geom size=".2" pos="0 .5 1"/></body></body></body>'
    )
    walls = "".join(f'<geom type="box" size=".1 9 9" pos="{4 * s} 0 0"/>' for s in (-1, 1))
    frame = scan(simulate(robot + walls), LidarConfig(echo=math.inf, beams=1, elevation=(0.0, 0.0)))
    x = np.abs(frame.data[:, 0])
    assert len(x) > 200
    assert x.min() == pytest.approx(3.9, abs=1e-3)


def test_hidden_and_transparent_geoms_are_not_seen(simulate) -> None:  # type: ignore[no-untyped-def]
    hidden = '<geom type="box" size=".1 1 1" pos="1 0 1.3" group="3"/>'
    clear = '<geom type="box" size=".1 1 1" pos="-1 0 1.3" rgba="1 1 1 0"/>'
    assert len(scan(simulate(MOUNT + hidden + clear)).data) == 0


def test_range_is_respected(simulate) -> None:  # type: ignore[no-untyped-def]
    sim = simulate(MOUNT + '<geom type="plane" size="0 0 1"/>')
    frame = scan(sim, LidarConfig(echo=math.inf, range=(2.0, 5.0)))
    r = np.linalg.norm(frame.data[:, :3], axis=1)
    assert r.min() >= 2.0 - 1e-5
    assert r.max() <= 5.0 + 1e-5


def test_echoes_are_lost_with_distance_and_incidence_as_documented(simulate) -> None:  # type: ignore[no-untyped-def]
    sim = simulate(MOUNT + '<geom type="plane" size="0 0 1" rgba=".2 .2 .2 1"/>')
    config = LidarConfig(beams=4, columns=720, elevation=(-20.0, -5.0), echo=3.0)
    lidar = Lidar(config=config)
    lidar.setup(sim)
    rng, kept, n = np.random.default_rng(0), np.zeros(4), 60
    for _ in range(n):
        z = lidar.read(sim, rng).data
        sine = -z[:, 2] / np.linalg.norm(z[:, :3], axis=1)
        kept += [np.sum(np.abs(sine - np.sin(np.deg2rad(a))) < 0.01) for a in (20, 15, 10, 5)]
    sines = np.sin(np.deg2rad([20, 15, 10, 5]))
    p = 1.0 - np.exp(-3.0 * (0.1 + 0.8 * 0.2) * sines * (20.0 / (1.3 / sines)) ** 2)
    share = kept / (n * 720)
    assert np.all(np.abs(share - p) < 4.0 * np.sqrt(p * (1.0 - p) / (n * 720)) + 1e-3)
    assert share[0] > 0.99 > 0.9 > share[3]


def test_intensity_is_reflectance_times_cosine(simulate) -> None:  # type: ignore[no-untyped-def]
    sim = simulate(MOUNT + '<geom type="plane" size="0 0 1" rgba="1 1 1 1"/>')
    frame = scan(sim)
    cosine = -frame.data[:, 2] / np.linalg.norm(frame.data[:, :3], axis=1)
    assert np.allclose(frame.data[:, 3], 0.9 * cosine, atol=1e-5)


def test_reflectance_follows_the_material(simulate) -> None:  # type: ignore[no-untyped-def]
    material = '<asset><material name="dark" rgba="0 0 0 1"/></asset>'
    model = simulate('<geom size=".1" material="dark"/><geom size=".1" rgba="1 1 1 1"/>' + MOUNT, material).model
    assert reflectance(model)[:2] == pytest.approx([0.1, 0.9])


def test_scanner_is_flat_and_looks_ahead(simulate) -> None:  # type: ignore[no-untyped-def]
    sim = simulate(
        '<body name="base"><site name="scan" pos=".2 0 .2"/><geom size=".01"/></body>'
        '<geom type="cylinder" size="3 1"/>'  # Seen from inside.
    )
    lidar = Lidar("scan", SCANNER)
    frame = check_sensor(lidar, sim)
    assert frame is not None
    assert np.all(np.abs(frame.data[:, 2]) < 1e-6)
    azimuth = np.degrees(np.arctan2(frame.data[:, 1], frame.data[:, 0]))
    assert len(azimuth) == 271
    assert [azimuth.min(), azimuth.max()] == pytest.approx([-135.0, 135.0])
    assert np.allclose(np.hypot(frame.data[:, 0] + 0.2, frame.data[:, 1]), 3.0, atol=1e-4)


def test_moving_things_are_seen_where_they_are(simulate) -> None:  # type: ignore[no-untyped-def]
    sim = simulate(MOUNT + '<body name="ball"><joint type="slide" axis="1 0 0"/><geom size=".5" pos="2 0 1.3"/></body>')
    lidar = Lidar(config=PERFECT)
    lidar.setup(sim)
    for shift in (0.0, 1.0, 3.0):
        sim.data.joint(0).qpos = shift
        mujoco.mj_kinematics(sim.model, sim.data)
        p = in_world(sim, lidar.read(sim, RNG))
        assert np.allclose(np.linalg.norm(p - [2.0 + shift, 0.0, 1.3], axis=1), 0.5, atol=1e-4)


def test_contract(simulate) -> None:  # type: ignore[no-untyped-def]
    assert check_sensor(Lidar(), simulate(MOUNT + '<geom type="plane" size="0 0 1"/>')) is not None


def test_no_mount(simulate) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(WorldError, match=r"no site 'lidar'\. It has: eye"):
        scan(simulate('<body name="base"><geom size=".1"/><site name="eye"/></body>'))


@pytest.mark.parametrize(
    "kwargs",
    [{"beams": 0}, {"columns": 0}, {"range": (3.0, 1.0)}, {"field": 400.0}, {"elevation": (10.0, -10.0)}],
)
def test_bad_config(kwargs) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError):
        LidarConfig(**kwargs)
