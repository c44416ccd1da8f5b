"""The alarm about credentials knows how long the clinics' certificates are valid."""

from __future__ import annotations

from datetime import timedelta

import trustme

from shared.domain.submission import Credentials
from shared.replaced import replace
from shared.usecases.delivery.certificate import days_left
from tests.conftest import NOON
from tests.shared.usecases.submit_setup import CONFIGURATION

AUTHORITY = trustme.CA()
ELM, OAK = CONFIGURATION.clinics["elm"], CONFIGURATION.clinics["oak"]


class Vault:
    """Port `Secrets`: secrets with a certificate that is valid for so many days, or with none."""

    def __init__(self, **days: int | None) -> None:
        self._days = days
        self.read: list[str] = []

    def credentials(self, secret: str, *, fresh: bool = False) -> Credentials | None:
        self.read.append(secret)
        if secret not in self._days:
            return None
        days = self._days[secret]
        if days is None:
            return Credentials("user", "password")
        leaf = AUTHORITY.issue_cert("vaxline.example.org", not_after=NOON + timedelta(days=days, hours=1))
        return Credentials("user", "password", leaf.cert_chain_pems[0].bytes().decode(), "key")


CLINICS = {"elm": replace(ELM, secret="one"), "oak": replace(OAK, secret="two"), "fir": replace(OAK, secret="two")}
CONFIGURED = replace(CONFIGURATION, clinics=CLINICS)


def test_the_first_certificate_to_expire_counts_and_each_secret_is_read_once() -> None:
    vault = Vault(one=40, two=13)
    assert days_left(["elm", "oak", "fir", "gone"], CONFIGURED, vault, NOON) == 13
    assert vault.read == ["one", "two"]
    assert days_left(["elm"], CONFIGURED, vault, NOON) == 40


def test_a_certificate_that_has_expired_has_negative_days() -> None:
    assert days_left(["elm"], CONFIGURED, Vault(one=-3), NOON) == -3


def test_without_a_certificate_there_is_nothing_to_tell() -> None:
    assert days_left(["elm", "oak"], CONFIGURED, Vault(one=None), NOON) is None
    assert days_left([], CONFIGURED, Vault(one=3), NOON) is None
