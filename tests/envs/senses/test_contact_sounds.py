"""A ball that falls is heard when it lands, not before, and as loud as it was fast."""

from __future__ import annotations

from types import SimpleNamespace

import mujoco
import numpy as np
import pytest

from yanshi.envs.senses.contact_sounds import MATERIALS, ContactSounds, Impact, contact_table

WORLD = """
<mujoco>
  <option timestep="0.002"/>
  <worldbody>
    <geom name="floor" type="plane" size="9 9 .1"/>
    <body name="box" pos="1 0 0.05"><freejoint/><geom type="box" size="0.05 0.05 0.05" mass="1"/></body>
    <body name="ball" pos="0 0 1.05"><freejoint/>
      <geom type="sphere" size="0.05" mass="0.1" solref="0.004 1"/>
    </body>
  </worldbody>
</mujoco>
"""
GRAVITY = 9.81


def drop(height: float, seconds: float = 1.0, material: str = "metal") -> list[Impact]:
    """Every impact after a ball is let go."""
    model = mujoco.MjModel.from_xml_string(WORLD)
    data = mujoco.MjData(model)
    data.joint(1).qpos[2] = height + 0.05
    mujoco.mj_forward(model, data)
    thing = SimpleNamespace(body=model.body("ball").id, entity=SimpleNamespace(attributes={"material": material}))
    contacts = ContactSounds(model, SimpleNamespace(entities={"ball": thing}), 16_000.0)  # type: ignore[arg-type]
    impacts = []
    for _ in range(round(seconds / 0.02)):
        sim = SimpleNamespace(model=model, data=data, time=data.time)
        impacts += contacts.collect(sim)  # type: ignore[arg-type]
        mujoco.mj_step(model, data, nstep=10)
    return impacts


@pytest.mark.parametrize("height", [0.1, 0.3, 0.5, 0.77, 1.0])
def test_a_drop_is_heard_once_when_it_lands(height: float) -> None:
    impact, *bounces = drop(height)
    assert impact.time == pytest.approx(np.sqrt(2.0 * height / GRAVITY), abs=0.006)
    assert impact.speed == pytest.approx(np.sqrt(2.0 * height * GRAVITY), rel=0.1)
    assert np.allclose(impact.position_w, 0.0, atol=0.02)
    assert all(bounce.speed < 0.1 * impact.speed for bounce in bounces)


def test_what_rests_is_silent() -> None:
    assert drop(0.0005) == []


def test_louder_when_faster() -> None:
    gains = [drop(height)[0].gain for height in (0.1, 0.3, 1.0)]
    assert gains == sorted(gains)


@pytest.mark.parametrize("material", MATERIALS)
def test_materials_ring_as_they_should(material: str) -> None:
    """The strongest frequency of a 10 cm piece is among its modes."""
    table = contact_table(material, 0.1, 16_000.0)
    sound = table.band(0).real[::16]
    spectrum = np.abs(np.fft.rfft(sound))
    frequency = np.fft.rfftfreq(len(sound), 1.0 / 16_000.0)
    strongest = frequency[np.argmax(spectrum)]
    modes = MATERIALS[material].pitch * np.array(MATERIALS[material].ratios)
    assert np.abs(modes / strongest - 1.0).min() < 0.15


def test_metal_rings_longer_than_wood_and_wood_is_shorter_than_a_fifth_of_a_second() -> None:
    def lasts(material: str) -> float:
        sound = contact_table(material, 0.1, 16_000.0).band(0).real[::16]
        energy = np.cumsum(sound**2)
        return float(np.searchsorted(energy, 0.95 * energy[-1]) / 16_000.0)

    assert lasts("metal") > lasts("glass") > lasts("ceramic") > lasts("wood")
    assert lasts("wood") < 0.2


def test_smaller_is_higher() -> None:
    def centre(size: float) -> float:
        sound = contact_table("ceramic", size, 16_000.0).band(0).real[::16]
        power = np.abs(np.fft.rfft(sound)) ** 2
        return float((power * np.fft.rfftfreq(len(sound), 1.0 / 16_000.0)).sum() / power.sum())

    assert centre(0.03) > centre(0.12) > centre(1.0)
