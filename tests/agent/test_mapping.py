"""Furniture that the floor plan does not have: the map finds it, the belief takes it in, the base goes round it."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from yanshi.agent.recording.log import EpisodeLog
from yanshi.agent.recording.map_view import FREE, NEW, OCCUPIED, PAPER, occupancy_picture, surface_picture
from yanshi.agent.recording.report import Report
from yanshi.agent.recording.result import Result
from yanshi.agent.skills.navigation import ClearanceMap
from yanshi.agent.wiring import AgentConfig, simulate
from yanshi.contracts import Array, Detection, FloorPlan, Observation, Percept
from yanshi.envs.worlds import world
from yanshi.perception.mapping.localisation import Localiser
from yanshi.perception.mapping.mapper import Mapper
from yanshi.perception.mapping.surface import SurfaceMap
from yanshi.planning.belief import SAY_SO, Tracker
from yanshi.planning.domain import Domain

HIDDEN = "coffee_table"
Drive = tuple[list[Observation], list[Array], FloorPlan, Array]


@pytest.fixture(scope="module")
def drive() -> Drive:
    """Three seconds of a robot that turns beside a table of which its plan knows nothing: what it observed, where it
    thought it was, that plan, and the cells (ny, nx) of the table.
    """
    home = world("home", 1)
    table = next(entity for entity in home.floor_plan.fixtures if entity.name == HIDDEN)
    grid = home.floor_plan.grid
    ny, nx = grid.occupied.shape
    x = grid.origin_w[0] + (np.arange(nx) + 0.5) * grid.resolution - table.position_w[0]
    y = grid.origin_w[1] + (np.arange(ny) + 0.5) * grid.resolution - table.position_w[1]
    half = 0.5 * table.extent[:2] if abs(np.cos(table.yaw)) > 0.5 else 0.5 * table.extent[1::-1]
    under = (np.abs(x) <= half[0] + grid.resolution)[None] & (np.abs(y) <= half[1] + grid.resolution)[:, None]
    covered = under & grid.occupied
    assert covered.sum() > 100
    fixtures = tuple(entity for entity in home.floor_plan.fixtures if entity.name != HIDDEN)
    plan = replace(home.floor_plan, fixtures=fixtures, grid=replace(grid, occupied=grid.occupied & ~under))
    config = AgentConfig(senses=("depth", "lidar", "scan"))
    observations, places = [], []
    localiser = Localiser(plan)
    with simulate(home, config) as sim:
        action = np.zeros(len(sim.robot.action_names), dtype=np.float32)
        action[[name == "base_wz" for name in sim.robot.action_names]] = 0.6
        for _ in range(75):
            observations.append(sim.observe())
            places.append(localiser.locate(observations[-1]))
            sim.step(action)
    return observations, places, plan, covered


@pytest.fixture(scope="module")
def mapper(drive: Drive) -> Mapper:
    return mapped(drive, None)


def mapped(drive: Drive, surface: SurfaceMap | None) -> Mapper:
    observations, places, plan, _ = drive
    mapper = Mapper(plan, surface=surface)
    for observation, place in zip(observations, places, strict=True):
        mapper.update(observation, lambda _, place=place: place)  # type: ignore[misc]
    return mapper


def test_it_is_found_and_nothing_else(drive: Drive, mapper: Mapper) -> None:
    found, covered = mapper.obstacles.occupied, drive[3]
    assert found.sum() >= 25
    assert not (found & ~binary_dilation(covered, iterations=2)).any()


def test_the_base_goes_round_it(drive: Drive, mapper: Mapper) -> None:
    observations, places, plan, covered = drive
    tracker = Tracker(plan, Domain(mobile=True))
    belief = tracker.reset()
    percept = Percept(stamp=observations[-1].stamp, base_pose_w=places[-1], grid=mapper.obstacles)
    belief = tracker.update(belief, percept, observations[-1])
    again = tracker.update(belief, replace(percept, stamp=percept.stamp + 0.04), observations[-1])
    assert belief.grid is not None
    assert again.grid is belief.grid, "what has not changed is not made anew"
    door = next(entity for entity in plan.fixtures if entity.category == "door")
    seen = Detection(
        label=door.label,
        position_w=door.position_w,
        covariance=np.eye(3),
        extent=door.extent,
        track=door.name,
        opening=0.5,
    )
    swung = again
    for look in range(SAY_SO):  # one look at a door is not believed
        stamp = percept.stamp + 0.08 + 0.1 * look
        swung = tracker.update(swung, replace(percept, stamp=stamp, detections=(seen,)), observations[-1])
    assert swung.grid is not None
    assert swung.grid is not belief.grid
    assert swung.grid.occupied[mapper.obstacles.occupied].all(), "obstacles stay when a door moves"
    j, i = np.argwhere(covered).mean(axis=0)
    middle = plan.grid.origin_w + (np.array([i, j]) + 0.5) * plan.grid.resolution
    assert ClearanceMap(plan.grid, 0.28).is_free(middle)
    assert not ClearanceMap(belief.grid, 0.28).is_free(middle)


def test_the_picture_shows_it(drive: Drive, mapper: Mapper) -> None:
    picture = occupancy_picture(mapper, np.array(drive[1])[:, :2])
    for colour in (FREE, OCCUPIED, NEW):
        share = float((picture == colour).all(axis=2).mean())
        assert share > 0.001, colour
    assert max(picture.shape[:2]) <= 1400


def test_the_report_shows_it(mapper: Mapper, episode: tuple[EpisodeLog, Result]) -> None:
    page = ElementTree.fromstring(Report(*episode, mapper=mapper).page())
    (section,) = [s for s in page.iter("section") if s.findtext("h2") == "What it mapped"]
    assert [image.get("src", "")[:14] for image in section.iter("img")] == ["data:image/png"]
    assert "pip install 'yanshi[mapping]'" in "".join(section.itertext()), "without Open3D it says how to see surfaces"


def test_the_surfaces_are_coloured_by_height(drive: Drive, mapper: Mapper) -> None:
    with pytest.raises(ValueError, match="fuses surfaces"):
        surface_picture(mapper, np.zeros((1, 2)))
    pytest.importorskip("open3d")
    picture = surface_picture(mapped(drive, SurfaceMap()), np.array(drive[1])[:, :2]).astype(int)
    shown = (picture != PAPER).any(axis=2)
    assert shown.mean() > 0.1
    red, blue = picture[..., 0], picture[..., 2]
    assert (shown & (blue > red + 60)).any(), "the floor"
    assert (shown & (red > blue + 60)).any(), "the walls"
