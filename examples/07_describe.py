"""Describe what is sensed: raw senses, the things that the eye finds, and a language model that is asked about them."""

import os

os.environ.setdefault("MUJOCO_GL", "egl")

from yanshi.agent.perceiving import learned_perception
from yanshi.agent.seeing.furniture import part_shapes
from yanshi.envs.senses.suite import sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import world
from yanshi.perception.embodied_lm.model import EmbodiedLM
from yanshi.perception.embodied_lm.pointing import named
from yanshi.perception.embodied_lm.processor import EmbodiedProcessor
from yanshi.perception.readers.objects import sensed

table = world("tabletop", seed=3)
senses = sensor_suite(["rgb", "depth", "lidar", "audio", "touch", "force"], table.robot)
with Simulation(table, senses, seed=3) as sim:
    clip = []
    for _ in range(26):  # one second of sound
        sim.step(table.robot.action(gripper=0.08))
        clip.append(sim.observe())

perception = learned_perception(table.floor_plan, part_shapes(table))
things = sensed(perception.perceive(clip[-1]))
model = EmbodiedLM.from_pretrained("yanshi-small")
processor = EmbodiedProcessor.from_pretrained("yanshi-small")
for question in ("Describe what you sense.", "What do you hear?", "Is it dark?", "Are you holding anything?"):
    inputs = processor(observation=clip, text=question, objects=things)
    answer = processor.answers(model.generate(**inputs, max_new_tokens=64), inputs)[0]
    print(f"{question} {named(answer, [thing.words for thing in things])}")
