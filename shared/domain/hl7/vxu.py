"""Builds the VXU: one visit becomes one ER7 text (HL7 v2.5.1 VXU^V04^VXU_V04, profile Z22 of the National IG R1.5).

Plain f-strings, one function per segment or data type; every leaf goes through the codec. Trailing empty fields and
components are left out. Nothing is cut and nothing is invented: what a field may hold is for the checks to say; only
ids are shortened (`shared.domain.identity`). What repeats from message to message is remembered: coded values,
providers, VIS documents and what follows from clinic and configuration. `docs/vxu.md` says which value goes where.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Final

import msgspec

from shared.domain import identity
from shared.domain.clinics import Clinic, Configuration
from shared.domain.hl7.er7 import SEGMENT_END, decode, encode, encoded
from shared.domain.model import (
    ADMINISTERED,
    Address,
    Code,
    Completion,
    Dose,
    Name,
    NextOfKin,
    Patient,
    Provider,
    Telecom,
    Vis,
    Visit,
)

NO_AMOUNT: Final = "999"
"""RXA-6 where no amount is known or nothing was given (IZ-48, IZ-49)."""

NO_VACCINE: Final = "998"
"""RXA-5.1 "no vaccine administered" (CVX)."""

NPI_AUTHORITY: Final = "NPI&2.16.840.1.113883.4.6&ISO"

_OID: Final = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+")
_ELIGIBILITY: Final = "64994-7^Vaccine funding program eligibility category^LN"
_FUNDING: Final = "30963-3^Vaccine funding source^LN"
_VIS_DOCUMENT: Final = "69764-9^Document type^LN"
_VIS_VACCINE: Final = "30956-7^Vaccine type^LN"
_VIS_EDITION: Final = "29768-9^Date vaccine information statement published^LN"
_VIS_PRESENTED: Final = "29769-7^Date vaccine information statement presented^LN"
_DOSE_NUMBER: Final = "30973-2^Dose number in series^LN"
_ANNOTATION: Final = "48767-8^Annotation comment^LN"
_PER_DOSE: Final = "|||VXC40^Eligibility captured at the immunization level^CDCPHINVS"
_NO_UNITS: Final = "NA^Not applicable^HL70353"


class _House(msgspec.Struct, frozen=True):
    """What stands in every message of a clinic: MSH before MSH-7 and after MSH-10, and its ids in their places."""

    configuration: Configuration
    clinic: Clinic
    before_time: str
    after_id: str
    cx_authority: str
    ei_authority: str
    organization: str
    location: str


# The last one per clinic. It is used only for the very same two objects, so a changed configuration is never missed.
_houses: Final[dict[str, _House]] = {}


def build(visit: Visit, *, msh_10: str, clinic: Clinic, configuration: Configuration, now: datetime) -> str:
    """The VXU of a visit, segments ended by CR, one ORDER group per dose in the order of `visit.doses`.

    `now` must carry a zone; it becomes MSH-7 with seconds and offset (IZ-TS_Z).
    """
    house = _houses.get(clinic.key)
    if house is None or house.clinic is not clinic or house.configuration is not configuration:
        house = _houses[clinic.key] = _house(clinic, configuration)
    patient = visit.patient
    message = (
        f"{house.before_time}{timestamp(now)}||VXU^V04^VXU_V04|{encode(msh_10)}{house.after_id}"
        f"{_pid(patient, house)}{_pd1(patient)}"
    )
    if patient.next_of_kin:
        message += _nk1s(patient.next_of_kin)
    for dose in visit.doses:
        message += _order(dose, house)
    return message


def timestamp(now: datetime) -> str:
    """TS with seconds and offset. `now` must carry a zone."""
    return _timestamp(int(now.timestamp()), now.tzinfo)


@lru_cache(maxsize=64)
def _timestamp(seconds: int, zone: tzinfo | None) -> str:
    """Remembered: hundreds of messages are built in a second, and writing it takes as long as a segment."""
    text = datetime.fromtimestamp(seconds, zone).isoformat()
    return f"{text[:4]}{text[5:7]}{text[8:10]}{text[11:13]}{text[14:16]}{text[17:22]}{text[23:25]}"


def _house(clinic: Clinic, configuration: Configuration) -> _House:
    iis = configuration.iis
    sender = clinic.sending_facility
    organization = ""
    if clinic.responsible_id:
        authority = hd(iis.receiving_facility, "&")
        organization = f"{encode(clinic.responsible_name)}^^^^^{authority}^XX^^^{encode(clinic.responsible_id)}"
    elif clinic.responsible_name:
        organization = encode(clinic.responsible_name)
    return _House(
        configuration=configuration,
        clinic=clinic,
        before_time=(
            f"MSH|^~\\&|{hd(configuration.sending_application)}|{hd(sender)}"
            f"|{hd(iis.receiving_application)}|{hd(iis.receiving_facility)}|"
        ),
        after_id=(
            f"|{encode(iis.processing_id)}|2.5.1|||ER|AL|||||Z22^CDCPHINVS|{organization}".rstrip("|") + SEGMENT_END
        ),
        cx_authority=hd(sender, "&"),
        ei_authority=hd(sender),
        organization=_ce(clinic.facility, clinic.name, "HL70362"),
        location=_location(clinic),
    )


def _location(clinic: Clinic) -> str:
    place = clinic.address
    rest = f"{encode(place.street)}^{encode(place.other)}^{encode(place.city)}^{encode(place.state)}"
    rest = f"{rest}^{encode(place.zip)}^{encode(place.country)}".rstrip("^")
    return f"^^^{hd(clinic.facility, '&')}^^^^^{rest}".rstrip("^")


# Patient --------------------------------------------------------------------------------------------------------------


def _pid(patient: Patient, house: _House) -> str:
    names = xpn(patient.name)
    for alias in patient.aliases:
        names += f"~{xpn(alias)}"
    death = patient.death_indicator or ("Y" if patient.death_date else "")
    mrn, maiden, birth_date, sex, multiple, birth_order, death_date, death = encoded(
        identity.pid_3(patient.mrn),
        patient.mothers_maiden_name,
        patient.birth_date,
        patient.sex,
        patient.multiple_birth,
        patient.birth_order,
        patient.death_date,
        death,
    )
    line = (
        f"PID|1||{mrn}^^^{house.cx_authority}^MR||{names}|{maiden + '^^^^^^M' if maiden else ''}|{birth_date}"
        f"|{sex or 'U'}||{_ces(patient.races, 'CDCREC')}|{'~'.join(filter(None, map(xad, patient.addresses)))}"
        f"||{xtns(patient.telecoms)}|||||||||{_code(patient.ethnicity, 'CDCREC')}"
        f"||{multiple}|{birth_order if multiple == 'Y' else ''}||||{death_date if death == 'Y' else ''}|{death}"
    )
    return line.rstrip("|") + SEGMENT_END


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


def _nk1s(relatives: Iterable[NextOfKin]) -> str:
    lines, number = "", 0
    for kin in relatives:
        if kin.name:
            number += 1
            line = f"NK1|{number}|{xpn(kin.name)}|{_code(kin.relationship, 'HL70063')}|{xad(kin.address)}"
            lines += f"{line}|{xtns(kin.telecoms)}".rstrip("|") + SEGMENT_END
    return lines


# Vaccinations ---------------------------------------------------------------------------------------------------------


def _order(dose: Dose, house: _House) -> str:
    given = dose.is_given
    here = given and dose.information_source.code == ADMINISTERED
    number = encode(identity.orc_3(dose.id)) if given else identity.NO_ORDER
    placer = f"{encode(identity.orc_3(dose.placer_id))}^{house.ei_authority}" if dose.placer_id else ""
    entered = _provider(dose.entered_by)
    # Often one person did all, and a reader gives the same object then.
    ordered = entered if dose.ordered_by is dose.entered_by else _provider(dose.ordered_by)
    orc = f"ORC|RE|{placer}|{number}^{house.ei_authority}|||||||{entered}||{ordered}|||||{house.organization}"
    rxa = _rxa_given(dose, house.location if here else "") if given else _rxa_not_given(dose)
    # Not formatted, because formatting an enum member is slow.
    lines = orc.rstrip("|") + SEGMENT_END + rxa + dose.completion + "|" + dose.action + SEGMENT_END
    if given and dose.route.code:
        lines += _rxr(dose.route, dose.site)
    observations = _observations(dose, here=here) if given else ""
    if dose.comment:
        return lines + observations + _comment(dose, has_observation=observations != "")
    return lines + observations


@lru_cache(maxsize=1024)
def _rxr(route: Code, site: Code) -> str:
    return f"RXR|{_code(route, 'NCIT')}|{_code(site, 'HL70163')}".rstrip("|") + SEGMENT_END


def _rxa_given(dose: Dose, location: str) -> str:
    date, amount, lot, expiry = encoded(dose.date, dose.amount, dose.lot, dose.expiry)
    if amount in ("", NO_AMOUNT) or dose.vaccine.code == NO_VACCINE:
        quantity = f"{NO_AMOUNT}|"
    else:
        quantity = f"{amount}|{_code(dose.units, 'UCUM')}"
    # RXA-4 repeats RXA-3 (IZ-30): the profile makes it optional, HL7 2.5.1 itself requires it.
    return (
        f"RXA|0|1|{date}|{date}|{_vaccine(dose.vaccine, dose.ndc)}|{quantity}"
        f"||{_code(dose.information_source, 'NIP001')}|{_provider(dose.administered_by)}|{location}||||{lot}|{expiry}"
        f"|{_code(dose.manufacturer, 'MVX')}|||"
    )


def _rxa_not_given(dose: Dose) -> str:
    reason = _code(dose.refusal_reason, "NIP002") if dose.completion is Completion.REFUSED else ""
    date = encode(dose.date)
    return f"RXA|0|1|{date}|{date}|{_vaccine(dose.vaccine, dose.ndc)}|{NO_AMOUNT}||||||||||||{reason}||"


@lru_cache(maxsize=4096)
def _vaccine(vaccine: Code, ndc: str) -> str:
    """RXA-5: the CVX, with the NDC (else the local code) as the alternate triplet; a lone NDC comes first."""
    if not ndc:
        return _code(vaccine, "CVX")
    if not vaccine.code:
        return _ce(ndc, "", "NDC")
    return _ce(vaccine.code, vaccine.text, vaccine.system or "CVX", ndc, "", "NDC")


def _observations(dose: Dose, *, here: bool) -> str:
    """The OBX segments of a dose that was given; OBX-1 and OBX-4 start at 1 in every ORDER group (NIST-01)."""
    # OBX-7 to OBX-14
    end = f"||||||F|||{encode(dose.date)}"
    lines, count, group = "", 0, 0
    if here:
        if dose.eligibility.code:
            count = group = 1
            lines = f"OBX|1|CE|{_ELIGIBILITY}|1|{_code(dose.eligibility, 'HL70064')}{end}{_PER_DOSE}\r"
        if dose.funding_source.code:
            count, group = count + 1, group + 1
            lines += f"OBX|{count}|CE|{_FUNDING}|{group}|{_code(dose.funding_source, 'CDCPHINVS')}{end}\r"
        for vis in dose.vis:
            group += 1
            text, more = _vis(vis, count, group, end)
            lines += text
            count += more
    if dose.dose_number:
        count, group = count + 1, group + 1
        if dose.dose_number.isascii() and dose.dose_number.isdigit():
            lines += f"OBX|{count}|NM|{_DOSE_NUMBER}|{group}|{dose.dose_number}|{_NO_UNITS}{end[1:]}\r"
        else:
            lines += f"OBX|{count}|ST|{_DOSE_NUMBER}|{group}|{encode(dose.dose_number)}{end}\r"
    return lines if dose.date else lines.replace("||||||F|||\r", "||||||F\r")


@lru_cache(maxsize=4096)
def _vis(vis: Vis, count: int, group: int, end: str) -> tuple[str, int]:
    """The OBX segments of one VIS after `count` others, and how many they are.

    A VIS is told by its document, or in the older way by vaccine and edition (IZ-24). A clinic hands out the same ones
    all day, so they are remembered: made anew they are a third of a message's time.
    """
    parts = []
    if vis.document:
        parts.append(f"CE|{_VIS_DOCUMENT}|{group}|{_ce(vis.document, '', 'cdcgs1vis')}")
    else:
        if vis.vaccine.code:
            shot = vis.vaccine
            parts.append(f"CE|{_VIS_VACCINE}|{group}|{_ce(shot.code, shot.text, shot.system or 'CVX')}")
        if vis.edition:
            parts.append(f"DT|{_VIS_EDITION}|{group}|{encode(vis.edition)}")
    if vis.presented:
        parts.append(f"DT|{_VIS_PRESENTED}|{group}|{encode(vis.presented)}")
    return "".join([f"OBX|{count + number}|{part}{end}\r" for number, part in enumerate(parts, 1)]), len(parts)


def _comment(dose: Dose, *, has_observation: bool) -> str:
    r"""The comment as NTE under the last OBX; without one, as an annotation of its own (an NTE must follow an OBX).

    Line feeds become the line break of formatted text, `\.br\`.
    """
    text = "\\.br\\".join([encode(line) for line in dose.comment.split("\n")])
    if has_observation:
        return f"NTE|||{text}\r"
    return f"OBX|1|FT|{_ANNOTATION}|1|{text}||||||F|||{encode(dose.date)}".rstrip("|") + SEGMENT_END


# Data types -----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _code(code: Code, system: str) -> str:
    """A CE; `system` is the field's own coding system, for codes that name none."""
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
    return f"{primary}^{encode(alternate)}^{encode(alternate_text)}^{encode(alternate_system or 'L')}"


def _ces(codes: Iterable[Code], system: str) -> str:
    return "~".join([_code(code, system) for code in codes if code.code])


@lru_cache(maxsize=4096)
def _provider(provider: Provider) -> str:
    """XCN: an id carries authority (.9) and type (.13), a name its type (.10)."""
    if not (provider.id or provider.family):
        return ""
    name = "^".join(encoded(provider.id, provider.family, provider.given, provider.middle))
    name_type = "L" if provider.family else ""
    if not provider.id:
        return f"{name}^^^^^^{name_type}".rstrip("^")
    is_npi = provider.id_type == "NPI" and provider.authority in ("", "NPI")
    authority = NPI_AUTHORITY if is_npi else hd(provider.authority, "&")
    return f"{name}^^^^^{authority}^{name_type}^^^{encode(provider.id_type)}".rstrip("^")


def xpn(name: Name) -> str:
    """A person's name; its type is said to be unspecified where none is known (XPN.7 is required)."""
    family, given, middle, suffix, kind = encoded(name.family, name.given, name.middle, name.suffix, name.type)
    return f"{family}^{given}^{middle}^{suffix}^^^{kind or 'U'}"


def xad(place: Address) -> str:
    """An address; empty where nothing but its type or country is known."""
    if not (place.street or place.city or place.zip or place.state or place.other):
        return ""
    street, other, city, state, code, country, kind, county = encoded(
        place.street, place.other, place.city, place.state, place.zip, place.country, place.type, place.county
    )
    return f"{street}^{other}^{city}^{state}^{code}^{country}^{kind}^^{county}".rstrip("^")


def xtns(telecoms: Iterable[Telecom]) -> str:
    """Telephone numbers and e-mail addresses, each in a repetition of its own (addendum of July 2015)."""
    parts = []
    for telecom in telecoms:
        if telecom.email:
            parts.append(f"^NET^Internet^{encode(telecom.email)}")
        elif telecom.local:
            use, equipment, area, local = encoded(telecom.use, telecom.equipment, telecom.area, telecom.local)
            parts.append(f"^{use}^{equipment}^^^{area}^{local}")
    return "~".join(parts)


@lru_cache(maxsize=1024)
def hd(name: str, separator: str = "^") -> str:
    """An HD or the last components of an EI: a namespace, or an OID with its type (IZ-3 to IZ-6)."""
    if _OID.fullmatch(name):
        return f"{separator}{name}{separator}ISO"
    return encode(name)


# Where things stand in a message that was built here: what ERR-2 of an ACK points to ---------------------------------


_ORDER: Final = SEGMENT_END + "ORC"


def count_of(message: str, segment: str) -> int:
    """How often the segment of that name (three characters, not MSH) occurs in a message that was built here."""
    return message.count(SEGMENT_END + segment)


def group_of(message: str, segment: str, sequence: int) -> int | None:
    """The group (from 0) of the n-th (from 1) segment of that name in ORDER groups; None where there is no such."""
    if sequence < 1:
        return None
    first = message.find(_ORDER)
    if first < 0:
        return None
    name, at = SEGMENT_END + segment, first - 1
    for _ in range(sequence):
        at = message.find(name, at + 1)
        if at < 0:
            return None
    return message.count(_ORDER, first, at + len(_ORDER)) - 1


def orders_of(message: str) -> tuple[str, ...]:
    """ORC-3.1 of each ORDER group."""
    lines = [line for line in message.split(SEGMENT_END) if line.startswith("ORC")]
    return tuple(decode("".join(line.split("|", 4)[3:4]).split("^", 1)[0]) for line in lines)
