from __future__ import annotations

import mujoco
import numpy as np
import pytest

from yanshi.envs.senses.culling import hidden, outside

ROOM = """
<mujoco><visual><global offwidth="160" offheight="120"/></visual><worldbody>
  <light pos="0 0 3"/>
  <geom type="plane" size="5 5 .1"/>
  {geoms}
  <camera name="flat" pos="0 0 9" projection="orthographic" fovy="12"/>
</worldbody></mujoco>
"""


def shapes(rng: np.random.Generator, count: int = 60) -> str:
    """Boxes, cylinders, capsules and balls anywhere within 4 m."""
    lines = []
    for shape in rng.choice(["box", "cylinder", "capsule", "sphere"], count):
        position, turn, size = rng.uniform(-4, 4, 3), rng.uniform(-180, 180, 3), rng.uniform(0.02, 0.6, 3)
        numbers = (" ".join(map(str, values)) for values in (position, turn, size))
        lines.append('<geom type="{}" pos="{}" euler="{}" size="{}"/>'.format(shape, *numbers))
    return "".join(lines)


@pytest.fixture(scope="module")
def room() -> tuple[mujoco.MjModel, mujoco.MjData]:
    model = mujoco.MjModel.from_xml_string(ROOM.format(geoms=shapes(np.random.default_rng(0))))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def test_what_is_outside_is_in_no_picture(room) -> None:  # type: ignore[no-untyped-def]
    model, data = room
    rng, share = np.random.default_rng(1), []
    with mujoco.Renderer(model, 120, 160) as reference:
        reference.enable_segmentation_rendering()
        for _ in range(40):
            camera = mujoco.MjvCamera()
            camera.lookat[:], camera.distance = rng.uniform(-3, 3, 3), rng.uniform(0.1, 4.0)
            camera.azimuth, camera.elevation = rng.uniform(-180, 180), rng.uniform(-90, 90)
            reference.update_scene(data, camera)
            picture = reference.render()
            shown = np.unique(picture[..., 0][picture[..., 1] == mujoco.mjtObj.mjOBJ_GEOM])
            unseen = outside(model, data, reference.scene, 160 / 120)
            assert not unseen[shown].any()
            share.append(unseen.mean())
    assert 0.4 < np.mean(share) < 1.0


def test_nothing_is_outside_the_view_of_a_camera_without_a_pyramid(room) -> None:  # type: ignore[no-untyped-def]
    model, data = room
    with mujoco.Renderer(model, 120, 160) as reference:
        reference.update_scene(data, "flat")
        assert not outside(model, data, reference.scene, 160 / 120).any()


def test_hidden_geoms_come_back(room) -> None:  # type: ignore[no-untyped-def]
    model, _ = room
    before, some = model.geom_group.copy(), np.arange(model.ngeom) % 2 == 0
    with hidden(model, some):
        assert (model.geom_group[some] == 5).all()
        assert np.array_equal(model.geom_group[~some], before[~some])
    assert np.array_equal(model.geom_group, before)
