"""What batches are made of: past steps, demonstrated steps, and both with goals that they happened to reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yanshi.agent.learning.features import Floats
from yanshi.agent.learning.rollouts import Bools, Chunk
from yanshi.agent.learning.steps import Cutter, Sizes, Steps
from yanshi.errors import InputError


@dataclass(frozen=True, slots=True)
class Goals:
    """How a step is judged under another goal."""

    reward: Callable[[Floats, Floats], Floats]
    """(achieved (n, d_g), desired (n, d_g)) → (n,)"""
    terminal: Callable[[Floats, Floats], Bools | None]
    """The same for the end of the task; None for "as it was"."""
    share: float = 0.8
    """Of the samples that get a goal in hindsight: the k = 4 of Andrychowicz et al. 2017 is 4/5."""


class Replay:
    """The last `capacity` steps, in whole episodes where there are goals, since hindsight needs what came after."""

    def __init__(self, capacity: int, sizes: Sizes, num_envs: int) -> None:
        """Begin empty.

        Args:
            capacity: steps; an episode that is longer is refused.
            sizes: of one step.
            num_envs: how many environments write side by side.
        """
        self.capacity, self.sizes = capacity, sizes
        self.steps = Steps.empty(capacity, sizes)
        self.last: NDArray[np.intp] = np.zeros(capacity, dtype=np.intp)
        """(capacity,) where the episode of each step ends."""
        self.size, self.head = 0, 0
        self._num_envs = num_envs
        self._cutter = Cutter(num_envs)

    def __len__(self) -> int:
        return self.size

    def add(self, chunk: Chunk) -> None:
        """Take in a chunk; steps of unfinished episodes wait where there are goals."""
        for episode, _ in self._cutter.cut(chunk, whole=self.sizes.goal > 0):
            self.write(episode)

    def forget_unfinished(self) -> None:
        """Drop the steps of unfinished episodes: their environments are reset."""
        self._cutter = Cutter(self._num_envs)

    def write(self, episode: Steps) -> None:
        """Append a whole episode, over the oldest steps where there is no more room.

        Raises:
            InputError: it is longer than the capacity.
        """
        count = len(episode)
        if count > self.capacity:
            raise InputError(f"replay: expected episodes of at most {self.capacity} steps, got one of {count}.")
        if self.head + count > self.capacity:
            # Nothing is written beyond the last whole episode; what is there now is older than all and is dropped.
            self.size, self.head = self.head, 0
        self.steps.write(self.head, episode)
        self.last[self.head : self.head + count] = self.head + count - 1
        self.head += count
        self.size = max(self.size, self.head)

    def sample(self, count: int, rng: np.random.Generator, goals: Goals | None) -> tuple[Steps, Bools]:
        """Steps drawn uniformly, some of them with a goal that their episode reached later ("future"); and which.

        For a step t of an episode that ends at T, the goal becomes the one achieved after a step t' drawn uniformly
        from {t, …, T} (Andrychowicz et al. 2017, §4.5).
        """
        index = rng.integers(self.size, size=count)
        steps = self.steps.take(index)
        if goals is None or self.sizes.goal == 0:
            return steps, np.zeros(count, dtype=np.bool_)
        relabelled = rng.random(count) < goals.share
        chosen = np.flatnonzero(relabelled)
        begin, end = index[chosen], self.last[index[chosen]]
        later = begin + (rng.random(len(chosen)) * (end - begin + 1)).astype(np.intp)
        desired = self.steps.next_achieved[later]
        achieved = steps.next_achieved[chosen]
        steps.desired[chosen] = desired
        steps.reward[chosen] = goals.reward(achieved, desired)
        terminal = goals.terminal(achieved, desired)
        if terminal is not None:
            steps.terminal[chosen] = terminal
        return steps, relabelled


@dataclass(frozen=True, slots=True)
class Batches:
    """U batches of B steps, as NumPy arrays (U, B, …) in the order of `losses.Batch`."""

    x: Floats
    action: Floats
    reward: Floats
    next_x: Floats
    terminal: Floats
    label: Floats
    demonstrated: Floats


def batches(
    sources: list[tuple[Replay, int, bool]], updates: int, rng: np.random.Generator, goals: Goals | None
) -> Batches:
    """Draw batches from several sources.

    Args:
        sources: for each, how many steps a batch it gives, and whether its labels are demonstrations.
        updates: U.
        rng: which steps, which goals.
        goals: for hindsight; None for none.
    """
    columns: list[list[Floats]] = []
    for replay, count, demonstrated in sources:
        s, relabelled = replay.sample(updates * count, rng, goals)
        # What was meant for one goal says nothing about another.
        shown = (~relabelled & demonstrated).astype(np.float32)
        arrays = (s.features(), s.action, s.reward, s.next_features(), s.terminal, s.label, shown)
        columns.append([array.reshape(updates, count, *array.shape[1:]) for array in arrays])
    return Batches(*(np.concatenate(parts, axis=1) for parts in zip(*columns, strict=True)))
