"""Where it happens: worlds, robots, simulated senses, tasks and the oracle.

Importing this registers ``yanshi/<Task>-v0`` with Gymnasium, where it is installed, by name only: MuJoCo is not loaded.
"""

from importlib.util import find_spec

from yanshi.envs.suites import suite


def _register() -> None:
    from gymnasium.envs.registration import register, registry

    for name in suite("all"):
        if f"yanshi/{name}-v0" not in registry:
            register(
                id=f"yanshi/{name}-v0",
                entry_point="yanshi.envs.gym_env:YanshiEnv",
                vector_entry_point="yanshi.envs.vector_env:YanshiVectorEnv",
                kwargs={"task": name},
            )


if find_spec("gymnasium") is not None:
    _register()
