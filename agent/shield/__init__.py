"""The last word before the motors, whatever produced the command: a full shield, and a minimal one."""

from yanshi.agent.shield.limits import ShieldLimits
from yanshi.agent.shield.range_only import POSITION_CHANNELS, RangeShield
from yanshi.agent.shield.record import REASONS, Intervention, Journal, Reason
from yanshi.agent.shield.shield import Shield

__all__ = [
    "POSITION_CHANNELS", "REASONS", "Intervention", "Journal", "RangeShield", "Reason", "Shield", "ShieldLimits",
]  # fmt: skip
