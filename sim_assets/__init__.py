"""Robots, objects, furniture and sounds. `path()` finds a file in it."""
