from __future__ import annotations

import pytest

from yanshi.contracts import WorldState
from yanshi.planning.fakes import fake_belief, fake_object

ON_TABLE = {"red_mug": (6.0, 2.0, 0.85), "blue_mug": (6.0, 2.3, 0.85), "green_cube": (6.1, 1.7, 0.85)}


@pytest.fixture
def home() -> WorldState:
    """Three things on the table; the drawer is closed."""
    things = {name: fake_object(name, at) for name, at in ON_TABLE.items()}
    return fake_belief(things, *(f"on({name}, table)" for name in things), "closed(cabinet_drawer)")
