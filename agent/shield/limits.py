"""The limits that the shield holds, with the numbers of data sheets and standards as defaults."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from yanshi.errors import InputError

__all__ = ["ShieldLimits"]


@dataclass(frozen=True, kw_only=True)
class ShieldLimits:
    """What no command may exceed. SI units; an empty tuple or None stands for "as the robot's description says".

    Joint limits are those of the Franka Emika Panda (Franka Control Interface documentation, "Limits for Panda"). The
    speed beside people is the reduced speed of ISO 10218-1:2011, 5.6.2; keeping distance by what the brakes can do is
    the speed-and-separation monitoring of ISO/TS 15066:2016, 5.5.4, for an obstacle that stands still.
    """

    tool_speed: tuple[float, float] = (1.7, 2.5)
    """Linear [m/s] and angular [rad/s] speed of the tool: the data sheet's. The robot's action range lies below it."""
    tool_acceleration: tuple[float, float] = (13.0, 25.0)
    """[m/s², rad/s²]: the data sheet's."""
    tool_jerk: tuple[float, float] = (325.0, 625.0)
    """[m/s³, rad/s³]: full acceleration is reached in one control step. The data sheet's 6500 and 12500 hold at 1 kHz;
    at 25 Hz they would never bind."""
    base_speed: tuple[float, float] = (0.9, 1.2)
    """[m/s, rad/s]."""
    base_acceleration: tuple[float, float] = (3.0, 12.0)
    """[m/s², rad/s²] of the command; the drive itself gathers speed more slowly."""
    base_jerk: tuple[float, float] = (75.0, 300.0)
    """[m/s³, rad/s³]."""
    head_speed: float = 2.0
    """[rad/s] of each joint of the head."""
    head_acceleration: float = 75.0
    """[rad/s²]."""
    head_jerk: float = 1900.0
    """[rad/s³]."""
    joint_speed: tuple[float, ...] = ()
    """[rad/s] of each arm joint; empty for the robot's own `joint_speed`, or 2 rad/s."""
    joint_acceleration: tuple[float, ...] = (15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0)
    """[rad/s²] of each arm joint, the data sheet's; for arms with more or fewer joints the least is taken."""
    joint_jerk: tuple[float, ...] = (7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0)
    """[rad/s³], likewise."""
    joint_margin: float = 0.05
    """How far arm joints stay away from their limits [rad or m]."""
    workspace: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
    """Lowest and highest x, y, z [m] of the tool centre point in the base frame; None for no more than the floor."""
    floor_margin: float = 0.012
    """How far the tool centre point stays above the floor [m]: the length of a finger tip."""
    self_margin: float = 0.015
    """Kept between parts of the robot [m]."""
    arm_margin: float = 0.03
    """Kept between the arm and what is sensed [m]."""
    hand_margin: float = 0.015
    """From here on the hand goes no faster than `touch_speed` towards what is sensed [m]."""
    carry_margin: float = 0.05
    """From here on the base carries the hand no faster than `touch_speed`, whichever way: what is sensed is points as
    far apart as this [m], and a hand that drives along an edge meets what lies between them."""
    base_margin: float = 0.025
    """Kept between the base and what is sensed [m]."""
    touch_speed: tuple[float, float] = (0.15, 0.12)
    """How fast the hand may meet something beside it, and below it [m/s]. The hand is made for touching; the rest of
    the robot is not."""
    skill_touch_speed: float = 0.25
    """… where the running skill is about to touch something [m/s]: the reduced speed of ISO 10218-1, 5.6.2."""
    skill_reach: float = 0.15
    """So near to it, seen from above [m]."""
    servo_lag: float = 0.06
    """Over how long the servos of the arm spread a sudden change of speed [s]: their damping over their stiffness.
    Joint acceleration is counted over this time or a control step, whichever is longer."""
    servo_overshoot: float = 0.4
    """By what share the tool is faster than it was told for a moment after it is turned round; beside people that
    much less is commanded. Measured in simulation."""
    arm_braking: float = 2.5
    """What the arm surely brakes with [m/s², and rad/s² for a joint]."""
    base_braking: float = 1.2
    """What the base surely brakes with [m/s²]."""
    reaction: float = 0.10
    """From a command to its effect [s]: one control period and the lag of the servos."""
    press_force: tuple[float, float] = (30.0, 80.0)
    """From the first force on the hand presses on more slowly than `touch_speed`, at the second no harder [N]: servos
    that are wound up against something let the hand leap when it slips off."""
    contact_force: float = 140.0
    """Greatest force of the hand on something [N]: the quasi-static limit of ISO/TS 15066:2016, Table A.2, for hands
    and fingers."""
    contact_time: float = 0.3
    """How long a force may be greater than that, up to twice as great [s]. A transient contact (5.5.5.3) ends after
    0.5 s; the difference is time to give way."""
    give_way_speed: float = 0.1
    """How fast a hand that was pressed harder or longer than that gives way [m/s]."""
    hand_weight: float | None = None
    """What the wrist's force sensor carries when the hand is empty [N]; None for the weight in the robot's model."""
    person_distance: float = 0.5
    """How near a person is [m] when `person_speed` holds."""
    person_margin: float = 0.15
    """Kept between the robot and a person [m]."""
    person_speed: float = 0.25
    """Greatest speed of the tool over the floor near a person [m/s]: ISO 10218-1."""
    command_age: float = 0.1
    """An older command is not carried out [s]."""
    sense_age: float = 0.5
    """A LiDAR, scanner or depth camera that has spoken before is missed after this time [s]."""
    blind_speed: float = 0.1
    """How fast the base may go while a range sense is missed [m/s]."""
    memory: float = 10.0
    """How long the shield remembers an obstacle that is out of sight [s]."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None or field.name == "workspace":
                continue
            numbers = np.atleast_1d(np.asarray(value, dtype=float))
            if not np.all(np.isfinite(numbers)) or np.any(numbers < 0.0):
                raise InputError(f"ShieldLimits.{field.name}: expected finite values >= 0, got {value}.")
        if self.workspace is not None and not np.all(np.asarray(self.workspace[0]) < np.asarray(self.workspace[1])):
            raise InputError(f"ShieldLimits.workspace: expected low < high, got {self.workspace}.")

    def for_joints(self, name: str, count: int, otherwise: tuple[float, ...] = ()) -> tuple[float, ...]:
        """One number for each of `count` arm joints: the field `name`, else `otherwise`, else the least of the field.

        Raises:
            InputError: there is none.
        """
        given: tuple[float, ...] = getattr(self, name) or otherwise
        if len(given) == count:
            return given
        if not given:
            raise InputError(f"ShieldLimits.{name}: expected {count} values, got none.")
        return (min(given),) * count
