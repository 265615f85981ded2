"""Situations set by hand, in which each predicate must be true, and others close by in which it must not."""

import mujoco
import numpy as np
import pytest

from yanshi.contracts import Fact, Goal
from yanshi.envs.facts.support import support_points
from yanshi.envs.oracle import Oracle, upright_box
from yanshi.envs.robots import robot
from yanshi.envs.simulation import Simulation
from yanshi.envs.worlds import Wanted, compose, tabletop
from yanshi.envs.worlds.home import home
from yanshi.errors import InputError, UnknownNameError

pytestmark = pytest.mark.filterwarnings("ignore:Attaching a spec")
UP = np.array([0.0, 0.0, 1.0])
CUBE, OTHER, BALL, MUG = "red_cube", "blue_cube", "red_ball", "green_mug"


@pytest.fixture(scope="module")
def table():
    wanted = [
        Wanted(kind="cube", color="red", size="medium"),
        Wanted(kind="cube", color="blue", size="medium"),
        Wanted(kind="ball", color="red", size="medium"),
        Wanted(kind="mug", color="green", size="medium"),
    ]
    rng = np.random.default_rng(0)
    scene = tabletop(rng, objects=wanted, count=4, fixtures=["chest", "basket", "mat", "button_box"])
    return Simulation(compose(scene, robot("panda")))


@pytest.fixture(scope="module")
def house():
    scene = home(np.random.default_rng(2), objects=[Wanted(kind="phone", where="coffee_table", sounding=True)])
    return Simulation(compose(scene, robot("mobile_panda")))


def place(sim, name, position_w, rotation=(1.0, 0.0, 0.0, 0.0)):
    """Put the centre of an object somewhere."""
    address = sim.model.jnt_qposadr[sim.world.entities[name].joint]
    sim.data.qpos[address : address + 7] = (*position_w, *rotation)
    mujoco.mj_forward(sim.model, sim.data)


def drive(sim, x, y, yaw):
    for joint, value in zip(sim.robot.base_joints, (x, y, yaw), strict=True):
        sim.data.qpos[sim.model.joint(joint).qposadr[0]] = value
    mujoco.mj_forward(sim.model, sim.data)


def slide(sim, part, opening):
    thing = sim.world.entities[part]
    sim.data.qpos[sim.model.jnt_qposadr[thing.joint]] = opening * thing.entity.articulation.limit
    mujoco.mj_forward(sim.model, sim.data)


def true(sim, text):
    return Oracle(sim).true(Fact.parse(text))


def half(sim, name):
    return np.asarray(sim.world.entities[name].entity.extent) / 2


def surface(sim, name, kind):
    """A region's centre in the map, at the height of its lower face."""
    thing = sim.world.entities[name]
    region = thing.entity.region(kind)
    low = region.center_e - UP * (region.half[2])
    return sim.data.xpos[thing.body] + sim.data.xmat[thing.body].reshape(3, 3) @ low


@pytest.fixture(autouse=True)
def _start(table, house):
    table.reset(0)
    house.reset(0)


@pytest.mark.parametrize(
    ("lift", "aside", "expected"),
    [
        (0.0, 0.0, True),
        (0.012, 0.0, True),
        (0.02, 0.0, False),
        (-0.02, 0.0, False),
        (0.0, 0.95, True),
        (0.0, 1.05, False),
    ],
)
def test_on_a_mat_within_15_mm_of_it_and_inside_its_edge(table, lift, aside, expected):
    mat = next(name for name in table.world.entities if name.endswith("_mat"))
    rest = surface(table, mat, "on") + UP * (half(table, CUBE)[2])
    width = table.world.entities[mat].entity.region("on").half[0]
    place(table, CUBE, rest + np.array([aside * width, 0, lift]))
    assert true(table, f"on({CUBE}, {mat})") is expected


def test_a_round_thing_rests_however_it_is_turned(table):
    rest = surface(table, "table", "on") + UP * (half(table, BALL)[2])
    rng = np.random.default_rng(0)
    for _ in range(20):
        turn = rng.normal(size=4)
        place(table, BALL, rest, turn / np.linalg.norm(turn))
        assert true(table, f"on({BALL}, table)")
    place(table, MUG, surface(table, "table", "on") + UP * 0.030, (np.sqrt(0.5), np.sqrt(0.5), 0, 0))
    assert true(table, f"on({MUG}, table)"), "a mug that lies on its side"


@pytest.mark.parametrize(("aside", "expected"), [(0.0, True), (0.02, True), (0.03, False)])
def test_stacked_where_the_centre_is_over_the_lower_one(table, aside, expected):
    below = surface(table, "table", "on") + UP * (half(table, OTHER)[2])
    place(table, OTHER, below)
    place(table, CUBE, below + np.array([aside, 0, half(table, OTHER)[2] + half(table, CUBE)[2]]))
    assert true(table, f"on({CUBE}, {OTHER})") is expected
    assert true(table, f"clear({OTHER})") is not expected
    assert true(table, f"clear({CUBE})")
    assert not true(table, f"on({OTHER}, {CUBE})")


def test_in_a_basket_but_not_above_or_beside_it(table):
    inside = surface(table, "basket", "in") + UP * 0.03
    place(table, CUBE, inside)
    assert true(table, f"in({CUBE}, basket)")
    for offset in ([0, 0, 0.5], [0.3, 0, 0], [0, 0.3, 0]):
        place(table, CUBE, inside + offset)
        assert not true(table, f"in({CUBE}, basket)")


def test_in_a_drawer_moves_with_the_drawer(table):
    slide(table, "chest_drawer", 1.0)
    inside = surface(table, "chest_drawer", "in") + UP * 0.03
    place(table, CUBE, inside)
    assert true(table, f"in({CUBE}, chest_drawer)")
    slide(table, "chest_drawer", 0.0)
    assert not true(table, f"in({CUBE}, chest_drawer)"), "the drawer went, the cube stayed where it was"


@pytest.mark.parametrize(
    ("opening", "is_open", "is_closed"),
    [(0.0, False, True), (0.09, False, True), (0.11, False, False), (0.69, False, False), (0.71, True, False)],
)
def test_open_and_closed_have_a_gap_between(table, opening, is_open, is_closed):
    slide(table, "chest_drawer", opening)
    assert true(table, "open(chest_drawer)") is is_open
    assert true(table, "closed(chest_drawer)") is is_closed
    assert Oracle(table).openings()["chest_drawer"] == pytest.approx(opening)


@pytest.mark.parametrize(
    ("gap", "lift", "expected"), [(0.11, 0.0, True), (0.13, 0.0, False), (0.05, 0.05, False), (0.01, 0.0, True)]
)
@pytest.mark.parametrize("yaw", [0.0, 0.5, 1.3])
def test_beside_is_a_small_gap_on_one_level(table, gap, lift, expected, yaw):
    middle = surface(table, "table", "on") + UP * (half(table, CUBE)[2])
    across = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    turn = (np.cos(yaw / 2), 0, 0, np.sin(yaw / 2))
    place(table, CUBE, middle, turn)
    place(table, OTHER, middle + across * (half(table, CUBE)[0] + half(table, OTHER)[0] + gap) + UP * (lift), turn)
    assert true(table, f"beside({CUBE}, {OTHER})") is expected
    assert true(table, f"beside({OTHER}, {CUBE})") is expected
    assert not true(table, f"beside({CUBE}, {CUBE})")


def grasp(sim, name, position_w):
    """Put a thing between the pads, close them on it and let physics hold it."""
    site = sim.model.site(sim.robot.tcp_site).id
    for _ in range(40):
        place(sim, name, sim.data.site_xpos[site] if position_w is None else position_w)
        sim.data.qvel[:] = 0.0
        sim.step(sim.robot.action(gripper=0.0))
    for _ in range(5):
        sim.step(sim.robot.action(gripper=0.0))


def test_holding_needs_both_pads_and_no_other_support(table):
    assert not true(table, f"holding({CUBE})")
    grasp(table, CUBE, None)
    assert true(table, f"holding({CUBE})")
    assert not true(table, f"holding({OTHER})")
    for _ in range(40):
        table.step(table.robot.action(gripper=0.08))
    assert not true(table, f"holding({CUBE})")


def test_what_is_held_is_not_on_what_is_below_it(table):
    grasp(table, CUBE, None)
    below = table.data.xpos[table.world.entities[CUBE].body] - [
        0,
        0,
        half(table, CUBE)[2] + half(table, OTHER)[2] + 0.005,
    ]
    place(table, OTHER, below)
    assert true(table, f"holding({CUBE})")
    assert not true(table, f"on({CUBE}, {OTHER})")


def test_near_is_within_reach_and_in_front(house):
    entity = house.world.entities["coffee_table"].entity
    middle = np.asarray(entity.position_w)[:2]
    for angle in np.linspace(0, 2 * np.pi, 7)[:-1]:
        away = np.array([np.cos(angle), np.sin(angle)])
        corner = 0.5 * np.linalg.norm(entity.extent[:2])
        for distance, turned, expected in (
            (corner + 0.3, 0.0, True),
            (corner + 1.3, 0.0, False),
            (corner + 0.3, 2.5, False),
        ):
            drive(house, *(middle + away * distance), angle + np.pi + turned)
            assert true(house, "near(coffee_table)") is expected, (angle, distance, turned)


def test_a_fixed_arm_is_near_everything(table):
    assert true(table, "near(basket)")


def test_the_room_of_the_robot(house):
    for room in house.world.floor_plan.rooms:
        drive(house, *((room.low_w + room.high_w) / 2), 0.0)
        inside = [r.name for r in house.world.floor_plan.rooms if true(house, f"robot_in({r.name})")]
        assert inside == [room.name]


def test_devices(house):
    phone = next(name for name in house.world.entities if name.endswith("phone"))
    assert true(house, f"sounding({phone})")
    assert true(house, f"in_room({phone}, living_room)")
    assert not true(house, f"in_room({phone}, bedroom)")
    assert true(house, "lit(kitchen)")
    house.devices.press("kitchen_switch")
    assert not true(house, "lit(kitchen)")
    assert not true(house, "powered(kitchen_switch)")
    assert not true(house, "powered(microwave)")
    house.devices.press("microwave")
    assert true(house, "powered(microwave)")


def test_attributes_and_descriptions(table):
    oracle = Oracle(table)
    place(table, CUBE, surface(table, "basket", "in") + UP * 0.03)
    assert oracle.holds(Goal.parse("exists ?x: (kind(?x, cube) and color(?x, red) and in(?x, basket))"))
    assert not oracle.holds(Goal.parse("exists ?x: (kind(?x, cube) and color(?x, blue) and in(?x, basket))"))
    assert oracle.holds(Goal.parse(f"not in({OTHER}, basket) and (in({CUBE}, basket) or on({CUBE}, table))"))
    assert oracle.holds(Goal.parse(f"color({CUBE}, red)"))
    assert not oracle.holds(Goal.parse(f"color({CUBE}, blue) or kind({CUBE}, mug)"))
    assert oracle.progress(Goal.parse(f"in({CUBE}, basket) and in({OTHER}, basket)")) == 0.5


def test_goals_agree_with_their_own_logic(table):
    """`GoalCheck` folds and groups; `Goal.holds` asks fact by fact."""
    oracle = Oracle(table)
    place(table, CUBE, surface(table, "basket", "in") + UP * 0.03)
    for text in (
        f"in({CUBE}, basket)",
        f"not in({CUBE}, basket)",
        "exists ?x: (shape(?x, round) and on(?x, table))",
        "exists ?x: exists ?y: (beside(?x, ?y) and color(?x, red))",
        "not exists ?x: holding(?x)",
        f"(in({CUBE}, basket) and on({OTHER}, table)) or closed(chest_drawer)",
    ):
        goal = Goal.parse(text)
        names = [n for n, t in table.world.entities.items() if t.entity.category == "object"]
        if "?x" in text:
            goal_over_objects = goal.holds(oracle.true, names)
            assert oracle.holds(goal) is goal_over_objects, text
        else:
            assert oracle.holds(goal) is goal.holds(oracle.true), text


def test_all_facts_are_those_that_are_true_one_by_one(table):
    oracle = Oracle(table)
    facts = oracle.facts()
    assert facts
    assert all(oracle.true(fact) for fact in facts)
    assert Fact("on", (OTHER, "table")) in facts
    assert Fact("in", (OTHER, "basket")) not in facts


def test_the_state_is_what_a_perfect_observer_would_know(table):
    place(table, CUBE, (0.5, 0.1, 0.7))
    state = Oracle(table).state()
    np.testing.assert_allclose(state.entities[CUBE].position_w, (0.5, 0.1, 0.7))
    assert state.true(Fact("on", (OTHER, "table")))
    assert not state.true(Fact("on", (CUBE, "table")))
    assert set(state.entities) == set(table.world.entities)
    assert state.entities["chest_drawer"].articulation is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("on(unicorn, table)", "Unknown entity 'unicorn'"),
        ("under(red_cube, table)", "Unknown predicate 'under'"),
        ("open(red_cube)", "Unknown part that opens 'red_cube'. .*chest_drawer"),
        ("in_room(red_cube, attic)", "Unknown room 'attic'"),
        ("on(red_cube)", "takes 2 arguments"),
    ],
)
def test_a_fact_that_makes_no_sense_here_is_refused(table, text, message):
    with pytest.raises((UnknownNameError, InputError), match=message):
        true(table, text)


def test_the_upright_box_around_a_turned_one():
    extent = np.array([0.1, 0.2, 0.3])
    yaw, size = upright_box(np.eye(3), extent)
    assert yaw == 0.0
    np.testing.assert_allclose(size, extent)
    lying = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # x points down
    yaw, size = upright_box(lying, extent)
    corners = np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1).T * extent @ lying.T
    c, s = np.cos(-yaw), np.sin(-yaw)
    local = corners @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    np.testing.assert_allclose(np.ptp(local, axis=0), size, atol=1e-12)


def test_hull_points_bound_every_kind_of_geom():
    """The extent of the points along random directions against the support of the exact shape."""
    xml = """<mujoco><worldbody>
      <body name="box"><geom type="box" size=".1 .2 .3" euler="10 20 30" pos=".1 0 0"/></body>
      <body name="ball"><geom type="sphere" size=".1"/></body>
      <body name="can"><geom type="cylinder" size=".1 .2" euler="90 0 0"/></body>
      <body name="pill"><geom type="capsule" size=".1 .2"/></body>
      <body name="egg"><geom type="ellipsoid" size=".1 .2 .3"/></body>
    </worldbody></mujoco>"""
    model = mujoco.MjModel.from_xml_string(xml)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(200, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    exact = {
        "ball": np.full(200, 0.1),
        "can": 0.1 * np.hypot(directions[:, 0], directions[:, 2]) + 0.2 * np.abs(directions[:, 1]),
        "pill": 0.1 + 0.2 * np.abs(directions[:, 2]),
        "egg": np.linalg.norm(directions * [0.1, 0.2, 0.3], axis=1),
    }
    rotation = data.geom_xmat[0].reshape(3, 3)
    exact["box"] = np.abs(directions @ rotation) @ [0.1, 0.2, 0.3] + directions[:, 0] * 0.1
    for name, support in exact.items():
        reach = (support_points(model, model.body(name).id) @ directions.T).max(axis=0)
        assert np.all(reach <= support + 1e-9), name
        round_radius = {"box": 0.01, "egg": 0.3}.get(name, 0.1)
        assert np.all(reach >= support - 0.08 * round_radius), name


@pytest.mark.parametrize("roll", np.linspace(0.0, np.pi, 9))
def test_what_is_round_is_as_wide_however_it_has_rolled(roll: float) -> None:
    """A bottle that has fallen over must not seem too wide for a hand that gripped it when it stood."""
    c, s = np.cos(roll), np.sin(roll)
    rolled = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]) @ [
        [c, -s, 0.0],
        [s, c, 0.0],
        [0.0, 0.0, 1.0],
    ]
    _, bottle = upright_box(rolled, np.array([0.07, 0.07, 0.17]), "cylinder")
    np.testing.assert_allclose(np.sort(bottle), [0.07, 0.07, 0.17], atol=1e-9)
    assert bottle[2] == pytest.approx(0.07)
    _, ball = upright_box(rolled, np.full(3, 0.06), "round")
    np.testing.assert_allclose(ball, 0.06)
    _, block = upright_box(rolled, np.array([0.07, 0.07, 0.17]))
    assert block[2] == pytest.approx(0.07 * (abs(c) + abs(s)))
