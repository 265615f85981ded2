"""What a file of a model holds: its whole state as named arrays and JSON, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from yanshi.agent.learning.checkpoint import Arrays
from yanshi.agent.learning.config import SACfDConfig
from yanshi.agent.learning.demonstrations import Demonstrations
from yanshi.agent.learning.losses import State
from yanshi.agent.learning.moments import Moments
from yanshi.agent.learning.replay import Replay
from yanshi.agent.learning.steps import Sizes, Steps
from yanshi.errors import InputError

if TYPE_CHECKING:
    from yanshi.agent.learning.sacfd import SACfD

KIND = "SACfD"
VERSION = 1


def names(state: State) -> list[str]:
    """A name for each array of a state, from its place in the tree: ``state.critics[0][1][0]``."""
    return [f"state{jax.tree_util.keystr(path)}" for path, _ in jax.tree_util.tree_flatten_with_path(state)[0]]


def pack(model: SACfD, experience: bool) -> tuple[Arrays, dict[str, Any]]:
    """All arrays and all else of a model."""
    leaves = jax.tree.leaves(model.state)
    arrays: Arrays = {name: np.asarray(leaf) for name, leaf in zip(names(model.state), leaves, strict=True)}
    arrays["moments.mean"], arrays["moments.squares"] = model.moments.mean, model.moments.squares
    sizes = model.sizes
    meta: dict[str, Any] = {
        "kind": KIND,
        "version": VERSION,
        "config": model.config.to_json(),
        "sizes": [sizes.observation, sizes.goal, sizes.action],
        "seed": model.seed,
        "num_timesteps": model.num_timesteps,
        "episodes": model._episode_num,
        "updates": model._n_updates,
        "critic_updates": model.critic_updates,
        "cloned": model.cloned,
        "moments_count": model.moments.count,
        "rewards": [float(value) for value in model.rewards],
        "rng": model.rng.bit_generator.state,
        "experience": experience,
    }
    if experience:
        replay = model.replay_buffer
        meta["replay"] = {"size": replay.size, "head": replay.head}
        arrays |= _packed("replay", replay.steps.take(slice(0, replay.size)))
        arrays["replay.last"] = replay.last[: replay.size].astype(np.int64)
        if model.demonstrations is not None:
            arrays |= _packed("shown", model.demonstrations.steps)
            arrays["shown.lengths"] = np.array([len(episode) for episode in model.demonstrations.episodes], np.int64)
            arrays["shown.success"] = model.demonstrations.success
    return arrays, meta


def needed(file: Path, arrays: Arrays, meta: dict[str, Any]) -> tuple[SACfDConfig, int, Demonstrations | None]:
    """What a model must be made with, before its state is put into it.

    Raises:
        InputError: the file is of another kind or version.
    """
    if meta.get("kind") != KIND or meta.get("version") != VERSION:
        raise InputError(
            f"{file}: expected a model of kind {KIND}, version {VERSION}, "
            f"got {meta.get('kind')!r}, version {meta.get('version')!r}."
        )
    config = SACfDConfig.from_json(meta["config"])
    if "shown.lengths" not in arrays:
        return config, int(meta["seed"]), None
    ends = np.cumsum(arrays["shown.lengths"])
    steps = _unpacked("shown", arrays, file)
    episodes = tuple(steps.take(slice(int(a), int(b))) for a, b in zip([0, *ends[:-1]], ends, strict=True))
    return config, int(meta["seed"]), Demonstrations(episodes, arrays["shown.success"])


def unpack(model: SACfD, file: Path, arrays: Arrays, meta: dict[str, Any]) -> None:
    """Put a state into a model that was made with what is `needed`.

    Raises:
        InputError: the spaces differ, or an array is missing or has another shape.
    """
    sizes = Sizes(*meta["sizes"])
    if sizes != model.sizes:
        raise InputError(f"{file}: was trained on {sizes}, the environment has {model.sizes}.")
    leaves, tree = jax.tree.flatten(model.state)
    found = [_array(arrays, name, leaf.shape, file) for name, leaf in zip(names(model.state), leaves, strict=True)]
    model.state = jax.tree.unflatten(
        tree, [jnp.asarray(array, dtype=leaf.dtype) for array, leaf in zip(found, leaves, strict=True)]
    )
    width = model.moments.mean.shape
    model.moments = Moments(
        _array(arrays, "moments.mean", width, file),
        _array(arrays, "moments.squares", width, file),
        float(meta["moments_count"]),
    )
    model.num_timesteps, model._episode_num = int(meta["num_timesteps"]), int(meta["episodes"])
    model._n_updates, model.critic_updates = int(meta["updates"]), int(meta["critic_updates"])
    model.cloned = bool(meta["cloned"])
    model.rewards = [float(value) for value in meta["rewards"]]
    model.rng.bit_generator.state = meta["rng"]
    if meta["experience"]:
        _restore(model.replay_buffer, arrays, meta["replay"], file)
    model.take_policy()


def _restore(replay: Replay, arrays: Arrays, counters: dict[str, int], file: Path) -> None:
    steps = _unpacked("replay", arrays, file)
    if len(steps) > replay.capacity or len(arrays["replay.last"]) != len(steps):
        raise InputError(f"{file}: the replay does not fit its capacity of {replay.capacity} steps.")
    replay.steps.write(0, steps)
    replay.last[: len(steps)] = arrays["replay.last"]
    replay.size, replay.head = int(counters["size"]), int(counters["head"])


def _array(arrays: Arrays, name: str, shape: tuple[int, ...], file: Path) -> Any:
    if name not in arrays or arrays[name].shape != shape:
        got = arrays[name].shape if name in arrays else "nothing"
        raise InputError(f"{file}: expected '{name}' of shape {shape}, got {got}.")
    return arrays[name]


def _packed(prefix: str, steps: Steps) -> Arrays:
    return {f"{prefix}.{name}": getattr(steps, name) for name in Steps.__dataclass_fields__}


def _unpacked(prefix: str, arrays: Arrays, file: Path) -> Steps:
    missing = [name for name in Steps.__dataclass_fields__ if f"{prefix}.{name}" not in arrays]
    if missing:
        raise InputError(f"{file}: expected the arrays {prefix}.*, {', '.join(missing)} are missing.")
    return Steps(*(arrays[f"{prefix}.{name}"] for name in Steps.__dataclass_fields__))
