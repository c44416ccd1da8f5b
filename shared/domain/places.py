"""Addresses in the United States: states, zip codes and counties as an IIS expects them in an XAD.

States are two letters (USPS Publication 28, appendix B). Zip codes of New England, New Jersey, Puerto Rico, the Virgin
Islands and of the Army in Europe begin with a zero, which a spreadsheet removes. Counties are FIPS codes; Connecticut's
are its eight counties and, since 2022, its nine planning regions (U.S. Census Bureau).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from shared.domain.model import Address
from shared.replaced import replace


class State(NamedTuple):
    """A state or territory: its name, and its two digits in FIPS codes of counties."""

    name: str
    fips: str


STATES: Final = {
    code: State(name, fips)
    for code, fips, name in (
        ("AL", "01", "Alabama"), ("AK", "02", "Alaska"), ("AZ", "04", "Arizona"), ("AR", "05", "Arkansas"),
        ("CA", "06", "California"), ("CO", "08", "Colorado"), ("CT", "09", "Connecticut"), ("DE", "10", "Delaware"),
        ("DC", "11", "District of Columbia"), ("FL", "12", "Florida"), ("GA", "13", "Georgia"), ("HI", "15", "Hawaii"),
        ("ID", "16", "Idaho"), ("IL", "17", "Illinois"), ("IN", "18", "Indiana"), ("IA", "19", "Iowa"),
        ("KS", "20", "Kansas"), ("KY", "21", "Kentucky"), ("LA", "22", "Louisiana"), ("ME", "23", "Maine"),
        ("MD", "24", "Maryland"), ("MA", "25", "Massachusetts"), ("MI", "26", "Michigan"), ("MN", "27", "Minnesota"),
        ("MS", "28", "Mississippi"), ("MO", "29", "Missouri"), ("MT", "30", "Montana"), ("NE", "31", "Nebraska"),
        ("NV", "32", "Nevada"), ("NH", "33", "New Hampshire"), ("NJ", "34", "New Jersey"), ("NM", "35", "New Mexico"),
        ("NY", "36", "New York"), ("NC", "37", "North Carolina"), ("ND", "38", "North Dakota"), ("OH", "39", "Ohio"),
        ("OK", "40", "Oklahoma"), ("OR", "41", "Oregon"), ("PA", "42", "Pennsylvania"), ("RI", "44", "Rhode Island"),
        ("SC", "45", "South Carolina"), ("SD", "46", "South Dakota"), ("TN", "47", "Tennessee"), ("TX", "48", "Texas"),
        ("UT", "49", "Utah"), ("VT", "50", "Vermont"), ("VA", "51", "Virginia"), ("WA", "53", "Washington"),
        ("WV", "54", "West Virginia"), ("WI", "55", "Wisconsin"), ("WY", "56", "Wyoming"),
        ("AS", "60", "American Samoa"), ("FM", "64", "Federated States of Micronesia"), ("GU", "66", "Guam"),
        ("MH", "68", "Marshall Islands"), ("MP", "69", "Northern Mariana Islands"), ("PW", "70", "Palau"),
        ("PR", "72", "Puerto Rico"), ("VI", "78", "Virgin Islands"),
        ("AA", "", "Armed Forces Americas"), ("AE", "", "Armed Forces Europe"), ("AP", "", "Armed Forces Pacific"),
    )
}  # fmt: skip
"""Two letters → the state, territory or part of the armed forces."""

# Exports name a province without its country.
_PROVINCES: Final = frozenset({"AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"})
_CANADIAN_POSTCODE: Final = re.compile(r"[A-Z]\d[A-Z] ?\d[A-Z]\d")
_ZERO_FIRST: Final = frozenset({"AE", "CT", "MA", "ME", "NH", "NJ", "PR", "RI", "VI", "VT"})
_TWO_ZEROS_FIRST: Final = frozenset({"PR", "VI"})
_ZIP: Final = re.compile(r"(?P<zip>\d{3,5})-?(?P<more>\d{4})?")
_NO_ZIPS: Final = frozenset({"00000", "99999"})

CONNECTICUT: Final = {
    "fairfield": "09001", "hartford": "09003", "litchfield": "09005", "middlesex": "09007", "new haven": "09009",
    "new london": "09011", "tolland": "09013", "windham": "09015",
    "capitol": "09110", "greater bridgeport": "09120", "lower connecticut river valley": "09130",
    "naugatuck valley": "09140", "northeastern connecticut": "09150", "northwest hills": "09160",
    "south central connecticut": "09170", "southeastern connecticut": "09180", "western connecticut": "09190",
}  # fmt: skip
"""Connecticut's counties and planning regions, by name in lower case."""
_CONNECTICUT: Final = frozenset(CONNECTICUT.values())
_OF_COUNTY: Final = re.compile(r"\s+(?:county|planning region|co\.?)$")
_FIPS: Final = frozenset(state.fips for state in STATES.values() if state.fips)
_LETTERS: Final = re.compile(r"[^a-z]+")


def _plain(name: str) -> str:
    return _LETTERS.sub(" ", name.casefold()).strip()


_BY_NAME: Final = {_plain(state.name): code for code, state in STATES.items()} | {
    "u s virgin islands": "VI",
    "us virgin islands": "VI",
    "washington dc": "DC",
    "washington d c": "DC",
}
_AMERICAN: Final = frozenset({"", "USA", "ASM", "GUM", "MNP", "PRI", "UMI", "VIR"})
"""Countries (ISO 3166) of American addresses."""


class Located(NamedTuple):
    """An address in the form of an IIS, and its parts that are none: (component of XAD, value)."""

    address: Address
    wrong: tuple[tuple[int, str], ...]


# Cached: the rows of a clinic have few different states, zip codes and counties.
@lru_cache(maxsize=8192)
def _parts(state: str, postcode: str, country: str, county: str) -> tuple[str, str, str, tuple[tuple[int, str], ...]]:
    wrong: list[tuple[int, str]] = []
    code = state_code(state)
    is_canadian = country == "" and (state.upper() in _PROVINCES or _CANADIAN_POSTCODE.fullmatch(postcode.upper()))
    if is_canadian or country not in _AMERICAN:
        return state, postcode, county, ()
    zip_there = zip_code(postcode, code) if postcode else ""
    county_there = county_code(county, code) if county else ""
    for component, raw, read in ((4, state, code), (5, postcode, zip_there), (9, county, county_there)):
        if raw and not read:
            wrong.append((component, raw))
    return code, zip_there, county_there, tuple(wrong)


def located(address: Address) -> Located:
    """Return an address with its state in two letters, its zip code whole and its county as FIPS code.

    An address in another country is returned as it is. A part that is no state, zip code or county is left out, and
    named in `wrong`.
    """
    state, postcode, county, wrong = _parts(address.state, address.zip, address.country, address.county)
    if state == address.state and postcode == address.zip and county == address.county:
        return Located(address, wrong)
    return Located(replace(address, state=state, zip=postcode, county=county), wrong)


def is_located(address: Address) -> bool:
    """Tell whether `located` would return an address as it is, without a part that is none."""
    state, postcode, county, wrong = _parts(address.state, address.zip, address.country, address.county)
    return not wrong and state == address.state and postcode == address.zip and county == address.county


def state_code(text: str) -> str:
    """Return the two letters of a state or territory, however it is written; empty if it is none."""
    letters = text.replace(".", "").strip().upper()
    return letters if letters in STATES else _BY_NAME.get(_plain(text), "")


def zip_code(text: str, state: str) -> str:
    """Return a zip code with five digits, or with +4; empty if it is none.

    Args:
        text: The zip code, perhaps without the zero that a spreadsheet removed.
        state: The two letters of its state, without which no zero is added.
    """
    bare = text.replace(" ", "")
    match = _ZIP.fullmatch(bare) if bare.isascii() else None
    if match is None:
        return ""
    digits, more = match["zip"], match["more"] or ""
    zeros = 5 - len(digits)
    if zeros and not (state in _ZERO_FIRST and zeros == 1) and not (state in _TWO_ZEROS_FIRST and zeros == 2):
        return ""
    digits = digits.zfill(5)
    if digits in _NO_ZIPS:
        return ""
    return f"{digits}-{more}" if more.strip("0") else digits


def county_code(text: str, state: str) -> str:
    """Return a county as FIPS code of five digits; empty if it is none.

    The name of a county outside Connecticut is returned as it is.

    Args:
        text: The county's code or name.
        state: The two letters of its state; empty if that is not known.
    """
    own = STATES[state].fips if state else ""
    if text.isascii() and text.isdigit():
        digits = text if len(text) != 3 else f"{own}{text}"
        if len(digits) == 4 and own.startswith("0"):
            digits = f"0{digits}"
        is_there = len(digits) == 5 and digits[:2] == (own or digits[:2]) and digits[:2] in _FIPS
        return digits if is_there and (digits[:2] != "09" or digits in _CONNECTICUT) else ""
    name = _OF_COUNTY.sub("", text.casefold().strip())
    if state == "CT":
        return CONNECTICUT.get(name, "")
    return text
