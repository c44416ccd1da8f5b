"""Makes the folder that the functions run from, without Docker: our packages, the pinned libraries, and bytecode.

The same folder serves all functions. Its bytes depend only on the sources, the pins and the target, not on where or
when it was made, so a deployment that changes nothing uploads nothing.
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
# botocore carries the descriptions of some 400 services, most of its 30 MiB. These are the ones that the functions
# call (shared/bootstrap.py) and what botocore itself needs to sign in and to find endpoints.
SERVICES: Final = frozenset({"dynamodb", "lambda", "s3", "secretsmanager", "sns", "sqs", "sso", "sso-oidc", "sts"})
# Files that never run: scripts whose first line names the builder's Python, C headers, the installer's own notes, and
# parts of libraries that ours do not touch. METADATA stays, because scanners (Amazon Inspector) find vulnerable
# libraries by it, and licences stay with what they license.
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
# Lambda unpacks a function here (Lambda developer guide, "Deploying Python functions with .zip file archives").
_AT_RUN_TIME: Final = "/var/task"


@dataclass(frozen=True, slots=True)
class Target:
    """The machine that the folder is for. Without a `platform` it is this one."""

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
    """A tool is missing on this machine, or the installer failed; the text has its message."""


def bundle(root: Path, out: Path, target: Target = LAMBDA) -> None:
    """Fills `out`, which is made anew, from the project at `root`.

    Raises:
        CannotBundleError: no uv, or the libraries could not be had.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    _install(root / REQUIREMENTS, out, target)
    for found in list(_dropped(out)):
        shutil.rmtree(found) if found.is_dir() else found.unlink(missing_ok=True)
    for package in PACKAGES:
        shutil.copytree(root / package, out / package, ignore=shutil.ignore_patterns("__pycache__", "*.pyi", ".*"))
    _compile(out, target)


def find_uv() -> str:
    """The installer: beside this interpreter, or on the PATH.

    Raises:
        CannotBundleError: it is in neither place.
    """
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise CannotBundleError(
            "uv is neither beside this Python nor on the PATH: pip install -r requirements/tools.txt"
        )
    return found


def _install(requirements: Path, out: Path, target: Target) -> None:
    platform = ["--python-platform", target.platform] if target.platform else []
    command = [find_uv(), "pip", "install", "--quiet", "--no-config", "--python", sys.executable]
    command += [*platform, "--python-version", target.version, "--only-binary", ":all:", "--no-installer-metadata"]
    command += ["--link-mode", "copy", "--target", str(out), "--require-hashes", "--requirement", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise CannotBundleError(f"the functions' libraries could not be installed:\n{done.stderr.strip()}")


def _dropped(out: Path) -> Iterator[Path]:
    for pattern in _DROPPED:
        yield from out.glob(pattern)
    for service in (out / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in SERVICES:
            yield service


def _compile(out: Path, target: Target) -> None:
    """Bytecode saves two thirds of a cold start. It is checked against nothing at import (unchecked hash), because
    Lambda's unpacking changes times, and it is of use only if it is the target version's.
    """
    python = _interpreter(target.python)
    if python is None:
        print(  # noqa: T201 - whoever deploys should know
            f"bundling: no Python {target.version} on this machine, so the functions ship without bytecode and start "
            f"about three times slower; install python{target.version} and deploy again",
            file=sys.stderr,
        )
        return
    command = [python, "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(out), "-p", _AT_RUN_TIME, str(out)]
    # Set order shows in bytecode; a fixed hash seed fixes it. The bytecode belongs beside its source.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    environment.pop("PYTHONPYCACHEPREFIX", None)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise CannotBundleError(f"a module does not compile with Python {target.version}:\n{done.stdout.strip()}")


def _interpreter(version: tuple[int, int]) -> str | None:
    """A Python of this version: the running one, one on the PATH, or one that pyenv keeps."""
    if sys.version_info[:2] == version:
        return sys.executable
    name = f"python{version[0]}.{version[1]}"
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(name), *map(str, sorted(kept.glob(f"{version[0]}.{version[1]}.*/bin/{name}")))]
    return next((found for found in candidates if found and _answers(found)), None)


def _answers(python: str) -> bool:
    """A pyenv shim is on the PATH also for versions that are not switched on; it fails when it is run."""
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0  # noqa: S603
