"""The shipped recipe reads what the simulated robots sense."""

import time

import numpy as np
import pytest
import torch

from yanshi.contracts import Observation
from yanshi.envs.robots import robot
from yanshi.envs.senses.suite import sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import compose, home, tabletop
from yanshi.perception.embodied_lm.assemble import assemble
from yanshi.perception.embodied_lm.fakes import fake_language_model, fake_tokenizer
from yanshi.perception.embodied_lm.recipes import small_senses

SENSES = ("rgb", "depth", "lidar", "audio", "touch", "force")


def clip_of(world: str, name: str, steps: int = 8) -> list[Observation]:
    scene = (home if world == "home" else tabletop)(np.random.default_rng(1))
    made = compose(scene, robot(name))
    with Simulation(made, sensor_suite(SENSES, made.robot)) as sim:
        clip = []
        for _ in range(steps):
            sim.step(np.zeros(len(sim.robot.action_names), dtype=np.float32))
            clip.append(sim.observe())
    return clip


@pytest.mark.slow
@pytest.mark.parametrize(("world", "name", "joints"), [("home", "mobile_panda", 9), ("tabletop", "panda", 7)])
def test_it_reads_what_the_robots_sense(world: str, name: str, joints: int) -> None:
    clip = clip_of(world, name)
    model, processor = assemble(fake_language_model(), fake_tokenizer(), small_senses(joints=joints))
    inputs = processor(text="what is there?", observation=clip)
    present = {key.removesuffix("_mask") for key in inputs if key.endswith("_mask")} - {"attention"}
    assert present >= {"camera", "depth", "lidar", "sound", "body"}
    assert inputs["camera_mask"].sum() == 2
    assert not torch.isnan(inputs["body_values"]).any()
    with torch.no_grad():
        soft = model.sense(**{key: inputs[key] for key in model.sense_keys() if key in inputs})
        assert sum(int(tokens.mask.sum()) for tokens in soft.values()) == 20
        assert torch.isfinite(model(**inputs).logits).all()
        started = time.process_time()
        one = processor(text="what is there?", observation=clip[-1])
        model.sense(**{key: one[key] for key in model.sense_keys() if key in one})
    assert time.process_time() - started < 0.4  # [CPU s]; some 0.05 alone, and the machine may be busy.
