"""The table of `shared.domain.guidance`: one row per code and place of an ERR.

`TABLE` has codes of ERR-3 (HL7 table 0357) and ERR-5 (HL7 table 0533), codes of WebIZ systems that real answers show,
and the fields that refusals name most often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.checks import Who

_EHR, _MAP, _SETUP, _DESK = Who.EHR, Who.CODE_MAP, Who.SETUP, Who.HELP_DESK


@dataclass(frozen=True, slots=True)
class Guidance:
    """One row.

    Attributes:
        code: the code; one that ends with `-` matches all codes that begin with it; empty matches any.
        path: a segment, a field (`PID-8`), a component (`PID-11.5`), or OBX with LOINC (`OBX 64994-7`); empty matches
            any place.
        words: what is wrong.
        fix: what to do.
        who: who can do it.
    """

    code: str
    path: str
    words: str
    fix: str
    who: Who


_AGAIN = "Correct it in the EHR and export the row again, or `vaxline resubmit` with `--set`."

TABLE: Final[tuple[Guidance, ...]] = (
    # Codes of WebIZ systems in real answers.
    Guidance(
        "WEBIZ-AUTH-609",
        "",
        "The IIS does not know the facility code in MSH-4, or its own in MSH-6. Every message will fail.",
        "Compare `sending_facility` and `iis.receiving_facility` in clinics.toml with the codes that the IIS assigned, "
        "letter by letter; push the file, then `vaxline valve open`.",
        _SETUP,
    ),
    Guidance(
        "WEBIZ-AUTH-625",
        "",
        "The facility is inactive or suspended at the IIS. Every message will fail.",
        "Ask the IIS help desk to activate the facility code, then `vaxline valve open`.",
        _DESK,
    ),
    Guidance(
        "WEBIZ-AUTH-",
        "",
        "The IIS refused the facility, the user name or the password. Every message will fail.",
        "Check facility codes (clinics.toml) and credentials (the clinic's secret) with the IIS, then "
        "`vaxline valve open`.",
        _SETUP,
    ),
    Guidance(
        "WEBIZ-501",
        "",
        "A value is longer than the IIS stores; it may have been cut off.",
        "Shorten the value in the EHR; look for notes in the field. The IIS's text names both lengths.",
        _EHR,
    ),
    Guidance(
        "WEBIZ-501",
        "PID-3",
        "The medical record number is longer than the 15 characters that the IIS stores.",
        "vaxline shortens such numbers; if this one was sent in full, report it with the MSH-10.",
        _DESK,
    ),
    # Header.
    Guidance(
        "",
        "MSH",
        "The IIS objects to the message header, which vaxline fills from clinics.toml. Other messages will fail too.",
        "Check `[iis]` and the clinic's facility codes in clinics.toml against what the IIS told you.",
        _SETUP,
    ),
    Guidance(
        "",
        "MSH-4",
        "The IIS does not know the sending facility.",
        "Put the HL7 facility code that the IIS assigned into `sending_facility` in clinics.toml, then push it.",
        _SETUP,
    ),
    Guidance(
        "",
        "MSH-6",
        "The IIS does not find its own facility code in the message.",
        "Correct `iis.receiving_facility` in clinics.toml (CT WiZ calls itself CT0000), then push it.",
        _SETUP,
    ),
    Guidance(
        "",
        "MSH-11",
        "The IIS does not accept this processing id in this environment.",
        "Ask the IIS which one it wants (P, T or D) and set `iis.processing_id` in clinics.toml.",
        _SETUP,
    ),
    Guidance(
        "",
        "MSH-22",
        "The IIS does not know the responsible organization.",
        "Correct `responsible_id` and `responsible_name` in clinics.toml, then push it.",
        _SETUP,
    ),
    # Patient.
    Guidance("", "PID", "The IIS objects to a field of the patient.", _AGAIN, _EHR),
    Guidance("", "PID-3", "The medical record number is missing or not accepted.", _AGAIN, _EHR),
    Guidance(
        "",
        "PID-3.4",
        "The IIS does not know the authority that assigned the medical record number.",
        "Put the authority that the IIS assigned into `authority` of the source in clinics.toml, or remove the key to "
        "send `sending_facility`; push the file.",
        _SETUP,
    ),
    Guidance(
        "",
        "PID-5",
        "The patient's name is missing, or the IIS takes it for a placeholder (BABY BOY, TEST).",
        "Enter the legal first and last name in the EHR and export the row again.",
        _EHR,
    ),
    Guidance(
        "",
        "PID-7",
        "The birth date is missing, not a date, in the future, or after one of the doses.",
        "Correct the birth date, or the date of the dose, in the EHR and export the row again.",
        _EHR,
    ),
    Guidance("", "PID-8", "The sex is missing, or not F, M, X or U.", "Map the EHR's value to one of them.", _MAP),
    Guidance("", "PID-10", "A race is not in CDC's list.", "Map the EHR's value to a race code of CDC's list.", _MAP),
    Guidance(
        "",
        "PID-11",
        "The address is incomplete, or its zip code, state or type is not accepted.",
        "Correct street, city, state and zip code in the EHR and export the row again.",
        _EHR,
    ),
    Guidance(
        "",
        "PID-11.5",
        "The zip code is missing, or does not fit the state.",
        "Correct the zip code in the EHR (five digits, or nine with a hyphen) and export the row again.",
        _EHR,
    ),
    Guidance(
        "",
        "PID-13",
        "A telephone number or e-mail address is not accepted.",
        "Export ten digits for a telephone number, and e-mail addresses in their own column.",
        _EHR,
    ),
    Guidance("", "PID-22", "The ethnicity is not in CDC's list.", "Map the EHR's value to CDC's list.", _MAP),
    Guidance(
        "",
        "PID-29",
        "The date of death does not fit the birth date or a dose.",
        "Correct the date that is wrong in the EHR and export the row again.",
        _EHR,
    ),
    Guidance("", "PD1", "A field on reminders, protection or registry status is not accepted.", _AGAIN, _EHR),
    Guidance("", "NK1", "The parent or guardian is incomplete.", _AGAIN, _EHR),
    Guidance(
        "",
        "NK1-3",
        "The relationship of the guardian is missing or not in HL7 table 0063.",
        "Map the EHR's value (MTH mother, FTH father, GRD guardian, …).",
        _MAP,
    ),
    # Vaccination.
    Guidance("", "ORC", "The IIS objects to the order of the dose.", _AGAIN, _EHR),
    Guidance(
        "",
        "ORC-3",
        "The dose's id is missing, too long, or belongs to another dose already.",
        "Export a unique id for each dose that never changes; if it is right, ask the IIS help desk.",
        _EHR,
    ),
    Guidance("", "RXA", "The IIS objects to a field of the dose.", _AGAIN, _EHR),
    Guidance(
        "",
        "RXA-3",
        "The date of the dose is missing, not a date, in the future, before birth or after death.",
        "Correct the date in the EHR and export the row again; scheduled doses are not reported.",
        _EHR,
    ),
    Guidance(
        "",
        "RXA-5",
        "The IIS does not accept the vaccine: it is unknown, was not active on that day, or has an unknown NDC.",
        "Map the vaccine to the CVX that was active on the day of the dose (or its NDC); do not send local codes.",
        _MAP,
    ),
    Guidance("", "RXA-6", "The amount is missing or not a number.", "Export the number alone; 999 if unknown.", _EHR),
    Guidance("", "RXA-7", "The unit of the amount is missing or not UCUM.", "Export mL.", _MAP),
    Guidance(
        "",
        "RXA-9",
        "Given here or historical: missing, or inconsistent with the rest of the dose.",
        "A dose with a lot that was given at the clinic is 00; every other one is 01 to 08. Correct it in the EHR.",
        _EHR,
    ),
    Guidance("", "RXA-10", "The person who gave the dose is not accepted.", "Export name and NPI.", _EHR),
    Guidance(
        "",
        "RXA-11",
        "The IIS does not know the clinic where the dose was given.",
        "Put the clinic's HL7 facility code into `facility` in clinics.toml; ask the IIS to add the code to yours.",
        _SETUP,
    ),
    Guidance(
        "",
        "RXA-15",
        "The lot is missing on a dose given here, or not in the clinic's inventory at the IIS.",
        "Enter the lot as the inventory spells it; a dose given elsewhere is historical. Add bought stock to the "
        "inventory at the IIS.",
        _EHR,
    ),
    Guidance("", "RXA-16", "The lot's expiration date is wrong, or before the dose.", _AGAIN, _EHR),
    Guidance(
        "",
        "RXA-17",
        "The manufacturer is missing on a dose given here, unknown, or does not make this vaccine.",
        "Map the EHR's manufacturer to its MVX code; check it against the vaccine.",
        _MAP,
    ),
    Guidance(
        "",
        "RXA-18",
        "The reason of a refusal is missing, or a dose that was not refused has one.",
        "Export completion RE with a reason (NIP002), or neither.",
        _EHR,
    ),
    Guidance("", "RXA-20", "The completion status does not fit the dose.", "Export CP, PA, RE or NA.", _MAP),
    Guidance(
        "",
        "RXA-21",
        "The IIS cannot delete or update the dose, because it does not have it.",
        "Look the dose up in the IIS; report it as new (action A), or correct it there by hand.",
        _DESK,
    ),
    Guidance("", "RXR-1", "The route is missing or not in CDC's list.", "Map the EHR's route (NCIT code).", _MAP),
    Guidance("", "RXR", "The IIS objects to route or site.", _AGAIN, _EHR),
    Guidance(
        "",
        "RXR-2",
        "The site is not in HL7 table 0163, or does not fit the route.",
        "Map the EHR's site; oral and nasal doses have none.",
        _MAP,
    ),
    Guidance("", "NTE", "The IIS objects to a comment.", "Shorten it, or leave the comment out.", _EHR),
    # Observations, by the LOINC of OBX-3.
    Guidance("", "OBX", "The IIS objects to an observation of the dose.", _AGAIN, _EHR),
    Guidance(
        "",
        "OBX 64994-7",
        "The funding eligibility is missing or not one of the IIS's codes. CT WiZ asks for it on every dose given "
        "here, at every age.",
        "Map the EHR's screening result to a V code; adults may have a default in clinics.toml (V00).",
        _MAP,
    ),
    Guidance(
        "",
        "OBX 30963-3",
        "The funding source is missing or not one of the IIS's codes. CT WiZ asks for it on every dose given here.",
        "Export the stock the dose came from (public VXC50, private PHC70), or give the source a default.",
        _MAP,
    ),
    Guidance("", "OBX 69764-9", "The VIS document is not in CDC's list.", "Export its 24-digit document type.", _MAP),
    Guidance("", "OBX 29769-7", "The day a VIS was handed out is missing or no date.", _AGAIN, _EHR),
    Guidance("", "OBX 29768-9", "The edition date of a VIS is missing or unknown to CDC.", _AGAIN, _MAP),
    Guidance(
        "6",
        "",
        "An observation that the IIS requires is missing: on a dose given here usually funding eligibility or funding "
        "source.",
        "Export eligibility and funding source with every dose given here, or give the source a default.",
        _EHR,
    ),
    # HL7 table 0533, ERR-5.
    Guidance("1", "", "A date is valid but contradicts another one.", _AGAIN, _EHR),
    Guidance("2", "", "A value is not a date.", _AGAIN, _EHR),
    Guidance("3", "", "A value contradicts another one.", _AGAIN, _EHR),
    Guidance("4", "", "A value is not valid in its field.", _AGAIN, _EHR),
    Guidance("5", "", "A code is not in the IIS's table.", "Map the EHR's value to a code of the table.", _MAP),
    Guidance("7", "", "Data that the IIS requires is missing.", _AGAIN, _EHR),
    # HL7 table 0357, ERR-3.
    Guidance("0", "", "The IIS accepted the message; this is information only.", "Nothing to do.", _DESK),
    Guidance(
        "100",
        "",
        "A segment is missing or in the wrong place.",
        "If the data is complete, this is a bug of vaxline: report it with the MSH-10.",
        _DESK,
    ),
    Guidance("101", "", "A required field is missing.", "Enter it in the EHR and export the row again.", _EHR),
    Guidance("102", "", "A value does not have the form that its field needs.", _AGAIN, _EHR),
    Guidance("103", "", "A code is not in the IIS's table.", "Map the EHR's value to a code of the table.", _MAP),
    Guidance("104", "", "A value is too long.", "Shorten it in the EHR; look for notes in the field.", _EHR),
    Guidance("200", "", "The IIS does not accept this message type.", "Ask the IIS whether VXU V04 is enabled.", _DESK),
    Guidance("201", "", "The IIS does not accept this event.", "Ask the IIS whether VXU V04 is enabled.", _DESK),
    Guidance(
        "202",
        "",
        "The IIS does not accept this processing id in this environment.",
        "Ask the IIS which one it wants (P, T or D) and set `iis.processing_id` in clinics.toml.",
        _SETUP,
    ),
    Guidance("203", "", "The IIS does not accept HL7 2.5.1 here.", "Check the endpoint; ask the IIS help desk.", _DESK),
    Guidance(
        "204",
        "",
        "The message refers to an id that the IIS does not know.",
        "Look the patient or dose up in the IIS; a delete needs a dose that was reported before.",
        _DESK,
    ),
    Guidance(
        "205",
        "",
        "The IIS already has a record with this id.",
        "Look the patient or dose up in the IIS. If the dose is there, close the submission; else give it a new id.",
        _EHR,
    ),
    Guidance("206", "", "The record was locked at the IIS.", "`vaxline resubmit` later.", _DESK),
    Guidance(
        "207",
        "",
        "The IIS had an internal error.",
        "`vaxline resubmit` later; if it persists, give the IIS help desk the log ids that `vaxline show` prints.",
        _DESK,
    ),
    Guidance(
        "",
        "",
        "The IIS reports an error; its text says which.",
        "Read the IIS's text and field in `vaxline show`. If it does not help, give the IIS help desk the MSH-10 and "
        "the log ids.",
        _DESK,
    ),
)

ANSWERS: Final = {
    "AA": Guidance(
        "AA",
        "",
        "The IIS acknowledged the message, and its text (MSA-3) says that it stored nothing.",
        "Read MSA-3 in `vaxline show`, and ask the IIS help desk with the MSH-10.",
        _DESK,
    ),
    "AE": Guidance(
        "AE",
        "",
        "The IIS answered with an error code but no error.",
        "Look the patient up in the IIS; if the dose is not there, give the IIS help desk the MSH-10.",
        _DESK,
    ),
    "AR": Guidance(
        "AR",
        "",
        "The IIS rejected the message without an error.",
        "Check facility codes and processing id in clinics.toml, then ask the IIS help desk with the MSH-10.",
        _DESK,
    ),
}
"""MSA-1 (HL7 table 0008) → guidance where an ACK has no ERR."""
