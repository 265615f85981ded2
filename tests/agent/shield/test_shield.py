"""Random and adversarial commands: whatever comes, no limit is exceeded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yanshi.agent.shield import REASONS, Shield, ShieldLimits
from yanshi.agent.skills.kinematics import Kinematics
from yanshi.contracts import Entity, Frame, Observation, Proprioception
from yanshi.envs.robots import Robot, robot
from yanshi.errors import ContractError, InputError

NAMES = ("panda", "mobile_panda")
PROTECTIVE = {"joint_limit", "workspace", "self_collision", "arm_obstacle", "base_obstacle", "contact_force", "person",
              "stale", "not_finite", "blind"}  # fmt: skip
SHIELDS = {name: Shield(robot(name)) for name in NAMES}
KINEMATICS = {name: Kinematics(robot(name)) for name in NAMES}
DT = 0.04


def observed(
    name: str, stamp: float, q: Any = None, frames: dict[str, Frame] | None = None, odometry: Any = (0.0, 0.0, 0.0)
) -> Observation:
    it = robot(name)
    q = np.array([it.home[joint] for joint in it.arm_joints]) if q is None else np.asarray(q)
    head = [it.home[joint] for joint in it.head_joints]
    felt = Proprioception(
        joint_names=(*it.arm_joints, *it.head_joints),
        joint_positions=np.array([*q, *head]),
        joint_velocities=np.zeros(len(q) + len(head)),
        odometry=np.asarray(odometry, dtype=float),
        base_velocity_b=np.zeros(3),
        T_be=KINEMATICS[name].forward(q),
        gripper_opening=0.08,
    )
    return Observation(stamp=stamp, frames=frames or {}, proprioception=felt)


def scales(it: Robot) -> np.ndarray:
    base = it.base_speed if it.base_joints else ()
    return np.array([*base, *(it.tcp_speed[0],) * 3, *(it.tcp_speed[1],) * 3])


def groups(it: Robot, limits: ShieldLimits) -> list[tuple[int, int, float, float, float]]:
    b = 3 if it.base_joints else 0
    found = [
        (b + 3 * i, b + 3 * i + 3, limits.tool_speed[i], limits.tool_acceleration[i], limits.tool_jerk[i])
        for i in (0, 1)
    ]
    if b:
        found += [
            (0, 2, limits.base_speed[0], limits.base_acceleration[0], limits.base_jerk[0]),
            (2, 3, limits.base_speed[1], limits.base_acceleration[1], limits.base_jerk[1]),
        ]
    return found


values = st.one_of(
    st.floats(-1.0, 1.0, width=32),
    st.sampled_from([1.0, -1.0, 0.0, 1e30, -1e30, 5.0, float("nan"), float("inf"), -float("inf")]),
)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), name=st.sampled_from(NAMES), seed=st.integers(0, 10_000))
def test_no_limit_is_exceeded(data: st.DataObject, name: str, seed: int) -> None:
    it, shield = robot(name), SHIELDS[name]
    shield.reset()
    rng = np.random.default_rng(seed)
    nu, scale = len(it.action_names), scales(it)
    low, high = KINEMATICS[name]._low, KINEMATICS[name]._high
    q = rng.uniform(low + 0.1, high - 0.1)
    before, change, m = np.zeros(len(scale)), np.zeros(len(scale)), len(scale)
    for k in range(8):
        action = np.array(data.draw(st.lists(values, min_size=nu, max_size=nu)), dtype=np.float32)
        count = shield.interventions
        safe = shield.filter(action, observed(name, k * DT, q))
        reasons = set(shield.journal.recent[-1].reasons) if shield.interventions > count else set()
        assert safe.shape == (nu,)
        assert safe.dtype == np.float32
        assert np.all(np.isfinite(safe))
        assert np.all(np.abs(safe) <= 1.0)
        if not np.all(np.isfinite(action)):
            assert "not_finite" in reasons
            assert not np.any(np.delete(safe, m))
        speed = safe[:m] * scale
        for a, b, fastest, acceleration, jerk in groups(it, shield.limits):
            v, last, bent = speed[a:b], before[a:b], (speed - before - change)[a:b]
            assert np.linalg.norm(v) <= fastest * (1 + 1e-5)
            braked = np.linalg.norm(v) <= np.linalg.norm(last) + 1e-5
            if reasons & PROTECTIVE or braked:
                continue  # A protective stop may brake as hard as the motors can; so may any command.
            assert np.linalg.norm(v - last) <= acceleration * DT * (1 + 1e-4) + 1e-4
            held = np.linalg.norm(v - last) < 1e-4
            assert held or np.linalg.norm(bent) <= jerk * DT * DT * (1 + 1e-4) + 1e-3
        change, before = speed - before, speed
    assert not shield.journal.by_reason.keys() - set(REASONS)


def rates(name: str, q: np.ndarray, action: np.ndarray) -> np.ndarray:
    """Joint rates by MuJoCo's Jacobian and the damped least squares of the motor level, in the textbook's form."""
    import mujoco

    kinematics, it = KINEMATICS[name], robot(name)
    kinematics.forward(q)
    model, data = kinematics.model, kinematics.data
    mujoco.mj_comPos(model, data)
    jacp, jacr = np.zeros((3, model.nv)), np.zeros((3, model.nv))
    mujoco.mj_jacSite(model, data, jacp, jacr, model.site(it.tcp_site).id)
    J = np.vstack((jacp, jacr))[:, [model.joint(j).dofadr[0] for j in it.arm_joints]]
    b = 3 if it.base_joints else 0
    twist = action[b : b + 6] * scales(it)[b : b + 6]
    return np.asarray(J.T @ np.linalg.solve(J @ J.T + 4e-4 * np.eye(6), twist))


@settings(max_examples=80, deadline=None)
@given(name=st.sampled_from(NAMES), seed=st.integers(0, 100_000), joint=st.integers(0, 6), up=st.booleans())
def test_joints_are_never_driven_into_their_limits(name: str, seed: int, joint: int, up: bool) -> None:
    shield, rng = SHIELDS[name], np.random.default_rng(seed)
    shield.reset()
    low, high = KINEMATICS[name]._low, KINEMATICS[name]._high
    q = rng.uniform(low + 0.3, high - 0.3)
    room = float(rng.uniform(0.0, 0.05))
    q[joint] = high[joint] - room if up else low[joint] + room
    action = rng.choice([-1.0, 1.0], len(robot(name).action_names)).astype(np.float32)
    for k in range(4):
        safe = shield.filter(action, observed(name, k * DT, q))
    outwards = rates(name, q, safe)[joint] * (1.0 if up else -1.0)
    # Within the margin it may not go outwards at all; what is left is the way home of a redundant arm.
    assert outwards <= 0.8 * abs(KINEMATICS[name].home[joint] - q[joint]) + 1e-3


def wall(distance: float, stamp: float) -> Frame:
    """A wall across the way, as a scanner 0.2 m high in the middle of the robot sees it."""
    y, z = np.meshgrid(np.linspace(-0.8, 0.8, 60), [0.0, 0.05])
    points = np.column_stack((np.full(y.size, distance), y.ravel(), z.ravel(), np.ones(y.size)))
    T = np.eye(4)
    T[2, 3] = 0.2
    return Frame(name="scan", modality="lidar", stamp=stamp, data=points.astype(np.float32), rate=20.0, T_bs=T)


@settings(max_examples=60, deadline=None)
@given(distance=st.floats(0.30, 0.9), seed=st.integers(0, 10_000))
def test_the_base_can_always_stop_before_a_wall(distance: float, seed: int) -> None:
    shield, rng = SHIELDS["mobile_panda"], np.random.default_rng(seed)
    shield.reset()
    action = rng.uniform(-1.0, 1.0, 12).astype(np.float32)
    action[0] = 1.0
    for k in range(12):
        safe = shield.filter(action, observed("mobile_panda", k * DT, frames={"scan": wall(distance, k * DT)}))
    speed, room = 0.6 * float(safe[0]), distance - 0.27
    limits = shield.limits
    assert speed * limits.reaction + speed**2 / (2.0 * limits.base_braking) <= max(room, 0.0) + 1e-3
    if distance > 0.8:
        assert speed > 0.5, "nothing is near enough to slow down for"


def person(x: float, y: float) -> Entity:
    return Entity(
        name="person", label="person", category="object", position_w=np.array([x, y, 0.8]), extent=np.full(3, 0.34)
    )


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(NAMES), seed=st.integers(0, 10_000), away=st.floats(0.3, 1.2), around=st.floats(-3.1, 3.1))
def test_beside_a_person_the_tool_is_slow(name: str, seed: int, away: float, around: float) -> None:
    shield, it, rng = SHIELDS[name], robot(name), np.random.default_rng(seed)
    shield.reset()
    tcp = KINEMATICS[name].home_T_be[:3, 3]
    shield.told([person(tcp[0] + away * np.cos(around), tcp[1] + away * np.sin(around))], np.zeros(3), np.zeros(3))
    action = rng.choice([-1.0, 1.0], len(it.action_names)).astype(np.float32)
    for k in range(10):
        safe = shield.filter(action, observed(name, k * DT)) * 1.0
    b = 3 if it.base_joints else 0
    v = safe[b : b + 3] * it.tcp_speed[0]
    if b:
        vx, vy, w = safe[:3] * it.base_speed
        v = v + np.array([vx - w * tcp[1], vy + w * tcp[0], 0.0])
    if away - 0.17 < shield.limits.person_distance:
        assert np.linalg.norm(v) <= shield.limits.person_speed + 1e-6


def test_a_harmless_command_passes_bit_by_bit() -> None:
    shield = SHIELDS["mobile_panda"]
    shield.reset()
    for k in range(20):
        action = np.full(12, 0.01 * k, dtype=np.float32)
        assert np.allclose(shield.filter(action, observed("mobile_panda", k * DT)), action, atol=1e-7)
    assert shield.interventions == 0


def test_an_old_command_stops_the_motion_and_keeps_the_grip() -> None:
    now = [0.0]
    shield = Shield(robot("panda"), clock=lambda: now[0])
    action = np.array([0.2, 0.0, 0.0, 0.0, 0.0, 0.0, -0.5], dtype=np.float32)
    assert shield.filter(action, observed("panda", 0.0))[0] > 0.0
    now[0] = 0.09
    assert shield.filter(action, observed("panda", 0.0))[0] > 0.0
    now[0] = 0.11
    assert shield.filter(action, observed("panda", 0.0)) == pytest.approx([0, 0, 0, 0, 0, 0, -0.5])
    assert shield.filter(action, observed("panda", 0.1), stamp=0.1)[0] > 0.0, "a fresh one goes on"
    assert shield.filter(action, observed("panda", 0.1), stamp=float("nan"))[0] == 0.0
    assert shield.journal.by_reason["stale"] == 2


def test_a_hand_that_is_pressed_hard_does_not_press_on() -> None:
    shield = Shield(robot("panda"))
    q = np.array([robot("panda").home[j] for j in robot("panda").arm_joints])
    down = np.array([0.0, 0.0, -0.3, 0.0, 0.0, 0.0, 0.0], dtype=np.float32)
    for k in range(20):
        # 300 N from below, besides the weight of the hand, in a sensor whose axes are those of the base.
        reading = np.array([0.0, 0.0, shield._weight - 300.0, 0.0, 0.0, 0.0], np.float32)
        frame = Frame(name="wrist_force", modality="force_torque", stamp=k * DT, data=reading, rate=50, T_bs=np.eye(4))
        safe = shield.filter(down, observed("panda", k * DT, q, {"wrist_force": frame}))
        assert safe[2] >= -1e-3, "a thousandth is below what the motors resolve"
        up = shield.filter(-down, observed("panda", k * DT + 0.02, q, {"wrist_force": frame}))
    assert up[2] > 0.0, "it may give way"
    assert shield.journal.by_reason["contact_force"] > 0


@pytest.mark.parametrize(("away", "fast"), [(None, False), (0.0, True), (0.6, False)])
def test_only_where_a_skill_is_to_touch_something_may_the_hand_meet_it_faster(away: float | None, fast: bool) -> None:
    shield, tcp = Shield(robot("panda")), KINEMATICS["panda"].home_T_be[:3, 3]
    x, y = np.meshgrid(np.linspace(-0.1, 0.1, 9), np.linspace(-0.1, 0.1, 9))
    points = np.column_stack((tcp[0] + x.ravel(), tcp[1] + y.ravel(), np.full(x.size, tcp[2] - 0.03), np.ones(x.size)))
    down = robot("panda").action(gripper=0.08, linear=(0.0, 0.0, -0.22))
    if away is not None:
        thing = Entity(
            name="mug",
            label="mug",
            category="object",
            position_w=tcp + np.array([away, 0, -0.04]),
            extent=np.full(3, 0.08),
        )
        shield.about([thing], np.zeros(3), np.zeros(3))
    for k in range(10):
        frame = Frame(
            name="lidar", modality="lidar", stamp=k * DT, data=points.astype(np.float32), rate=10, T_bs=np.eye(4)
        )
        safe = shield.filter(down, observed("panda", k * DT, frames={"lidar": frame}))
    speed = -0.35 * float(safe[2])
    assert speed == pytest.approx(0.22, abs=1e-3) if fast else speed < 0.16
    shield.reset()
    assert not len(shield._things_o), "a new episode knows of nothing"


def test_a_silent_scanner_slows_the_base_down() -> None:
    shield = Shield(robot("mobile_panda"))
    ahead = robot("mobile_panda").action(gripper=0.08, base=(0.3, 0.0, 0.0))
    frame = wall(2.0, 0.0)
    for k in range(25):
        safe = shield.filter(ahead, observed("mobile_panda", k * DT, frames={"scan": frame}))
    assert 0.6 * safe[0] == pytest.approx(shield.limits.blind_speed, abs=1e-5)
    assert shield.journal.by_reason["blind"] > 0


def test_a_workspace_holds_the_tool() -> None:
    tcp = KINEMATICS["panda"].home_T_be[:3, 3]
    low, high = tuple(tcp - 0.2), tuple(tcp + np.array([0.005, 0.2, 0.2]))
    shield = Shield(robot("panda"), ShieldLimits(workspace=(low, high)))  # type: ignore[arg-type]
    forwards = robot("panda").action(gripper=0.08, linear=(0.3, 0.1, 0.0))
    for k in range(10):
        safe = shield.filter(forwards, observed("panda", k * DT))
    assert 0.0 <= 0.35 * safe[0] < 0.06
    assert safe[1] > 0.2, "it still goes where it may"
    assert shield.journal.by_reason["workspace"] > 0


def test_what_was_changed_is_counted_with_its_reason() -> None:
    shield = Shield(robot("panda"))
    shield.filter(np.array([0, 0, np.nan, 0, 0, 0, 1], dtype=np.float32), observed("panda", 1.0))
    (record,) = shield.journal.recent
    assert str(record) == "1.00 s: not_finite"
    assert np.isnan(record.asked[2])
    assert not record.given.any()
    assert shield.interventions == 1
    shield.reset()
    assert shield.interventions == 0


def test_a_wrong_shape_or_limit_is_refused() -> None:
    with pytest.raises(ContractError, match=r"expected shape \(7,\), got \(3,\)"):
        SHIELDS["panda"].filter(np.zeros(3, dtype=np.float32), observed("panda", 0.0))
    with pytest.raises(InputError, match="reaction: expected finite values >= 0"):
        ShieldLimits(reaction=-1.0)
    with pytest.raises(InputError, match="low < high"):
        ShieldLimits(workspace=((0, 0, 0), (1, 0, 1)))
