"""Doing it: the loop, the skills, recording, evaluation and the command line's commands."""
