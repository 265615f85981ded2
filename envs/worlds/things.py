"""What the bodies of a composed model are to those who talk about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from yanshi.contracts import Entity
from yanshi.envs.worlds.catalog import Kind, Part, affordances, kind
from yanshi.envs.worlds.scene import Scene
from yanshi.envs.worlds.world import Thing


def entities_of(scene: Scene, model: mujoco.MjModel) -> dict[str, Thing]:
    """Every thing of a scene by name, fixtures with their parts first, as it starts."""
    things: dict[str, Thing] = {}
    for fixture in scene.fixtures:
        form = kind(fixture.kind)
        attributes = {"material": form.material, **fixture.attributes}
        whole = _entity(fixture.name, form, form.root, fixture.position_w, fixture.yaw, attributes, fixture.room)
        things[fixture.name] = _thing(
            model, whole, form, f"{fixture.name}_{form.root.joint}" if form.root.joint else None
        )
        for part_name, part in form.parts.items():
            name = f"{fixture.name}_{part_name}"
            entity = replace(
                _entity(
                    name,
                    form,
                    part,
                    whole.to_world(part.position_k),
                    fixture.yaw,
                    {"material": form.material},
                    fixture.room,
                ),
                label=part_name,
                affordances=affordances(part),
            )
            things[name] = _thing(model, entity, None, f"{fixture.name}_{part.joint}")
    for placement in scene.objects:
        item, form = placement.item, kind(placement.item.kind)
        room = next((r.name for r in scene.rooms if r.contains(placement.position_w)), None)
        entity = _entity(
            item.name, form, form.root, placement.position_w, placement.yaw, item.attributes, room, item.scale
        )
        things[item.name] = _thing(model, entity, form, f"{item.name}_free" if form.movable else None)
    return things


def _entity(
    name: str,
    form: Kind,
    part: Part,
    position: NDArray[Any],
    yaw: float,
    attributes: Mapping[str, str],
    room: str | None,
    scale: float = 1.0,
) -> Entity:
    return Entity(
        name=name,
        label=form.label,
        category=form.category,
        attributes=dict(attributes),
        position_w=np.asarray(position, float),
        yaw=yaw,
        extent=part.extent * scale,
        affordances=form.affordances,
        regions=tuple(replace(r, center_e=r.center_e * scale, half=r.half * scale) for r in part.regions),
        articulation=part.articulation,
        room=room,
    )


def _thing(model: mujoco.MjModel, entity: Entity, form: Kind | None, joint: str | None) -> Thing:
    body = model.body(entity.name).id
    own = {body}
    for child in range(body + 1, model.nbody):
        if model.body_parentid[child] in own and "button" in model.body(child).name:
            own.add(child)
    button = f"{entity.name}_{form.button}" if form is not None and form.button else None
    return Thing(
        entity=entity,
        kind=form.name if form is not None else entity.label,
        body=body,
        geoms=tuple(g for g in range(model.ngeom) if model.geom_bodyid[g] in own),
        joint=None if joint is None else model.joint(joint).id,
        button=None if button is None else model.joint(button).id,
        sound=None if form is None else form.sound,
    )
