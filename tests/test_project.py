"""Promises about the project as a whole: its checks pass, its layers hold, its files agree with each other."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

import explorer

ROOT: Final = Path(__file__).resolve().parent.parent
MODULES: Final = sorted((ROOT / "explorer").rglob("*.py"))
TESTS: Final = sorted((ROOT / "tests").rglob("test_*.py"))
QT: Final = {"PySide6", "superqt", "pyqtgraph"}
IMPORTS: Final = (ast.Import, ast.ImportFrom)
RUNS_CODE: Final = {("torch", "load"), ("pickle", "load"), ("pickle", "loads"), ("pickle", "Unpickler")}


@pytest.mark.slow
def test_the_linter_has_no_complaint() -> None:
    _succeeds("ruff", "check", ".")


@pytest.mark.slow
def test_every_file_is_formatted() -> None:
    _succeeds("ruff", "format", "--check", ".")


@pytest.mark.slow
@pytest.mark.timeout(600)  # the first run reads all of torch's types
def test_the_types_are_strict_and_right() -> None:
    _succeeds("mypy")


@pytest.mark.slow
def test_layers_import_only_downwards() -> None:
    _succeeds("lint-imports")


def test_only_the_entry_point_may_import_both_torch_and_qt() -> None:
    both = [
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        if (packages := {name.partition(".")[0] for name in _imports(path)}) & QT and "torch" in packages
    ]
    assert set(both) <= {"explorer/__main__.py"}


def test_the_entry_point_imports_torch_before_the_window_on_windows() -> None:
    names = list(_imports(ROOT / "explorer" / "__main__.py"))
    assert names.index("torch") < names.index("explorer.app"), "torch cannot be loaded after Qt on Windows"


def test_the_entry_point_imports_nothing_heavy_before_it_is_needed() -> None:
    outermost = [node for node in _tree(ROOT / "explorer" / "__main__.py").body if isinstance(node, IMPORTS)]
    assert {name for node in outermost for name in _names(node)} == {"__future__", "os", "sys", "typing"}


def test_no_module_reads_a_file_in_a_way_that_can_run_code() -> None:
    assert [place for path in MODULES for place in _code_running_reads(path)] == []


def test_every_module_says_what_it_is() -> None:
    silent = [str(path.relative_to(ROOT)) for path in MODULES if not ast.get_docstring(_tree(path))]
    assert silent == []


def test_every_module_postpones_annotations() -> None:
    modules = [path for path in MODULES if len(_tree(path).body) > 1]  # more than a docstring
    assert [str(path.relative_to(ROOT)) for path in modules if "__future__" not in _imports(path)] == []


def test_every_test_name_is_a_promise() -> None:
    names = [node.name for path in TESTS for node in _tree(path).body if isinstance(node, ast.FunctionDef)]
    tests = [name for name in names if "test" in name.split("_")]
    assert [name for name in tests if not name.startswith("test_") or name.count("_") < 3] == []


def test_no_test_hides_another_of_the_same_name() -> None:
    for path in TESTS:
        names = [node.name for node in _tree(path).body if isinstance(node, ast.FunctionDef)]
        assert len(names) == len(set(names)), path.name


def test_the_versions_agree() -> None:
    assert _project()["project"]["version"] == explorer.__version__


def test_the_package_carries_what_the_program_looks_for() -> None:
    wheel = _project()["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["sources"] == {"resources": "explorer/_resources", "checkpoints": "explorer/_checkpoints"}


def test_the_licences_of_the_program_and_its_sample_dataset_are_there() -> None:
    licences = [ROOT / "LICENSE", ROOT / "resources" / "fashion-mnist-test" / "LICENSE.txt"]
    assert all("Permission is hereby granted" in path.read_text(encoding="utf-8") for path in licences)


@pytest.mark.parametrize(
    "command",
    [
        "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/latent-explorer",
        'python3 -m venv .venv && .venv/bin/pip install -e ".[test]" && .venv/bin/pytest',
    ],
)
def test_the_readme_starts_with_the_two_commands(command: str) -> None:
    assert command in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()


def _succeeds(program: str, *arguments: str) -> None:
    """Run a program of this environment in the repository's root; its whole output is the failure."""
    found = shutil.which(program, path=sysconfig.get_path("scripts"))
    assert found, f"{program} should be installed: pip install -e '.[test]'"
    environment = os.environ | {"NO_COLOR": "1", "PYTHONWARNINGS": "default"}
    run = subprocess.run(
        [found, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=590, check=False
    )
    assert run.returncode == 0, f"{program} {' '.join(arguments)}\n{run.stdout}\n{run.stderr}"


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _imports(path: Path) -> Iterator[str]:
    """The full names of everything a module imports, also inside functions, in the order of its lines."""
    nodes = [node for node in ast.walk(_tree(path)) if isinstance(node, IMPORTS)]
    for node in sorted(nodes, key=lambda node: node.lineno):
        yield from _names(node)


def _names(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The full names of the modules that one statement imports."""
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]


def _code_running_reads(path: Path) -> Iterator[str]:
    """Where a module uses a function of torch or pickle that can run code hidden in a file."""
    for node in ast.walk(_tree(path)):
        match node:
            case ast.Attribute(value=ast.Name(id=package), attr=name) if (package, name) in RUNS_CODE:
                yield f"{path.relative_to(ROOT)}:{node.lineno}"
            case ast.ImportFrom(module=str(package), names=aliases):
                if any((package, alias.name) in RUNS_CODE for alias in aliases):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}"
            case ast.keyword(arg="allow_pickle", value=ast.Constant(value=True)):
                yield f"{path.relative_to(ROOT)}:{node.lineno}"


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
