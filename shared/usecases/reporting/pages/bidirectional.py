"""The bi-directional workflow test as one HTML page to print, for CT DPH: phases, settings and steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape

from shared.domain.readiness import Phase
from shared.usecases.reporting.pages import html

Row = tuple[str, str, str, str, str, str]
"""About, expected, got, result, the query's MSH-10, its time."""


def page(
    phases: Sequence[Phase],
    settings: Mapping[str, str],
    steps: Sequence[Row],
    *,
    organization: str,
    stage: str,
    made: datetime,
) -> str:
    """Return the page.

    Args:
        phases: CT WiZ's phases with their evidence.
        settings: key of clinics.toml → value, for the settings of queries.
        steps: the steps of the test.
        organization: the organization's name.
        stage: the stage's name.
        made: the time at which the page is made.
    """
    title = f"Bi-directional readiness of {organization} for CT WiZ"
    is_passed = all(phase.is_passed for phase in phases)
    verdict = "All phases are passed." if is_passed else "Not all phases are passed yet."
    rows = [(phase.title, "yes" if phase.is_passed else "not yet", phase.asks, phase.evidence) for phase in phases]
    body = (
        f"<h1>{escape(title)}</h1>\n"
        f'<p class="note">Stage {escape(stage)}, made {made:%Y-%m-%d %H:%M %Z} by vaxline while it ran the workflow '
        "test. It quotes no patient data.</p>\n"
        f'<p class="verdict {"good" if is_passed else "warned"}">{verdict}</p>\n'
        f"{html.table(('phase', 'passed', 'what CT WiZ asks', 'what the test shows'), rows)}"
        f"<h2>Configuration</h2>\n{html.table(('key', 'value'), list(settings.items()))}"
        f"<h2>Steps</h2>\n"
        f"{html.table(('about', 'expected', 'got', 'result', 'query (MSH-10)', 'time'), list(steps))}"
    )
    return html.page(title, body)
