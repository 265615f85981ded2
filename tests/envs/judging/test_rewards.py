"""The dense reward must rise along the way that solves a task, for every predicate that it shapes."""

import itertools

import mujoco
import numpy as np
import pytest

from yanshi.contracts import Goal
from yanshi.envs.facts.goal_check import GoalCheck
from yanshi.envs.facts.predicates import Anatomy
from yanshi.envs.judging.rewards import DenseReward
from yanshi.envs.oracle import LiveSnapshot
from yanshi.envs.robots import robot
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import Wanted, compose, tabletop

pytestmark = pytest.mark.filterwarnings("ignore:Attaching a spec")
UP = np.array([0.0, 0.0, 1.0])
CUBE, OTHER = "red_cube", "blue_cube"


@pytest.fixture(scope="module")
def sim():
    wanted = [Wanted(kind="cube", color=color, size="medium") for color in ("red", "blue")]
    rng = np.random.default_rng(0)
    scene = tabletop(rng, objects=wanted, count=2, fixtures=["chest", "basket", "button_box"])
    return Simulation(compose(scene, robot("panda")))


@pytest.fixture(autouse=True)
def _start(sim):
    sim.reset(0)


@pytest.fixture
def value(sim):
    """The value of a goal now."""
    anatomy, now = Anatomy.of(sim.world), LiveSnapshot(sim)

    def of(text):
        check = GoalCheck(anatomy, Goal.parse(text))
        _, facts = check(now)
        return float(DenseReward(anatomy, check)(now, facts)[0])

    return of


def tool(sim):
    return sim.data.site(sim.robot.tcp_site).xpos.copy()


def place(sim, name, position_w):
    address = sim.model.jnt_qposadr[sim.world.entities[name].joint]
    sim.data.qpos[address : address + 7] = (*position_w, 1, 0, 0, 0)
    mujoco.mj_forward(sim.model, sim.data)


def slide(sim, opening):
    thing = sim.world.entities["chest_drawer"]
    sim.data.qpos[sim.model.jnt_qposadr[thing.joint]] = opening * thing.entity.articulation.limit
    mujoco.mj_forward(sim.model, sim.data)


def rising(values):
    return all(a < b for a, b in itertools.pairwise(values))


def test_reaching_for_what_is_to_be_held(sim, value):
    values = []
    for distance in (2.0, 0.5, 0.2, 0.1, 0.02):
        place(sim, CUBE, tool(sim) - [0.0, 0.0, distance])
        values.append(value(f"holding({CUBE})"))
    assert rising(values)
    assert 0.0 < values[0] < values[-1] < 1.0


def test_carrying_to_where_it_belongs(sim, value):
    basket = sim.data.body("basket").xpos.copy()
    values = []
    for share in (0.0, 0.3, 0.6, 0.9):
        place(sim, CUBE, np.array([0.4, 0.0, 0.6]) * (1 - share) + (basket + UP * 0.3) * share)
        values.append(value(f"in({CUBE}, basket)"))
    place(sim, CUBE, basket + UP * 0.06)
    assert rising(values)
    assert values[-1] < value(f"in({CUBE}, basket)") == 1.0


def test_opening_and_closing(sim, value):
    openings = (0.0, 0.2, 0.4, 0.6)
    values = {"open": [], "closed": []}
    for opening in openings:
        slide(sim, opening)
        for predicate, listed in values.items():
            listed.append(value(f"{predicate}(chest_drawer)"))
    assert rising(values["open"])
    assert rising(values["closed"][1:][::-1])
    assert values["closed"][0] == 1.0
    slide(sim, 1.0)
    assert value("open(chest_drawer)") == 1.0


def test_it_is_one_exactly_when_the_goal_is_met(sim, value):
    assert value("powered(button_box)") < 1.0
    sim.devices.press("button_box")
    assert value("powered(button_box)") == 1.0
    basket = sim.data.body("basket").xpos.copy()
    place(sim, CUBE, basket + UP * 0.06)
    both = value(f"in({CUBE}, basket) and in({OTHER}, basket)")
    assert 0.5 < both < 1.0, "half is done"
    assert value(f"in({CUBE}, basket) or in({OTHER}, basket)") == 1.0
    assert value(f"not in({CUBE}, basket)") == 0.0
    assert value(f"not in({OTHER}, basket)") == 1.0
    assert value("exists ?x: (color(?x, red) and in(?x, basket))") == 1.0


def test_many_simulations_at_once_are_valued_as_each_alone(sim):
    anatomy = Anatomy.of(sim.world)
    check = GoalCheck(anatomy, Goal.parse(f"in({CUBE}, basket) and open(chest_drawer)"))
    reward = DenseReward(anatomy, check)
    now = LiveSnapshot(sim)
    alone, fields = [], ("xpos", "xmat", "qpos", "qvel", "tcp", "tcp_mat")
    kept = {name: [] for name in fields}
    for offset in (0.0, 0.1, 0.3):
        place(sim, CUBE, sim.data.body("basket").xpos + UP * (0.05 + offset))
        slide(sim, offset * 3)
        alone.append(reward(now, check(now)[1])[0])
        for name in fields:
            kept[name].append(getattr(now, name)[0].copy())

    class Together:
        def __init__(self):
            for name in fields:
                setattr(self, name, np.array(kept[name]))

        def contacts(self, index):
            return np.zeros((0, 2), np.int32), np.zeros((0, 3))

    together = Together()
    np.testing.assert_array_equal(reward(together, check(together)[1]), alone)
