"""The code tables of a VXU.

Each table holds the values that the National IG R1.5 allows (HL7 tables, CDCREC, NCIT, NIP001, CDCPHINVS) with a short
text and other spellings: words, older tables (0005, 0162, 0189), and the codes of FHIR R4 (SNOMED CT, v3
vocabularies). The value sets of profile Z22 (`z22.valuesets`) are made from them. CVX, MVX and NDC are too large to
stand here; `cdc` has them.
"""

from __future__ import annotations

import re
from typing import Final

from shared.domain.codes import cdc, races
from shared.domain.codes.countries import COUNTRIES
from shared.domain.codes.table import Table
from shared.domain.model import Code

_NOT_KNOWN: Final = (
    "unknown",
    "unk",
    "asku",
    "nask",
    "declined",
    "declined to answer",
    "patient declined",
    "refused to report",
    "not reported",
    "not specified",
    "unspecified",
    "unable to obtain",
)
_NOT_KNOWN_ROW: Final = ("", "", (*_NOT_KNOWN, "n/a", "none", "null"))

# HL7 table 0001 of v2.5.1 has them; profile Z22 has F, M and U.
_OTHER_SEXES: Final = ("other", "O", "X", "A", "N", "ambiguous", "undifferentiated", "nonbinary", "non-binary")
SEX: Final = Table(
    "sex (HL7 0001)",
    "HL70001",
    (
        ("F", "Female", ("woman", "girl")),
        ("M", "Male", ("man", "boy")),
        (
            "U",
            "Unknown",
            (*_NOT_KNOWN, *_OTHER_SEXES, "UN"),
        ),
    ),
    coarse=frozenset(_OTHER_SEXES),
)
RACE: Final = Table(
    "race (CDCREC)",
    "CDCREC",
    (
        ("1002-5", "American Indian or Alaska Native", ("American Indian", "Alaska Native", "Native American", "I")),
        ("2028-9", "Asian", ("A",)),
        ("2054-5", "Black or African American", ("Black", "African American", "Black/African American", "B")),
        (
            "2076-8",
            "Native Hawaiian or Other Pacific Islander",
            ("Native Hawaiian", "Pacific Islander", "Native Hawaiian/Pacific Islander", "P"),
        ),
        ("2106-3", "White", ("Caucasian", "W", "C")),
        ("2131-1", "Other Race", ("Other", "O", "some other race", "multiracial", "two or more races")),
        _NOT_KNOWN_ROW,
        ("", "", ("U",)),
    ),
    broader=races.category,
)


def _ethnic_group(spelling: str) -> Code | None:
    code = races.category(spelling)
    return code if code is races.HISPANIC else None


ETHNICITY: Final = Table(
    "ethnicity (CDCREC)",
    "CDCREC",
    (
        (
            "2135-2",
            "Hispanic or Latino",
            ("Hispanic", "Latino", "Latina", "Latinx", "H", "yes", "Y", "Hispanic/Latino"),
        ),
        (
            "2186-5",
            "Not Hispanic or Latino",
            ("Non Hispanic", "Not Hispanic", "Non Hispanic or Latino", "N", "NH", "no", "Not Hispanic/Latino"),
        ),
        _NOT_KNOWN_ROW,
        ("", "", ("U",)),
    ),
    broader=_ethnic_group,
)
ADDRESS_TYPE: Final = Table(
    "address type (HL7 0190)",
    "HL70190",
    (
        ("H", "Home", ("residence",)),
        ("P", "Permanent", ()),
        ("M", "Mailing", ("postal", "billing")),
        ("C", "Current or temporary", ("temp", "temporary", "current")),
        ("B", "Business", ("work", "firm")),
        ("O", "Office", ()),
        ("L", "Legal", ()),
        ("BA", "Bad address", ("bad",)),
        ("BDL", "Birth delivery location", ()),
        ("BR", "Residence at birth", ()),
        ("N", "Birth", ()),
        ("F", "Country of origin", ()),
        ("RH", "Registry home", ()),
    ),
)
PHONE_USE: Final = Table(
    "phone use (HL7 0201)",
    "HL70201",
    (
        ("PRN", "Primary residence", ("home", "mobile", "cell", "primary")),
        ("ORN", "Other residence", ("other",)),
        ("WPN", "Work", ("business",)),
        ("VHN", "Vacation home", ("temp",)),
        ("ASN", "Answering service", ()),
        ("EMR", "Emergency", ()),
        ("NET", "E-mail", ("email", "internet")),
        ("BPN", "Beeper", ("pager",)),
    ),
)
RELATIONSHIP: Final = Table(
    "relationship (HL7 0063)",
    "HL70063",
    (
        ("MTH", "Mother", ("mom", "mum", "NMTH", "STPMTH", "natural mother", "biological mother")),
        ("FTH", "Father", ("dad", "NFTH", "STPFTH", "natural father", "biological father")),
        ("PAR", "Parent", ("PRN", "parents", "natural parent")),
        ("GRD", "Guardian", ("GUARD", "legal guardian")),
        ("GRP", "Grandparent", ("GRPRN", "GRMTH", "GRFTH", "grandmother", "grandfather")),
        ("BRO", "Brother", ("NBRO",)),
        ("SIS", "Sister", ("NSIS",)),
        ("SIB", "Sibling", ("NSIB",)),
        ("SPO", "Spouse", ("SPS", "husband", "wife", "HUSB", "WIFE", "DOMPART", "domestic partner", "partner")),
        ("CHD", "Child", ("son", "daughter", "CHILD", "SONC", "DAUC")),
        ("FCH", "Foster child", ("CHLDFOST",)),
        ("SCH", "Stepchild", ("STPCHLD",)),
        ("CGV", "Care giver", ("caregiver", "carer")),
        ("SEL", "Self", ("ONESELF", "patient")),
        ("OTH", "Other", ("O", "aunt", "uncle", "relative", "friend", "foster parent")),
        _NOT_KNOWN_ROW,
    ),
)
ROUTE: Final = Table(
    "route (NCIT)",
    "NCIT",
    (
        ("C28161", "Intramuscular", ("IM", "intramuscular injection", "IMINJ", "78421000")),
        ("C38299", "Subcutaneous", ("SC", "SQ", "SubQ", "sub-q", "subcut", "SUBCUTINJ", "34206005")),
        ("C38238", "Intradermal", ("ID", "IDINJ", "372464004")),
        ("C38284", "Nasal", ("NS", "IN", "intranasal", "NASINHL", "NASINHLC", "46713006")),
        ("C38288", "Oral", ("PO", "by mouth", "26643006")),
        ("C38276", "Intravenous", ("IV", "IVINJ", "47625008")),
        ("C38305", "Transdermal", ("TD", "TRNSDERM", "45890007")),
        ("C38676", "Percutaneous", ("PC", "PERC", "scarification", "multiple puncture")),
        _NOT_KNOWN_ROW,
    ),
)
SITE: Final = Table(
    "site (HL7 0163)",
    "HL70163",
    (
        ("LA", "Left arm", ("L arm", "left upper arm", "LUA", "368208006", "arm left")),
        ("RA", "Right arm", ("R arm", "right upper arm", "RUA", "368209003", "arm right")),
        ("LD", "Left deltoid", ("L deltoid", "deltoid left", "16217701000119102")),
        ("RD", "Right deltoid", ("R deltoid", "deltoid right", "16217661000119109")),
        ("LT", "Left thigh", ("L thigh", "thigh left", "61396006", "LLT", "LAT", "left anterior thigh")),
        ("RT", "Right thigh", ("R thigh", "thigh right", "11207009", "RLT", "RAT", "right anterior thigh")),
        ("LVL", "Left vastus lateralis", ("L vastus lateralis", "vastus lateralis left")),
        ("RVL", "Right vastus lateralis", ("R vastus lateralis", "vastus lateralis right")),
        ("LG", "Left gluteus", ("left gluteus medius", "left gluteal", "left buttock", "L gluteus")),
        ("RG", "Right gluteus", ("right gluteus medius", "right gluteal", "right buttock", "R gluteus")),
        ("LLFA", "Left lower forearm", ("left forearm", "66480008")),
        ("RLFA", "Right lower forearm", ("right forearm", "64262003")),
        _NOT_KNOWN_ROW,
        # A vaccine that is given by mouth or nose has no site.
        ("", "", ("mouth", "oral", "nose", "nasal", "bilateral nares", "nares")),
    ),
)
INFORMATION_SOURCE: Final = Table(
    "information source (NIP001)",
    "NIP001",
    (
        ("00", "New immunization record", ("0", "new", "administered", "given here", "given", "new record")),
        ("01", "Historical, source unspecified", ("1", "historical", "history", "hist", "H")),
        ("02", "Historical, other provider", ("2", "other provider", "provider")),
        ("03", "Historical, parent's written record", ("3", "parent written record", "record")),
        ("04", "Historical, parent's recall", ("4", "parent recall", "recall")),
        ("05", "Historical, other registry", ("5", "other registry", "registry", "jurisdiction", "IIS")),
        ("06", "Historical, birth certificate", ("6", "birth certificate")),
        ("07", "Historical, school record", ("7", "school record", "school")),
        ("08", "Historical, public agency", ("8", "public agency")),
    ),
)
REFUSAL_REASON: Final = Table(
    "refusal reason (NIP002)",
    "NIP002",
    (
        (
            "00",
            "Parental decision",
            ("0", "parent", "parental", "parent refused", "guardian refused", "parental refusal"),
        ),
        ("01", "Religious exemption", ("1", "religious", "religion", "RELIG", "religious objection")),
        ("02", "Other", ("2", "PHILISOP", "VACEFF", "VACSAF", "philosophical objection", "personal belief")),
        (
            "03",
            "Patient decision",
            (
                "3",
                "patient",
                "patient refused",
                "patient declined",
                "PATOBJ",
                "patient objection",
                "591000119102",
                "vaccine refused by patient",
            ),
        ),
    ),
)
ELIGIBILITY: Final = Table(
    "funding eligibility (HL7 0064)",
    "HL70064",
    (
        ("V00", "VFC eligibility not determined or unknown", (*_NOT_KNOWN, "not determined", "undetermined")),
        (
            "V01",
            "Not VFC eligible",
            (
                "not eligible",
                "ineligible",
                "private",
                "privately insured",
                "insured",
                "private insurance",
                "commercial",
            ),
        ),
        ("V02", "VFC eligible, Medicaid", ("Medicaid", "VFC Medicaid", "Medicaid/Medicaid Managed Care", "HUSKY A")),
        ("V03", "VFC eligible, uninsured", ("uninsured", "VFC uninsured", "no insurance", "self pay")),
        ("V04", "VFC eligible, American Indian or Alaska Native", ("American Indian/Alaska Native", "AI/AN")),
        ("V05", "VFC eligible, underinsured at FQHC, RHC or deputized provider", ("underinsured",)),
        ("V06", "VFC eligible, state specific", ()),
        ("V07", "VFC eligible, local specific", ()),
        ("V08", "Not VFC eligible, underinsured", ()),
        ("V22", "CHIP", ("HUSKY B", "S-CHIP", "SCHIP")),
        ("V23", "317", ("section 317",)),
        ("V24", "Medicare", ()),
        ("V25", "State program eligible", ("state program", "state")),
    ),
    # "Authority and two digits" (IG, table 0064).
    state_codes=re.compile(r"[A-Z]{2,3}[0-9]{2}"),
    # Retired by CDC.
    unsent=frozenset({"V06", "V07", "V08"}),
)
VFC_ELIGIBLE: Final = frozenset({"V02", "V03", "V04", "V05", "V06", "V07"})
"""Eligibilities of the Vaccines for Children program, which ends at the 19th birthday."""
NOT_VFC_ELIGIBLE: Final = "V01"
FUNDING_SOURCE: Final = Table(
    "funding source (CDCPHINVS)",
    "CDCPHINVS",
    (
        ("PHC70", "Private funds", ("private", "private stock", "purchased", "privately purchased")),
        ("VXC50", "Public", ("public funds", "public stock", "CVP", "Blended Public CVP", "state supplied", "state")),
        ("VXC51", "Public VFC", ("VFC", "VFC stock")),
        ("VXC52", "Public non-VFC", ("non VFC", "317", "public not VFC")),
    ),
)
VFC_STOCK: Final = "VXC51"
COMPLETION: Final = Table(
    "completion (HL7 0322)",
    "HL70322",
    (
        ("CP", "Complete", ("completed", "given", "administered", "done", "C")),
        ("RE", "Refused", ("refusal", "declined", "R")),
        ("NA", "Not administered", ("not given", "not done", "not-done", "N")),
        ("PA", "Partially administered", ("partial", "partially given", "P")),
    ),
)
ACTION: Final = Table(
    "action (HL7 0323)",
    "HL70323",
    (
        ("A", "Add", ("added", "new", "insert", "I", "active")),
        ("U", "Update", ("updated", "change", "changed", "correct", "corrected", "correction", "modify")),
        ("D", "Delete", ("deleted", "remove", "removed", "entered in error", "entered-in-error", "voided", "inactive")),
    ),
)
PUBLICITY: Final = Table(
    "publicity (HL7 0215)",
    "HL70215",
    (
        ("01", "No reminder or recall", ("1", "no reminder/recall", "none")),
        ("02", "Reminder and recall, any method", ("2", "reminder/recall - any method", "any", "yes")),
        ("03", "Reminder and recall, no calls", ("3", "reminder/recall - no calls")),
        ("04", "Reminder only, any method", ("4",)),
        ("05", "Reminder only, no calls", ("5",)),
        ("06", "Recall only, any method", ("6",)),
        ("07", "Recall only, no calls", ("7",)),
        ("08", "Reminder and recall to provider", ("8", "reminder/recall - to provider")),
        ("09", "Reminder to provider", ("9",)),
        ("10", "Only reminder to provider, no recall", ()),
        ("11", "Recall to provider", ()),
        ("12", "Only recall to provider, no reminder", ()),
    ),
)
REGISTRY_STATUS: Final = Table(
    "registry status (HL7 0441)",
    "HL70441",
    (
        ("A", "Active", ()),
        ("I", "Inactive", ("inactive, unspecified",)),
        ("L", "Inactive, lost to follow-up", ("lost to follow up", "lost")),
        ("M", "Inactive, moved or gone elsewhere", ("moved", "transferred", "MOGE")),
        ("P", "Inactive, permanently", ("permanently inactive", "deceased", "dead")),
        ("U", "Unknown", _NOT_KNOWN),
    ),
)
YES_NO: Final = Table(
    "yes or no (HL7 0136)",
    "HL70136",
    (("Y", "Yes", ("true", "1", "T")), ("N", "No", ("false", "0", "F")), _NOT_KNOWN_ROW, ("", "", ("U",))),
)
UNITS: Final = Table(
    "units (UCUM)",
    "UCUM",
    (
        ("mL", "milliliter", ("milliliters", "millilitre", "millilitres", "cc", "mls")),
        ("L", "liter", ("litre",)),
        ("mg", "milligram", ("milligrams",)),
        ("ug", "microgram", ("mcg", "micrograms", "µg")),
        ("g", "gram", ("grams",)),
        ("[iU]", "international unit", ("iu", "international units")),
    ),
    unsent=frozenset({"[iU]"}),
)
COUNTRY: Final = Table(
    "country (ISO 3166)",
    "",
    (
        ("USA", "United States", ("US", "U.S.", "U.S.A.", "United States of America", "America", "840")),
        ("CAN", "Canada", ("CA",)),
        ("MEX", "Mexico", ("MX",)),
        ("PRI", "Puerto Rico", ("PR",)),
        _NOT_KNOWN_ROW,
    ),
    state_codes=re.compile("|".join(sorted(COUNTRIES))),
)

TABLES: Final = (
    SEX,
    RACE,
    ETHNICITY,
    ADDRESS_TYPE,
    PHONE_USE,
    RELATIONSHIP,
    ROUTE,
    SITE,
    INFORMATION_SOURCE,
    REFUSAL_REASON,
    ELIGIBILITY,
    FUNDING_SOURCE,
    COMPLETION,
    ACTION,
    PUBLICITY,
    REGISTRY_STATUS,
    YES_NO,
    UNITS,
    COUNTRY,
)


# Code sets of CDC --------------------------------------------------------------------------------------------------

_CVX: Final = re.compile(r"\d{1,3}")
_MVX: Final = re.compile(r"[A-Z]{2,3}")


def cvx(raw: str, text: str = "") -> Code | None:
    """Return a CVX code with at least two digits, None if `raw` is not a number of up to three digits.

    Args:
        raw: The code.
        text: Its text; CDC's short name if it is empty.
    """
    digits = raw.strip()
    if not (digits.isascii() and _CVX.fullmatch(digits)):
        return None
    row = cdc.cvx(digits)
    return Code(str(int(digits)).zfill(2), text or (row.name if row else ""), "CVX")


def mvx(raw: str, text: str = "") -> Code | None:
    """Return an MVX code in capitals; None if `raw` is neither two or three letters nor a name of CDC's table.

    Args:
        raw: The code, or the name.
        text: Its text; CDC's name if it is empty.
    """
    letters = raw.strip().upper()
    row = cdc.mvx_named(raw)
    if row is not None:
        letters = row.code
    elif not _MVX.fullmatch(letters):
        return None
    row = row or cdc.mvx(letters)
    return Code(letters, text or (row.name if row else ""), "MVX")
