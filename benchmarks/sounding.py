"""Where the thing is that sounds: by ear alone, by eye alone, by both; the agent's own perception and belief.

In each home a thing sounds in the robot's room, where others stand that could: one of the same kind, one of another.
The robot stands still and looks around for a few seconds with its head. By ear, the place is where the bearing and the
distance of the newest sound lead. By eye, it is one of the things seen whose kind can sound: any (the mean of the
errors), or the nearest; where none was seen, the middle of the room. By both, it is the thing that the belief says is
sounding, else the place by ear. Errors are in metres from the thing's true centre, paired by home; means have 95 %
bootstrap intervals.

Usage: python benchmarks/sounding.py [--scenes N] [--first SEED] [--weights DIR]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from yanshi.agent.evaluation.statistics import paired_difference, wilson
from yanshi.agent.perceiving import learned_perception
from yanshi.agent.seeing.furniture import part_shapes
from yanshi.agent.specimens import specimens, voices
from yanshi.contracts import Array, SoundEvent, WorldState
from yanshi.envs.oracle import Oracle
from yanshi.envs.robots import robot
from yanshi.envs.senses.suite import sensor_suite
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import Wanted, World, compose, home
from yanshi.errors import WorldError
from yanshi.planning.belief import Tracker
from yanshi.planning.domain import Domain
from yanshi.planning.situation import known

FIRST = 700_000
"""Seed of the first home."""
KINDS = ("phone", "alarm_clock", "radio", "kettle")
ROOMS = ("kitchen", "living_room", "bedroom")
SENSES = ("rgb", "depth", "lidar", "audio")
PANS = (0.0, 0.9, 1.8, -0.9, -1.8)
"""Where the head looks, one after the other [rad], a little down."""
TILT, REST, STEP = 0.35, 0.9, 0.04
"""[rad]; how long it rests on each [s]; of control [s]."""


@dataclass(frozen=True, kw_only=True)
class Errors:
    """What one home came to [m]."""

    ear: float
    anything: float
    nearest: float
    both: float
    named: bool
    """Whether the belief named a thing."""
    right: bool
    """Whether it was the right one."""


def drawn(seed: int) -> tuple[World, str]:
    """A home, and the room of the robot and of the thing that sounds, which comes first in the scene."""
    rng = np.random.default_rng(seed)
    room, kinds = str(rng.choice(ROOMS)), [str(k) for k in rng.permutation(KINDS)[:2]]
    wanted = [Wanted(kind=kinds[0], where=room, sounding=True), *(Wanted(kind=kind, where=room) for kind in kinds)]
    return compose(home(rng, objects=wanted, start=room), robot("mobile_panda")), room


def believed(world: World, seed: int, weights: Path | None) -> tuple[WorldState, list[SoundEvent], Array]:
    """What is believed and was heard after a look around, and where the thing that sounds is (3,)."""
    perception = learned_perception(world.floor_plan, part_shapes(world), weights)
    tracker = Tracker(world.floor_plan, Domain(mobile=True), specimens(), voices())
    belief, heard = tracker.reset(), []
    body = world.robot
    with Simulation(world, sensor_suite(SENSES, body), seed) as sim:
        sim.reset(seed)
        for pan in PANS:
            for _ in range(round(REST / STEP) + round(abs(pan) / STEP / 4.0)):
                observation = sim.observe()
                percept = perception.perceive(observation)
                belief = tracker.update(belief, percept, observation)
                heard += percept.sounds
                at = dict(
                    zip(observation.proprioception.joint_names, observation.proprioception.joint_positions, strict=True)
                )
                off = [wanted - at[joint] for wanted, joint in zip((pan, TILT), body.head_joints, strict=True)]
                sim.step(body.action(gripper=body.max_opening, head=[4.0 * o for o in off]))
        sounding = next(f.args[0] for f in Oracle(sim).facts() if f.predicate == "sounding")
        true = sim.data.xpos[world.entities[sounding].body].copy()
    return belief, heard, true


def measured(seed: int, weights: Path | None) -> Errors | None:
    """The errors in one home; None if nothing was heard in it."""
    world, room = drawn(seed)
    belief, heard, true = believed(world, seed, weights)
    spoken = [event for event in heard if event.label in voices().values() and event.distance is not None]
    if not spoken:
        return None
    last = spoken[-1]
    ear = last.origin_w + float(last.distance or 0.0) * last.direction_w
    can = [e for e in belief.entities.values() if e.category == "object" and "sound" in e.affordances and known(e)]
    walls = next(r for r in world.floor_plan.rooms if r.name == room)
    middle = np.append((walls.low_w + walls.high_w) / 2.0, 0.8)
    places = [e.position_w for e in can] or [middle]
    away = [float(np.linalg.norm(place[:2] - belief.base_pose_w[:2])) for place in places]
    errors = [float(np.linalg.norm(place - true)) for place in places]
    names = [f.args[0] for f, h in belief.facts.items() if f.predicate == "sounding" and h.value]
    found = [e for e in can if e.name in names]
    both = found[0].position_w if found else ear
    return Errors(
        ear=float(np.linalg.norm(ear - true)), anything=float(np.mean(errors)),
        nearest=errors[int(np.argmin(away))], both=float(np.linalg.norm(both - true)),
        named=bool(found), right=bool(found) and float(np.linalg.norm(both - true)) < 0.15,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=48)
    parser.add_argument("--first", type=int, default=FIRST)
    parser.add_argument("--weights", type=Path, help="of the senses; without it, those that are shipped")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found: list[Errors] = []
    silent = left = 0
    for seed in range(options.first, options.first + options.scenes):
        try:
            errors = measured(seed, options.weights)
        except WorldError:  # Not every wish can be laid out.
            left += 1
            continue
        print(seed, errors, file=sys.stderr, flush=True)
        silent += errors is None
        found += [errors] if errors is not None else []
    ways = {
        "ear alone": [e.ear for e in found], "eye alone, any of what can sound": [e.anything for e in found],
        "eye alone, the nearest": [e.nearest for e in found], "both": [e.both for e in found],
    }  # fmt: skip
    print(
        f"{len(found)} homes from seed {options.first} on; heard nothing in {silent}, {left} could not be laid out.\n"
    )
    print("| place by | error, m: mean | median | within 0.3 m | both are better by, m |\n|---|---:|---:|---:|---:|")
    for way, errors in ways.items():
        near = wilson(sum(e < 0.3 for e in errors), len(errors))
        less = paired_difference(errors, ways["both"])
        better = "–" if way == "both" else f"{less.value:.2f} ({less.low:.2f} … {less.high:.2f})"
        share = f"{100 * near.value:.0f} % ({100 * near.low:.0f} … {100 * near.high:.0f})"
        print(f"| {way} | {np.mean(errors):.2f} | {np.median(errors):.2f} | {share} | {better} |")
    named, right = sum(e.named for e in found), sum(e.right for e in found)
    print(f"\nThe belief named a thing in {named} of {len(found)}, the right one in {right}.")


if __name__ == "__main__":
    main()
