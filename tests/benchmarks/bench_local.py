"""The local run of 10,000 doses, exports to outcomes, with moto as the cloud."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.benchmarks.measure import Row, figure

ROOT: Final = Path(__file__).parents[2]


def rows() -> Iterator[Row]:
    start = time.monotonic()
    command = [sys.executable, "-m", "local.demo", "--json", "--doses", "10000"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        assert json.loads(done.stdout.splitlines()[-1])
        yield figure("local run of 10,000 doses, with moto", time.monotonic() - start, "s", most=300)
    command = [sys.executable, "-m", "tests.benchmarks.convert_once", "csv", "10000", "1", "none"]
    start = time.monotonic()
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    yield figure("conversion of 10,000 doses, without moto", time.monotonic() - start, "s")
