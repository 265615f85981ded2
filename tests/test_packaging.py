"""The wheel holds exactly what the tree holds: linked folders are easily lost or doubled by build tools."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("agent", "envs", "perception", "planning", "sim_assets")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Builds the sdist from the tree, and the wheel from that sdist, as a user's pip does."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(out), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    return out


def tracked() -> set[str]:
    """Every file of the package that git tracks, as its path inside the wheel."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", *FOLDERS, "src/yanshi"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    files = [Path(name) for name in listing.split("\0") if name and not (ROOT / name).is_symlink()]
    return {f"yanshi/{f.relative_to('src/yanshi') if f.parts[0] == 'src' else f}" for f in files if (ROOT / f).exists()}


@pytest.mark.slow
def test_wheel_holds_the_tree(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = {n for n in wheel.namelist() if ".dist-info/" not in n}
    assert tracked() - names == set(), "in the tree, not in the wheel"
    assert {n for n in names if not n.startswith("yanshi/")} == set(), "a folder stands beside the package"


@pytest.mark.slow
def test_sdist_holds_real_folders(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {member.name.split("/", 1)[1] for member in sdist.getmembers() if "/" in member.name}
    for folder in FOLDERS:
        assert f"src/yanshi/{folder}/__init__.py" in names


def test_links_are_relative_and_point_at_the_folders() -> None:
    for folder in FOLDERS:
        link = ROOT / "src/yanshi" / folder
        assert link.is_symlink()
        assert str(link.readlink()) == f"../../{folder}"
