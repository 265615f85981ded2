"""The loop: observe, perceive, believe, think, act, tell. It is short, and never grows."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from yanshi.agent.episode import Outcome, Request, Step
from yanshi.agent.executive import Executive, Limits
from yanshi.agent.interfaces import Perception, Planner, Shield, Skills, Source, Subscriber, Tracker


class Loop:
    """Carries out instructions, one after another, with the parts that it is given."""

    def __init__(
        self,
        *,
        source: Source,
        perception: Perception,
        tracker: Tracker,
        planner: Planner,
        skills: Skills,
        shield: Shield,
        subscribers: Sequence[Subscriber] = (),
    ) -> None:
        self.source = source
        self.perception = perception
        self.tracker = tracker
        self.planner = planner
        self.skills = skills
        self.shield = shield
        self.subscribers = tuple(subscribers)

    def run(self, requests: Sequence[Request], limits: Limits | None = None) -> Outcome:
        """Carry out `requests` in turn, stopping at the first that cannot be done.

        Every subscriber is told how it ended, also when it is interrupted or a part has a fault.

        Raises: whatever a part raises, after that.
        """
        executive = Executive(self.planner, self.skills, requests, limits or Limits())
        for subscriber in self.subscribers:
            subscriber.on_start(requests)
        belief, stamp, index, done = self.tracker.reset(), 0.0, 0, False
        try:
            while not executive.finished:
                observation = self.source.observe()
                stamp = observation.stamp
                percept = self.perception.perceive(observation)
                belief = self.tracker.update(belief, percept, observation, executive.last)
                executive.think(belief, observation)
                action = None
                if not executive.finished:
                    action = self.shield.filter(executive.act(belief, observation), observation)
                    self.source.apply(action)
                step = Step(
                    index=index,
                    observation=observation,
                    percept=percept,
                    belief=belief,
                    plan=executive.plan,
                    current=executive.current,
                    activity=executive.activity,
                    action=action,
                    events=executive.take_events(),
                )
                for subscriber in self.subscribers:
                    subscriber.on_step(step)
                index += 1
            done = True
        finally:
            outcome = executive.outcome(stamp, self.shield.interventions, None if done else sys.exception())
            _tell_end(self.subscribers, outcome)
        return outcome


def _tell_end(subscribers: Sequence[Subscriber], outcome: Outcome) -> None:
    """Tell all of them how it ended, even if one of them raises."""
    if subscribers:
        try:
            subscribers[0].on_end(outcome)
        finally:
            _tell_end(subscribers[1:], outcome)
