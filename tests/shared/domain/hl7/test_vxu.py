import itertools
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.domain.clinics import Clinic, Configuration, Iis
from shared.domain.hl7 import er7, vxu
from shared.domain.model import (
    Action,
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
from shared.replaced import replace

NOW = datetime(2025, 3, 1, 7, 30, 5, 999, tzinfo=timezone(timedelta(hours=-5)))
CLINIC = Clinic(
    key="harbor",
    name="Harbor Example Pediatrics",
    facility="EX0001",
    sending_facility="EX0000",
    facility_id="EX0000",
    secret="example",
    responsible_name="Example Health",
    responsible_id="EX0000",
    address=Address("1 Example Way", "", "Hartford", "CT", "06101", "USA"),
)
CONFIGURATION = Configuration("v1", "Example Health", "VAXLINE", Iis("https://iis.example"), {}, {})
NURSE = Provider("1234567893", "Nurse", "Nora", "N", "NPI", "NPI")
PATIENT = Patient(mrn="MRN-1", name=Name("Sample", "Child", "Q", "Jr"), birth_date="20240115", sex="F")
GIVEN = Dose(
    id="DOSE-1",
    date="20250301",
    vaccine=Code("08", "Hep B", "CVX"),
    ndc="58160-0820-11",
    information_source=Code("00", "New immunization record"),
    amount="0.5",
    units=Code("mL"),
    lot="LOT-12",
    expiry="202601",
    manufacturer=Code("SKB", "GlaxoSmithKline"),
    route=Code("C28161", "Intramuscular"),
    site=Code("LT", "Left thigh"),
    eligibility=Code("V02"),
    funding_source=Code("VXC50"),
    administered_by=NURSE,
)
REFUSED = Dose(
    id="DOSE-2",
    date="20250301",
    vaccine=Code("21", "varicella"),
    completion=Completion.REFUSED,
    refusal_reason=Code("00", "Parental decision"),
    information_source=Code("00"),
    lot="LOT-OF-NO-MEANING",
    route=Code("C28161"),
    eligibility=Code("V02"),
)


def build(*doses, patient=PATIENT, clinic=CLINIC, configuration=CONFIGURATION, now=NOW):
    visit = Visit("ehr", patient, "20250301", doses=doses)
    return vxu.build(visit, msh_10="CONTROL-1", clinic=clinic, configuration=configuration, now=now)


def segments(message, name):
    return [segment.split("|") for segment in message.split("\r") if segment.startswith(name)]


def field(message, name, number, occurrence=0):
    fields = segments(message, name)[occurrence]
    return fields[number] if number < len(fields) else ""


# What stands where ----------------------------------------------------------------------------------------------------


def test_the_same_moment_is_written_in_the_zone_in_which_it_is_told():
    hartford = ZoneInfo("America/New_York")
    night = datetime(2026, 11, 1, 1, 30, tzinfo=hartford)
    told = [NOW, NOW.astimezone(UTC), night, night.replace(fold=1)]
    assert [vxu.timestamp(now) for now in told] == [
        "20250301073005-0500",
        "20250301123005+0000",
        "20261101013000-0400",
        "20261101013000-0500",
    ]


def test_the_header_names_profile_clinic_and_registry():
    assert build().split("\r")[0] == (
        "MSH|^~\\&|VAXLINE|EX0000||CT0000|20250301073005-0500||VXU^V04^VXU_V04|CONTROL-1|P|2.5.1|||ER|AL"
        "|||||Z22^CDCPHINVS|Example Health^^^^^CT0000^XX^^^EX0000"
    )


@pytest.mark.parametrize(
    ("zone", "expected"),
    [(UTC, "+0000"), (timezone(timedelta(hours=5, minutes=45)), "+0545"), (timezone(timedelta(hours=-5)), "-0500")],
)
def test_msh_7_has_seconds_and_offset(zone, expected):
    assert field(build(now=datetime(2025, 3, 1, 7, 30, 5, tzinfo=zone)), "MSH", 6) == f"20250301073005{expected}"


def test_a_dose_given_here_has_all_that_the_guide_asks_for():
    assert build(GIVEN).split("\r")[1:] == [
        "PID|1||MRN-1^^^EX0000^MR||Sample^Child^Q^Jr^^^L||20240115|F",
        "ORC|RE||DOSE-1^EX0000||||||||||||||EX0001^Harbor Example Pediatrics^HL70362",
        (
            "RXA|0|1|20250301|20250301|08^Hep B^CVX^58160-0820-11^^NDC|0.5|mL^^UCUM||00^New immunization record^NIP001"
            "|1234567893^Nurse^Nora^N^^^^^NPI&2.16.840.1.113883.4.6&ISO^L^^^NPI"
            "|^^^EX0001^^^^^1 Example Way^^Hartford^CT^06101^USA||||LOT-12|202601|SKB^GlaxoSmithKline^MVX|||CP|A"
        ),
        "RXR|C28161^Intramuscular^NCIT|LT^Left thigh^HL70163",
        (
            "OBX|1|CE|64994-7^Vaccine funding program eligibility category^LN|1|V02^^HL70064||||||F|||20250301"
            "|||VXC40^Eligibility captured at the immunization level^CDCPHINVS"
        ),
        "OBX|2|CE|30963-3^Vaccine funding source^LN|2|VXC50^^CDCPHINVS||||||F|||20250301",
        "",
    ]


def test_a_refusal_has_its_reason_and_nothing_of_a_given_dose():
    assert build(REFUSED).split("\r")[2:] == [
        "ORC|RE||9999^EX0000||||||||||||||EX0001^Harbor Example Pediatrics^HL70362",
        "RXA|0|1|20250301|20250301|21^varicella^CVX|999||||||||||||00^Parental decision^NIP002||RE|A",
        "",
    ]


def test_what_was_not_administered_has_no_reason():
    message = build(replace(REFUSED, completion=Completion.NOT_ADMINISTERED))
    assert field(message, "ORC", 3) == "9999^EX0000"
    assert field(message, "RXA", 18) == ""
    assert field(message, "RXA", 20) == "NA"


def test_a_historical_dose_names_no_place_and_no_eligibility():
    message = build(replace(GIVEN, information_source=Code("01"), amount="", administered_by=Provider()))
    assert field(message, "RXA", 6) == "999"
    assert field(message, "RXA", 7) == ""
    assert field(message, "RXA", 9) == "01^^NIP001"
    assert field(message, "RXA", 11) == ""
    assert segments(message, "OBX") == []


def test_a_known_amount_of_a_historical_dose_is_sent():
    assert field(build(replace(GIVEN, information_source=Code("01"))), "RXA", 6) == "0.5"


def test_a_delete_keeps_the_order_number_of_what_it_deletes():
    kept, deleted = build(GIVEN), build(replace(GIVEN, action=Action.DELETE))
    assert field(deleted, "RXA", 21) == "D"
    assert field(deleted, "ORC", 3) == field(kept, "ORC", 3)


def test_no_vaccine_administered_has_no_amount():
    assert field(build(replace(GIVEN, vaccine=Code("998"))), "RXA", 6) == "999"


def test_a_local_code_stands_beside_the_cvx_when_there_is_no_ndc():
    vaccine = Code("08", "Hep B", "CVX", "HEPB", "Our hep B")
    assert field(build(replace(GIVEN, vaccine=vaccine, ndc="")), "RXA", 5) == "08^Hep B^CVX^HEPB^Our hep B^L"


def test_observations_of_one_statement_share_obx_4_and_count_anew_in_every_group():
    statements = (
        Vis(document="253088698300005911160720", presented="20250301"),
        Vis(vaccine=Code("45"), edition="20160720", presented="20250301"),
    )
    message = build(replace(GIVEN, vis=statements, dose_number="2"), GIVEN)
    told = [(fields[1], fields[3].split("^")[0], fields[4], fields[5]) for fields in segments(message, "OBX")]
    assert told == [
        ("1", "64994-7", "1", "V02^^HL70064"),
        ("2", "30963-3", "2", "VXC50^^CDCPHINVS"),
        ("3", "69764-9", "3", "253088698300005911160720^^cdcgs1vis"),
        ("4", "29769-7", "3", "20250301"),
        ("5", "30956-7", "4", "45^^CVX"),
        ("6", "29768-9", "4", "20160720"),
        ("7", "29769-7", "4", "20250301"),
        ("8", "30973-2", "5", "2"),
        ("1", "64994-7", "1", "V02^^HL70064"),
        ("2", "30963-3", "2", "VXC50^^CDCPHINVS"),
    ]


def test_a_comment_follows_an_observation():
    assert build(replace(GIVEN, comment="fainted\nafter 5 min")).split("\r")[-2] == "NTE|||fainted\\.br\\after 5 min"


def test_a_comment_without_observation_is_an_observation_itself():
    assert build(replace(REFUSED, comment="wants to wait")).split("\r")[-2] == (
        "OBX|1|FT|48767-8^Annotation comment^LN|1|wants to wait||||||F|||20250301"
    )


def test_the_patient_is_told_in_full():
    patient = replace(
        PATIENT,
        mothers_maiden_name="Maiden",
        aliases=(Name("Other", "Name", type="A"), Name("Third", "Name", type="")),
        races=(Code("2106-3", "White"), Code("2054-5")),
        ethnicity=Code("2186-5"),
        addresses=(Address("12 Test St", "Apt 3", "Hartford", "CT", "06101", "USA", "H", "09003"),),
        telecoms=(Telecom("PRN", "PH", "860", "5550100"), Telecom("NET", email="parent@example.org")),
        multiple_birth="Y",
        birth_order="2",
        death_date="20250228",
        publicity=Code("02", "Reminder/recall - any method"),
        publicity_date="20250102",
        protection="N",
        protection_date="20250103",
        registry_status="A",
        registry_status_date="20250104",
        next_of_kin=(
            NextOfKin(Name("", ""), Code("FTH")),
            NextOfKin(Name("Sample", "Parent"), Code("MTH"), Address(city="Hartford"), (Telecom(local="5550100"),)),
        ),
    )
    assert build(patient=patient).split("\r")[1:] == [
        (
            "PID|1||MRN-1^^^EX0000^MR||Sample^Child^Q^Jr^^^L~Other^Name^^^^^A~Third^Name^^^^^U|Maiden^^^^^^M|20240115|F"
            "||2106-3^White^CDCREC~2054-5^^CDCREC|12 Test St^Apt 3^Hartford^CT^06101^USA^H^^09003"
            "||^PRN^PH^^^860^5550100~^NET^Internet^parent@example.org|||||||||2186-5^^CDCREC||Y|2||||20250228|Y"
        ),
        "PD1|||||||||||02^Reminder/recall - any method^HL70215|N|20250103|||A|20250104|20250102",
        "NK1|1|Sample^Parent^^^^^L|MTH^^HL70063|^^Hartford^^^^H|^PRN^PH^^^^5550100",
        "",
    ]


def test_the_primary_telephone_number_and_the_home_address_stand_first():
    patient = replace(
        PATIENT,
        telecoms=(
            Telecom("NET", email="parent@example.org"),
            Telecom("WPN", "PH", "860", "5550102"),
            Telecom("PRN", "CP", "860", "5550101"),
            Telecom("PRN", "PH", "860", "5550100"),
        ),
        addresses=(Address("2 Work Street", type="B"), Address("1 Home Street"), Address("3 Later Street", type="C")),
    )
    message = build(GIVEN, patient=patient)
    numbers = field(message, "PID", 13).split("~")
    assert [one.split("^")[1] for one in numbers] == ["PRN", "PRN", "WPN", "NET"]
    assert numbers[0].endswith("5550101")
    assert [one.split("^")[0] for one in field(message, "PID", 11).split("~")] == [
        "1 Home Street",
        "2 Work Street",
        "3 Later Street",
    ]


def test_dates_without_the_value_they_belong_to_are_left_out():
    patient = replace(
        PATIENT, publicity_date="20250101", protection_date="20250101", birth_order="1", registry_status="A"
    )
    message = build(patient=patient)
    assert segments(message, "PD1") == [["PD1", *[""] * 15, "A"]]
    assert field(message, "PID", 25) == ""


def test_a_death_date_of_a_patient_who_is_not_deceased_is_not_sent_and_nobody_is_called_alive():
    message = build(patient=replace(PATIENT, death_indicator="N", death_date="20250101"))
    assert field(message, "PID", 29) == ""
    assert field(message, "PID", 30) == ""
    assert field(build(patient=replace(PATIENT, death_indicator="N")), "PID", 30) == "N"


def test_a_site_without_route_makes_no_rxr():
    assert segments(build(replace(GIVEN, route=Code())), "RXR") == []


def test_an_oid_stands_in_its_own_components():
    clinic = replace(CLINIC, sending_facility="2.999.5", facility="2.999.6")
    message = build(GIVEN, clinic=clinic)
    assert field(message, "MSH", 3) == "^2.999.5^ISO"
    assert field(message, "PID", 3) == "MRN-1^^^&2.999.5&ISO^MR"
    assert field(message, "ORC", 3) == "DOSE-1^^2.999.5^ISO"
    assert field(message, "RXA", 11).startswith("^^^&2.999.6&ISO^")


def test_long_ids_are_shortened_and_other_values_are_not():
    dose = replace(GIVEN, id="D" * 21, lot="L" * 40)
    message = build(dose, patient=replace(PATIENT, mrn="M" * 16))
    assert len(field(message, "PID", 3).split("^")[0]) == 15
    assert len(field(message, "ORC", 3).split("^")[0]) == 20
    assert field(message, "RXA", 15) == "L" * 40


def test_a_changed_configuration_or_clinic_shows_in_the_next_message():
    build()
    renamed = replace(CONFIGURATION, sending_application="OTHER")
    moved = replace(CLINIC, sending_facility="EX0009")
    assert field(build(configuration=renamed), "MSH", 2) == "OTHER"
    assert field(build(clinic=moved), "MSH", 3) == "EX0009"
    assert field(build(), "MSH", 2) == "VAXLINE"


# No value is structure ------------------------------------------------------------------------------------------------

anything = st.text(
    st.one_of(
        st.sampled_from('|^~\\&\r\n\x0b\x1c\x85\u2028\ud800"X.brFSTRE MSHPIDOBX0A'),
        st.characters(exclude_categories=()),
    ),
    min_size=1,
    max_size=15,
)


def full_visit(texts):
    """A visit with every text field taken from `texts`, in one shape whatever the texts say."""
    text = lambda: next(texts)  # noqa: E731
    code = lambda: Code(text(), text(), text(), text(), text(), text())  # noqa: E731
    person = lambda: Name(text(), text(), text(), text(), text())  # noqa: E731
    place = lambda: Address(text(), text(), text(), text(), text(), text(), text(), text())  # noqa: E731
    phones = lambda: (Telecom(text(), text(), text(), text()), Telecom("NET", "PH", email=text()))  # noqa: E731
    provider = lambda: Provider(text(), text(), text(), text(), text(), text())  # noqa: E731
    patient = Patient(
        mrn=text(),
        name=person(),
        birth_date=text(),
        sex=text(),
        mothers_maiden_name=text(),
        aliases=(person(), person()),
        races=(code(), code()),
        ethnicity=code(),
        addresses=(place(), place()),
        telecoms=phones(),
        multiple_birth="Y",
        birth_order=text(),
        death_date=text(),
        death_indicator="Y",
        publicity=code(),
        publicity_date=text(),
        protection=text(),
        protection_date=text(),
        registry_status=text(),
        registry_status_date=text(),
        next_of_kin=(NextOfKin(person(), code(), place(), phones()),),
    )
    shared = {"vaccine": code(), "date": text(), "entered_by": provider(), "ordered_by": provider()}
    given_here = Dose(
        **shared,
        id=text(),
        information_source=Code("00", text()),
        amount=text(),
        units=code(),
        lot=text(),
        expiry=text(),
        manufacturer=code(),
        route=code(),
        site=code(),
        eligibility=code(),
        funding_source=code(),
        vis=(Vis(document=text(), presented=text()), Vis("", code(), text(), text())),
        dose_number=text(),
        comment=text(),
        administered_by=provider(),
        placer_id=text(),
    )
    refusal = Dose(
        **shared, completion=Completion.REFUSED, refusal_reason=code(), comment=text(), placer_id=text(), ndc=text()
    )
    return Visit("ehr", patient, text(), doses=(given_here, refusal))


def full_clinic(texts):
    text = lambda: next(texts)  # noqa: E731
    place = Address(text(), text(), text(), text(), text(), text())
    clinic = Clinic("harbor", text(), text(), text(), "", "", text(), text(), address=place)
    iis = Iis("https://iis.example", receiving_application=text(), receiving_facility=text(), processing_id=text())
    return clinic, Configuration("v", "", text(), iis, {}, {})


def leaves(message):
    """The message taken apart by a plain splitter, five levels deep."""
    return [
        [
            [[part.split("&") for part in repetition.split("^")] for repetition in value.split("~")]
            for value in segment.removeprefix("MSH|^~\\&").split("|")
        ]
        for segment in message.split("\r")
    ]


def shape(tree):
    return [shape(part) for part in tree] if isinstance(tree, list) else None


def flat(tree):
    return [leaf for part in tree for leaf in flat(part)] if isinstance(tree, list) else [tree]


def message_of(texts):
    clinic, configuration = full_clinic(texts)
    return vxu.build(full_visit(texts), msh_10=next(texts), clinic=clinic, configuration=configuration, now=NOW)


@given(st.lists(anything, min_size=1, max_size=12))
def test_no_value_can_start_a_segment_a_field_or_a_component(texts):
    # Values with a meaning of their own would rightly change the shape or the order.
    assume(not any(text in ("998", "999", "NPI", "H", "PRN", "PH", "CP") or vxu._OID.fullmatch(text) for text in texts))
    assume(not any(text.isascii() and text.isdigit() for text in texts))
    tokens = (f"T{number}x" for number in itertools.count())
    expected, told = leaves(message_of(tokens)), leaves(message_of(itertools.cycle(texts)))
    assert shape(told) == shape(expected)
    for token, value in zip(flat(expected), flat(told), strict=True):
        if token.startswith("T") and token.endswith("x"):
            assert er7.decode(value) == texts[int(token[1:-1]) % len(texts)]
        else:
            assert value == token
