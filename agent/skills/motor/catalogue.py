"""The manoeuvres there are. Importing this registers them."""

from __future__ import annotations

from yanshi.agent.skills.motor.leading import Opening, Shutting
from yanshi.agent.skills.motor.manoeuvre import manoeuvre, manoeuvres, register_manoeuvre
from yanshi.agent.skills.motor.picking import Picking
from yanshi.agent.skills.motor.placing import Placing, stacking
from yanshi.agent.skills.motor.pressing import Pressing
from yanshi.agent.skills.motor.pushing import Pushing

__all__ = ["manoeuvre", "manoeuvres", "register_manoeuvre"]

for _item in (Picking(), Placing(), stacking(), Opening(), Shutting(), Pressing(), Pushing()):
    register_manoeuvre(_item)
