"""A new task: what is there, what is wanted, how people say it. The environment, reward and benchmark entry follow."""

import gymnasium
import numpy as np

from yanshi.envs.tasks import Stage, Task, register_task
from yanshi.envs.tasks.phrases import target, the
from yanshi.envs.wordings import imperative
from yanshi.envs.worlds.scene import Scene, Wanted
from yanshi.envs.worlds.tabletop import tabletop
from yanshi.goals import Goal


def draw(what: np.random.Generator, where: np.random.Generator) -> Scene:
    return tabletop(what, objects=[Wanted(kind="lemon"), Wanted(kind="mug")], fixtures=["basket"], where=where)


def goal(scene: Scene) -> Goal:
    return Goal.all([Goal.of("in", target(scene, 0), "basket"), Goal.of("in", target(scene, 1), "basket")])


def words(scene: Scene) -> dict[str, str]:
    return {"first": the(target(scene, 0)), "second": the(target(scene, 1))}


WORDINGS = imperative("(put|place) {first} and {second} in the basket", "clear {first} and {second} away")

register_task(
    Task(
        name="ClearLemon", summary="Put a lemon and a mug in the basket.", world="tabletop", draw=draw,
        stages=(Stage(goal=goal, wordings=WORDINGS, words=words),), horizon_s=40.0,
    )
)  # fmt: skip

env = gymnasium.make("yanshi/ClearLemon-v0")
observation, info = env.reset(seed=0)
print(info["instruction"], observation.shape)
