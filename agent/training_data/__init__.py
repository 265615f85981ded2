"""Data to learn from, made by the simulated worlds."""
