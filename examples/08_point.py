"""Point at a thing: the language model answers with a token, which is a thing with a place, and draws nothing up."""

import os

os.environ.setdefault("MUJOCO_GL", "egl")

from PIL import Image, ImageDraw

from yanshi.envs.senses.suite import sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import world
from yanshi.perception.embodied_lm.model import EmbodiedLM
from yanshi.perception.embodied_lm.processor import EmbodiedProcessor
from yanshi.perception.grounding.eye import Eye
from yanshi.perception.grounding.views import camera_views
from yanshi.perception.readers.objects import sensed_of

table = world("tabletop", seed=3)
with Simulation(table, sensor_suite(["rgb", "depth"], table.robot), seed=3) as sim:
    for _ in range(6):
        sim.step(table.robot.action(gripper=0.08))
    observation = sim.observe()

pose = observation.proprioception.odometry
found = Eye.from_file().look([v for v in camera_views(observation.frames.values()) if v.name == "head_rgb"], pose)
things = sensed_of(found, pose)
model = EmbodiedLM.from_pretrained("yanshi-small")
processor = EmbodiedProcessor.from_pretrained("yanshi-small")
picture = Image.fromarray(observation.frames["head_rgb"].data)
for thing in things[:3]:
    inputs = processor(text=f"Which one is the {thing.words}?", objects=things)
    answer = processor.answers(model.generate(**inputs, max_new_tokens=16), inputs)[0]
    for index in processor.objects_in(answer):
        print(f"the {thing.words}: {answer} at {things[index].position_b.round(2)} m")
        ImageDraw.Draw(picture).rectangle(found[index].box, outline="red")
picture.resize((512, 512)).save("pointed.png")
