"""The functions' folder, really made; needs uv and the package registry for the parts marked slow."""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra import bundling
from infra.bundling import HERE, LAMBDA, SERVICES, CannotBundleError, bundle
from shared import settings
from shared.settings import FUNCTIONS
from tests.functions.environment import NOWHERE
from tests.places import ROOT

LARGEST_MIB = 45
UNREACHABLE = ("failed to fetch", "dns error", "error sending request", "connection", "uv is neither")


def made(root: Path, out: Path, target: bundling.Target) -> Path:
    """The folder; skips aloud where the registry or the installer is out of reach."""
    try:
        bundle(root, out, target)
    except CannotBundleError as problem:
        if any(sign in str(problem).lower() for sign in UNREACHABLE):
            pytest.skip(f"the functions cannot be bundled here: {problem}")
        raise
    return out


@pytest.fixture(scope="module")
def for_lambda(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(ROOT, tmp_path_factory.mktemp("lambda") / "code", LAMBDA)


def prints(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_target_is_the_runtime_of_the_settings() -> None:
    assert f"python{LAMBDA.version}" == settings.RUNTIME
    assert LAMBDA.platform == "aarch64-manylinux2014"


def test_botocore_keeps_every_service_that_the_code_calls() -> None:
    called = {
        node.args[0].value
        for folder in bundling.PACKAGES
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"client", "resource"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert called
    assert called <= SERVICES


def test_a_machine_without_the_installer_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotBundleError, match=r"pip install -r requirements/tools\.txt"):
        bundling.find_uv()


@pytest.mark.slow
def test_the_folder_is_the_same_wherever_it_is_made(
    for_lambda: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "another place" / "project"
    for folder in bundling.PACKAGES:
        shutil.copytree(ROOT / folder, elsewhere / folder)
    (elsewhere / "requirements").mkdir()
    shutil.copy(ROOT / bundling.REQUIREMENTS, elsewhere / bundling.REQUIREMENTS)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONHASHSEED", "1234")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "bytecode"))
    assert prints(made(elsewhere, tmp_path / "out", LAMBDA)) == prints(for_lambda)


@pytest.mark.slow
def test_the_folder_is_small_and_for_the_target_alone(for_lambda: Path) -> None:
    files = [path for path in for_lambda.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= LARGEST_MIB * 1024 * 1024
    native = [path.name for path in files if ".so" in path.suffixes]
    assert native
    assert all("aarch64" in name and "cpython-313" in name for name in native if "cpython" in name)
    assert not any("x86_64" in name for name in native)
    assert not [path for path in files if "tests" in path.relative_to(for_lambda).parts]


@pytest.mark.slow
def test_bytecode_of_the_target_is_shipped_unchecked(for_lambda: Path) -> None:
    compiled = list(for_lambda.rglob("*.pyc"))
    if not compiled:
        pytest.skip(f"this machine has no Python {LAMBDA.version} to compile with; the bundler said so too")
    sources = list(for_lambda.rglob("*.py"))
    assert len(compiled) == len(sources)
    for path in compiled:
        assert path.name.endswith(".cpython-313.pyc")
        # PEP 552: flags 1 is a hash-based file that is not checked against its source.
        assert path.read_bytes()[4:8] == b"\x01\x00\x00\x00"


@pytest.mark.slow
def test_every_handler_runs_from_the_folder_alone(tmp_path: Path) -> None:
    folder = made(ROOT, tmp_path / "code", HERE)
    for function in FUNCTIONS:
        module, _, name = function.handler.rpartition(".")
        script = f"import sys; sys.path.insert(0, {str(folder)!r}); import {module} as m; assert callable(m.{name})"
        # Without site-packages: what the folder lacks, nothing else may give.
        base = getattr(sys, "_base_executable", sys.executable)
        done = subprocess.run(
            [base, "-I", "-S", "-c", script],
            env=NOWHERE | {"PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
