"""The clinics' credentials in Secrets Manager, under `vaxline/<stage>/<name>` (ADR 0005)."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from shared import settings
from shared.domain.submission import Credentials

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

_FRESH_SECONDS: Final = 300.0
_UNREADABLE: Final = frozenset({"ResourceNotFoundException", "AccessDeniedException", "InvalidRequestException"})


class SecretsManagerSecrets:
    """Port `Secrets`: JSON secrets with `username` and `password`, `certificate` and `private_key`. Thread-safe.

    Args:
        client: The client of Secrets Manager.
        stage: The stage, whose secrets begin with its name.
    """

    def __init__(self, client: SecretsManagerClient, stage: str) -> None:
        self._client = client
        self._prefix = f"{settings.PRODUCT}/{stage}/"
        self._lock = threading.Lock()
        self._cache: dict[str, tuple[float, Credentials]] = {}

    def credentials(self, secret: str, *, fresh: bool = False) -> Credentials | None:
        with self._lock:
            read_at, cached = self._cache.get(secret, (0.0, None))
            if cached is not None and not fresh and time.monotonic() - read_at < _FRESH_SECONDS:
                return cached
            credentials = self._read(secret)
            if credentials is not None:
                self._cache[secret] = (time.monotonic(), credentials)
            return credentials

    def _read(self, secret: str) -> Credentials | None:
        try:
            text = self._client.get_secret_value(SecretId=self._prefix + secret)["SecretString"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _UNREADABLE:
                return None
            raise
        try:
            content = json.loads(text)
            certificate, key = (str(content.get(name, "")) for name in ("certificate", "private_key"))
            # An IIS that knows a facility by its certificate may want no user name.
            if certificate and key:
                content = {"username": "", "password": ""} | content
            return Credentials(str(content["username"]), str(content["password"]), certificate, key)
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
