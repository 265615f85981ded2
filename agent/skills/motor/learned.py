"""A motor policy as part of a script: it takes over where planning ends, knows when it is done, and how likely it is.

A script hands over with `perform`; without a policy for the manoeuvre, without a sense of touch, or after it has failed
twice, the script's own way is taken. So every skill works without weights, and a policy never leaves a robot with
nothing else to try.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from yanshi.agent.skills.motor.aim import Aim
from yanshi.agent.skills.motor.features import FeatureReader
from yanshi.agent.skills.motor.policy import MotorPolicy
from yanshi.agent.skills.motor.reflexes import Reflex
from yanshi.agent.skills.motor.residual import asked
from yanshi.agent.skills.script import Command, Situation

__all__ = ["Learned", "SelfAware", "Signs", "perform"]

_TRIES = 2
"""So often the policy may try before the script does."""
_HOPELESS = 0.15
"""With a smaller chance of success than this a policy does not begin, and one that is under way gives up …"""
_PATIENCE = 25
"""… after so many control steps."""
_SURE = 0.5
"""A policy that sees signs of success claims it only with at least this probability."""


class SelfAware(Protocol):
    """A manoeuvre that knows its chances."""

    def chance(self, now: Situation, aim: Aim) -> float:
        """Probability of success, asked before it begins."""
        ...


Signs = Callable[[Situation, Aim], Callable[[], bool]]
"""Made where a run starts; what it gives is asked at every step, and says whether the senses show that it is done."""


@dataclass(frozen=True)
class Learned:
    """A policy with its limits.

    Args:
        policy: what acts.
        timeout: for one run [s], as in training.
        signs: of success.
        reflex: that its actions correct; None where they are commands.
    """

    policy: MotorPolicy
    timeout: float
    signs: Signs
    reflex: Reflex | None = None

    def _reader(self, now: Situation, aim: Aim) -> FeatureReader:
        if self.reflex is None:
            return FeatureReader(now, aim, self.timeout)
        return self.reflex.reader(now, aim, self.timeout)

    def chance(self, now: Situation, aim: Aim) -> float:
        """Probability that a run from here succeeds, asked before it begins."""
        return self.policy.chance_before(self._reader(now, aim).read(now))

    def run(self, now: Situation, aim: Aim, phase: str) -> Generator[Command, None, str]:
        """Act until it is done, hopeless or late; returns what went wrong, or an empty string."""
        reader = self._reader(now, aim)
        features = reader.read(now)
        now.success_estimate = self.policy.chance_before(features)
        if now.success_estimate < _HOPELESS:
            return f"I would probably fail ({100 * now.success_estimate:.0f} %)"
        done, start, hopeless = self.signs(now, aim), now.time, 0
        while now.time - start < self.timeout:
            action = self.policy(features)
            reader.acted(action)
            yield replace(asked(action, reader, now, aim, self.reflex), phase=phase)
            features = reader.read(now)
            now.success_estimate = chance = self.policy.chance_after(features)
            if done() and chance >= _SURE:
                return ""
            hopeless = hopeless + 1 if chance < _HOPELESS else 0
            if hopeless > _PATIENCE:
                return "it does not work out"
        return "it took too long"


def perform(
    now: Situation, name: str, aim: Callable[[], Aim], script: Generator[Command, None, str], attempt: int = 0
) -> Generator[Command, None, str]:
    """Do the contact-rich part of a skill, by its policy if there is one.

    Args:
        now: the situation.
        name: of the manoeuvre.
        aim: makes what it works towards; asked only where there is a policy.
        script: the script's own way, not yet begun.
        attempt: how often it has been tried before.

    Returns:
        What went wrong, or an empty string.
    """
    policies: Mapping[str, Learned] = now.policies
    learned = policies.get(name)
    if learned is None or attempt >= _TRIES or now.touch is None:
        return (yield from script)
    script.close()
    trouble = yield from learned.run(now, aim(), name)
    return trouble
