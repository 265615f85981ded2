"""``yanshi view``: look at a world, in a window or as pictures."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from PIL import Image

from yanshi.agent.commands.parsing import at_least, parse, say
from yanshi.agent.recording.files import output_folder
from yanshi.agent.recording.spectator import NICE, Spectator
from yanshi.envs.robots import robot as robot_of_name
from yanshi.envs.senses.rendering import Renderer
from yanshi.envs.simulation import Simulation
from yanshi.envs.tasks import task as task_of_name
from yanshi.envs.worlds.compose import compose
from yanshi.envs.worlds.world import World, world


@dataclass(frozen=True, kw_only=True)
class Options:
    """Open a world in MuJoCo's viewer where there is a display, otherwise write pictures of it."""

    world: str = "home"
    """`home` or `tabletop`."""
    seed: int = 0
    """Which one."""
    task: str | None = None
    """Show a task's scene instead of the world's own."""
    robot: str | None = None
    """A robot other than the world's own."""
    out: Path = Path("out")
    """Folder for pictures, where there is no display or `pictures` is wanted."""
    pictures: bool = False
    """Write pictures even if there is a display."""


def main(arguments: Sequence[str]) -> int:
    """Open the viewer, or write ``view.png``, ``head.png`` and ``top.png``."""
    options = parse(Options, "view", arguments)
    at_least("view", 0, seed=options.seed)
    body = None if options.robot is None else robot_of_name(options.robot)
    if options.task is None:
        shown = world(options.world, options.seed, body)
    else:
        task = task_of_name(options.task)
        scene = task.scene(np.random.default_rng(options.seed))
        shown = compose(scene, body or robot_of_name("mobile_panda" if task.world == "home" else "panda"))
    if _has_display() and not options.pictures:
        _open(shown)
        return 0
    folder = output_folder(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    with Simulation(shown) as sim:
        for name, picture in _pictures(sim).items():
            Image.fromarray(picture).save(folder / f"{name}.png")
            say(f"{folder / name}.png")
    return 0


def _has_display() -> bool:
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open(shown: World) -> None:
    import mujoco.viewer

    data = mujoco.MjData(shown.model)
    data.qpos[:] = shown.qpos0
    mujoco.viewer.launch(shown.model, data)


def _pictures(sim: Simulation) -> dict[str, np.ndarray]:
    spectator = Spectator(sim, (1280, 720))
    found = {"view": spectator.picture()}
    spectator.close()
    renderer = Renderer(sim.model, NICE, (1280, 720))
    found["head"] = renderer.picture(sim.data, sim.model.camera("head").id, 640, 480)
    camera = mujoco.MjvCamera()
    camera.lookat[:] = sim.model.stat.center
    camera.distance, camera.elevation, camera.azimuth = 1.0 * sim.model.stat.extent, -89.0, 90.0
    found["top"] = renderer.picture(sim.data, camera, 1280, 720)
    renderer.close()
    return {name: np.ascontiguousarray(picture) for name, picture in found.items()}
