"""The least that building a VXU can cost: the floor that other figures are compared with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from statistics import fmean
from time import process_time
from typing import Final

from shared.domain.model import Dose, Visit
from tests.benchmarks import records
from tests.benchmarks.measure import each, in_turn

_OBX: Final = "||||||F|||"


class Speed:
    """How fast the machine is while something else is measured: asked now and then, because it changes."""

    def __init__(self) -> None:
        self.spent = 0.0
        self._asked = 0
        visits = records.visits(1)
        self._also: dict[str, tuple[Callable[[int], object], int]] = {
            "floor": (lambda number: floor(visits[number], number), len(visits))
        }
        self._looks: dict[str, list[float]] = defaultdict(list)

    def also(self, name: str, function: Callable[[int], object], count: int) -> None:
        """Each look measures so many calls of this too."""
        self._also[name] = function, count

    def ask(self, every: int) -> None:
        """Looks once in so many calls. `spent` is what the looks have taken, in seconds of CPU."""
        self._asked += 1
        if self._asked % every == 0:
            self._look()

    def _look(self) -> None:
        start = process_time()
        taken = in_turn({name: each(*one) for name, one in self._also.items()}, rounds=5)
        for name, seconds in taken.items():
            self._looks[name].append(seconds / self._also[name][1])
        self.spent += process_time() - start

    @property
    def took(self) -> dict[str, float]:
        """µs that one call of each took on average: `floor`, of one dose, and what is measured too."""
        return {name: fmean(looks) * 1e6 for name, looks in self._looks.items()}


def floor(visit: Visit, number: int) -> str:
    """The same text from the same visit with everything known beforehand: nothing is asked, chosen or escaped."""
    person, at = visit.patient, records.TIMES[number]
    name, mother, place, phone = person.name, person.next_of_kin[0], person.addresses[0], person.telecoms[0]
    race, ethnicity, kin = person.races[0], person.ethnicity, mother.relationship
    text = (
        f"MSH|^~\\&|VAXLINE|EX0000||CT0000|{at:%Y%m%d%H%M%S%z}||VXU^V04^VXU_V04|{records.MSH_10S[number]}|P|2.5.1"
        f"|||ER|AL|||||Z22^CDCPHINVS\rPID|1||{person.mrn}^^^EX0000^MR||{name.family}^{name.given}^{name.middle}^^^^L"
        f"|{person.mothers_maiden_name}^^^^^^M|{person.birth_date}|{person.sex}||{race.code}^{race.text}^{race.system}"
        f"|{place.street}^^{place.city}^{place.state}^{place.zip}^{place.country}^{place.type}"
        f"||^{phone.use}^{phone.equipment}^^^{phone.area}^{phone.local}"
        f"|||||||||{ethnicity.code}^{ethnicity.text}^{ethnicity.system}\r"
        f"NK1|1|{mother.name.family}^{mother.name.given}^^^^^L|{kin.code}^{kin.text}^{kin.system}\r"
    )
    for dose in visit.doses:
        text += _order(dose)
    # The one scan for delimiters that safe text costs.
    assert "\\F\\" not in text
    return text


def _order(dose: Dose) -> str:
    nurse, vaccine, date, maker = dose.administered_by, dose.vaccine, dose.date, dose.manufacturer
    person = f"{nurse.id}^{nurse.family}^{nurse.given}^^^^^^NPI&2.16.840.1.113883.4.6&ISO^L^^^{nurse.id_type}"
    units, source, route, site = dose.units, dose.information_source, dose.route, dose.site
    eligibility, funding, document, statement = dose.eligibility, dose.funding_source, dose.vis[0], dose.vis[1]
    shot = statement.vaccine
    return (
        f"ORC|RE||{dose.id}^EX0000|||||||{person}||{person}|||||EX0001^Harbor Example Pediatrics^HL70362\r"
        f"RXA|0|1|{date}|{date}|{vaccine.code}^{vaccine.text}^{vaccine.system}^{dose.ndc}^^NDC|{dose.amount}"
        f"|{units.code}^{units.text}^{units.system}||{source.code}^{source.text}^{source.system}|{person}"
        f"|^^^EX0001^^^^^1 Example Way^Suite 4^Hartford^CT^06101^USA||||{dose.lot}|{dose.expiry}"
        f"|{maker.code}^{maker.text}^{maker.system}|||CP|A\r"
        f"RXR|{route.code}^{route.text}^{route.system}|{site.code}^{site.text}^{site.system}\r"
        f"OBX|1|CE|64994-7^Vaccine funding program eligibility category^LN|1"
        f"|{eligibility.code}^{eligibility.text}^{eligibility.system}{_OBX}{date}"
        f"|||VXC40^Eligibility captured at the immunization level^CDCPHINVS\r"
        f"OBX|2|CE|30963-3^Vaccine funding source^LN|2|{funding.code}^{funding.text}^{funding.system}{_OBX}{date}\r"
        f"OBX|3|CE|69764-9^Document type^LN|3|{document.document}^^cdcgs1vis{_OBX}{date}\r"
        f"OBX|4|DT|29769-7^Date vaccine information statement presented^LN|3|{document.presented}{_OBX}{date}\r"
        f"OBX|5|CE|30956-7^Vaccine type^LN|4|{shot.code}^{shot.text}^{shot.system}{_OBX}{date}\r"
        f"OBX|6|DT|29768-9^Date vaccine information statement published^LN|4|{statement.edition}{_OBX}{date}\r"
        f"OBX|7|DT|29769-7^Date vaccine information statement presented^LN|4|{statement.presented}{_OBX}{date}\r"
        f"OBX|8|NM|30973-2^Dose number in series^LN|5|{dose.dose_number}|NA^Not applicable^HL70353|||||F|||{date}\r"
    )
