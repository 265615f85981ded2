from __future__ import annotations

import mujoco
import numpy as np
import pytest

from yanshi.envs.senses.camera import CameraConfig, ColorCamera, DepthCamera, camera_pose, intrinsics, segmentation
from yanshi.envs.senses.rendering import PRETTY, Renderer, close_shared_renderer, gl_renderer_name, shared_renderer
from yanshi.envs.senses.sensor import check_sensor
from yanshi.errors import InputError, RenderingError, WorldError

RNG = np.random.default_rng(0)
ROOM = """
<light name="lamp" pos="1 0 3" ambient=".3 .3 .3"/>
<geom name="floor" type="plane" size="5 5 .1"/>
<geom name="box" type="box" size=".1 .3 .2" pos="2 .6 .2" euler="0 0 30"/>
<geom name="wall" type="box" size=".1 3 1.5" pos="3.5 0 1.5"/>
<geom name="ball" type="sphere" size=".15" pos="1.6 -.5 .5"/>
<body name="base" pos=".1 -.2 0" euler="0 0 10">
  <geom type="cylinder" size=".2 .1" pos="0 0 .1"/>
  <camera name="head" pos="0 .1 1.2" xyaxes="0 -1 0 .45 0 .893" fovy="60"/>
</body>
"""


@pytest.fixture
def room(simulate):  # type: ignore[no-untyped-def]
    sim = simulate(ROOM)
    yield sim
    close_shared_renderer(sim.model)


def read(sensor, sim):  # type: ignore[no-untyped-def]
    sensor.setup(sim)
    return sensor.read(sim, RNG)


def rays(sim, width: int, height: int):  # type: ignore[no-untyped-def]
    """Distance along the optical axis and geom by `mj_ray` through the centre of every pixel."""
    camera = 0
    K, T = intrinsics(sim.model, camera, width, height), camera_pose(sim.data, camera)
    depth, geoms, geom = np.full((height, width), np.nan), np.full((height, width), -1), np.empty(1, np.int32)
    for v in range(height):
        for u in range(width):
            ray_c = np.array([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], 1.0])
            ray = T[:3, :3] @ ray_c
            scale = np.linalg.norm(ray)
            far = mujoco.mj_ray(sim.model, sim.data, T[:3, 3], ray / scale, None, 1, -1, geom)
            if far >= 0.0:
                depth[v, u], geoms[v, u] = far / scale, geom[0]
    return depth, geoms


@pytest.mark.parametrize(("width", "height"), [(64, 64), (80, 48)])
def test_depth_agrees_with_rays_through_pixel_centres(room, width: int, height: int) -> None:  # type: ignore[no-untyped-def]
    config = CameraConfig(width=width, height=height, darkness=0.0)
    frame = read(DepthCamera(config=config), room)
    expected, geoms = rays(room, width, height)
    expected[(expected < config.range[0]) | (expected > config.range[1])] = np.nan
    # At an outline the pixel and the ray may meet different things, so compare where the neighbours meet the same one.
    inner = np.ones_like(geoms, bool)
    for axis in (0, 1):
        for shift in (-1, 1):
            inner &= np.roll(geoms, shift, axis) == geoms
    both = inner & np.isfinite(frame.data) & np.isfinite(expected)
    assert both.mean() > 0.8
    assert np.abs(frame.data - expected)[both & (expected < 2.5)].max() < 0.01
    assert np.abs(frame.data - expected)[both].max() < 0.02
    assert np.array_equal(np.isfinite(frame.data)[inner], np.isfinite(expected)[inner])


def test_segmentation_agrees_with_rays(room) -> None:  # type: ignore[no-untyped-def]
    _, geoms = rays(room, 64, 64)
    assert (segmentation(room, "head", 64, 64) == geoms).mean() > 0.985


@pytest.mark.parametrize("position", [(1.5, 0.1, 0.6), (2.5, -0.8, 1.0), (1.2, 0.5, 0.1)])
def test_a_ball_appears_where_K_and_T_say(simulate, position: tuple[float, float, float]) -> None:  # type: ignore[no-untyped-def]
    x, y, z = position
    body = '<body name="base" pos=".1 -.2 0" euler="0 0 10"><geom size=".05"/>' + (
        '<camera name="head" pos="0 .1 1.2" xyaxes="0 -1 0 .45 0 .893" fovy="60"/></body>'
    )
    light = "<visual><headlight ambient='1 1 1' diffuse='0 0 0' specular='0 0 0'/></visual>"
    sim = simulate(f'<geom size=".03" pos="{x} {y} {z}" rgba="1 0 0 1"/>{body}', light)
    frame = read(ColorCamera(config=CameraConfig(width=256, height=192)), sim)
    v, u = np.nonzero(frame.data[..., 0] > 60)
    assert len(u) > 10
    assert frame.T_bs is not None
    assert frame.K is not None
    base_w = np.eye(4)
    base_w[:3, :3] = sim.data.body("base").xmat.reshape(3, 3)
    base_w[:3, 3] = sim.data.body("base").xpos
    p = np.linalg.inv(base_w @ frame.T_bs) @ [x, y, z, 1.0]
    pixel = frame.K @ p[:3] / p[2]
    assert np.hypot(u.mean() - pixel[0], v.mean() - pixel[1]) < 0.3
    close_shared_renderer(sim.model)


def test_nothing_nearer_or_farther_than_the_range(room) -> None:  # type: ignore[no-untyped-def]
    frame = read(DepthCamera(config=CameraConfig(range=(1.5, 2.5))), room)
    some = frame.data[np.isfinite(frame.data)]
    assert np.isnan(frame.data).any()
    assert some.min() >= 1.5
    assert some.max() <= 2.5


def test_a_near_thing_is_seen_in_a_large_world(simulate) -> None:  # type: ignore[no-untyped-def]
    """MuJoCo would clip it: its near plane is a share of the extent of the model."""
    sim = simulate(
        '<light pos="0 0 3"/><geom type="plane" size="50 50 .1"/><geom type="box" size="1 1 1" pos="40 0 1"/>'
        '<geom name="near" type="box" size=".01 .05 .05" pos=".09 0 1"/>'
        '<body name="base"><geom size=".01"/><camera name="head" pos="0 0 1" xyaxes="0 -1 0 0 0 1"/></body>'
    )
    frame = read(DepthCamera(config=CameraConfig(range=(0.02, 8.0), darkness=0.0)), sim)
    assert frame.data[64, 64] == pytest.approx(0.08, abs=1e-3)
    close_shared_renderer(sim.model)


def test_in_the_dark_there_is_no_depth_and_no_picture(room) -> None:  # type: ignore[no-untyped-def]
    room.model.vis.headlight.ambient[:] = 0.0
    room.model.vis.headlight.diffuse[:] = 0.0
    room.model.vis.headlight.specular[:] = 0.0
    color, depth = ColorCamera(), DepthCamera()
    lit = read(depth, room)
    assert np.isfinite(lit.data).mean() > 0.5
    room.model.light_active[0] = 0
    assert read(color, room).data.max() <= 6
    assert np.isnan(read(depth, room).data).all()


def test_colour_and_depth_are_one_pass(room, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    passes = []
    render = mujoco.mjr_render
    monkeypatch.setattr(mujoco, "mjr_render", lambda *args: (passes.append(1), render(*args)))
    color, depth = ColorCamera(), DepthCamera()
    first = read(color, room)
    read(depth, room)
    assert len(passes) == 1
    room.data.time += 0.1
    assert np.array_equal(read(color, room).data, first.data)
    assert len(passes) == 2


@pytest.mark.parametrize("sensor", [ColorCamera(), DepthCamera()])
def test_contract(room, sensor) -> None:  # type: ignore[no-untyped-def]
    frame = check_sensor(sensor, room)
    assert frame is not None
    assert frame.name == f"head_{frame.modality}"


def test_sites_are_not_drawn(simulate) -> None:  # type: ignore[no-untyped-def]
    scene = '<body name="base"><geom size=".01"/><camera name="head" pos="0 0 1" xyaxes="0 -1 0 0 0 1"/></body>'
    sim = simulate(scene + '<site type="box" size=".1 1 1" pos="1 0 1" rgba="1 1 1 1"/>')
    assert read(ColorCamera(), sim).data.max() == 0
    close_shared_renderer(sim.model)


def test_pretty_is_larger_and_different(room) -> None:  # type: ignore[no-untyped-def]
    fast, pretty = shared_renderer(room.model), Renderer(room.model, PRETTY, (320, 240))
    a, b = fast.view(room.data, 0, 320, 240).rgb, pretty.view(room.data, 0, 320, 240).rgb
    assert a.shape == b.shape == (240, 320, 3)
    assert not np.array_equal(a, b)  # Shadows and smooth edges.
    assert np.abs(a.astype(int) - b).mean() < 30
    assert pretty.view(room.data, 0, 800, 600).rgb.shape == (600, 800, 3)  # It grows.
    pretty.close()


def test_the_model_keeps_its_own_quality(room) -> None:  # type: ignore[no-untyped-def]
    assert room.model.vis.quality.shadowsize == 4096
    shared_renderer(room.model)
    assert room.model.vis.quality.shadowsize == 4096
    assert room.model.vis.global_.offwidth == 640


def test_who_draws_is_named() -> None:
    name = gl_renderer_name()
    assert len(name) > 5
    assert "unknown" not in name


def test_unknown_camera(room) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(WorldError, match=r"no camera 'haed'\. It has: head"):
        ColorCamera("haed").setup(room)


def test_no_gl_says_what_to_install(room, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("MUJOCO_GL", "off")
    with pytest.raises(RenderingError, match="MUJOCO_GL=off forbids rendering"):
        Renderer(room.model)
    monkeypatch.setenv("MUJOCO_GL", "egl")
    monkeypatch.setattr("mujoco.egl.EGL_DISPLAY", None)
    monkeypatch.setenv("MUJOCO_EGL_DEVICE_ID", "999")
    with pytest.raises(RenderingError, match="apt-get install -y libegl1"):
        Renderer(room.model)


@pytest.mark.parametrize("kwargs", [{"width": 0}, {"range": (2.0, 1.0)}])
def test_bad_config(kwargs) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError):
        CameraConfig(**kwargs)
