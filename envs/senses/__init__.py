"""Simulated senses. One sense, one file; each is a `Sensor` in a `Timed` wrapper (rate, latency, noise, drop-out)."""
