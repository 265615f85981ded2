"""A new sense: one class that reads the simulation. When, how late and how noisily it is read is `Timed`'s affair."""

import mujoco
import numpy as np

from yanshi.contracts import Frame
from yanshi.envs.senses.noise import Gaussian
from yanshi.envs.senses.sensor import Simulated, Timed, check_sensor
from yanshi.envs.senses.suite import register_sense
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import world


class PalmRange:
    """A range finder in the palm: distance [m] along the gripper's axis, -1 where there is nothing."""

    name, modality = "palm_range", "joints"

    def setup(self, sim: Simulated) -> None:
        self.site = sim.model.site(sim.robot.tcp_site).id
        self.base = sim.model.body(sim.robot.base_body).id

    def read(self, sim: Simulated, rng: np.random.Generator) -> Frame:
        start, axes = sim.data.site_xpos[self.site], sim.data.site_xmat[self.site].reshape(3, 3)
        distance = mujoco.mj_ray(sim.model, sim.data, start, axes[:, 2], None, 1, self.base, np.zeros(1, np.int32))
        return Frame(name=self.name, modality="joints", stamp=sim.time, rate=0.0, data=np.array([distance], np.float32))

    def close(self) -> None:
        pass


def senses() -> list[Timed]:
    return [Timed(PalmRange(), rate=25.0, latency=0.04, noise=Gaussian(0.002))]


register_sense("palm_range", senses)
with Simulation(world("tabletop", seed=0), senses(), seed=0) as sim:
    check_sensor(PalmRange(), sim)
    for _ in range(10):
        sim.step(sim.robot.action(gripper=0.08, linear=(0.0, 0.0, -0.1)))
        frame = sim.observe().frames["palm_range"]
        print(f"{sim.time:.2f} s: {frame.data[0]:.3f} m, measured at {frame.stamp:.2f} s")
