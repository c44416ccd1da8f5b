"""A full FHIR export, and what each of its elements is filled with in `test_elements`."""

from __future__ import annotations

import copy
import re
from typing import Any

from tests.shared.exports.fhir.build import CVX, MVX, NPI, a_patient, an_immunization

Resources = dict[str, dict[str, Any]]
CANARY = "CANARY-1"
CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"


def coded(code: str, system: str = "", **more: str) -> dict[str, Any]:
    return {"coding": [{"code": code} | ({"system": system} if system else {}) | more]}


FULL: Resources = {
    "Immunization": an_immunization(
        meta={"versionId": "2", "lastUpdated": "2026-03-02T00:00:00Z", "security": [], "tag": []},
        vaccineCode=coded("08", CVX, display="Hep B"),
        occurrenceDateTime="2026-03-01",
        location={"reference": "Location/l"},
        manufacturer={"reference": "Organization/o"},
        expirationDate="2027-06-30",
        site=coded("LA"),
        route=coded("IM"),
        doseQuantity={"value": 0.5, "unit": "mL", "code": "mL"},
        performer=[{"function": coded("AP"), "actor": {"reference": "PractitionerRole/r"}}],
        note=[{"text": "a note"}],
        education=[{"documentType": "253088698300005911160720", "presentationDate": "2026-03-01"}],
        programEligibility=[coded("V01")],
        fundingSource=coded("PHC70"),
        protocolApplied=[{"doseNumberPositiveInt": 1}],
    ),
    "Patient": a_patient(
        telecom=[{"system": "phone", "value": "860-555-0101", "use": "home"}],
        address=[{"use": "home", "line": ["1 Elm Street"], "city": "Hartford", "state": "CT", "postalCode": "06103"}],
        contact=[
            {
                "relationship": [coded("MTH")],
                "name": {"family": "Sampleton", "given": ["Eve"]},
                "telecom": [{"system": "phone", "value": "860-555-0102"}],
                "address": {"city": "Hartford"},
            }
        ],
        extension=[
            {"url": f"{CORE}race", "extension": [{"url": "ombCategory", "valueCoding": {"code": "2106-3"}}]},
            {"url": f"{CORE}ethnicity", "extension": [{"url": "ombCategory", "valueCoding": {"code": "2186-5"}}]},
        ],
    ),
    "Practitioner": {
        "resourceType": "Practitioner",
        "id": "n",
        "identifier": [{"system": NPI, "value": "1234567893"}],
        "name": [{"family": "Nurseby", "given": ["Nadia"]}],
    },
    "PractitionerRole": {
        "resourceType": "PractitionerRole",
        "id": "r",
        "practitioner": {"reference": "Practitioner/n"},
    },
    "Location": {"resourceType": "Location", "id": "l", "name": "Elm Clinic"},
    "Organization": {
        "resourceType": "Organization",
        "id": "o",
        "identifier": [{"system": MVX, "value": "MSD"}],
        "name": "Sanofi Pasteur",
    },
}
# Where a type is filled.
PLACES = {
    "Meta": "Immunization.meta",
    "Identifier": "Patient.identifier",
    "HumanName": "Patient.name",
    "Address": "Patient.address",
    "ContactPoint": "Patient.telecom",
    "Period": "Patient.name.period",
    "CodeableConcept": "Immunization.vaccineCode",
    "Coding": "Immunization.vaccineCode.coding",
    "Reference": "Immunization.manufacturer",
    "Quantity": "Immunization.doseQuantity",
    "Annotation": "Immunization.note",
}


def filled(path: str, value: Any, resources: Resources = FULL) -> Resources:
    """The resources with one element set; None removes it."""
    kind, *names = path.split(".")
    if kind in PLACES:
        kind, *above = PLACES[kind].split(".")
        names = [*above, *names]
    changed = copy.deepcopy(resources)
    holder: Any = changed[kind]
    for name in names[:-1]:
        holder = holder.setdefault(name, {})
        holder = holder[0] if isinstance(holder, list) else holder
    if value is None:
        holder.pop(names[-1], None)
    else:
        holder[names[-1]] = value
    return changed


# Element → (its value, what the VXU then has).
REPORTED: dict[str, tuple[Any, str]] = {
    "Immunization.id": ("DOSE-77", "DOSE-77"),
    "Immunization.status": ("not-done", "|NA|A\r"),
    "Immunization.statusReason": (coded("PATOBJ"), "03^Patient decision^NIP002"),
    "Immunization.vaccineCode": (coded("94", CVX), "94^MMRV^CVX"),
    "Immunization.occurrenceDateTime": ("2026-02-11", "|20260211|"),
    "Immunization.primarySource": (False, "01^Historical"),
    "Immunization.reportOrigin": (coded("record"), "03^Historical"),
    "Immunization.manufacturer": ({"identifier": {"system": MVX, "value": "SKB"}}, "SKB^"),
    "Immunization.lotNumber": ("LOT-77", "|LOT-77|"),
    "Immunization.expirationDate": ("2028-01-31", "|20280131|"),
    "Immunization.site": (coded("RT"), "RT^Right thigh"),
    "Immunization.route": (coded("SC"), "C38299^Subcutaneous"),
    "Immunization.doseQuantity": ({"value": 0.25, "code": "mL"}, "|0.25|mL"),
    "Immunization.performer": ([{"actor": {"display": "Dora Doctorow"}}], "^Doctorow^Dora"),
    "Immunization.performer.actor": ({"display": "Dora Doctorow"}, "^Doctorow^Dora"),
    "Immunization.note": ([{"text": CANARY}], CANARY),
    "Immunization.education": (
        [{"documentType": "253088698300012711120420", "presentationDate": "2026-03-01"}],
        "253088698300012711120420",
    ),
    "Immunization.education.documentType": ("253088698300012711120420", "253088698300012711120420"),
    "Immunization.education.presentationDate": ("2026-02-27", "|20260227|"),
    "Immunization.programEligibility": ([coded("V02")], "V02^"),
    "Immunization.fundingSource": (coded("VXC50"), "VXC50^"),
    "Immunization.protocolApplied": ([{"doseNumberPositiveInt": 7}], "|7|NA"),
    "Immunization.protocolApplied.doseNumberPositiveInt": (7, "|7|NA"),
    "Immunization.protocolApplied.doseNumberString": ("booster", "|booster|"),
    "Immunization.notGiven": (True, "|NA|A\r"),
    "Immunization.wasNotGiven": (True, "|NA|A\r"),
    "Immunization.explanation": ({"reasonNotGiven": [coded("RELIG")]}, "01^Religious exemption^NIP002"),
    "Immunization.explanation.reasonNotGiven": ([coded("RELIG")], "01^Religious exemption^NIP002"),
    "Immunization.reported": (True, "01^Historical"),
    "Immunization.date": ("2026-02-11", "|20260211|"),
    "Patient.identifier": ([{"type": coded("MR"), "value": "MRN-77"}], "MRN-77^^^"),
    "Patient.name": ([{"family": "Exampleby", "given": ["Ida"]}], "Exampleby^Ida"),
    "Patient.telecom": ([{"system": "email", "value": "ada@example.org"}], "ada@example.org"),
    "Patient.gender": ("male", "|20200102|M|"),
    "Patient.birthDate": ("2019-12-31", "|20191231|"),
    "Patient.deceasedBoolean": (True, "||Y\r"),
    "Patient.deceasedDateTime": ("2026-03-02", "|20260302|Y"),
    "Patient.address": ([{"line": ["7 Oak Lane"], "city": "Hartford"}], "7 Oak Lane^^Hartford"),
    "Patient.multipleBirthBoolean": (True, "||Y\r"),
    "Patient.multipleBirthInteger": (2, "|Y|2"),
    "Patient.contact": (
        [{"relationship": [coded("FTH")], "name": {"family": "Sampleton", "given": ["Abe"]}}],
        "Sampleton^Abe^^^^^L|FTH",
    ),
    "Patient.contact.relationship": ([coded("GRD")], "|GRD^"),
    "Patient.contact.name": ({"family": "Exampleby", "given": ["Eve"]}, "NK1|1|Exampleby^Eve"),
    "Patient.contact.telecom": ([{"system": "phone", "value": "860-555-0177"}], "^860^5550177"),
    "Patient.contact.address": ({"city": "Norwich"}, "^^Norwich"),
    "Practitioner.identifier": ([{"system": NPI, "value": "1999999992"}], "1999999992^Nurseby"),
    "Practitioner.name": ([{"family": "Doctorow"}], "1234567893^Doctorow"),
    "PractitionerRole.identifier": ([{"system": NPI, "value": "1999999992"}], "1999999992^Nurseby"),
    "PractitionerRole.practitioner": ({"display": "Dora Doctorow"}, "^Doctorow^Dora"),
    "Organization.identifier": ([{"system": MVX, "value": "SKB"}], "|SKB^"),
    "Organization.name": ("GlaxoSmithKline", "|SKB^"),
    "Identifier.value": ("MRN-77", "MRN-77^^^"),
    "HumanName.family": ("Exampleby", "|Exampleby^Ada"),
    "HumanName.given": (["Ida", "B"], "Sampleton^Ida^B"),
    "HumanName.suffix": (["III"], "Sampleton^Ada^Q^III"),
    "Address.use": ("work", "^B"),
    "Address.type": ("postal", "^06103^^M"),
    "Address.line": (["7 Oak Lane", "Apt 7"], "7 Oak Lane^Apt 7"),
    "Address.city": ("Norwich", "^Norwich^CT"),
    "Address.district": ("Capitol", "^H^^09110"),
    "Address.state": ("NY", "^Hartford^NY"),
    "Address.postalCode": ("06105", "^06105"),
    "Address.country": ("CA", "^CAN"),
    "ContactPoint.value": ("860-555-0177", "^860^5550177"),
    "ContactPoint.use": ("work", "^WPN^PH"),
    "CodeableConcept.coding": ([{"system": CVX, "code": "94"}], "94^MMRV^CVX"),
    "CodeableConcept.text": ("hepatitis B vaccine", "08^hepatitis B vaccine^CVX"),
    "Coding.code": ("94", "94^"),
    "Coding.display": ("HEP-B", "08^HEP-B^CVX"),
    "Reference.display": ("Merck", "MSD^Merck^MVX"),
    "Quantity.value": (0.25, "|0.25|mL"),
    "Quantity.unit": ("mg", "|0.5|mg"),
    "Quantity.code": ("mg", "|0.5|mg"),
    "Annotation.text": (CANARY, CANARY),
}
# What else has to be changed for an element to be the one that is reported.
NOT_GIVEN: dict[str, Any] = {"Immunization.lotNumber": None}
BESIDE: dict[str, dict[str, Any]] = {
    "Immunization.status": NOT_GIVEN,
    "Immunization.notGiven": NOT_GIVEN,
    "Immunization.wasNotGiven": NOT_GIVEN,
    "Immunization.statusReason": NOT_GIVEN | {"Immunization.status": "not-done"},
    "Immunization.explanation": NOT_GIVEN | {"Immunization.notGiven": True},
    "Immunization.explanation.reasonNotGiven": NOT_GIVEN | {"Immunization.notGiven": True},
    "Immunization.reportOrigin": {"Immunization.primarySource": False},
    "Immunization.reported": {"Immunization.primarySource": None},
    "Immunization.date": {"Immunization.occurrenceDateTime": None},
    "Immunization.protocolApplied.doseNumberString": {"Immunization.protocolApplied.doseNumberPositiveInt": None},
    "PractitionerRole.identifier": {"Practitioner.identifier": None},
    "Organization.name": {"Organization.identifier": None},
    "CodeableConcept.text": {"Immunization.vaccineCode.coding": [{"system": CVX, "code": "08"}]},
    "Quantity.unit": {"Quantity.code": None},
}


ENDED = {"end": "2020-01-01"}
SECOND_NAME = {"family": "Exampleby", "given": ["Ida"]}
# Element → what to change beside it, and two values of it (None: absent) with which the outcome differs.
DECIDES: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "Immunization.resourceType": ({}, "Immunization", "Basic"),
    "Immunization.meta": ({}, None, {"tag": [{"code": "SUBSETTED"}]}),
    "Immunization.contained": (
        {"Immunization.manufacturer": {"reference": "#m"}},
        [{"resourceType": "Organization", "id": "m", "identifier": [{"system": MVX, "value": "SKB"}]}],
        [{"resourceType": "Organization", "id": "m", "identifier": [{"system": MVX, "value": "PMC"}]}],
    ),
    "Immunization.extension": ({}, None, [{"url": "urn:new"}]),
    "Immunization.identifier": ({"Immunization.id": None}, [{"value": "ID-1"}], [{"value": "ID-2"}]),
    "Immunization.patient": ({}, {"reference": "Patient/p1"}, {"reference": "Patient/p2"}),
    "Immunization.occurrenceString": ({"Immunization.occurrenceDateTime": None}, None, "last spring"),
    "Immunization.location": ({}, {"display": "Elm Clinic"}, {"display": "Oak Clinic"}),
    "Immunization.performer.function": ({}, coded("AP"), coded("OP")),
    "Immunization.isSubpotent": ({}, False, True),
    "Immunization.subpotentReason": ({}, None, [coded("partialdose")]),
    "Patient.resourceType": ({}, "Patient", "Basic"),
    "Patient.id": ({}, "p1", "p2"),
    "Patient.meta": ({}, None, {"security": [{"code": "HTEST"}]}),
    "Patient.contained": ({}, [], [{"resourceType": "Organization", "modifierExtension": [{"url": "urn:x"}]}]),
    "Patient.extension": ({}, None, [{"url": "urn:new"}]),
    "Patient.active": ({}, True, False),
    "Patient.contact.organization": (
        {"Patient.contact.name": {}, "Patient.contact.telecom": []},
        {"display": "Elm Insurance"},
        {"display": "Oak Insurance"},
    ),
    "Patient.contact.period": ({}, {"start": "2020"}, ENDED),
    "Patient.link": ({}, None, [{"other": {"reference": "Patient/p2"}, "type": "replaced-by"}]),
    "Patient.link.other": (
        {"Patient.link": [{"type": "replaces"}]},
        {"reference": "Patient/p2"},
        {"reference": "Patient/p1"},
    ),
    "Patient.link.type": ({"Patient.link": [{"other": {"reference": "Patient/p2"}}]}, "seealso", "replaced-by"),
    **{f"{kind}.resourceType": ({}, kind, "Basic") for kind in ("Practitioner", "PractitionerRole")},
    **{f"{kind}.resourceType": ({}, kind, "Basic") for kind in ("Location", "Organization")},
    **{f"{kind}.id": ({}, FULL[kind]["id"], "else") for kind in FULL if kind not in ("Immunization", "Patient")},
    **{
        f"{kind}.{name}": ({}, before, after)
        for kind in FULL
        if kind not in ("Immunization", "Patient")
        for name, before, after in (
            ("contained", [], [{"resourceType": "Organization", "modifierExtension": [{"url": "urn:x"}]}]),
            ("extension", [], [{"url": "urn:new"}]),
        )
    },
    "Location.identifier": ({"Location.name": None}, [{"value": "Elm Clinic"}], [{"value": "Oak Clinic"}]),
    "Location.name": ({}, "Elm Clinic", "Oak Clinic"),
    "Meta.security": ({}, [], [{"code": "HTEST"}]),
    "Meta.tag": ({}, [], [{"code": "SUBSETTED"}]),
    "Identifier.use": ({}, "usual", "old"),
    "Identifier.type": ({}, coded("MR"), coded("SS")),
    "Identifier.system": ({}, "urn:example", "http://hl7.org/fhir/sid/us-ssn"),
    "Identifier.period": ({}, {"start": "2020"}, ENDED),
    "HumanName.use": (
        {"Patient.name": [SECOND_NAME, SECOND_NAME | {"family": "Z", "use": "usual"}]},
        "official",
        "old",
    ),
    "HumanName.period": ({}, {"start": "2020"}, ENDED),
    "Address.text": ({"Patient.address": [{}]}, None, "1 Elm Street, Hartford"),
    "Address.period": ({}, {"start": "2020"}, ENDED),
    "ContactPoint.system": ({}, "phone", "fax"),
    "ContactPoint.rank": (
        {
            "Patient.telecom": [
                {"system": "phone", "value": "860-555-0101"},
                {"system": "phone", "value": "860-555-0102", "rank": 2},
            ]
        },
        1,
        3,
    ),
    "ContactPoint.period": ({}, {"start": "2020"}, ENDED),
    "Period.start": ({}, "2020", "2027"),
    "Period.end": ({}, "2027", "2020"),
    "Coding.system": ({}, CVX, "urn:own"),
    "Reference.reference": ({}, "Organization/o", "Organization/else"),
    "Reference.type": (
        {"Organization.identifier": [{"system": "urn:o", "value": "1"}, {"system": MVX, "value": "MSD"}]}
        | {"Immunization.manufacturer": {"identifier": {"system": "urn:o", "value": "1"}}},
        "Organization",
        "Basic",
    ),
    "Reference.identifier": (
        {"Immunization.manufacturer": {}},
        {"system": MVX, "value": "MSD"},
        {"system": MVX, "value": "SKB"},
    ),
    "Quantity.comparator": ({}, None, "<"),
}
# These need more than one export of one dose: test_versions.py, test_nested.py, test_deletions.py, test_sets.py and
# test_performers.py show what they decide.
SHOWN_ELSEWHERE = re.compile(r"Bundle\..*|Manifest\..*|Meta\.(versionId|lastUpdated)|.*\.meta|HumanName\.text")
