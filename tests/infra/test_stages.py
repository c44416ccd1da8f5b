from __future__ import annotations

import json

import pytest

from infra.stages import Stage
from shared import settings
from tests.places import ROOT


def test_cdk_json_has_every_stage_and_protects_it() -> None:
    given = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]["stages"]
    stages = [Stage.read(name, switches) for name, switches in given.items()]
    assert tuple(stage.name for stage in stages) == settings.STAGES
    assert all(stage.protected for stage in stages)


@pytest.mark.parametrize(
    ("name", "given", "complaint"),
    [
        ("staging", {}, r"stages\.staging: not one of test, production"),
        ("test", {"fixed_egres": True}, r"stages\.test\.fixed_egres: not one of protected, fixed_egress"),
        ("test", {"log_days": "400"}, r"stages\.test\.log_days: must be a whole number"),
        ("test", {"log_days": True}, r"stages\.test\.log_days: must be a whole number"),
        ("test", {"name": "production"}, r"stages\.test\.name: not one of"),
    ],
)
def test_a_wrong_switch_is_named(name: str, given: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Stage.read(name, given)
