"""The tasks, one declarative file each. Add yours with `register_task`."""

from yanshi.envs.tasks import (
    chain,
    close_part,
    compound,
    dark_pick,
    dark_room,
    fetch,
    find_sound,
    home_close,
    home_open,
    home_pick,
    home_place_in,
    home_place_on,
    home_press,
    home_tidy,
    look_alikes,
    open_part,
    pick,
    place_in,
    place_on,
    press,
    push_to,
    stack,
    tidy,
)
from yanshi.envs.tasks.definition import Stage, Task, register_task, task, tasks

__all__ = ["Stage", "Task", "register_task", "task", "tasks"]

for _module in (
    pick, place_on, place_in, open_part, close_part, press, push_to, stack, tidy, look_alikes, compound, dark_pick,
    chain, home_pick, home_place_on, home_place_in, home_open, home_close, home_press, fetch, find_sound,
    dark_room, home_tidy,
):  # fmt: skip
    register_task(_module.TASK)
