"""Build the functions' code folder without Docker: our packages, the pinned libraries, and bytecode.

All functions share one folder. Its bytes depend only on the sources, the pins and the target, so a deployment without
changes uploads nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared import settings

PACKAGES: Final = ("functions", "shared")
REQUIREMENTS: Final = "requirements/functions.txt"
SERVICES: Final = frozenset({"dynamodb", "lambda", "s3", "secretsmanager", "sns", "sqs", "sso", "sso-oidc", "sts"})
"""Services whose descriptions are kept: those that the functions call (shared/bootstrap.py), and those that botocore
needs to sign in. botocore has descriptions of some 400 services, most of its 30 MiB."""

# Scripts that name the builder's Python, C headers, the installer's records, and unused parts of libraries. METADATA
# stays, because scanners (Amazon Inspector) find vulnerable libraries by it; license files stay as well.
_DROPPED: Final = (
    "bin",
    "*.dist-info/RECORD",
    "*.dist-info/WHEEL",
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.dist-info/direct_url.json",
    "*.dist-info/entry_points.txt",
    "*.dist-info/sboms",
    "boto3/examples",
    "lxml/html",
    "lxml/includes",
    "lxml/isoschematron",
    "lxml/objectify.*",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui",
    "**/tests",
    "**/*.pyi",
    "**/*.pyx",
    "**/*.pxd",
    "**/*.h",
    "**/__pycache__",
)
_LAMBDA_FOLDER: Final = "/var/task"
"""Lambda unpacks a function here (Lambda developer guide, "Deploying Python functions with .zip file archives")."""


@dataclass(frozen=True, slots=True)
class Target:
    """The Python version and platform that the folder is for; `platform` is None for this machine."""

    python: tuple[int, int]
    platform: str | None

    @property
    def version(self) -> str:
        return ".".join(map(str, self.python))


_MACHINES: Final = {"arm64": "aarch64", "x86_64": "x86_64"}
LAMBDA: Final = Target(
    python=(3, int(settings.RUNTIME.removeprefix("python3."))),
    platform=f"{_MACHINES[settings.ARCHITECTURE]}-manylinux2014",
)
HERE: Final = Target(python=sys.version_info[:2], platform=None)


class CannotBundleError(Exception):
    """A program is missing on this machine, or the installer failed; the text says which or why."""


def bundle(root: Path, out: Path, target: Target = LAMBDA) -> None:
    """Build the folder.

    Args:
        root: the root of the project.
        out: the folder; it is deleted first.
        target: what it is for.

    Raises:
        CannotBundleError: uv is missing, or the libraries could not be installed.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    _install(root / REQUIREMENTS, out, target)
    for path in list(_dropped(out)):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for package in PACKAGES:
        shutil.copytree(root / package, out / package, ignore=shutil.ignore_patterns("__pycache__", "*.pyi", ".*"))
    _compile(out, target)


def find_uv() -> str:
    """Return the path of uv: beside this interpreter, or on the PATH.

    Raises:
        CannotBundleError: it is in neither place.
    """
    beside = Path(sys.executable).parent / "uv"
    uv = str(beside) if beside.is_file() else shutil.which("uv")
    if uv is None:
        raise CannotBundleError(
            "uv is neither beside this Python nor on the PATH: pip install -r requirements/tools.txt"
        )
    return uv


def _install(requirements: Path, out: Path, target: Target) -> None:
    platform = ["--python-platform", target.platform] if target.platform else []
    command = [find_uv(), "pip", "install", "--quiet", "--no-config", "--python", sys.executable]
    command += [*platform, "--python-version", target.version, "--only-binary", ":all:", "--no-installer-metadata"]
    command += ["--link-mode", "copy", "--target", str(out), "--require-hashes", "--requirement", str(requirements)]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if completed.returncode:
        raise CannotBundleError(f"the functions' libraries could not be installed:\n{completed.stderr.strip()}")


def _dropped(out: Path) -> Iterator[Path]:
    for pattern in _DROPPED:
        yield from out.glob(pattern)
    for service in (out / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in SERVICES:
            yield service


def _compile(out: Path, target: Target) -> None:
    """Compile the folder to bytecode, which saves two thirds of a cold start.

    It is not checked against the sources at import (unchecked hash), because Lambda's unpacking changes their times. It
    must be made by the target's version of Python.
    """
    python = _interpreter(target.python)
    if python is None:
        print(  # noqa: T201 - a warning for the person who deploys
            f"bundling: no Python {target.version} on this machine, so the functions ship without bytecode and start "
            f"about three times slower; install python{target.version} and deploy again",
            file=sys.stderr,
        )
        return
    command = [python, "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(out), "-p", _LAMBDA_FOLDER, str(out)]
    # The hash seed decides the order of sets in bytecode.
    completed = subprocess.run(  # noqa: S603 - our own command
        command, env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False
    )
    if completed.returncode:
        raise CannotBundleError(f"a module does not compile with Python {target.version}:\n{completed.stdout.strip()}")


def _interpreter(version: tuple[int, int]) -> str | None:
    """Return a Python of this version: the running one, one on the PATH, or one of pyenv."""
    if sys.version_info[:2] == version:
        return sys.executable
    name = f"python{version[0]}.{version[1]}"
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(name), *map(str, sorted(versions.glob(f"{version[0]}.{version[1]}.*/bin/{name}")))]
    return next((python for python in candidates if python and _runs(python)), None)


def _runs(python: str) -> bool:
    """Say whether a Python runs; a pyenv shim on the PATH fails where its version is not enabled."""
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0  # noqa: S603
