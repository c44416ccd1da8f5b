"""What the simulated registry has stored, and by which ids it finds patients and doses."""

from __future__ import annotations

from dataclasses import replace

from local.ctwiz.stored import StoredDose, StoredPatient
from tests.local.ctwiz.test_rules import a_message, an_order, registry

DOSE = StoredDose("DOSE1", "20260301", "08", "LOT1", "CP", "A", "00")


def test_a_stored_patient_has_the_facility_the_record_number_and_the_doses() -> None:
    webiz = registry()
    webiz.receive(a_message(an_order()))
    assert webiz.stored() == (StoredPatient("CT0100", "SYN1", "Sampleton, Ada", "20200102", (DOSE,)),)


def test_an_update_shows_the_last_message_and_a_deleted_dose_is_gone() -> None:
    webiz = registry()
    webiz.receive(a_message(an_order(1), an_order(2)))
    webiz.receive(a_message(an_order(1)).replace("LOT1", "LOT2").replace("|CP|A", "|CP|U"))
    webiz.receive(a_message(an_order(2)).replace("|CP|A", "|CP|D"))
    (patient,) = webiz.stored()
    assert patient.doses == (replace(DOSE, lot="LOT2", action="U"),)


def test_a_patient_without_doses_is_left_out() -> None:
    webiz = registry()
    webiz.receive(a_message(an_order()))
    webiz.receive(a_message(an_order()).replace("|CP|A", "|CP|D"))
    assert webiz.stored() == ()


def test_a_record_number_of_another_assigning_authority_is_another_patient() -> None:
    webiz = registry()
    webiz.receive(a_message(an_order()))
    webiz.receive(a_message(an_order()).replace("SYN1^^^CT0100", "SYN1^^^OTHER").replace("Ada", "Bo"))
    assert [(one.facility, one.name) for one in webiz.stored()] == [
        ("CT0100", "Sampleton, Ada"),
        ("OTHER", "Sampleton, Bo"),
    ]


def test_a_dose_id_of_another_namespace_is_another_dose() -> None:
    webiz = registry()
    webiz.receive(a_message(an_order()))
    webiz.receive(a_message(an_order()).replace("DOSE1^CT0100", "DOSE1^OTHER").replace("LOT1", "LOT2"))
    (patient,) = webiz.stored()
    assert {dose.lot for dose in patient.doses} == {"LOT1", "LOT2"}


def test_a_vaccine_named_by_ndc_shows_its_cvx() -> None:
    webiz = registry()
    webiz.receive(a_message(an_order()).replace("08^Hep B^CVX", "58160-0820-11^Engerix^NDC^08^Hep B^CVX"))
    (patient,) = webiz.stored()
    assert patient.doses == (DOSE,)
