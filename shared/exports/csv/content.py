"""The values of a CSV row as a patient and a dose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from shared.domain.codes import local, tables
from shared.domain.codes.statuses import DELETED
from shared.domain.hl7 import loinc
from shared.domain.identity import normalized_id
from shared.domain.model import (
    ADMINISTERED,
    NO_CODE,
    Action,
    Address,
    Code,
    Completion,
    Dose,
    Finding,
    Name,
    NextOfKin,
    Observation,
    Patient,
    Provider,
    Telecom,
    Vis,
)
from shared.exports import values
from shared.exports.parsers import SEPARATOR
from shared.exports.visits import information_source
from shared.replaced import replace

_ML: Final = tables.UNITS.by_spelling["mL"]


@dataclass(slots=True)
class Cells:
    """The values of one row.

    Attributes:
        texts: Texts by column name.
        codes: Codes by column name; several if the column repeats.
        findings: What could not be read.
        has_own_words: The file has a column that says in the EHR's own way what was done (`OWN_WORDS`).
    """

    texts: dict[str, str] = field(default_factory=dict)
    codes: dict[str, tuple[Code, ...]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    has_own_words: bool = False

    def text(self, name: str) -> str:
        """Return the text of a column, empty if it has none."""
        return self.texts.get(name, "")

    def code(self, name: str) -> Code:
        """Return the first code of a column, or the empty code."""
        codes = self.codes.get(name)
        return codes[0] if codes else NO_CODE


def patient(cells: Cells) -> Patient:
    """Return the patient of a row."""
    text, code = cells.text, cells.code
    return Patient(
        mrn=normalized_id(text("patient_id")),
        name=Name(text("last_name"), text("first_name"), text("middle_name"), text("suffix")),
        birth_date=text("birth_date"),
        sex=code("sex").code,
        mothers_maiden_name=text("mothers_maiden_name"),
        races=cells.codes.get("race", ()),
        ethnicity=code("ethnicity"),
        addresses=_addresses(cells),
        telecoms=_telecoms(cells),
        multiple_birth=values.multiple_birth(code("multiple_birth").code, text("birth_order")),
        birth_order=text("birth_order"),
        death_date=text("death_date"),
        death_indicator=code("deceased").code or ("Y" if text("death_date") else ""),
        publicity=code("publicity_code"),
        publicity_date=text("publicity_date"),
        protection=code("protection").code,
        protection_date=text("protection_date"),
        registry_status=code("registry_status").code,
        registry_status_date=text("registry_status_date"),
        next_of_kin=_next_of_kin(cells),
    )


def _addresses(cells: Cells) -> tuple[Address, ...]:
    text = cells.text
    country = cells.code("address_country").code
    place = Address(
        text("address_street"),
        text("address_other"),
        text("address_city"),
        text("address_state"),
        text("address_zip"),
        country,
        cells.code("address_type").code or "H",
        text("address_county"),
    )
    return (place,) if place else ()


def _telecoms(cells: Cells) -> tuple[Telecom, ...]:
    telecoms = []
    if number := cells.text("phone"):
        telecom = values.phone(number, cells.code("phone_use").code or "PRN")
        if telecom:
            telecoms.append(telecom)
    if address := cells.text("email"):
        telecoms.append(Telecom("NET", "Internet", email=address))
    return tuple(telecoms)


def _next_of_kin(cells: Cells) -> tuple[NextOfKin, ...]:
    text = cells.text
    name = Name(text("guardian_last_name"), text("guardian_first_name"))
    if not name:
        return ()
    number = text("guardian_phone")
    telecom = values.phone(number) if number else None
    relationship = cells.code("guardian_relationship")
    return (NextOfKin(name, relationship, telecoms=(telecom,) if telecom else ()),)


def dose(cells: Cells, row: int, part: str, default_reason: Code = NO_CODE) -> Dose:
    """Return the dose of a row.

    If the row states no completion, a refusal reason makes it a refusal. If it states no information source, a lot
    makes it a dose given here (`visits.information_source`).

    Args:
        cells: The row's values. Takes a finding if they contradict each other.
        row: Its number.
        part: The name of its file.
        default_reason: The reason of refusals that state none.
    """
    text, code = cells.text, cells.code
    reason = code("refusal_reason")
    completion, action = _event(cells, row)
    observations = _observations(cells)
    vaccine = _vaccine(code("cvx"), text("vaccine_name"))
    if _is_no_vaccine(observations, cells):
        vaccine, completion = _NO_VACCINE, Completion.NOT_ADMINISTERED
    if completion is Completion.REFUSED and reason == NO_CODE:
        reason = default_reason
    quantity = text("amount")
    return Dose(
        id=normalized_id(text("dose_id")),
        date=text("dose_date"),
        vaccine=vaccine,
        ndc=text("ndc"),
        completion=completion,
        information_source=information_source(_source(cells, row), completion, text("lot")),
        action=action,
        amount=quantity,
        units=_units(cells) if quantity else NO_CODE,
        lot=text("lot"),
        expiry=text("expiry"),
        manufacturer=code("mvx"),
        route=code("route"),
        site=code("site"),
        refusal_reason=reason,
        eligibility=code("eligibility"),
        funding_source=code("funding_source"),
        vis=_vis(cells),
        observations=observations,
        dose_number=text("dose_number"),
        comment=text("comment"),
        administered_by=_provider(cells, *_ADMINISTERED_BY),
        ordered_by=_provider(cells, *_ORDERED_BY),
        entered_by=_provider(cells, *_ENTERED_BY),
        row=row,
        part=part,
    )


OWN_WORDS: Final = frozenset({"event_status", "was_refused", "missed_appointment", "is_historical", "extract_type"})
"""The columns that only some files have."""


def _stated_event(cells: Cells) -> tuple[Completion, Action]:
    codes = cells.codes
    stated = codes.get("completion")
    action = codes.get("action")
    if stated and stated[0].code:
        completion = Completion(stated[0].code)
    else:
        completion = Completion.REFUSED if "refusal_reason" in codes else Completion.COMPLETE
    return completion, Action(action[0].code) if action and action[0].code else Action.ADD


def _event(cells: Cells, row: int) -> tuple[Completion, Action]:
    """RXA-20 and RXA-21, of all columns that say something about them. Statements that differ are a finding."""
    code = cells.code
    if not cells.has_own_words:
        return _stated_event(cells)
    action, status, refused = code("action").code, code("event_status").code, code("was_refused").code
    stated = {code("completion").code, status, "RE" if refused == "Y" else ""}
    stated.add("NA" if code("missed_appointment").code == "Y" else "")
    stated -= {"", DELETED}
    reason = code("refusal_reason")
    if not stated and (reason or reason.alternate_code):
        stated.add("RE")
    contradictions = set(stated) if len(stated) > 1 else set()
    if refused == "N" and "RE" in stated:
        contradictions |= {"RE", "not refused"}
    if status == DELETED:
        contradictions |= {"deleted", action} if action and action != status else set()
        action = status
    if contradictions:
        value = ", ".join(sorted(contradictions))
        # Of a deletion only the id is needed, and that it is one.
        path = "RXA-21" if status == DELETED else "RXA-20"
        cells.findings.append(Finding("STATUS-CONTRADICTS", path, row, "completion", value))
    extract = code("extract_type").code
    if extract in _WITHOUT_NAMES:
        cells.findings.append(Finding("EXTRACT-WITHOUT-NAMES", "PID-5", row, "extract_type", extract))
    completion = Completion(next(iter(stated))) if len(stated) == 1 else Completion.COMPLETE
    return completion, Action(action) if action else Action.ADD


_WITHOUT_NAMES: Final = frozenset({"D", "P"})
_IS_HISTORICAL: Final = {
    "Y": tables.INFORMATION_SOURCE.by_spelling["01"],
    "N": tables.INFORMATION_SOURCE.by_spelling[ADMINISTERED],
}


def _source(cells: Cells, row: int) -> Code:
    """RXA-9 as the row states it, in NIP001 or by yes and no."""
    if not cells.has_own_words:
        return cells.code("information_source")
    stated, by_flag = cells.code("information_source"), _IS_HISTORICAL.get(cells.code("is_historical").code, NO_CODE)
    if not by_flag or not stated:
        return stated if stated or local.is_unread(stated) else by_flag
    if (stated.code == ADMINISTERED) != (by_flag.code == ADMINISTERED):
        value = f"{stated.code}, {by_flag.code}"
        cells.findings.append(Finding("SOURCE-CONTRADICTS", "RXA-9", row, "information_source", value))
    return stated


_OBSERVED: Final = {
    "immunity": loinc.IMMUNITY,
    "immunity_tested": loinc.SEROLOGY,
    "contraindication": loinc.CONTRAINDICATION,
    "reaction": loinc.REACTION,
}
_NO_VACCINE: Final = Code("998", "No vaccine administered", "CVX")
_OF_A_DOSE: Final = ("cvx", "ndc", "lot", "vaccine_name", "completion", "refusal_reason")


def _observations(cells: Cells) -> tuple[Observation, ...]:
    codes, text = cells.codes, cells.text
    if codes.keys().isdisjoint(_OBSERVED):
        return ()
    begins, ends = text("contraindication_begins"), text("contraindication_ends")
    return tuple(
        Observation(code, value, *((begins, ends) if name == "contraindication" else ()))
        for name, code in _OBSERVED.items()
        for value in codes.get(name, ())
    )


def _is_no_vaccine(observations: tuple[Observation, ...], cells: Cells) -> bool:
    """Whether a row has an observation and no dose: it is reported with CVX 998 (National IG, appendix B)."""
    if not observations:
        return False
    return not any(name in cells.codes or name in cells.texts for name in _OF_A_DOSE)


def _units(cells: Cells) -> Code:
    """RXA-7: mL if the row states none. A unit that cannot be read is not mL."""
    return cells.code("units") if "units" in cells.codes else _ML


_NOBODY: Final = Provider()
_ADMINISTERED_BY, _ORDERED_BY, _ENTERED_BY = (
    (f"{role}_npi", f"{role}_last_name", f"{role}_first_name")
    for role in ("administered_by", "ordered_by", "entered_by")
)


def _vaccine(code: Code, text: str) -> Code:
    if not text:
        return code
    return replace(code, text=text)


def _provider(cells: Cells, npi: str, last_name: str, first_name: str) -> Provider:
    number, own, family = cells.text(npi), cells.code(npi).alternate_code, cells.text(last_name)
    if not number and not own and not family:
        return _NOBODY
    if own:
        return Provider(own, family, cells.text(first_name), id_type=local.LOCAL)
    authority = "NPI" if number else ""
    return Provider(number, family, cells.text(first_name), "", authority, authority)


def _vis(cells: Cells) -> tuple[Vis, ...]:
    """The statements handed out: the n-th values of the columns belong together; a single date is that of all."""
    documents = _pieces(cells.text("vis_document"))
    vaccines = cells.codes.get("vis_cvx", ())
    if not documents and not vaccines:
        return ()
    editions = _pieces(cells.text("vis_edition"))
    presented = _pieces(cells.text("vis_presented"))
    count = max(len(documents), len(vaccines))
    if len(presented) == 1:
        presented *= count
    return tuple(
        Vis(
            document=documents[n] if n < len(documents) else "",
            vaccine=vaccines[n] if n < len(vaccines) else NO_CODE,
            edition=editions[n] if n < len(editions) else "",
            presented=presented[n] if n < len(presented) else "",
        )
        for n in range(count)
    )


def _pieces(text: str) -> list[str]:
    return [piece.strip() for piece in text.split(SEPARATOR)] if text else []
