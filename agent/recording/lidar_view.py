"""What the LiDAR sees, from above: echoes around the robot, on the walls of the map that it was given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from yanshi.agent.recording.pictures import turbo
from yanshi.contracts import FloorPlan

REACH = 4.0
"""How far the picture shows at most to each side of the robot [m]; less where the home ends sooner."""
MARGIN = 0.3
"""Beyond the walls of a small home [m]."""
SIDE, ARROW = 256, 6.4
"""Of the picture, and of the robot's sign in it [px]."""
LOW, HIGH = 0.05, 1.9
"""Echoes between floor and ceiling are shown, coloured by their height [m]."""
PAPER, WALL, FURNITURE, ROBOT = (20, 23, 27), (126, 134, 144), (52, 58, 66), (240, 238, 232)


def lidar_picture(
    points_s: NDArray[Any], T_bs: NDArray[Any], base_pose_w: NDArray[Any], plan: FloorPlan | None
) -> NDArray[np.uint8]:
    """A picture (SIDE, SIDE, 3) in which the map's y points up and the robot stands in the middle.

    Args:
        points_s: (N, 3+) echoes in the sensor's frame [m].
        T_bs: (4, 4) the sensor in the robot's base.
        base_pose_w: (3,) x, y [m] and yaw [rad] of the base in the map.
        plan: The map that lies under the echoes, if there is one.
    """
    x, y, yaw = (float(v) for v in base_pose_w)
    image = Image.new("RGB", (SIDE, SIDE), PAPER)
    draw = ImageDraw.Draw(image)
    scale = SIDE / (2 * _reach(plan, np.array([x, y])))
    if plan is not None:
        _draw_plan(draw, plan, np.array([x, y]), scale)
    points_b = points_s[:, :3] @ T_bs[:3, :3].T + T_bs[:3, 3]
    points_b = points_b[(points_b[:, 2] > LOW) & (points_b[:, 2] < HIGH)]
    cosine, sine = np.cos(yaw), np.sin(yaw)
    turned = points_b[:, :2] @ np.array([[cosine, sine], [-sine, cosine]])
    heading = np.array([[cosine, sine], [-sine, cosine]])
    arrow = ARROW / scale * np.array([[1.7, 0.0], [-1.0, 1.0], [-0.5, 0.0], [-1.0, -1.0]]) @ heading
    canvas = np.array(image)
    at = np.round(_pixels(turned, scale)).astype(int)
    shown = ((at >= 0) & (at < SIDE - 1)).all(axis=1)
    colours = turbo(0.15 + 0.75 * points_b[shown, 2] / HIGH)
    for right, down in ((0, 0), (1, 0), (0, 1), (1, 1)):  # two pixels wide, or single echoes are lost on a page
        canvas[at[shown, 1] + down, at[shown, 0] + right] = colours
    image = Image.fromarray(canvas)
    ImageDraw.Draw(image).polygon([tuple(p) for p in _pixels(arrow, scale).tolist()], fill=ROBOT)
    return np.asarray(image)


def _draw_plan(draw: ImageDraw.ImageDraw, plan: FloorPlan, center_w: NDArray[Any], scale: float) -> None:
    for fixture in plan.fixtures:
        if fixture.category == "fixture" and np.all(np.isfinite(fixture.position_w)):
            half = fixture.extent[:2] / 2
            corners = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) * half
            cosine, sine = np.cos(fixture.yaw), np.sin(fixture.yaw)
            outline = corners @ np.array([[cosine, sine], [-sine, cosine]]) + fixture.position_w[:2] - center_w
            draw.polygon([tuple(p) for p in _pixels(outline, scale).tolist()], fill=FURNITURE)
    for room in plan.rooms:
        low, high = _pixels(np.array([room.low_w, room.high_w]) - center_w, scale)
        draw.rectangle((low[0], high[1], high[0], low[1]), outline=WALL)


def _reach(plan: FloorPlan | None, center_w: NDArray[Any]) -> float:
    if plan is None or not plan.rooms:
        return REACH
    corners = np.array([corner for room in plan.rooms for corner in (room.low_w, room.high_w)]) - center_w
    return min(REACH, float(np.abs(corners).max()) + MARGIN)


def _pixels(points: NDArray[Any], scale: float) -> NDArray[np.float64]:
    """(N, 2) places in the picture, right and down, of (N, 2) points around the robot [m]; `scale` in px/m."""
    return np.asarray(points * (scale, -scale) + SIDE / 2)
