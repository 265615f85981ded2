"""Steps in flat arrays, and the cutting of chunks into episodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.learning.features import Floats, Parts, features
from yanshi.agent.learning.rollouts import Chunk


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of one step."""

    observation: int
    goal: int
    action: int


@dataclass(frozen=True, slots=True)
class Steps:
    """n steps in flat arrays (n, …), those of an episode one after another."""

    observation: Floats
    achieved: Floats
    desired: Floats
    action: Floats
    label: Floats
    reward: Floats
    next_observation: Floats
    next_achieved: Floats
    terminal: Floats

    @staticmethod
    def empty(count: int, sizes: Sizes) -> Steps:
        """Zeros."""
        o, g, a = sizes.observation, sizes.goal, sizes.action
        shapes = (
            (count, o),
            (count, g),
            (count, g),
            (count, a),
            (count, a),
            (count,),
            (count, o),
            (count, g),
            (count,),
        )
        return Steps(*(np.zeros(shape, dtype=np.float32) for shape in shapes))

    @staticmethod
    def of(chunk: Chunk, env: int, which: slice) -> Steps:
        """The steps of one environment in a chunk."""
        now, after = chunk.now, chunk.after
        return Steps(
            now.observation[which, env],
            now.achieved[which, env],
            now.desired[which, env],
            chunk.action[which, env],
            chunk.label[which, env],
            chunk.reward[which, env],
            after.observation[which, env],
            after.achieved[which, env],
            chunk.terminal[which, env].astype(np.float32),
        )

    @staticmethod
    def joined(some: list[Steps]) -> Steps:
        """All, one after another."""
        return Steps(*(np.concatenate([getattr(steps, field.name) for steps in some]) for field in fields(Steps)))

    def __len__(self) -> int:
        return len(self.reward)

    def write(self, at: int, steps: Steps) -> None:
        """Copy steps to a place."""
        for field in fields(Steps):
            getattr(self, field.name)[at : at + len(steps)] = getattr(steps, field.name)

    def take(self, index: NDArray[np.intp] | slice) -> Steps:
        """Some of them."""
        return Steps(*(getattr(self, field.name)[index] for field in fields(Steps)))

    def features(self) -> Floats:
        """(n, d) of the states in which the steps were taken."""
        return features(Parts(self.observation, self.achieved, self.desired))

    def next_features(self) -> Floats:
        """(n, d) of the states that they led to."""
        return features(Parts(self.next_observation, self.next_achieved, self.desired))


class Cutter:
    """Puts together the episodes that run through chunks, environment by environment."""

    def __init__(self, num_envs: int) -> None:
        self._begun: list[list[Steps]] = [[] for _ in range(num_envs)]

    def cut(self, chunk: Chunk, *, whole: bool = True) -> Iterator[tuple[Steps, float]]:
        """The episodes that end in a chunk, each with the environment's word of its success (0, 1 or NaN).

        Args:
            chunk: the next steps of all environments.
            whole: False to give the beginnings of unfinished episodes as well, as if they ended here.
        """
        for env, begun in enumerate(self._begun):
            start = 0
            for end in np.flatnonzero(chunk.ended[:, env] | ~chunk.valid[:, env]):
                # A step that only resets is no part of any episode.
                begun.append(Steps.of(chunk, env, slice(start, int(end) + int(chunk.valid[end, env]))))
                yield from self._finish(begun, float(chunk.success[end, env]))
                start = int(end) + 1
            begun.append(Steps.of(chunk, env, slice(start, None)))
            if not whole:
                yield from self._finish(begun, float("nan"))

    @staticmethod
    def _finish(begun: list[Steps], success: float) -> Iterator[tuple[Steps, float]]:
        episode = Steps.joined(begun)
        begun.clear()
        if len(episode):
            yield episode, success
