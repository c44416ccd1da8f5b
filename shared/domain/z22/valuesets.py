"""The value sets that profile Z22 binds to fields: the codes that a message may hold, by coding system.

Codes that exports bring come from `codes.tables`; the others stand here. Code sets that grow every month (CVX, MVX,
NDC, VIS documents) are judged by the form of their codes only. Sources: National IG R1.5 appendix A with the addendum
of July 2015 (HL7 tables, CDC PHIN VADS); of a long HL7 table, the codes that an immunization message uses. As of March
2026.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from shared.domain.codes import systems, tables
from shared.domain.codes.table import Table


@dataclass(frozen=True, slots=True)
class ValueSet:
    """One value set.

    Attributes:
        words: The analyst's words for it.
        codes: The codes by coding system.
        forms: Tests for codes that are not listed, by coding system: open code sets, and codes that a state may add.
        by_system: If a value's code and system do not fit, the code is wrong if the set knows the system. Otherwise the
            system is wrong if the set knows the code.
    """

    words: str
    codes: dict[str, frozenset[str]]
    forms: dict[str, Callable[[str], bool]] = field(default_factory=dict)
    by_system: bool = False

    def has(self, code: str) -> bool:
        """Tell if any coding system of the set has the code."""
        for codes in self.codes.values():
            if code in codes:
                return True
        return any(form(code) for form in self.forms.values())

    def has_of(self, system: str, code: str) -> bool:
        """Tell if this coding system of the set has the code."""
        form = self.forms.get(system)
        return code in self.codes.get(system, ()) or (form is not None and form(code))

    @property
    def systems(self) -> frozenset[str]:
        """The coding systems of the set."""
        return frozenset(self.codes) | frozenset(self.forms)


def _set(words: str, system: str, codes: str, form: Callable[[str], bool] | None = None) -> ValueSet:
    return ValueSet(words, {system: frozenset(codes.split())}, {} if form is None else {system: form})


def _of(table: Table, words: str) -> ValueSet:
    """The codes of a table that a message may hold."""
    form = table.state_codes
    if form is None:
        return ValueSet(words, {table.system: table.sent})
    return ValueSet(words, {table.system: table.sent}, {table.system: lambda code: form.fullmatch(code) is not None})


def _is_cvx(code: str) -> bool:
    return code.isascii() and code.isdigit() and len(code) in (2, 3)


def _is_mvx(code: str) -> bool:
    return code.isascii() and code.isalpha() and code.isupper() and len(code) in (2, 3)


def _is_ndc(code: str) -> bool:
    """5-4-2 with hyphens (11 digits), the form that CDC's crosswalk uses."""
    return len(code) == 13 and code[5] == code[10] == "-" and code.isascii() and code.replace("-", "").isdigit()


def _is_vis_document(code: str) -> bool:
    """A GS1 document type identifier of CDC: application identifier 253, company 0886983, then type and edition."""
    return len(code) == 24 and code.startswith("2530886983") and code.isascii() and code.isdigit()


SEX: Final = _of(tables.SEX, "sex (HL7 0001)")
EVENT: Final = _set("trigger events (HL7 0003)", "HL70003", "K11 Q11 V04")
RELATIONSHIP: Final = _of(tables.RELATIONSHIP, "relationships (HL7 0063)")
ELIGIBILITY: Final = _of(tables.ELIGIBILITY, "funding eligibility (HL7 0064)")
MESSAGE: Final = _set("message types (HL7 0076)", "HL70076", "ACK ADT QBP RSP VXU")
RESULT_STATUS: Final = _set("result status (HL7 0085)", "HL70085", "F")
PLAN_TYPE: Final = _set("insurance plan types (HL7 0086)", "HL70086", "1 2 5 81")
PROCESSING: Final = _set("processing ids (HL7 0103)", "HL70103", "D P T")
VERSION: Final = _set("HL7 versions (HL7 0104)", "HL70104", "2.5.1")
ORDER_CONTROL: Final = _set("order control (HL7 0119)", "HL70119", "OK RE")
VALUE_TYPE: Final = _set(
    "value types (HL7 0125)",
    "HL70125",
    "CE CQ CWE CX DT DTM EI ERL FN FT HD ID IS LA2 MSG NM PT SAD SI ST TS TX VID XAD XCN XON XPN XTN",
)
YES_NO: Final = _of(tables.YES_NO, "yes or no (HL7 0136)")
SITE: Final = _of(tables.SITE, "body sites (HL7 0163)")
ADDRESS_TYPE: Final = _of(tables.ADDRESS_TYPE, "address types (HL7 0190)")
NAME_TYPE: Final = _set("name types (HL7 0200)", "HL70200", "A B C D L M P U")
PHONE_USE: Final = _of(tables.PHONE_USE, "telephone uses (HL7 0201)")
PHONE_EQUIPMENT: Final = _set("telephone equipment (HL7 0202)", "HL70202", "BP CP FX Internet MD PH TDD TTY X.400")
IDENTIFIER_TYPE: Final = _set(
    "identifier types (HL7 0203)",
    "HL70203",
    "AN ANON APRN BR DDS DEA DL DN DO DPM EI EN FI GI JHN LN LR MA MC MCD MCR MD MI MR NE NH NI NII NIIP NP NPI "
    "OD PA PE PEN PI PN PPN PRN PT RN RPH RR RRI SL SN SR SS TAX U UPIN VN WC WCN XX",
)
PUBLICITY: Final = _of(tables.PUBLICITY, "publicity codes (HL7 0215)")
OID_TYPE: Final = _set("types of a universal id (HL7 0301)", "HL70301", "ISO")
UNIVERSAL_ID_TYPE: Final = _set(
    "types of a universal id (HL7 0301)", "HL70301", "DNS GUID HCD HL7 ISO L,M,N Random URI UUID x400 x500"
)
LOCATION_TYPE: Final = _set("types of a location (HL7 0305)", "HL70305", "C D H N O P S")
COMPLETION: Final = _of(tables.COMPLETION, "completion status (HL7 0322)")
ACTION: Final = _of(tables.ACTION, "action codes (HL7 0323)")
STRUCTURE: Final = _set("message structures (HL7 0354)", "HL70354", "ACK QBP_Q11 RSP_K11 VXU_V04")
CHECK_DIGIT: Final = _set("check digit schemes (HL7 0061)", "HL70061", "ISO M10 M11 NPI")
CODING_SYSTEM: Final = _set(
    "coding systems (HL7 0396)",
    "HL70396",
    " ".join(systems.KNOWN),
    systems.is_numbered,
)
REGISTRY_STATUS: Final = _of(tables.REGISTRY_STATUS, "registry status (HL7 0441)")
PRECISION: Final = _set("degrees of precision (HL7 0529)", "HL70529", "D H L M S Y")

RACE: Final = _of(tables.RACE, "races (CDCREC)")
ETHNICITY: Final = _of(tables.ETHNICITY, "ethnic groups (CDCREC)")
VACCINE: Final = ValueSet("CVX, or NDC as 5-4-2 with hyphens", {}, {"CVX": _is_cvx, "NDC": _is_ndc}, by_system=True)
VACCINE_GROUP: Final = ValueSet("CVX", {}, {"CVX": _is_cvx})
MANUFACTURER: Final = ValueSet("manufacturers (MVX)", {}, {"MVX": _is_mvx})
ROUTE: Final = _of(tables.ROUTE, "routes (NCIT)")
INFORMATION_SOURCE: Final = _of(tables.INFORMATION_SOURCE, "information sources (NIP001)")
REFUSAL_REASON: Final = _of(tables.REFUSAL_REASON, "refusal reasons (NIP002)")
OBSERVATION: Final = _set(
    "observations of an immunization (LOINC, NIP003)",
    "LN",
    "29768-9 29769-7 30944-3 30945-0 30946-8 30956-7 30963-3 30973-2 30979-9 30980-7 30981-5 30982-3 31044-1 38890-0 "
    "46249-9 46250-7 48767-8 59777-3 59778-1 59779-9 59780-7 59781-5 59782-3 59783-1 59784-9 59785-6 64994-7 69764-9 "
    "75505-8",
)
# Units that the IG allows beside those that exports use.
_MORE_UNITS: Final = (
    "dL cL uL nL pL fL dg cg ng pg kg mg/mL ug/mL ng/mL g/mL mg/L ug/L g/L g/dL mg/dL mg/kg ug/kg ng/kg g/kg mL/kg "
    "[drp] [foz_us] [tsp_us] [tbs_us]"
)
_UNITS: Final = tables.UNITS.sent.union(_MORE_UNITS.split())
UNITS: Final = ValueSet("units of volume and mass (UCUM)", {"UCUM": _UNITS})
OBSERVATION_UNITS: Final = ValueSet("units (UCUM, or NA of HL7 0353)", {"UCUM": _UNITS, "HL70353": frozenset({"NA"})})
OBSERVATION_METHOD: Final = _set("levels of eligibility capture (CDCPHINVS)", "CDCPHINVS", "VXC40 VXC41")
FUNDING_SOURCE: Final = _of(tables.FUNDING_SOURCE, "funding sources (CDCPHINVS)")
VIS_DOCUMENT: Final = ValueSet("VIS document types (cdcgs1vis)", {}, {"cdcgs1vis": _is_vis_document})
PROFILE: Final = _set("message profiles (CDCPHINVS)", "CDCPHINVS", "Z22 Z23 Z31 Z32 Z33 Z34 Z42 Z44")

_VIS_VACCINES: Final = (
    "03 08 09 10 21 32 42 43 44 48 49 50 51 52 62 83 94 100 104 106 110 111 113 114 115 116 118 119 120 121 "
    "130 133 135 136 138 140 141 144 146 148 187"
)
VIS_VACCINES: Final = frozenset(_VIS_VACCINES.split())
"""CVX codes whose vaccine comes with a Vaccine Information Statement (PHVS_VISVaccines_IIS), the condition of IZ-24."""
