from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest

from yanshi.envs.worlds import catalog
from yanshi.envs.worlds.catalog import COLORS, kind, kinds, load
from yanshi.envs.worlds.scene import SIZES
from yanshi.errors import InputError, UnknownNameError, WorldError

MOVABLE = [name for name in kinds("object") if kind(name).movable]
CUBE = "<mujoco><worldbody><body name='b'><geom type='box' size='.02 .02 .02'/></body></worldbody></mujoco>"


def test_there_is_enough_of_everything() -> None:
    assert len(MOVABLE) >= 20
    assert sum(kind(name).category in ("fixture", "control") for name in kinds()) >= 8
    assert len([name for name in kinds() if kind(name).sound is not None]) >= 6
    assert len({kind(name).sound for name in kinds()} - {None}) >= 6
    assert any(kind(name).parts for name in kinds("fixture"))


@pytest.mark.parametrize("name", kinds())
def test_every_file_says_what_it_is(name: str) -> None:
    form = kind(name)
    assert form.label
    assert form.material
    assert set(form.colors) <= set(COLORS)
    assert set(form.sizes) <= set(SIZES)
    if form.category == "object":
        assert form.colors
        assert form.shape
    for part in (form.root, *form.parts.values()):
        assert (part.articulation is None) == ("open" not in catalog.affordances(part))


@pytest.mark.parametrize("name", MOVABLE)
def test_every_object_fits_between_the_fingers_from_above(name: str) -> None:
    """Rays through the object at the height of the finger tips find a width that an 8 cm gripper can close on."""
    for size in kind(name).sizes:
        spec = load(name, SIZES[size])
        model = spec.compile()
        data = mujoco.MjData(model)
        mujoco.mj_kinematics(model, data)
        extent = kind(name).extent * SIZES[size]
        assert extent[2] >= 0.019
        height = max(0.0, extent[2] / 2 - 0.035)
        widths = [_width(model, data, height, angle) for angle in np.arange(0.0, np.pi, np.pi / 12)]
        limit = 0.065 if size == "medium" else 0.070
        assert 0.005 < min(widths) <= limit, f"{name} {size}: {min(widths):.3f} m"


def _width(model: mujoco.MjModel, data: mujoco.MjData, height: float, angle: float) -> float:
    """Greatest distance across the centre and 5 mm to both sides of it, as finger pads meet it."""
    along, across = np.array([np.cos(angle), np.sin(angle), 0.0]), np.array([-np.sin(angle), np.cos(angle), 0.0])
    hit = np.zeros(1, np.int32)
    reach = []
    for sign in (1.0, -1.0):
        distances = [
            mujoco.mj_ray(model, data, sign * along + side * across + [0, 0, height], -sign * along, None, 1, -1, hit)
            for side in (-0.005, 0.0, 0.005)
        ]
        reach.append(max(1.0 - d for d in distances if d >= 0) if max(distances) >= 0 else np.inf)
    return float(sum(reach))


@pytest.mark.parametrize("name", kinds())
def test_the_origin_is_the_centre_of_the_box(name: str) -> None:
    """The corners of all solid geoms, sampled as points, fill the box that the kind reports."""
    spec = load(name)
    own = catalog.root(spec)
    model = spec.compile()
    points = []
    for geom in range(model.ngeom):
        solid = model.geom_contype[geom] or model.geom_conaffinity[geom]
        if model.geom_bodyid[geom] == model.body(own.name).id and (solid or name in ("mat", "rug")):
            points.append(_surface_points(model, geom))
    cloud = np.concatenate(points)
    half = kind(name).extent / 2
    base = np.zeros(3) if kind(name).category in ("object", "door") else np.array([0, 0, half[2]])
    np.testing.assert_allclose(cloud.max(axis=0), base + half, atol=1.5e-3)
    np.testing.assert_allclose(cloud.min(axis=0), base - half, atol=1.5e-3)


def _surface_points(model: mujoco.MjModel, geom: int) -> np.ndarray:
    size, shape = model.geom_size[geom], model.geom_type[geom]
    u = np.stack(np.meshgrid(np.linspace(0, 2 * np.pi, 73), np.linspace(-np.pi / 2, np.pi / 2, 37)), axis=-1).reshape(
        -1, 2
    )
    ball = np.stack([np.cos(u[:, 1]) * np.cos(u[:, 0]), np.cos(u[:, 1]) * np.sin(u[:, 0]), np.sin(u[:, 1])], axis=-1)
    if shape == mujoco.mjtGeom.mjGEOM_BOX:
        local = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * size
    elif shape == mujoco.mjtGeom.mjGEOM_SPHERE:
        local = ball * size[0]
    elif shape == mujoco.mjtGeom.mjGEOM_ELLIPSOID:
        local = ball * size
    elif shape == mujoco.mjtGeom.mjGEOM_CAPSULE:
        local = np.concatenate([ball * size[0] + [0, 0, size[1]], ball * size[0] - [0, 0, size[1]]])
    else:
        ring = np.stack([np.cos(u[:, 0]), np.sin(u[:, 0])], axis=-1) * size[0]
        local = np.concatenate([np.c_[ring, np.full(len(u), h)] for h in (-size[1], size[1])])
    turn = np.zeros(9)
    mujoco.mju_quat2Mat(turn, model.geom_quat[geom])
    return local @ turn.reshape(3, 3).T + model.geom_pos[geom]


def test_scaling_keeps_density() -> None:
    small, large = load("cube", 1.0).compile(), load("cube", 1.15).compile()
    assert large.body_mass[1] / small.body_mass[1] == pytest.approx(1.15**3)
    assert large.geom_size[0] == pytest.approx(small.geom_size[0] * 1.15)


def test_a_user_adds_a_kind_with_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_EXTRA", {})
    file = tmp_path / "pebble.xml"
    file.write_text(CUBE)
    catalog.register_kind(file)
    assert "pebble" in kinds("object")
    np.testing.assert_allclose(kind("pebble").extent, 0.04)
    with pytest.raises(InputError, match="exists already"):
        catalog.register_kind(file)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<mujoco><worldbody>", "not valid MJCF: XML"),
        ("<mujoco><worldbody/></mujoco>", r"expected one root body, got 0 \(none\)"),
        (
            "<mujoco><worldbody><body name='b'><geom type='box' size='1 0 1'/></body></worldbody></mujoco>",
            "does not compile: .*size",
        ),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, reason: str) -> None:
    file = tmp_path / "broken.xml"
    file.write_text(text)
    monkeypatch.setattr(catalog, "_EXTRA", {"broken": file})
    with pytest.raises(WorldError, match=reason) as caught:
        kind("broken")
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_kind_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'mug'"):
        kind("mugg")
