"""TLS to an IIS: the authorities that are trusted, the certificate that is shown, and the faults of a handshake."""

from __future__ import annotations

import os
import ssl
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import certifi
import msgspec

_MOST_CONTEXTS: Final = 64
"""Contexts that are kept, the last used ones: one per certificate in use."""

# Texts of OpenSSL for certificates that it does not verify (openssl-verification-options(1)); the rest is untrusted.
_VERIFYING: Final = {9: "TLS-EXPIRED", 10: "TLS-EXPIRED", 62: "TLS-WRONG-HOST", 64: "TLS-WRONG-HOST"}
# Alerts by which a server says that it wants another client certificate, or one at all (RFC 8446, section 6.2). With
# TLS 1.3 they come after the handshake, in front of the answer; the server has read nothing of the request then.
_CLIENT_CERTIFICATE: Final = (
    "CERTIFICATE_REQUIRED",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_UNKNOWN_CA",
    "ALERT_ACCESS_DENIED",
)
# Many servers send it with TLS 1.2 where the certificate that they ask for is not shown; others for want of a cipher.
_HANDSHAKE_FAILURE: Final = "ALERT_HANDSHAKE_FAILURE"
REFUSED_CERTIFICATE: Final = "TLS-CLIENT-CERTIFICATE"
REFUSED_HANDSHAKE: Final = "TLS-REFUSED"
BAD_CERTIFICATE: Final = "BAD-CERTIFICATE"


class Identity(msgspec.Struct, frozen=True):
    """Both sides of a secured connection, as PEM. A connection is used again only under an equal one.

    Attributes:
        ca_bundle: The certificate authorities to trust; empty for those that certifi ships.
        certificate: The certificate to show to the server, with its chain; empty to show none.
        private_key: The key of that certificate, without a passphrase.
    """

    ca_bundle: str = ""
    certificate: str = ""
    private_key: str = ""


class BadCertificateError(Exception):
    """A certificate or key of ours cannot be read, or they do not belong together."""


class Contexts:
    """The TLS contexts, each made when first needed: reading authorities would be a tenth of submit's cold start.

    Args:
        ca_file: File with the authorities to trust where an identity names none; None for certifi's.
    """

    def __init__(self, ca_file: str | None) -> None:
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._made: OrderedDict[Identity, ssl.SSLContext] = OrderedDict()

    def of(self, identity: Identity) -> ssl.SSLContext:
        """Return the context for an identity.

        Raises:
            BadCertificateError: A PEM of the identity cannot be used.
            OSError: The file of authorities cannot be read: that is broken infrastructure, and no fault of the network.
        """
        with self._lock:
            context = self._made.get(identity)
            if context is None:
                context = self._made[identity] = self._make(identity)
                if len(self._made) > _MOST_CONTEXTS:
                    self._made.popitem(last=False)
            self._made.move_to_end(identity)
            return context

    def _make(self, identity: Identity) -> ssl.SSLContext:
        if identity.ca_bundle:
            context = _trusting(identity.ca_bundle)
        else:
            context = ssl.create_default_context(cafile=self._ca_file or certifi.where())
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if identity.certificate or identity.private_key:
            _show(context, identity)
        return context


def _trusting(ca_bundle: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=ca_bundle)
    except (ssl.SSLError, ValueError) as error:
        raise BadCertificateError from error


def _show(context: ssl.SSLContext, identity: Identity) -> None:
    """Load certificate and key. ssl reads them from files only; theirs exist in memory, or for this moment."""
    try:
        with _as_file(identity.certificate) as certificate, _as_file(identity.private_key) as key:
            # Without a password here OpenSSL would ask for the passphrase on the terminal.
            context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError, OSError) as error:
        raise BadCertificateError from error


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """The path of a file with this text that only this process can read."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("pem")
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            yield f"/proc/self/fd/{descriptor}"
    else:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:  # made with mode 0600
            file.write(text)
            file.flush()
            yield file.name


def fault_of(error: Exception) -> str:
    """Return the code of a fault of TLS, or an empty text for any other exception."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFYING.get(error.verify_code, "TLS-UNTRUSTED")
    if isinstance(error, ssl.SSLError) and not isinstance(error, TimeoutError):
        reason = str(error.reason or "").upper()
        if any(alert in reason for alert in _CLIENT_CERTIFICATE):
            return REFUSED_CERTIFICATE
        return REFUSED_HANDSHAKE if _HANDSHAKE_FAILURE in reason else "TLS"
    return ""
