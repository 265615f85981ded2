"""How a task becomes a Gymnasium id. By name only: nothing of MuJoCo is loaded before `gymnasium.make`."""

from __future__ import annotations

from importlib.util import find_spec


def register_environment(task: str) -> None:
    """Make ``yanshi/<task>-v0`` known to Gymnasium, single and vector form; once is enough."""
    if find_spec("gymnasium") is None:
        return
    from gymnasium.envs.registration import register, registry

    name = f"yanshi/{task}-v0"
    if name not in registry:
        register(
            id=name,
            entry_point="yanshi.envs.gym_env:YanshiEnv",
            vector_entry_point="yanshi.envs.vector_env:YanshiVectorEnv",
            kwargs={"task": task},
        )
