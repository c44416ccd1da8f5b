"""Detailed races and ethnic groups, and the categories of OMB under which an IIS counts them.

CDC's Race and Ethnicity Code Set 1.0 (CDCREC) numbers the detailed codes behind their category, so the number tells
the category: 2034-7 (Chinese) lies between 2028-9 (Asian) and 2054-5 (Black or African American). The combined question
of SPD-15 (OMB, 2024) has Hispanic or Latino, and Middle Eastern or North African (2118-8), among the races.
"""

from __future__ import annotations

import re
from typing import Final

from shared.domain.model import Code

HISPANIC: Final = Code("2135-2", "Hispanic or Latino", "CDCREC")
NOT_HISPANIC: Final = "2186-5"
_CATEGORIES: Final = (
    (range(1002, 2028), Code("1002-5", "American Indian or Alaska Native", "CDCREC")),
    (range(2028, 2054), Code("2028-9", "Asian", "CDCREC")),
    (range(2054, 2076), Code("2054-5", "Black or African American", "CDCREC")),
    (range(2076, 2106), Code("2076-8", "Native Hawaiian or Other Pacific Islander", "CDCREC")),
    (range(2500, 2501), Code("2076-8", "Native Hawaiian or Other Pacific Islander", "CDCREC")),
    (range(2106, 2131), Code("2106-3", "White", "CDCREC")),
    (range(2131, 2132), Code("2131-1", "Other Race", "CDCREC")),
    (range(2135, 2186), HISPANIC),
)
_CODE: Final = re.compile(r"(\d{4})-\d")
_WORDS: Final = {
    "1002-5": "aleut apache cherokee chippewa eskimo inuit iroquois mohegan navajo pequot sioux",
    "2028-9": "bangladeshi bhutanese burmese cambodian chinese filipino hmong indonesian japanese korean laotian "
    "malaysian nepalese okinawan pakistani taiwanese thai vietnamese asian_indian sri_lankan",
    "2054-5": "african bahamian barbadian botswanan dominica_islander ethiopian haitian jamaican liberian namibian "
    "nigerian somali trinidadian west_indian zairean",
    "2076-8": "chamorro fijian guamanian hawaiian marshallese melanesian micronesian palauan papua_new_guinean "
    "polynesian samoan tahitian tongan",
    "2106-3": "arab armenian assyrian egyptian english european french german iranian iraqi irish israeli italian "
    "lebanese middle_eastern_or_north_african north_african palestinian polish scottish syrian middle_eastern",
    "2135-2": "hispanic latino latina latinx hispanic_or_latino hispanic_latino bolivian central_american chicano "
    "chilean colombian costa_rican cuban dominican ecuadorian guatemalan honduran mexican mexican_american "
    "nicaraguan panamanian peruvian puerto_rican salvadoran south_american spaniard venezuelan",
}
_BY_CODE: Final = {category.code: category for _, category in _CATEGORIES}
_BY_WORD: Final = {word.replace("_", " "): _BY_CODE[code] for code, words in _WORDS.items() for word in words.split()}


def category(spelling: str) -> Code | None:
    """Return the category of OMB of a detailed race or ethnic group; None if it is none.

    Args:
        spelling: A code of CDCREC, or a word in lower case without punctuation.
    """
    match = _CODE.fullmatch(spelling.strip())
    if match is None:
        return _BY_WORD.get(spelling)
    number = int(match[1])
    return next((code for numbers, code in _CATEGORIES if number in numbers), None)


def is_detail(code: Code) -> bool:
    """Tell whether a code stands for a detailed one, which it has as its alternate."""
    found = category(code.alternate_code) or category(code.alternate_code.casefold()) if code.alternate_code else None
    return found is not None and found.code == code.code
