"""Where it happens: worlds, robots, simulated senses, tasks and the oracle.

Importing this registers ``yanshi/<Task>-v0`` with Gymnasium, where it is installed, by name only: MuJoCo is not loaded.
"""

from yanshi.envs.registration import register_environment
from yanshi.envs.suites import suite

for _task in suite("all"):
    register_environment(_task)
