"""clinics.toml: what is right is read, what is wrong is named, all at once."""

from __future__ import annotations

import re
from datetime import date

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.configuration import schema
from shared.adapters.configuration.reader import ConfigurationProblem, _Parser, parse_configuration
from shared.domain.clinics import Configuration, Network
from tests.places import ROOT

SMALL = """
[organization]
name = "Sampleton Health"
sending_facility = "CT9000"

[iis]
endpoint = "https://iis.example.org/soap"

[clinics.elm]
name = "Elm"
facility = "CT9001"
export_names = ["Elm St"]

[clinics.oak]
name = "Oak"
facility = "CT9002"
sending_facility = "CT9002"

[sources.feed]
format = "csv"
clinic = "elm"
"""


def good(text: str) -> Configuration:
    found = parse_configuration(text)
    assert isinstance(found, Configuration), found
    return found


def errors(text: str) -> dict[str, ConfigurationProblem]:
    found = parse_configuration(text)
    assert isinstance(found, tuple)
    return {error.key: error for error in found}


def test_a_small_file_is_enough() -> None:
    configuration = good(SMALL)
    elm, oak = configuration.clinics["elm"], configuration.clinics["oak"]
    assert (elm.sending_facility, elm.facility_id, elm.secret) == ("CT9000", "CT9000", "CT9000")
    assert (oak.sending_facility, oak.facility_id, oak.secret) == ("CT9002", "CT9002", "CT9002")
    assert configuration.iis.receiving_facility == "CT0000"
    assert configuration.sources["feed"].date_formats == ("%Y-%m-%d", "%Y%m%d", "%m/%d/%Y")
    assert configuration.clinic_for(configuration.sources["feed"], "Elm St") is elm


def test_a_clinic_that_signs_as_the_organization_uses_its_secret() -> None:
    configuration = good(SMALL.replace('"CT9000"', '"CT9000"\nsecret = "everybody"', 1))
    assert configuration.clinics["elm"].secret == "everybody"
    assert configuration.clinics["oak"].secret == "CT9002"


def test_the_demo_s_file_is_right() -> None:
    configuration = good((ROOT / "local" / "clinics.toml").read_text("utf-8"))
    assert set(configuration.clinics) == {"elm", "harbor", "hilltop"}
    yours = {"yours-csv", "yours-fhir", "yours-hl7", "yours-fhir-bundle"}
    assert {"elm", "harbor", "hilltop"} | yours == set(configuration.sources)


def test_the_version_follows_the_content_and_not_the_line_ends() -> None:
    version = good(SMALL).version
    assert re.fullmatch(r"[0-9a-f]{12}", version)
    assert good("\ufeff" + SMALL.replace("\n", "\r\n") + "\n").version == version
    assert good(SMALL.replace("Elm St", "Elm Road")).version != version


def test_a_private_authority_and_a_proxy_are_the_way_to_the_iis() -> None:
    authority = trustme.CA().cert_pem.bytes().decode()
    iis = f'[iis]\nproxy = "http://proxy.example.org:3128"\nca_bundle = """\n{authority}"""'
    assert good(SMALL.replace("[iis]", iis)).iis.network == Network(authority, "http://proxy.example.org:3128")
    assert good(SMALL).iis.network == Network()


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("name = ", "nam = ", "organization.nam", "Did you mean name"),
        ('name = "Sampleton Health"', "", "organization.name", "missing"),
        ('name = "Elm"', "name = 3", "clinics.elm.name", "expected str, got int"),
        ('["Elm St"]', '["Elm St", 3]', "clinics.elm.export_names[1]", "expected str"),
        ('clinic = "elm"', 'clinic = "elmm"', "sources.feed.clinic", "Did you mean elm"),
        ('["Elm St"]', '["oak"]', "clinics.elm.export_names", "clinics.oak has this name"),
        ("https://iis", "http://iis", "iis.endpoint", "https"),
        ('"https://iis.example.org/soap"', '"https://"', "iis.endpoint", "https"),
        ("[iis]", '[iis]\nca_bundle = "ca.pem"', "iis.ca_bundle", "no certificate"),
        ("[iis]", '[iis]\nca_bundle = ""', "iis.ca_bundle", "no certificate"),
        ("[iis]", '[iis]\nca_bundle = "-----BEGIN PRIVATE KEY-----"', "iis.ca_bundle", "private key"),
        ("[iis]", '[iis]\nproxy = "proxy.example.org:3128"', "iis.proxy", "http://host:port"),
        ("[iis]", '[iis]\nproxy = "http://u:p@proxy.example.org:3128"', "iis.proxy", "without user name"),
        ("[iis]", '[iis]\nprobe = "ping"', "iis.probe", "connectivityTest, connect"),
        ("[iis]", '[iis]\nmaintenance = ["Sunday 2-6"]', "iis.maintenance", "not a window"),
        ("[iis]", '[iis]\ntime_zone = "America/Hartford"', "iis.time_zone", "no such time zone"),
        ("[sources.feed]", '[sources.feed]\nexpected_every = "daily"', "sources.feed.expected_every", "how often"),
        ("[clinics.elm]", '[clinics.elm]\ncredentials_expire = "soon"', "clinics.elm.credentials_expire", "date"),
        ('facility = "CT9001"', 'facility = "CT9001-ELM-STREET-PEDIATRICS"', "clinics.elm.facility", "20"),
        ('facility = "CT9001"', 'facility = "CT 9001"', "clinics.elm.facility", "spaces"),
        ('sending_facility = "CT9000"', "", "clinics.elm.sending_facility", "missing"),
        ('clinic = "elm"', 'date_formats = ["%Y"]', "sources.feed.date_formats", "year, month and day"),
        ('clinic = "elm"', 'date_formats = ["%y"]', "sources.feed.date_formats", "year, month and day"),
        ('clinic = "elm"', 'columns = {lott = "Lot"}', "sources.feed.columns", "Did you mean lot"),
        ('clinic = "elm"', 'columns = {lot = "A", ndc = "A"}', "sources.feed.columns", "read as"),
        ('clinic = "elm"', 'defaults = {eligibility = "rich"}', "sources.feed.defaults", "not a value of eligibility"),
        ('clinic = "elm"', 'encoding = "utf-9"', "sources.feed.encoding", "encoding"),
        ('clinic = "elm"', 'encoding = "base64"', "sources.feed.encoding", "encoding"),
        ('clinic = "elm"', 'encoding = "utf-7"', "sources.feed.encoding", "encoding"),
        ('clinic = "elm"', 'delimiter = "ab"', "sources.feed.delimiter", "delimiter"),
        ('clinic = "elm"', 'file_date = "doses-%Y-%m.csv"', "sources.feed.file_date", "year, month and day"),
        ('clinic = "elm"', "one_clinic = true", "sources.feed.one_clinic", "names no clinic"),
        ('clinic = "elm"', 'clinic_by = "name"', "sources.feed.clinic_by", "format csv"),
        ('format = "csv"', 'format = "fhir"\ndelimiter = ";"', "sources.feed.delimiter", "format fhir"),
        ('format = "csv"', 'format = "fhir"\ndefaults = {lot = "x"}', "sources.feed.defaults.lot", "default"),
        ('format = "csv"', 'format = "hl7"\ncolumns = {lot = "A"}', "sources.feed.columns", "format hl7"),
        ('format = "csv"', 'format = "fhir-bundle"\nencoding = "utf-8"', "sources.feed.encoding", "format fhir-bundle"),
        ('format = "csv"', 'format = "hl7"\ndefaults = {lot = "x"}', "sources.feed.defaults.lot", "default"),
        ('format = "csv"', 'format = "xml"', "sources.feed.format", "csv, fhir"),
        ("[clinics.oak]", "[clinics.Oak]", "clinics.Oak", "a-z"),
        ("[sources.feed]", "[source.feed]", "source", "Did you mean sources"),
        ('facility = "CT9001"', 'facility = "CT9001"\nsecret = "vaxline/test/elm"', "clinics.elm.secret", "stage"),
        ('facility = "CT9001"', 'facility = "CT9001"\naddress = {zipp = "1"}', "clinics.elm.address.zipp", "zip"),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(old: str, new: str, key: str, words: str) -> None:
    assert old in SMALL
    found = errors(SMALL.replace(old, new, 1))
    assert key in found
    assert words in str(found[key])
    assert str(found[key]).startswith(key)


def test_all_errors_come_at_once() -> None:
    text = SMALL.replace("https", "http").replace('"CT9001"', "7").replace('clinic = "elm"', 'clinic = "x"')
    assert set(errors(text)) == {"iis.endpoint", "clinics.elm.facility", "sources.feed.clinic"}


def test_an_empty_file_and_no_toml_are_errors_too() -> None:
    assert set(errors("")) == {"organization", "iis", "clinics", "sources"}
    assert "line 1" in str(errors("x = = 1")["clinics.toml"])


def test_the_loopback_may_be_plain_http() -> None:
    assert good(SMALL.replace("https://iis.example.org", "http://127.0.0.1:8080"))


@given(
    st.recursive(
        st.one_of(st.text(max_size=5), st.integers(), st.booleans()),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["name", "elm", "columns"]), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    st.sampled_from(["organization", "iis", "clinics", "sources"]),
)
def test_no_content_is_too_strange(value: object, section: str) -> None:
    parser = _Parser({"organization": {}, "iis": {}, "clinics": {}, "sources": {}} | {section: value})
    assert parser.parse("v") is None
    assert parser.errors


@pytest.mark.parametrize("key", list(schema.documented_keys()))
def test_every_key_is_documented(key: str) -> None:
    assert f"| `{key}` |" in (ROOT / "docs" / "configuration.md").read_text("utf-8")


def test_the_page_documents_no_other_key() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)) == set(schema.documented_keys())


LOCAL = """
[sources.feed.codes.vaccine]
" Fluzone-HD " = "135"

[sources.feed.codes.race]
"Refused to say" = ""

[sources.feed.codes.provider]
"NURSE17" = "1234567893"

[clinics.elm.codes.eligibility]
"CVP - HUSKY A" = "V02"

[clinics.elm.lots."U1234AA"]
ndc = "49281-124-65"
cvx = "135"
mvx = "PMC"
expiry = "2027-06"
funding_source = "VXC50"
"""


def test_codes_and_lots_are_read_without_case_and_space() -> None:
    configuration = good(SMALL + LOCAL)
    feed, elm = configuration.sources["feed"].local, configuration.clinics["elm"].local
    assert feed.tables["vaccine"]["fluzone-hd"].code == "135"
    assert not feed.tables["race"]["refused to say"]
    assert feed.tables["provider"]["nurse17"].system == "NPI"
    assert elm.tables["eligibility"]["cvp - husky a"].code == "V02"
    lot = elm.lots["u1234aa"]
    assert (lot.ndc, lot.vaccine.code, lot.manufacturer.code, lot.expiry, lot.funding_source.code) == (
        "49281-0124-65", "135", "PMC", "202706", "VXC50",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("section", "line", "key", "fix"),
    [
        ("sources.feed.codes.vaccin", '"A" = "03"', "sources.feed.codes.vaccin", "Did you mean vaccine?"),
        (
            "sources.feed.codes.vaccine",
            '"A" = "0135"',
            'sources.feed.codes.vaccine."A"',
            "Use one",
        ),
        ("sources.feed.codes.vaccine", '"A" = "?"', 'sources.feed.codes.vaccine."A"', "Use one"),
        ("clinics.elm.codes.route", '"A" = "C2816"', 'clinics.elm.codes.route."A"', "Did you mean C28161?"),
        ("sources.feed.codes.eligibility", '"A" = ""', 'sources.feed.codes.eligibility."A"', "Use one"),
        ("sources.feed.codes.site", '"A" = "LA"\n"a " = "RA"', 'sources.feed.codes.site."a "', "Remove one"),
        ("sources.feed.codes.provider", '"A" = "17"', 'sources.feed.codes.provider."A"', "Use one"),
        ('sources.feed.lots."L1"', 'cvx = "FLU"', 'sources.feed.lots."L1".cvx', "Correct it"),
        ('sources.feed.lots."L1"', 'expires = "2027"', 'sources.feed.lots."L1".expires', "Did you mean expiry?"),
    ],
)
def test_a_wrong_map_is_named_with_key_and_value(section: str, line: str, key: str, fix: str) -> None:
    found = errors(f"{SMALL}\n[{section}]\n{line}\n")
    assert list(found) == [key]
    assert fix in found[key].fix


def test_the_examples_of_the_page_are_right() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    examples = "\n".join(re.findall(r"```toml\n(.*?)```", page, re.DOTALL))
    good(SMALL + '\n[sources.harbor]\nformat = "csv"\nclinic = "oak"\n' + examples)


def test_the_windows_of_the_iis_are_read_with_their_time_zone() -> None:
    text = SMALL.replace("[iis]", '[iis]\nmaintenance = ["Sun 02:00-06:00", "daily 23:00-01:00"]\ntime_zone = "UTC"')
    iis = good(text).iis
    assert ([window.text for window in iis.maintenance], iis.time_zone) == (
        ["Sun 02:00-06:00", "daily 23:00-01:00"],
        "UTC",
    )
    assert good(SMALL).iis.maintenance == ()


def test_credentials_of_the_organization_expire_for_those_who_sign_with_them() -> None:
    text = SMALL.replace("[organization]", "[organization]\ncredentials_expire = 2027-01-31")
    clinics = good(text).clinics
    assert (clinics["elm"].credentials_expire, clinics["oak"].credentials_expire) == (date(2027, 1, 31), None)
    own = text.replace("[clinics.oak]", "[clinics.oak]\ncredentials_expire = 2026-12-24")
    assert good(own).clinics["oak"].credentials_expire == date(2026, 12, 24)
