"""A synthesized template with the questions that the tests ask it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.places import ROOT

Resource = dict[str, Any]
_NAMES = ("QueueName", "TableName", "FunctionName", "LogGroupName", "TopicName", "BucketName")


class Template:
    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body
        self.resources: dict[str, Resource] = body["Resources"]

    def of(self, kind: str) -> Iterator[Resource]:
        """The properties of every resource of a type."""
        return (resource["Properties"] for resource in self.resources.values() if resource["Type"] == kind)

    def whole(self, kind: str) -> Iterator[tuple[str, Resource]]:
        """Every resource of a type with its logical id and what stands beside the properties."""
        return ((name, resource) for name, resource in self.resources.items() if resource["Type"] == kind)

    def one(self, kind: str, **wanted: str) -> Resource:
        """The properties of the one resource whose properties, as text, are as wanted."""
        (found,) = (
            found
            for found in self.of(kind)
            if all(self.text(found.get(name, "")) == value for name, value in wanted.items())
        )
        return found

    def text(self, value: Any) -> str:
        """A value with its references replaced by the names of what they refer to."""
        if not isinstance(value, dict):
            return str(value)
        ((kind, of),) = value.items()
        if kind == "Fn::Join":
            return "".join(self.text(part) for part in of[1])
        if kind == "Fn::Sub":
            return str(of)
        target = of if kind == "Ref" else of[0]
        return self._name(target) if target in self.resources else f"<{target}>"

    def _name(self, target: str) -> str:
        resource = self.resources[target]
        if resource["Type"] == "AWS::KMS::Key":
            (alias,) = (
                alias["AliasName"]
                for alias in self.of("AWS::KMS::Alias")
                if alias["TargetKeyId"] == {"Fn::GetAtt": [target, "Arn"]}
            )
            return str(alias)
        properties = resource.get("Properties", {})
        return next((self.text(properties[name]) for name in _NAMES if name in properties), target)


@dataclass(frozen=True)
class Synthesized:
    """A stage's template, and what the cloud assembly says of its stack beside it."""

    template: Template
    manifest: dict[str, Any]


def synthesized(
    folder: Path, stage: str, *, switches: dict[str, object] | None = None, **context: object
) -> Synthesized:
    """One stage of cdk.json with other switches and context, synthesized without cdk-nag."""
    import app

    (folder / "code").mkdir(parents=True)
    (folder / "code" / "placeholder.py").write_text("", "ascii")
    given: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]
    given["stages"][stage].update(switches or {})
    made = app.new_app(given | context, folder / "out")
    app.add_stages(made, folder / "code", only=stage)
    made.synth()
    name = f"vaxline-{stage}"
    manifest = json.loads((folder / "out" / "manifest.json").read_text("utf-8"))["artifacts"][name]["properties"]
    return Synthesized(Template(json.loads((folder / "out" / f"{name}.template.json").read_text("utf-8"))), manifest)
