"""The fault catalogue: every way in which delivery can fail, its meaning, its fix and its strategy. One row per fault.

The code, the texts for operators (`vaxline explain CODE`) and docs/faults.md are made from this table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from zlib import crc32

import msgspec

from shared.domain.lifecycle import State
from shared.domain.submission import Attempt, Strategy


class Fault(msgspec.Struct, frozen=True):
    """One row of the catalogue.

    Attributes:
        code: The fault's code.
        words: What happened, for the operator.
        fix: What to do.
        strategy: How vaxline goes on.
        may_be_stored: Whether the IIS may have stored the message. If so, the submission ends as UNKNOWN; if not, the
            message was not sent or was clearly refused.
    """

    code: str
    words: str
    fix: str
    strategy: Strategy
    may_be_stored: bool

    @property
    def is_answer(self) -> bool:
        """Whether the IIS answered, though its answer leaves the outcome open."""
        return self.strategy is Strategy.RECONCILE

    @property
    def is_unreachable(self) -> bool:
        """Whether no connection to the IIS was made, which messages and queries have in common."""
        return self.code in _UNREACHABLE

    @property
    def stops_facility(self) -> bool:
        """Whether delivery for the facility stops until a person opens it: further tries could lock its account."""
        return self.strategy is Strategy.CHECK_SETUP


_WAIT = (
    "vaxline tries again by itself for two days. If it lasts, ask the IIS help desk whether the service is down. "
    "In the worklist the tries are used up: `vaxline resubmit` sends the same message again."
)
_CONFIRM = (
    "vaxline sends the same message once more by itself. In the worklist that did not help: `vaxline reconcile` asks "
    "the IIS. If that proves nothing, look the patient up in the IIS: if the vaccination is there, close the "
    "submission with that reason; if not, resubmit it."
)
_ENDPOINT = "Check the endpoint in clinics.toml (`iis.endpoint`) against the URL that the IIS gave you."

_UNREACHABLE: Final = frozenset(
    {
        "CONNECT-REFUSED",
        "CONNECT-TIMEOUT",
        "CONNECT-FAILED",
        "DNS",
        "TLS",
        "TLS-EXPIRED",
        "TLS-UNTRUSTED",
        "TLS-WRONG-HOST",
    }
)

CATALOGUE: Final[tuple[Fault, ...]] = (
    Fault("CONNECT-REFUSED", "The IIS refused the connection; nothing was sent.", _WAIT, Strategy.CHECK_IIS, False),
    Fault(
        "CONNECT-TIMEOUT", "The IIS did not answer the connection; nothing was sent.", _WAIT, Strategy.CHECK_IIS, False
    ),
    Fault(
        "CONNECT-FAILED", "No connection to the IIS could be made; nothing was sent.", _WAIT, Strategy.CHECK_IIS, False
    ),
    Fault("DNS", "The IIS's host name could not be resolved; nothing was sent.", _ENDPOINT, Strategy.CHECK_IIS, False),
    Fault(
        "TLS",
        "No secure connection: the IIS does not speak TLS 1.2 or newer, or broke the handshake off; nothing was sent.",
        _ENDPOINT + " If it is right, ask the IIS what changed.",
        Strategy.CHECK_IIS,
        False,
    ),
    Fault(
        "TLS-REFUSED",
        "The IIS broke the handshake off: it asks for a client certificate, or shares no cipher; nothing was sent.",
        "If the IIS gave you a certificate, put `certificate` and `private_key` (PEM) into the clinic's secret. "
        + _ENDPOINT,
        Strategy.CHECK_IIS,
        False,
    ),
    Fault(
        "TLS-EXPIRED",
        "The IIS's certificate has expired, or is not valid yet; nothing was sent.",
        "Tell the IIS help desk; it has to renew the certificate. vaxline goes on by itself once it has.",
        Strategy.CHECK_IIS,
        False,
    ),
    Fault(
        "TLS-UNTRUSTED",
        "The IIS's certificate comes from an authority that is not trusted; nothing was sent.",
        "Something may stand between vaxline and the IIS. " + _ENDPOINT + " If it is right, ask the IIS help desk.",
        Strategy.CHECK_IIS,
        False,
    ),
    Fault(
        "TLS-WRONG-HOST",
        "The certificate was made for another host than the endpoint names; nothing was sent.",
        _ENDPOINT + " If it is right, tell the IIS help desk.",
        Strategy.CHECK_IIS,
        False,
    ),
    Fault(
        "TLS-CLIENT-CERTIFICATE",
        "The IIS asks for a client certificate, or does not accept the one that it was shown; nothing was stored.",
        "Put a `certificate` that the IIS knows and its `private_key` (PEM) into the clinic's secret, then "
        "`vaxline valve open FACILITY`. If they are there, ask the IIS which authority it trusts, and look whether the "
        "certificate has expired.",
        Strategy.CHECK_SETUP,
        False,
    ),
    Fault(
        "BAD-CERTIFICATE",
        "The certificate or the key in the clinic's secret, or `iis.ca_bundle`, cannot be used; nothing was sent.",
        "Both must be PEM text, the key without a passphrase and that of the certificate. Correct the secret or "
        "clinics.toml, then `vaxline valve open FACILITY`.",
        Strategy.CHECK_SETUP,
        False,
    ),
    Fault(
        "BAD-ENDPOINT",
        "The endpoint in clinics.toml is no https address; nothing was sent.",
        _ENDPOINT,
        Strategy.CHECK_SETUP,
        False,
    ),
    Fault(
        "UNSENDABLE",
        "The message or the credentials hold a character that XML 1.0 cannot carry; nothing was sent.",
        "Retype the field in the EHR (or the password in the clinic's secret); it was often pasted from a document.",
        Strategy.CORRECT,
        False,
    ),
    Fault(
        "WAITS-FOR-DELETION",
        "The doses are deleted at their old place first, and that deletion is not decided yet; nothing was sent.",
        "Nothing to do: vaxline sends it after the deletion. If the deletion is stopped, open its facility.",
        Strategy.RETRY,
        False,
    ),
    Fault(
        "FACILITY-CHANGED",
        "The clinic's facility code (MSH-4) changed after a first try whose outcome is unknown; the message was not "
        "sent again under the old code.",
        "Run `vaxline reconcile`, which asks the IIS. If that proves nothing, look the patient up in the IIS: if the "
        "vaccination is there, close the submission with that reason; if not, resubmit it.",
        Strategy.CONFIRM,
        True,
    ),
    Fault("READ-TIMEOUT", "The message was sent, but no answer came in time.", _CONFIRM, Strategy.CONFIRM, True),
    Fault("CONNECTION-LOST", "The connection broke after the message was sent.", _CONFIRM, Strategy.CONFIRM, True),
    Fault(
        "LEASE-EXPIRED",
        "vaxline was stopped between sending and writing the outcome.",
        _CONFIRM,
        Strategy.CONFIRM,
        True,
    ),
    Fault(
        "HTTP-REDIRECT",
        "The IIS pointed to another address; vaxline does not follow.",
        _ENDPOINT,
        Strategy.CHECK_SETUP,
        False,
    ),
    Fault("HTTP-400", "The IIS called the request malformed (HTTP 400).", _ENDPOINT, Strategy.CHECK_IIS, False),
    Fault(
        "HTTP-401",
        "The IIS refused the credentials (HTTP 401).",
        "Check user name, password and facility of this clinic with the IIS, put the right ones into its secret, then "
        "`vaxline valve open FACILITY`.",
        Strategy.CHECK_SETUP,
        False,
    ),
    # Credentials are in the SOAP body, and SecurityFault refuses them. A 403 comes from a proxy in front of the IIS.
    Fault(
        "HTTP-403",
        "A firewall or proxy in front of the IIS blocked the message (HTTP 403 or 407).",
        "If it lasts, ask the IIS help desk whether the address that vaxline sends from is allowed (docs/deploy.md).",
        Strategy.CHECK_IIS,
        False,
    ),
    Fault(
        "HTTP-404",
        "There is no such service at the endpoint (HTTP 404, 405, 410, 415 or 501).",
        _ENDPOINT,
        Strategy.CHECK_IIS,
        False,
    ),
    Fault("HTTP-408", "The IIS gave up waiting for the request (HTTP 408).", _WAIT, Strategy.RETRY, False),
    Fault(
        "HTTP-413",
        "The IIS calls the message too large (HTTP 413 or MessageTooLargeFault).",
        "Split the visit in the EHR or ask the IIS for its limit; then resubmit.",
        Strategy.CORRECT,
        False,
    ),
    Fault("HTTP-429", "The IIS asks for a slower pace (HTTP 429).", _WAIT, Strategy.RETRY, False),
    Fault(
        "HTTP-500",
        "The IIS failed (HTTP 500) without a readable fault; it may have stored the message.",
        _CONFIRM,
        Strategy.CONFIRM,
        True,
    ),
    Fault("HTTP-503", "The IIS is out of service (HTTP 503).", _WAIT, Strategy.CHECK_IIS, False),
    Fault(
        "HTTP-502",
        "A gateway before the IIS failed (HTTP 502 or 504); the message may have arrived.",
        _CONFIRM,
        Strategy.CONFIRM,
        True,
    ),
    Fault("HTTP-OTHER", "The IIS answered with an unexpected HTTP status.", _CONFIRM, Strategy.CONFIRM, True),
    Fault(
        "SECURITY-FAULT",
        "The IIS refused user name, password or facility (SecurityFault or WEBIZ-AUTH-…).",
        "Messages of this facility have stopped (or its queries, where one was refused), because repeated tries can "
        "lock the account. Check user name, password, facilityID and MSH-4/MSH-6 with the IIS, correct the secret or "
        "clinics.toml, then "
        "`vaxline valve open FACILITY`.",
        Strategy.CHECK_SETUP,
        False,
    ),
    Fault(
        "UNSUPPORTED-OPERATION", "The endpoint does not offer this operation.", _ENDPOINT, Strategy.CHECK_SETUP, False
    ),
    Fault("OTHER-FAULT", "The IIS answered with a SOAP fault of its own.", _CONFIRM, Strategy.CONFIRM, True),
    Fault(
        "NOT-SOAP", "The answer was not SOAP (a web page, plain text, broken XML).", _CONFIRM, Strategy.CONFIRM, True
    ),
    Fault("EMPTY-ANSWER", "The SOAP answer was empty.", _CONFIRM, Strategy.CONFIRM, True),
    Fault("OVERSIZE-ANSWER", "The answer was larger than vaxline accepts.", _CONFIRM, Strategy.CONFIRM, True),
    Fault(
        "COMMIT-ACK",
        "The IIS only said that the message arrived (MSA-1 is CA), and nothing about its content.",
        "Run `vaxline reconcile`: a query shows whether the IIS stored it. Ask the IIS help desk why no application "
        "acknowledgment (AA, AE or AR) came.",
        Strategy.RECONCILE,
        True,
    ),
    Fault("NOT-AN-ACK", "The SOAP answer held no HL7 acknowledgment.", _CONFIRM, Strategy.CONFIRM, True),
    Fault(
        "WRONG-MSA-2",
        "The acknowledgment was for another message (MSA-2 is not our MSH-10).",
        _CONFIRM,
        Strategy.CONFIRM,
        True,
    ),
    Fault(
        "NO-CREDENTIALS",
        "The clinic's secret is missing or unreadable; nothing was sent.",
        'Put {"username": …, "password": …} into the secret that clinics.toml names, then '
        "`vaxline valve open FACILITY`.",
        Strategy.CHECK_SETUP,
        False,
    ),
    Fault(
        "CLINIC-NOT-CONFIGURED",
        "The clinic is not in the clinics.toml in force any more; nothing was sent.",
        "Put the clinic back into clinics.toml and push it, then resubmit everything of this cause.",
        Strategy.CHECK_SETUP,
        False,
    ),
    Fault(
        "IIS-INTERNAL-ERROR",
        "The IIS stored nothing because of an error of its own (ERR-3 is 206 or 207, or its text says so).",
        _WAIT,
        Strategy.RETRY,
        False,
    ),
)

BY_CODE: Final[dict[str, Fault]] = {fault.code: fault for fault in CATALOGUE}

_LATER_STEPS: Final = (120, 300, 600, *(900,) * 4, *(1_800,) * 4, *(3_600,) * 8, *(7_200,) * 3)
# Most steps are short, because messages are retried while the valve is open: the IIS takes others then, and a message
# that is refused by chance should not wait for half a day.

LADDERS: Final[dict[Strategy, tuple[int, ...]]] = {
    Strategy.RETRY: (30, *_LATER_STEPS),
    Strategy.CHECK_IIS: (60, *_LATER_STEPS),
    Strategy.CONFIRM: (300,),
    Strategy.CORRECT: (),
    Strategy.CHECK_SETUP: (),
    Strategy.RECONCILE: (),
}
"""Seconds between tries, before jitter. A strategy without steps is not retried by vaxline itself."""

JITTER: Final = 0.25
"""The largest fraction by which a wait is shortened, so that messages that failed together are not retried together."""


def is_doubtful(attempt: Attempt) -> bool:
    """Whether the message of this attempt may have been stored without a trustworthy answer.

    The attempt of a resend that the IIS surely did not take ends in UNKNOWN too, and is not doubtful.
    """
    fault = BY_CODE.get(attempt.fault)
    return attempt.state is State.UNKNOWN and fault is not None and fault.may_be_stored


def cause_of_unknown(attempts: Iterable[Attempt]) -> str:
    """Return the code of the fault that made the outcome unknown: the first after which the IIS may have the message.

    Args:
        attempts: The attempts of an UNKNOWN submission, oldest first.
    """
    return next((attempt.fault for attempt in attempts if is_doubtful(attempt)), "")


def wait_before(strategy: Strategy, deferrals: int, msh_10: str) -> int | None:
    """Return the seconds before the next try, or None when the strategy's retries are used up.

    Args:
        strategy: The fault's strategy.
        deferrals: How many retries the message has had.
        msh_10: The message. The jitter depends on it and on `deferrals` only, so it is reproducible.
    """
    steps = LADDERS[strategy]
    if deferrals >= len(steps):
        return None
    fraction = crc32(f"{msh_10}#{deferrals}".encode()) / 2**32
    return round(steps[deferrals] * (1 - JITTER * fraction))
