"""Builds the VXU: one visit becomes one ER7 text (HL7 v2.5.1 VXU^V04^VXU_V04, profile Z22 of the National IG R1.5).

One function per segment and data type, each an f-string. Every value is escaped. Trailing empty fields and components
are omitted. No value is cut and no value is added; only ids are shortened (`shared.domain.identity`), and the checks
judge what a field may hold. `docs/vxu.md` lists which value goes to which field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import msgspec

from shared.domain import identity
from shared.domain.clinics import Clinic, Configuration
from shared.domain.codes import systems
from shared.domain.codes.cdc import NO_VACCINE
from shared.domain.hl7 import loinc
from shared.domain.hl7.er7 import SEGMENT_END, encode
from shared.domain.model import (
    ADMINISTERED,
    Address,
    Code,
    Completion,
    Dose,
    Name,
    NextOfKin,
    Numbering,
    Patient,
    Provider,
    Telecom,
    Vis,
    Visit,
)

NO_AMOUNT: Final = "999"
"""RXA-6 if the amount is unknown or nothing was given (IZ-48, IZ-49)."""

NPI_AUTHORITY: Final = "NPI&2.16.840.1.113883.4.6&ISO"

_OID: Final = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+")
_ELIGIBILITY: Final = f"{loinc.ELIGIBILITY}^Vaccine funding program eligibility category^LN"
_FUNDING: Final = f"{loinc.FUNDING_SOURCE}^Vaccine funding source^LN"
_VIS_DOCUMENT: Final = f"{loinc.VIS_DOCUMENT}^Document type^LN"
_VIS_VACCINE: Final = f"{loinc.VACCINE}^Vaccine type^LN"
_VIS_EDITION: Final = f"{loinc.VIS_EDITION}^Date vaccine information statement published^LN"
_VIS_PRESENTED: Final = f"{loinc.VIS_PRESENTED}^Date vaccine information statement presented^LN"
_DOSE_NUMBER: Final = f"{loinc.DOSE_NUMBER}^Dose number in series^LN"
_BEGINS: Final = f"{loinc.CONTRAINDICATION_BEGINS}^Vaccination contraindication effective date^LN"
_ENDS: Final = f"{loinc.CONTRAINDICATION_ENDS}^Vaccination temporary contraindication expiration date^LN"
_ANNOTATION: Final = f"{loinc.ANNOTATION}^Annotation comment^LN"
_PER_DOSE: Final = "|||VXC40^Eligibility captured at the immunization level^CDCPHINVS"
_NO_UNITS: Final = "NA^Not applicable^HL70353"


class _ClinicTexts(msgspec.Struct, frozen=True):
    """The texts that are the same in every message of a clinic and a source.

    Attributes:
        before_time: MSH-1 to MSH-6.
        after_id: MSH-11 to MSH-22.
        id_prefix: Stands before the numbers in PID-3.1, ORC-2.1 and ORC-3.1.
        cx_authority: PID-3.4.
        ei_authority: ORC-2.2 to .4 and ORC-3.2 to .4.
        organization: ORC-17.
        location: RXA-11.
    """

    before_time: str
    after_id: str
    id_prefix: str
    cx_authority: str
    ei_authority: str
    organization: str
    location: str


def build(visit: Visit, *, msh_10: str, clinic: Clinic, configuration: Configuration, now: datetime) -> str:
    """Build the VXU of a visit.

    Args:
        visit: The visit. Its doses become ORDER groups in their order.
        msh_10: The message control id.
        clinic: The clinic that reports.
        configuration: The configuration that the clinic is part of.
        now: The time for MSH-7, with a zone (IZ-TS_Z).

    Returns:
        The message, each segment ended by CR.
    """
    texts = _clinic_texts(clinic, configuration, visit.numbering)
    patient = visit.patient
    parts = [
        f"{texts.before_time}{timestamp(now)}||VXU^V04^VXU_V04|{encode(msh_10)}{texts.after_id}",
        _pid(patient, texts),
        _pd1(patient),
        *_nk1s(patient.next_of_kin),
        *[_order(dose, texts) for dose in visit.doses],
    ]
    return "".join(parts)


def timestamp(now: datetime) -> str:
    """Format a time as TS with seconds and zone offset (`YYYYMMDDHHMMSS+ZZZZ`)."""
    return now.strftime("%Y%m%d%H%M%S%z")


def _clinic_texts(clinic: Clinic, configuration: Configuration, numbering: Numbering) -> _ClinicTexts:
    iis = configuration.iis
    sender = clinic.sending_facility
    authority_of_ids = numbering.authority or sender
    organization = ""
    if clinic.responsible_id:
        authority = hd(iis.receiving_facility, "&")
        organization = f"{encode(clinic.responsible_name)}^^^^^{authority}^XX^^^{encode(clinic.responsible_id)}"
    elif clinic.responsible_name:
        organization = encode(clinic.responsible_name)
    return _ClinicTexts(
        before_time=(
            f"MSH|^~\\&|{hd(configuration.sending_application)}|{hd(sender)}"
            f"|{hd(iis.receiving_application)}|{hd(iis.receiving_facility)}|"
        ),
        after_id=(
            f"|{encode(iis.processing_id)}|2.5.1|||ER|AL|||||Z22^CDCPHINVS|{organization}".rstrip("|") + SEGMENT_END
        ),
        id_prefix=numbering.prefix,
        cx_authority=hd(authority_of_ids, "&"),
        ei_authority=hd(authority_of_ids),
        organization=_ce(clinic.facility, clinic.name, "HL70362"),
        location=_location(clinic),
    )


def _location(clinic: Clinic) -> str:
    place = clinic.address
    rest = f"{encode(place.street)}^{encode(place.other)}^{encode(place.city)}^{encode(place.state)}"
    rest = f"{rest}^{encode(place.zip)}^{encode(place.country)}".rstrip("^")
    return f"^^^{hd(clinic.facility, '&')}^^^^^{rest}".rstrip("^")


# Patient --------------------------------------------------------------------------------------------------------------


def _pid(patient: Patient, texts: _ClinicTexts) -> str:
    names = "~".join([xpn(name) for name in (patient.name, *patient.aliases)])
    maiden = f"{encode(patient.mothers_maiden_name)}^^^^^^M" if patient.mothers_maiden_name else ""
    addresses = "~".join(filter(None, map(xad, sorted(patient.addresses, key=_is_no_home))))
    telecoms = xtns(sorted(patient.telecoms, key=_place_of_telecom))
    birth_order = encode(patient.birth_order) if patient.multiple_birth == "Y" else ""
    death = patient.death_indicator or ("Y" if patient.death_date else "")
    if patient.death_date and death != "Y":
        # The two contradict each other: neither is sent (DEATH-CONTRADICTS).
        death = ""
    death_date = encode(patient.death_date) if death == "Y" else ""
    line = (
        f"PID|1||{encode(identity.pid_3(patient.mrn, texts.id_prefix))}^^^{texts.cx_authority}^MR||{names}|{maiden}"
        f"|{encode(patient.birth_date)}|{encode(patient.sex) or 'U'}||{_ces(patient.races, 'CDCREC')}|{addresses}"
        f"||{telecoms}|||||||||{_code(patient.ethnicity, 'CDCREC')}"
        f"||{encode(patient.multiple_birth)}|{birth_order}||||{death_date}|{encode(death)}"
    )
    return line.rstrip("|") + SEGMENT_END


def _is_no_home(place: Address) -> bool:
    """Sorts the home address to the front, where IISs look for it."""
    return place.type != "H"


def _place_of_telecom(telecom: Telecom) -> int:
    """Sorts the primary telephone number to the front, as PID-13 requires (IG R1.5), and e-mail to the end."""
    return 2 if telecom.email else 0 if telecom.use == "PRN" else 1


def _pd1(patient: Patient) -> str:
    publicity, protection, status = patient.publicity, patient.protection, patient.registry_status
    if not (publicity.code or protection or status):
        return ""
    line = (
        f"PD1|||||||||||{_code(publicity, 'HL70215')}|{encode(protection)}"
        f"|{encode(patient.protection_date) if protection else ''}|||{encode(status)}"
        f"|{encode(patient.registry_status_date) if status else ''}"
        f"|{encode(patient.publicity_date) if publicity.code else ''}"
    )
    return line.rstrip("|") + SEGMENT_END


def _nk1s(relatives: Iterable[NextOfKin]) -> Iterator[str]:
    for number, kin in enumerate([kin for kin in relatives if kin.is_whole], 1):
        line = f"NK1|{number}|{xpn(kin.name)}|{_code(kin.relationship, 'HL70063')}|{xad(kin.address)}"
        yield f"{line}|{xtns(kin.telecoms)}".rstrip("|") + SEGMENT_END


# Vaccinations ---------------------------------------------------------------------------------------------------------


def _order(dose: Dose, texts: _ClinicTexts) -> str:
    """The ORDER group of a dose: ORC, RXA, RXR, and OBX with NTE."""
    is_here = dose.is_given and dose.information_source.code == ADMINISTERED
    lines = _orc(dose, texts)
    if not dose.is_given:
        lines += _rxa_not_given(dose)
        observations = _observation_lines(_beside(dose, 0), dose) if dose.observations else ""
        lines += observations
        return lines + _comment(dose, has_observation=observations != "") if dose.comment else lines
    lines += _rxa_given(dose, texts.location if is_here else "")
    if dose.route.code:
        lines += f"RXR|{_code(dose.route, 'NCIT')}|{_code(dose.site, 'HL70163')}".rstrip("|") + SEGMENT_END
    observations = _observations(dose, is_here=is_here)
    lines += observations
    return lines + _comment(dose, has_observation=observations != "") if dose.comment else lines


def _orc(dose: Dose, texts: _ClinicTexts) -> str:
    prefix = texts.id_prefix
    placer = f"{encode(identity.orc_3(dose.placer_id, prefix))}^{texts.ei_authority}" if dose.placer_id else ""
    filler = encode(identity.orc_3(dose.id, prefix)) if dose.is_given else identity.NO_ORDER
    line = (
        f"ORC|RE|{placer}|{filler}^{texts.ei_authority}|||||||{_provider(dose.entered_by)}"
        f"||{_provider(dose.ordered_by)}|||||{texts.organization}"
    )
    return line.rstrip("|") + SEGMENT_END


def _rxa_given(dose: Dose, location: str) -> str:
    date = encode(dose.date)
    if dose.amount in ("", NO_AMOUNT) or dose.vaccine.code == NO_VACCINE:
        quantity = f"{NO_AMOUNT}|"
    else:
        quantity = f"{encode(dose.amount)}|{_code(dose.units, 'UCUM')}"
    # RXA-4 repeats RXA-3 (IZ-30): the profile makes it optional, HL7 2.5.1 itself requires it.
    return (
        f"RXA|0|1|{date}|{date}|{_vaccine(dose.vaccine, dose.ndc)}|{quantity}"
        f"||{_code(dose.information_source, 'NIP001')}|{_provider(dose.administered_by)}|{location}"
        f"||||{encode(dose.lot)}|{encode(dose.expiry)}|{_code(dose.manufacturer, 'MVX')}"
        f"|||{dose.completion.value}|{dose.action.value}{SEGMENT_END}"
    )


def _rxa_not_given(dose: Dose) -> str:
    reason = _code(dose.refusal_reason, "NIP002") if dose.completion is Completion.REFUSED else ""
    date = encode(dose.date)
    return (
        f"RXA|0|1|{date}|{date}|{_vaccine(dose.vaccine, dose.ndc)}|{NO_AMOUNT}||||||||||||{reason}"
        f"||{dose.completion.value}|{dose.action.value}{SEGMENT_END}"
    )


def _vaccine(vaccine: Code, ndc: str) -> str:
    """RXA-5: the CVX with the NDC (else the local code) as the alternate triplet. An NDC without CVX comes first."""
    if not ndc:
        return _code(vaccine, "CVX")
    if not vaccine.code:
        return _ce(ndc, "", "NDC")
    return _ce(vaccine.code, vaccine.text, vaccine.system or "CVX", ndc, "", "NDC")


def _observations(dose: Dose, *, is_here: bool) -> str:
    """The OBX segments of a dose that was given. OBX-1 and OBX-4 start at 1 in every ORDER group (NIST-01).

    Args:
        dose: The dose.
        is_here: The reporting clinic gave it.
    """
    rows: list[_Obx] = []
    group = 0
    if is_here:
        if dose.eligibility.code:
            group += 1
            rows.append(("CE", _ELIGIBILITY, group, _code(dose.eligibility, "HL70064"), "", _PER_DOSE))
        if dose.funding_source.code:
            group += 1
            rows.append(("CE", _FUNDING, group, _code(dose.funding_source, "CDCPHINVS"), "", ""))
        for vis in dose.vis:
            group += 1
            rows += [(kind, code, group, value, "", "") for kind, code, value in _vis(vis)]
    if dose.dose_number:
        group += 1
        is_number = dose.dose_number.isascii() and dose.dose_number.isdigit()
        kind, units = ("NM", _NO_UNITS) if is_number else ("ST", "")
        rows.append((kind, _DOSE_NUMBER, group, encode(dose.dose_number), units, ""))
    if dose.observations:
        rows += _beside(dose, group)
    return _observation_lines(rows, dose)


_Obx = tuple[str, str, int, str, str, str]
"""OBX-2, OBX-3, OBX-4, OBX-5, OBX-6, and OBX-15 with what follows."""


def _beside(dose: Dose, group: int) -> Iterator[_Obx]:
    """The observations beside a dose, or instead of one (appendix B of the National IG); `group` is the last OBX-4."""
    for number, observation in enumerate(dose.observations, group + 1):
        code = f"{encode(observation.code)}^{encode(loinc.OBSERVED.get(observation.code, ''))}^LN"
        yield "CE", code, number, _code(observation.value, "SCT"), "", ""
        for day, name in ((observation.begins, _BEGINS), (observation.ends, _ENDS)):
            if day:
                yield "DT", name, number, encode(day), "", ""


def _observation_lines(rows: Iterable[_Obx], dose: Dose) -> str:
    date = encode(dose.date)
    lines = [
        f"OBX|{number}|{kind}|{code}|{sub_id}|{value}|{units}|||||F|||{date}{rest}".rstrip("|") + SEGMENT_END
        for number, (kind, code, sub_id, value, units, rest) in enumerate(rows, 1)
    ]
    return "".join(lines)


def _vis(vis: Vis) -> Iterator[tuple[str, str, str]]:
    """(OBX-2, OBX-3, OBX-5) of one VIS, told by its document, or in the older way by vaccine and edition (IZ-24)."""
    if vis.document:
        yield "CE", _VIS_DOCUMENT, _ce(vis.document, "", "cdcgs1vis")
    else:
        if vis.vaccine.code:
            yield "CE", _VIS_VACCINE, _ce(vis.vaccine.code, vis.vaccine.text, vis.vaccine.system or "CVX")
        if vis.edition:
            yield "DT", _VIS_EDITION, encode(vis.edition)
    if vis.presented:
        yield "DT", _VIS_PRESENTED, encode(vis.presented)


def _comment(dose: Dose, *, has_observation: bool) -> str:
    r"""The comment as an NTE under the last OBX, or as an OBX of its own: an NTE must follow an OBX.

    Line feeds become the line break of formatted text, `\.br\`.
    """
    text = "\\.br\\".join([encode(line) for line in dose.comment.split("\n")])
    if has_observation:
        return f"NTE|||{text}{SEGMENT_END}"
    return f"OBX|1|FT|{_ANNOTATION}|1|{text}||||||F|||{encode(dose.date)}".rstrip("|") + SEGMENT_END


# Data types -----------------------------------------------------------------------------------------------------------


def _code(code: Code, system: str) -> str:
    """A CE; `system` is the field's own coding system, for a code that names none."""
    if not code.code:
        return ""
    return _ce(
        code.code,
        code.text,
        code.system or system,
        code.alternate_code,
        code.alternate_text,
        code.alternate_system,
    )


def _ce(
    code: str, text: str, system: str, alternate: str = "", alternate_text: str = "", alternate_system: str = ""
) -> str:
    primary = f"{encode(code)}^{encode(text)}^{encode(system)}"
    if not alternate:
        return primary
    return f"{primary}^{encode(alternate)}^{encode(alternate_text)}^{encode(systems.alternate(alternate_system))}"


def _ces(codes: Iterable[Code], system: str) -> str:
    return "~".join([_code(code, system) for code in codes if code.code])


def _provider(provider: Provider) -> str:
    """An XCN: an id comes with its authority (XCN.9) and type (XCN.13), a name with its type (XCN.10)."""
    if not (provider.id or provider.family):
        return ""
    name = f"{encode(provider.id)}^{encode(provider.family)}^{encode(provider.given)}^{encode(provider.middle)}"
    name_type = "L" if provider.family else ""
    if not provider.id:
        return f"{name}^^^^^^{name_type}".rstrip("^")
    is_npi = provider.id_type == "NPI" and provider.authority in ("", "NPI")
    authority = NPI_AUTHORITY if is_npi else hd(provider.authority, "&")
    return f"{name}^^^^^{authority}^{name_type}^^^{encode(provider.id_type)}".rstrip("^")


def xpn(name: Name) -> str:
    """Write a person's name. XPN.7 is required: a name of unknown type has U (unspecified)."""
    return (
        f"{encode(name.family)}^{encode(name.given)}^{encode(name.middle)}^{encode(name.suffix)}"
        f"^^^{encode(name.type) or 'U'}"
    )


def xad(place: Address) -> str:
    """Write an address; empty if only its type, country or county is known."""
    if not (place.street or place.city or place.zip or place.state or place.other):
        return ""
    return (
        f"{encode(place.street)}^{encode(place.other)}^{encode(place.city)}^{encode(place.state)}^{encode(place.zip)}"
        f"^{encode(place.country)}^{encode(place.type)}^^{encode(place.county)}"
    ).rstrip("^")


def xtns(telecoms: Iterable[Telecom]) -> str:
    """Write telephone numbers and e-mail addresses, each in a repetition of its own (addendum of July 2015)."""
    repetitions = []
    for telecom in telecoms:
        if telecom.email:
            repetitions.append(f"^NET^Internet^{encode(telecom.email)}")
        elif telecom.local:
            repetitions.append(
                f"^{encode(telecom.use)}^{encode(telecom.equipment)}^^^{encode(telecom.area)}^{encode(telecom.local)}"
            )
    return "~".join(repetitions)


def hd(name: str, separator: str = "^") -> str:
    """Write an HD or the last components of an EI: a namespace, or an OID with its type (IZ-3 to IZ-6)."""
    if _OID.fullmatch(name):
        return f"{separator}{name}{separator}ISO"
    return encode(name)
