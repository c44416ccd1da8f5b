"""Where the tests find the repository, and the reference material beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
"""The root of the repository."""

SHARED: Final = Path(os.environ.get("VAXLINE_SHARED", ROOT.parent / "shared"))
"""Facts and real samples. The repository does not carry them, so tests that read them skip where the folder is absent."""

CLINICS: Final = ROOT / "local" / "clinics.toml"
"""The configuration of the demo."""
