"""Holds the arrows between the folders and the sizes of things, so that they stay true without anyone watching."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("perception", "planning", "envs", "agent", "sim_assets")
MAY_IMPORT = {
    "perception": {"sim_assets"},
    "planning": set(),
    "envs": {"sim_assets"},
    "sim_assets": set(),
    "agent": {"perception", "planning", "envs", "sim_assets"},
}
BASE = {"contracts", "errors", "goals"}
SOURCES = sorted(p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py")) + sorted(
    (ROOT / "src/yanshi").glob("*.py")
)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import; write yanshi.<folder>"
            yield node.module or "", node.lineno


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_arrows_go_one_way(path: Path) -> None:
    folder = path.relative_to(ROOT).parts[0]
    for module, line in imports_of(path):
        parts = module.split(".")
        assert parts[0] not in FOLDERS, f"{path}:{line}: import yanshi.{module}, not {module}"
        if parts[0] != "yanshi" or len(parts) < 2 or folder == "src":
            continue
        allowed = BASE | {folder} | MAY_IMPORT[folder]
        assert parts[1] in allowed, f"{path}:{line}: {folder} may not import yanshi.{parts[1]}"


@pytest.mark.parametrize("name", sorted(BASE))
def test_contracts_know_numpy_only(name: str) -> None:
    path = ROOT / "src/yanshi" / f"{name}.py"
    outside = {m.split(".")[0] for m, _ in imports_of(path)} - set(sys.stdlib_module_names) - {"numpy"}
    inside = {m for m, _ in imports_of(path) if m.startswith("yanshi")}
    assert outside <= {"yanshi"}
    assert inside <= {"yanshi.errors", "yanshi.goals"}


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_files_and_signatures_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 500, "a file of more than 500 lines holds more than one concept"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            args = node.args
            count = len(args.posonlyargs) + len(args.args) + len(args.kwonlyargs)
            count -= bool(args.args) and args.args[0].arg in ("self", "cls")
            assert count <= 8, f"{path}:{node.lineno}: {node.name} takes {count} parameters; at most 8"


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_no_broad_except_and_no_print_in_the_library(path: Path) -> None:
    edge = path.name == "__main__.py" or path.parent.name == "commands"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ExceptHandler):
            name = node.type.id if isinstance(node.type, ast.Name) else None
            broad = node.type is None or name in ("Exception", "BaseException")
            assert edge or not broad, f"{path}:{node.lineno}: catch what you can handle"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            assert edge, f"{path}:{node.lineno}: print belongs to the command line"


def test_no_folders_import_each_other_in_a_circle() -> None:
    edges: dict[str, set[str]] = {}
    for path in SOURCES:
        relative = path.relative_to(ROOT)
        if relative.parts[0] == "src":
            continue
        module = ".".join(("yanshi", *relative.with_suffix("").parts)).removesuffix(".__init__")
        edges[module] = {m for m, _ in top_level_imports(path) if m.startswith("yanshi.")}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, "import circle: " + " → ".join((*trail[trail.index(module) :], module))
        if module in done:
            return
        for target in edges.get(module, ()):
            visit(target, (*trail, module))
        done.add(module)

    for module in edges:
        visit(module, ())


MODULES = {
    ".".join(("yanshi", *p.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for p in SOURCES
    if p.relative_to(ROOT).parts[0] != "src"
}


def top_level_imports(path: Path) -> Iterator[tuple[str, int]]:
    """Imports that run when the module does: those under `if TYPE_CHECKING` and inside functions do not."""
    for node in tree_of(path).body:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((name if name in MODULES else node.module, node.lineno) for name in names)


def test_launch_never_shadows_the_launch_package_of_ros() -> None:
    assert not (ROOT / "launch/__init__.py").exists()


@pytest.mark.parametrize(
    "module", ["yanshi", "yanshi.contracts", "yanshi.planning", "yanshi.perception", "yanshi.__main__"]
)
def test_light_imports_stay_light(module: str) -> None:
    heavy = "{'torch', 'transformers', 'mujoco', 'open3d', 'gymnasium'}"
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_importing_envs_needs_no_torch() -> None:
    code = "import sys, yanshi.envs.simulation, yanshi.envs.worlds.world; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
