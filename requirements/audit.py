"""Asks the Python Packaging Advisory Database (through pip-audit) about every version that vaxline pins.

A machine that cannot reach it, or reaches a registry that does not carry it, is told so and passes: the question is
then open, not answered. A known vulnerability fails.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

# Fifteen seconds where the registry is near.
_LONGEST: Final = 120
_PINS: Final = Path(__file__).with_name("dev.txt")


def main() -> int:
    """The exit code, after saying what was found or why nothing was asked."""
    command = [
        *(sys.executable, "-m", "pip_audit", "--requirement", str(_PINS), "--require-hashes", "--disable-pip"),
        *("--format", "json", "--progress-spinner", "off", "--timeout", "10"),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LONGEST)  # noqa: S603
    except subprocess.TimeoutExpired:
        return _skipped(f"no answer within {_LONGEST} seconds")
    if not done.stdout.startswith("{"):
        # A connection that fails ends in a traceback; its last line names the reason.
        reason = done.stderr.strip().rpartition("\n")[2]
        return _skipped(reason.partition(":")[0] or f"exit code {done.returncode}")
    return judged(json.loads(done.stdout)["dependencies"])


def judged(dependencies: list[dict[str, Any]]) -> int:
    """The exit code for pip-audit's answer about each dependency."""
    asked = [one for one in dependencies if "skip_reason" not in one]
    bad = [(one, found) for one in asked for found in one["vulns"]]
    for one, found in bad:
        fixed = ", ".join(found["fix_versions"]) or "no release yet"
        sys.stdout.write(f"{one['name']} {one['version']}: {found['id']}, fixed in {fixed}\n")
    if bad:
        return 1
    if not asked:
        return _skipped("the registry of this machine carries no advisories")
    sys.stdout.write(f"pip-audit: no known vulnerability in {len(asked)} of {len(dependencies)} pinned packages\n")
    return 0


def _skipped(reason: str) -> int:
    sys.stdout.write(f"SKIPPED pip-audit: {reason}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
