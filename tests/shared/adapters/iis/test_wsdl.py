"""The WSDL that vaxline ships says what CDC's says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import zeep
from lxml import etree

from shared.adapters.iis import soap

OURS = Path(soap.__file__).parent / soap.WSDL
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"


def shape_of(element: Any) -> list[tuple[Any, ...]]:
    """What stands in an element: names, order, occurrence, nillability, types, all the way down."""
    return [
        (name, child.qname, child.min_occurs, child.max_occurs, child.nillable, child.type.name)
        for name, child in getattr(element.type, "elements", [])
    ]


def contract(path: Path) -> dict[str, Any]:
    document = zeep.Client(str(path)).wsdl  # type: ignore[no-untyped-call]
    (service,) = document.services.values()
    (port,) = service.ports.values()
    binding = port.binding
    operations = {}
    for name, operation in binding.all().items():
        faults = {
            fault_name: (message.parts["fault"].element.qname, shape_of(message.parts["fault"].element))
            for fault_name, message in operation.abstract.fault_messages.items()
        }
        operations[name] = (
            operation.soapaction,
            operation.style,
            operation.input.body.qname,
            shape_of(operation.input.body),
            operation.output.body.qname,
            shape_of(operation.output.body),
            faults,
        )
    return {"binding": (type(binding).__name__, binding.name), "service": service.name, "operations": operations}


def fixed_reasons(path: Path) -> dict[str, str]:
    """Fault type → the value its Reason is fixed to; zeep does not keep those."""
    root = etree.parse(path).getroot()
    schema = "{http://www.w3.org/2001/XMLSchema}"
    return {
        kind.get("name", ""): element.get("fixed", "")
        for kind in root.iter(f"{schema}complexType")
        for element in kind.iter(f"{schema}element")
        if element.get("fixed")
    }


def message_names(path: Path) -> set[str]:
    return {str(message.get("name")) for message in etree.parse(path).getroot().iter(f"{WSDL}message")}


@pytest.fixture
def cdc(shared_material: Path) -> Path:
    return shared_material / "data" / "wsdl" / "cdc-iis.wsdl"


def test_our_wsdl_is_cdcs_contract(cdc: Path) -> None:
    assert contract(OURS) == contract(cdc)


def test_our_faults_have_cdcs_fixed_reasons(cdc: Path) -> None:
    assert fixed_reasons(OURS) == fixed_reasons(cdc)


def test_our_messages_have_cdcs_names(cdc: Path) -> None:
    assert message_names(OURS) == message_names(cdc)


def test_our_wsdl_is_not_a_copy(cdc: Path) -> None:
    assert OURS.read_text("utf-8") != cdc.read_text("utf-8")


def test_only_soap_12_is_offered() -> None:
    assert contract(OURS)["binding"][0] == "Soap12Binding"


def test_both_operations_and_all_four_faults_are_there() -> None:
    operations = contract(OURS)["operations"]
    faults = {name: set(operation[-1]) for name, operation in operations.items()}
    assert faults == {
        "connectivityTest": {"UnknownFault", "UnsupportedOperationFault"},
        "submitSingleMessage": {"UnknownFault", "SecurityFault", "MessageTooLargeFault"},
    }
