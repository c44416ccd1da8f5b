"""NIST's checker of the Implementation Guide's profiles, a referee that the repository does not carry."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest

from shared.domain.hl7.qbp import Profile
from tests.places import SHARED

PROFILES = SHARED / "nist" / "profiles"


@pytest.fixture(scope="session")
def nist_check() -> ModuleType:
    """The module that checks messages against NIST's profiles; tests that need it skip where it is absent."""
    checker = SHARED / "nist" / "nist_check.py"
    if not checker.is_file():
        pytest.skip(f"NIST's profiles and checker are not here ({checker.name}); set VAXLINE_SHARED to their folder")
    spec = importlib.util.spec_from_file_location("nist_check", checker)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["nist_check"] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def z22(nist_check: ModuleType) -> Any:
    """NIST's profile of the VXU, Z22."""
    return nist_check.load(PROFILES, "VXU-Z22")


@pytest.fixture(scope="session")
def nist(nist_check: ModuleType) -> dict[Profile, Any]:
    """NIST's profiles of the queries, Z34 and Z44."""
    return {profile: nist_check.load(PROFILES, f"QBP-{profile.value}") for profile in Profile}
