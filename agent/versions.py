"""What a result was made with."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from yanshi import __version__

PACKAGES = ("mujoco", "numpy", "gymnasium", "mink", "torch", "transformers")


def versions() -> dict[str, str]:
    """Name → version of yanshi, Python and the packages that matter for a result and are installed."""
    found = {"yanshi": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
