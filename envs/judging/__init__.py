"""Judging an episode: success, reward and the state observation of a task's stages, in many simulations at once."""
