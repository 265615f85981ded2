"""A fixed layout: one compiled model, its movable objects in other places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from yanshi.envs.robots import Robot
from yanshi.envs.tasks.definition import Task
from yanshi.envs.worlds.compose import compose
from yanshi.envs.worlds.scene import Scene
from yanshi.envs.worlds.world import World
from yanshi.errors import InputError


def base_world(task: Task, layout: int, robot: Robot) -> World:
    """The world of a layout: the model, and one of the ways in which its objects can stand."""
    scene = task.scene(np.random.default_rng(layout), np.random.default_rng([layout, 1]))
    return compose(scene, robot)


def rearranged(world: World, task: Task, layout: int, rng: np.random.Generator) -> World:
    """The world of a layout with its objects in places drawn from `rng`."""
    return moved(world, task.scene(np.random.default_rng(layout), rng))


def moved(world: World, scene: Scene) -> World:
    """The same compiled world, with its objects and the robot where `scene` has them.

    Things without a joint of their own, such as people, stay where the model has them.

    Raises:
        InputError: the scene has other objects.
    """
    names = [placement.item.name for placement in world.scene.objects]
    if [placement.item.name for placement in scene.objects] != names:
        raise InputError(f"A fixed layout must keep its objects ({', '.join(names)}); the scene has others.")
    qpos = world.qpos0.copy()
    entities = dict(world.entities)
    placements = []
    for before, placement in zip(world.scene.objects, scene.objects, strict=True):
        thing = entities[placement.item.name]
        if thing.joint is None:
            placements.append(before)
            continue
        placements.append(placement)
        address, half = world.model.jnt_qposadr[thing.joint], placement.yaw / 2
        qpos[address : address + 7] = (*placement.position_w, np.cos(half), 0.0, 0.0, np.sin(half))
        room = next((room.name for room in scene.rooms if room.contains(placement.position_w)), None)
        entity = replace(thing.entity, position_w=placement.position_w, yaw=placement.yaw, room=room)
        entities[placement.item.name] = replace(thing, entity=entity)
    for joint, value in zip(world.robot.base_joints, scene.start_w, strict=False):
        qpos[world.model.joint(joint).qposadr[0]] = value
    qpos.flags.writeable = False
    plan = replace(world.floor_plan, start_w=np.array(scene.start_w))
    scene = replace(scene, objects=tuple(placements))
    return replace(world, scene=scene, entities=entities, qpos0=qpos, floor_plan=plan)
