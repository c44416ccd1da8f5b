"""The settings of a stage in `cdk.json`. Settings that the local run shares are in `shared.settings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Final

from shared import settings

_KINDS: Final = {bool: "true or false", int: "a whole number", str: "a text"}


@dataclass(frozen=True, slots=True)
class Stage:
    """One deployment.

    Attributes:
        name: the stage's name.
        protected: bucket, table, keys and logs survive the deletion of the stack; table and stack have deletion
            protection, except in a first deployment.
        fixed_egress: calls to the IIS come from one fixed IP address, for IISs with an allow list.
        iis_port: with `fixed_egress`, the port of the IIS's endpoint, or of the proxy in front of it.
        alarm_email: the address for alarms; where it is empty, subscribe to the topic by hand.
        notice_email: the address for notices to the operators.
        refusal_percent: a higher percentage of refused messages raises an alarm.
        credential_days: credentials that expire in fewer days raise an alarm.
        dashboard: whether there is a CloudWatch dashboard.
        restored_table: a restored ledger table that is used instead of the stack's own.
        log_days: how long the functions' logs and the bucket's access logs are kept.
        noncurrent_days: how long overwritten and deleted exports are kept.
        first: this is the stage's first deployment, which has to be repeatable where it fails. It is no setting of
            `cdk.json`, since it holds for one deployment only.
    """

    name: str
    protected: bool = True
    fixed_egress: bool = False
    iis_port: int = 443
    alarm_email: str = ""
    notice_email: str = ""
    refusal_percent: int = 10
    credential_days: int = 14
    dashboard: bool = True
    restored_table: str = ""
    log_days: int = 400
    noncurrent_days: int = 90
    first: bool = False

    @property
    def guarded(self) -> bool:
        """Whether table and stack have deletion protection.

        A first deployment goes without: CloudFormation cannot roll back a table that has it (DynamoDB developer guide,
        "Using deletion protection"), nor can the failed stack be deleted (CloudFormation user guide, "Protect
        CloudFormation stacks from being deleted").
        """
        return self.protected and not self.first

    @classmethod
    def read(cls, name: str, given: Mapping[str, object], *, first: bool = False) -> Stage:
        """Return a stage from its entry in `cdk.json`.

        Args:
            name: the stage's name.
            given: its switches.
            first: whether this is its first deployment.

        Raises:
            ValueError: the stage or a setting is unknown, or a value has another type; the text names it.
        """
        if name not in settings.STAGES:
            raise ValueError(f"cdk.json: stages.{name}: not one of {', '.join(settings.STAGES)}")
        defaults = {
            field.name: field.default for field in fields(cls) if field.default is not MISSING and field.name != "first"
        }
        for key, value in given.items():
            if key not in defaults:
                raise ValueError(f"cdk.json: stages.{name}.{key}: not one of {', '.join(defaults)}")
            if type(value) is not type(defaults[key]):
                raise ValueError(f"cdk.json: stages.{name}.{key}: must be {_KINDS[type(defaults[key])]}")
        return cls(name, first=first, **given)  # type: ignore[arg-type]
