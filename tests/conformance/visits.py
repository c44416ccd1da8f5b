"""Visits as an EHR may export them, all kinds of doses, with codes that the profile's value sets of 2016 know."""

from datetime import UTC, date, datetime

from hypothesis import strategies as st

from shared.domain.clinics import Clinic, Configuration, Iis
from shared.domain.model import (
    NO_CODE,
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

NOW = datetime(2025, 3, 1, 12, 30, 5, tzinfo=UTC)
CLINIC = Clinic(
    key="harbor",
    name="Harbor Example Pediatrics",
    facility="EX0001",
    sending_facility="EX0000",
    facility_id="EX0000",
    secret="example",
    responsible_name="Example Health & Sons",
    responsible_id="EX0000",
    address=Address("1 Example Way", "Suite 4", "Hartford", "CT", "06101", "USA"),
)
CONFIGURATION = Configuration("v1", "Example Health", "VAXLINE", Iis("https://iis.example"), {"harbor": CLINIC}, {})

_text = st.text("ABCDEabcdez '-.&^|~\\éñ", min_size=1, max_size=18).filter(lambda text: text.strip() == text)
_word = st.text("ABCDEFGHabcdefgh", min_size=1, max_size=15)
_digits = st.from_regex("[2-9][0-9]{6}", fullmatch=True)
_date = st.dates(date(2001, 1, 1), date(2025, 2, 28)).map(lambda day: day.strftime("%Y%m%d"))


def _maybe(strategy, empty=""):
    return st.one_of(st.just(empty), strategy)


def _codes(system, *codes):
    """Codes with and without text, with and without the coding system that the field implies."""
    return st.builds(Code, st.sampled_from(codes), _maybe(_text), st.sampled_from(["", system]))


names = st.builds(Name, _text, _text, _maybe(_text), _maybe(st.just("Jr")), st.sampled_from(["L", "A", "U", ""]))
addresses = st.builds(
    Address,
    _text,
    _maybe(_text),
    _text,
    st.just("CT"),
    st.just("06101"),
    _maybe(st.just("USA")),
    st.sampled_from(["H", "P", "M"]),
    _maybe(st.just("09003")),
)
telecoms = st.one_of(
    st.builds(Telecom, st.sampled_from(["PRN", "WPN"]), st.sampled_from(["PH", "CP"]), st.just("860"), _digits),
    st.builds(Telecom, st.just("NET"), email=st.just("parent@example.org")),
)
providers = st.one_of(
    st.just(Provider()),
    st.builds(Provider, st.just("1234567893"), _text, _text, _maybe(_text), st.just("NPI"), st.just("NPI")),
    st.builds(Provider, _word, _text, _text, authority=st.sampled_from(["EXEHR", "2.999.1"]), id_type=st.just("EI")),
    st.builds(Provider, family=_text, given=_text),
)
next_of_kin = st.builds(
    NextOfKin,
    names,
    _codes("HL70063", "MTH", "FTH", "GRD"),
    _maybe(addresses, Address()),
    st.lists(telecoms, max_size=2).map(tuple),
)
patients = st.builds(
    Patient,
    mrn=st.text("ABC0123456789-", min_size=1, max_size=40),
    name=names,
    birth_date=_date,
    sex=st.sampled_from(["F", "M", "U", ""]),
    mothers_maiden_name=_maybe(_text),
    aliases=st.lists(names, max_size=2).map(tuple),
    races=st.lists(_codes("CDCREC", "2106-3", "2054-5", "1002-5"), max_size=2).map(tuple),
    ethnicity=_maybe(_codes("CDCREC", "2135-2", "2186-5"), NO_CODE),
    addresses=st.lists(addresses, max_size=2).map(tuple),
    telecoms=st.lists(telecoms, max_size=3).map(tuple),
    multiple_birth=st.sampled_from(["", "Y", "N"]),
    birth_order=st.sampled_from(["", "1", "2"]),
    death_date=_maybe(_date),
    death_indicator=st.sampled_from(["", "Y", "N"]),
    publicity=_maybe(_codes("HL70215", "01", "02"), NO_CODE),
    publicity_date=_maybe(_date),
    protection=st.sampled_from(["", "Y", "N"]),
    protection_date=_maybe(_date),
    registry_status=st.sampled_from(["", "A", "I"]),
    registry_status_date=_maybe(_date),
    next_of_kin=st.lists(next_of_kin, max_size=2).map(tuple),
)
vis = st.one_of(
    st.builds(Vis, document=st.just("253088698300005911160720"), presented=_date),
    st.builds(Vis, vaccine=_codes("CVX", "45", "17"), edition=_date, presented=_date),
)


def _doses(**fields):
    return st.builds(
        Dose,
        id=st.text("DOSE0123456789-", min_size=1, max_size=40),
        date=_date,
        vaccine=_codes("CVX", "08", "03", "21", "140"),
        action=st.sampled_from(Action),
        comment=_maybe(st.text("ABCabc|^~\\&\n .,", min_size=1).map(str.strip)),
        entered_by=providers,
        ordered_by=providers,
        placer_id=_maybe(_word),
        **fields,
    )


administered = _doses(
    completion=st.sampled_from([Completion.COMPLETE, Completion.PARTIALLY_ADMINISTERED]),
    ndc=_maybe(st.just("00005-0100-01")),
    information_source=_codes("NIP001", "00"),
    amount=st.sampled_from(["0.5", "1", "", "999"]),
    units=_codes("UCUM", "mL"),
    lot=st.text("ABC0123456789", min_size=1, max_size=20),
    expiry=st.sampled_from(["", "20260630", "202606"]),
    manufacturer=_codes("MVX", "SKB", "MSD"),
    route=_maybe(_codes("NCIT", "C28161", "C38299"), NO_CODE),
    site=_maybe(_codes("HL70163", "LA", "RT"), NO_CODE),
    eligibility=_codes("HL70064", "V01", "V02", "V05"),
    funding_source=_maybe(_codes("CDCPHINVS", "VXC50", "PHC70"), NO_CODE),
    vis=st.lists(vis, min_size=1, max_size=2).map(tuple),
    dose_number=st.sampled_from(["", "1", "2"]),
    administered_by=providers,
)
historical = _doses(
    information_source=_codes("NIP001", "01", "02", "07"),
    amount=st.sampled_from(["", "0.5"]),
    units=_codes("UCUM", "mL"),
    eligibility=_maybe(_codes("HL70064", "V01"), NO_CODE),
    dose_number=st.sampled_from(["", "1"]),
)
refused = _doses(
    completion=st.just(Completion.REFUSED),
    refusal_reason=_codes("NIP002", "00", "01", "03"),
    information_source=_maybe(_codes("NIP001", "00"), NO_CODE),
    lot=_maybe(_word),
)
not_administered = _doses(completion=st.just(Completion.NOT_ADMINISTERED), amount=st.sampled_from(["", "0.5"]))
doses = st.one_of(administered, historical, refused, not_administered)
visits = st.builds(
    Visit,
    source=st.just("example-ehr"),
    patient=patients,
    date=_date,
    doses=st.lists(doses, min_size=1, max_size=4).map(tuple),
)
