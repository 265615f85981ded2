"""The rates at which simulated time advances. Physics and ticks divide control exactly, so no step is ever split."""

PHYSICS_DT = 0.002
"""One `mj_step` [s]."""
STEPS_PER_TICK = 10
TICKS_PER_CONTROL = 2
STEPS_PER_CONTROL = STEPS_PER_TICK * TICKS_PER_CONTROL
TICK = PHYSICS_DT * STEPS_PER_TICK
"""Senses are polled once a tick [s]: up to 50 Hz."""
CONTROL_DT = TICK * TICKS_PER_CONTROL
"""One action [s]: 25 Hz."""
