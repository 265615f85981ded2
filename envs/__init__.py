"""Where it happens: worlds, robots, simulated senses, tasks and the oracle."""
