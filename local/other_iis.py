"""Another IIS on this machine that stands in the simulated CT WiZ's place in a local run, such as a test server."""

from __future__ import annotations

import os
import re
from typing import Final
from urllib.parse import urlsplit

SIMULATED: Final = "simulated"
"""Instead of an endpoint: back to the simulated CT WiZ."""

USERNAME: Final = "VAXLINE_LOCAL_USERNAME"
PASSWORD: Final = "VAXLINE_LOCAL_PASSWORD"  # noqa: S105 - the name of a variable
"""Environment variables with the account at the other IIS, for all clinics."""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# It is put into the text of a clinics.toml.
_PLAIN: Final = re.compile(r"[A-Za-z0-9:/?#\[\]@!$&()*+,;=._~%-]+")


def checked_endpoint(endpoint: str) -> str:
    """Return an endpoint that leads to this machine.

    Raises:
        LookupError: it is no such address. Synthetic messages must not go to a real IIS.
    """
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if host not in _LOOPBACK or not _PLAIN.fullmatch(endpoint) or parts.scheme not in ("http", "https"):
        raise LookupError(
            f"{endpoint!r} is no address on this machine: a local run sends only to http(s)://127.0.0.1, ::1 or "
            "localhost, so that no message leaves it"
        )
    return endpoint


def account(secret: str, password: str) -> tuple[str, str]:
    """Return user name and password of a clinic at the other IIS.

    Args:
        secret: the name of the clinic's secret, its user name where the environment names none.
        password: the password where the environment names none.
    """
    return os.environ.get(USERNAME) or secret, os.environ.get(PASSWORD) or password
