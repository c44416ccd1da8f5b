"""The FHIR inputs of ../shared/cases/reading give what its README says. Inputs of our own are in the other modules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.domain.clinics import Clinic, Configuration, Iis, Source
from shared.domain.model import Visit
from shared.exports import arrivals
from shared.exports.readers import READERS
from shared.usecases.findings import is_error
from shared.usecases.prepare import prepare

# Input → what its message has; or the errors that hold it or are about its files.
SENT = {
    "06-subpotent.ndjson": "|PA|A",
    "24-cvx-system-slash.ndjson": "|94^MMRV^CVX|",
    "bundle-history.json": "|NEW|",
    "fhir_contact_C.json": "^860^2225555~^NET",
    "fhir-cerner-race-detailed": "|2131-1^Other Race^CDCREC|",
    "fhir-dose-each": "|999|",
    "fhir-id-none": "|X-99^",
    "fhir-man-display": "|PMC^Sanofi Pasteur^MVX|",
    "fhir-nd-medprec": "|NA|A",
    "fhir-patient-logical": "SYN-0001^^^",
    "fhir-perf-oldname": "^Nurseby^Nadia",
    "fhir-pt-id-mbi": "PID|1||p1^^^",
    "fhir-pt-maiden": "~Mockford^Ada^^^^^M",
    "fhir-pt-mr-period": "PID|1||NEW-1^^^",
    "fhir-vc-cvx-bad-then-good": "|141^",
    "fhir-vc-cvx-bare-oid": "|141^",
    "set-bundle-lines": "|141^",
}
ERRORS = {
    "fhir-pt-link-replaced": "PATIENT-REPLACED",
    "fhir-stu3-notgiven": "REFUSAL-WITH-LOT",
    "set-man-count": "MANIFEST-COUNT",
    "set-man-samebase": "MANIFEST-NAME-TWICE",
}
CLINIC = Clinic("elm", "Elm", "ELM1", "SENDER", "SENDER", "secret")


def results(folder_of: Callable[..., object], path: Path) -> tuple[str, set[str]]:
    """The messages of an input, and the codes of its errors."""
    is_bundle = path.suffix == ".json"
    source = Source("s", "fhir-bundle" if is_bundle else "fhir", clinic="elm", one_clinic=True)
    files = [path] if path.is_file() else sorted(path.iterdir())
    folder = folder_of({f"inbox/s/{file.name}": file.read_bytes() for file in files} | {"inbox/s/_SUCCESS": b""})
    arrived = next(item for item in folder.list("") if arrivals.is_part(source.format, item.key))  # type: ignore[attr-defined]
    parts = arrivals.parts_to_convert(source, arrived, folder)  # type: ignore[arg-type]
    assert parts
    configuration = Configuration("v1", "Org", "VAX", Iis("https://iis.example"), {"elm": CLINIC}, {"s": source})
    texts, codes = [], set()
    visits: list[Visit] = list(READERS[source.format].read(parts, source, folder))  # type: ignore[arg-type]
    for visit in visits:
        findings = visit.findings
        if visit.rows:
            now = datetime(2026, 11, 29, tzinfo=UTC)
            prepared = prepare(visit, msh_10="M", clinic=CLINIC, configuration=configuration, now=now)
            texts.append("" if prepared.is_held else prepared.vxu)
            findings = prepared.findings
        codes |= {finding.code for finding in findings if is_error(finding)}
    return "".join(texts), codes


@pytest.mark.parametrize("name", SENT)
def test_an_input_that_is_to_be_sent_is_sent(
    folder_of: Callable[..., object], shared_material: Path, name: str
) -> None:
    text, codes = results(folder_of, shared_material / "cases" / "reading" / name)
    assert SENT[name] in text
    assert not codes


@pytest.mark.parametrize("name", ERRORS)
def test_an_input_that_cannot_be_sent_says_why(
    folder_of: Callable[..., object], shared_material: Path, name: str
) -> None:
    _, codes = results(folder_of, shared_material / "cases" / "reading" / name)
    assert codes == {ERRORS[name]}
