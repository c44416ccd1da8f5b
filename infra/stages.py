"""The sizes and switches of a stage, as `cdk.json` gives them; what the local run shares is in `shared.settings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Final

from shared import settings

_KINDS: Final = {bool: "true or false", int: "a whole number", str: "a text"}


@dataclass(frozen=True, slots=True)
class Stage:
    """One deployment.

    `protected` keeps the bucket, the table, their keys and the logs when the stack is deleted, and guards table and
    stack against deletion; `fixed_egress` sends the calls to the IIS from one fixed address, for IISs that keep a
    list of allowed ones; `alarm_email` gets the alarms (empty: subscribe to the topic by hand),
    `notice_email` what waits for those who correct; more refused messages
    than `refusal_percent` ring, and credentials that expire in fewer than `credential_days`; `dashboard` makes a page
    in CloudWatch; `restored_table` names the ledger's table that was restored and is in use instead of the
    stack's own; `log_days` keeps the functions' logs and the bucket's access logs; `noncurrent_days` keeps
    overwritten and deleted exports.
    """

    name: str
    protected: bool = True
    fixed_egress: bool = False
    alarm_email: str = ""
    notice_email: str = ""
    refusal_percent: int = 10
    credential_days: int = 14
    dashboard: bool = True
    restored_table: str = ""
    log_days: int = 400
    noncurrent_days: int = 90

    @classmethod
    def read(cls, name: str, given: Mapping[str, object]) -> Stage:
        """A stage from its entry in `cdk.json`.

        Raises:
            ValueError: an unknown stage or switch, or a value of another type; the text names it.
        """
        if name not in settings.STAGES:
            raise ValueError(f"cdk.json: stages.{name}: not one of {', '.join(settings.STAGES)}")
        switches = {field.name: field.default for field in fields(cls) if field.default is not MISSING}
        for key, value in given.items():
            if key not in switches:
                raise ValueError(f"cdk.json: stages.{name}.{key}: not one of {', '.join(switches)}")
            if type(value) is not type(switches[key]):
                raise ValueError(f"cdk.json: stages.{name}.{key}: must be {_KINDS[type(switches[key])]}")
        return cls(name, **given)  # type: ignore[arg-type]
