"""A new robot: an MJCF file, and which of its parts are what. Everything that ran with ours runs with it."""

from pathlib import Path

import numpy as np

from yanshi.envs.robots import Robot, check_robot, register
from yanshi.envs.senses.suite import sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import world

ARM = ("waist", "shoulder", "elbow", "wrist_roll", "wrist_bend", "wrist_turn")
SIX_AXIS = Robot(
    name="six_axis",
    mjcf=Path(__file__).parent / "assets" / "six_axis.xml",
    base_body="pedestal",
    arm_joints=ARM,
    arm_actuators=ARM,
    tcp_site="tcp",
    gripper_actuator="gripper",
    finger_joints=("left", "right"),
    finger_pads=("left_pad", "right_pad"),
    max_opening=0.08,
    gripper_ctrl=(0.0, 0.08),
    home={"shoulder": 0.2, "elbow": 1.4, "wrist_bend": 1.54, "left": 0.04, "right": 0.04},
)
check_robot(SIX_AXIS)
register(SIX_AXIS)

with Simulation(world("tabletop", seed=0, robot=SIX_AXIS), sensor_suite(["rgb", "touch"], SIX_AXIS)) as sim:
    before = sim.observe().proprioception.T_be[:3, 3]
    for _ in range(25):  # one second at 10 cm/s
        sim.step(SIX_AXIS.action(gripper=0.0, linear=(0.0, 0.1, 0.0)))
    moved = sim.observe().proprioception.T_be[:3, 3] - before
    print("the tool moved by", np.round(moved, 3), "m")
