"""What a robot senses: step a simulated home and look at what arrives, each sense at its own rate."""

import os

os.environ.setdefault("MUJOCO_GL", "egl")

from yanshi.envs.senses.suite import sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import world

home = world("home", seed=1)
senses = sensor_suite(["rgb", "depth", "lidar", "audio", "touch"], home.robot)

with Simulation(home, senses, seed=1) as sim:
    for _ in range(25):  # one second
        sim.step(home.robot.action(gripper=0.08, base=(0.0, 0.0, 0.5)))
    observation = sim.observe()

for frame in observation.frames.values():
    print(f"{frame.name:12} {frame.modality:6} {frame.data.shape!s:15} {frame.data.dtype!s:8} at {frame.stamp:.2f} s")
print("odometry x, y [m], yaw [rad]:", observation.proprioception.odometry.round(3))
