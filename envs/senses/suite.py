"""The senses that ``--senses rgb,depth,…`` selects, at their default rates and with their default faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from yanshi.envs.senses.camera import ColorCamera, DepthCamera
from yanshi.envs.senses.lidar import REAR_SCANNER, SCANNER, Lidar
from yanshi.envs.senses.noise import Bias, Chain, Gaussian, Pixels, Range, StereoDepth
from yanshi.envs.senses.sensor import Timed
from yanshi.envs.senses.touch import Touch, WristForce
from yanshi.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from yanshi.envs.robots import Robot

CAMERAS = ("head", "wrist")
AUDIO_CLIPS = 25.0
"""Clips a second: one for each control step."""


def _rgb() -> list[Timed]:
    return [Timed(ColorCamera(camera), 10.0, latency=0.02, noise=Pixels(2.0)) for camera in CAMERAS]


def _depth() -> list[Timed]:
    return [Timed(DepthCamera(camera), 10.0, latency=0.02, noise=StereoDepth(0.002)) for camera in CAMERAS]


def _lidar() -> list[Timed]:
    return [Timed(Lidar(), 10.0, noise=Range(0.01))]


def _scan() -> list[Timed]:
    scanners = (Lidar("scan", SCANNER), Lidar("scan_rear", REAR_SCANNER))
    return [Timed(scanner, 20.0, noise=Range(0.01)) for scanner in scanners]


def _audio() -> list[Timed]:
    from yanshi.envs.senses.microphones import Microphones

    return [Timed(Microphones(), AUDIO_CLIPS)]


def _touch() -> list[Timed]:
    return [Timed(Touch(), 50.0, noise=Gaussian(0.02))]


def _force() -> list[Timed]:
    offset = Bias((0.3, 0.3, 0.3, 0.01, 0.01, 0.01))
    return [Timed(WristForce(), 50.0, noise=Chain((offset, Gaussian(0.02))))]


SENSES: dict[str, Callable[[], list[Timed]]] = {
    "rgb": _rgb,
    "depth": _depth,
    "lidar": _lidar,
    "scan": _scan,
    "audio": _audio,
    "touch": _touch,
    "force": _force,
}
"""Name on the command line → its sensors, in the order in which they are polled."""


def register_sense(name: str, make: Callable[[], list[Timed]]) -> None:
    """Make a sense selectable by name; `make` gives fresh sensors. Raises: InputError where the name is taken."""
    if name in SENSES:
        raise InputError(f"Sense '{name}' is already registered.")
    SENSES[name] = make


def sensor_suite(names: Iterable[str], robot: Robot) -> list[Timed]:
    """The sensors of the senses `names`, each once, in a fixed order.

    A fixed robot has no use for a safety scanner, so ``scan`` gives it none.

    Raises:
        UnknownNameError: If there is no such sense.
    """
    wanted = set(names)
    for name in sorted(wanted - SENSES.keys()):
        raise UnknownNameError("sense", name, SENSES)
    if not robot.base_joints:
        wanted.discard("scan")
    return [sensor for name, make in SENSES.items() if name in wanted for sensor in make()]
