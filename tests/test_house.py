"""The rules of the house that no linter knows: where I/O may live, how large a room may be, a test file a module."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "nearboot"
TESTS = ROOT / "tests"
MODULES = sorted(SOURCE.rglob("*.py"))

IO_MODULES = {"socket", "asyncio", "subprocess", "time", "sqlalchemy", "scapy", "httpx", "logging"}
IO_FILES = ("server", "client", "store", "orm", "runner")
OUTER = ("app", "cli")  # the composition root and the command line are the shell
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 50


def _is_shell(path: Path) -> bool:
    relative = path.relative_to(SOURCE)
    stem = path.stem
    return relative.parts[0] in OUTER or stem == "__main__" or stem.rsplit("_", 1)[-1] in IO_FILES


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def _has_functions(path: Path) -> bool:
    return any(isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) for n in ast.walk(ast.parse(path.read_text())))


def _name(path: Path) -> str:
    return str(path.relative_to(SOURCE))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_only_the_shell_imports_input_and_output(path: Path) -> None:
    """Pure modules import no socket, clock, process or database: those live in server, client, store, orm, runner."""
    if not _is_shell(path):
        assert not _imports(path) & IO_MODULES


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_rooms_stay_small(path: Path) -> None:
    """A module is split before it passes 400 lines, a function before it passes 50."""
    text = path.read_text()
    assert text.count("\n") <= MAX_MODULE_LINES
    functions = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    long = [f.name for f in functions if (f.end_lineno or f.lineno) - f.lineno >= MAX_FUNCTION_LINES]
    assert not long


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_each_module_has_its_test_file(path: Path) -> None:
    """src/nearboot/a/b.py has tests/a/test_b.py, so that a reader finds the one from the other.

    Modules that only declare values and choices do nothing that a test could show.
    """
    if path.stem in ("__init__", "__main__") or not _has_functions(path):
        return
    relative = path.relative_to(SOURCE)
    assert (TESTS / relative.parent / f"test_{relative.name}").exists()
