"""The ledger in one DynamoDB table (ADR 0003): its keys, and its ports put together.

    SUB#<MSH-10>  SUB                     one submission: state, lineage, visit and VXU (compressed), every attempt
    CHART#<chart> CHART                   one patient's doses as last taken up, under an optimistic lock
    DOSE#<dose>   DOSE                    the chart of a dose, by the EHR's id of the dose
    FILES         <file id>               one arrival of one export
    SOURCES       <source>                when the source was last heard of
    CLINICS       <clinic>                the clinic has had an entry in the worklist
    BACKFILL      <source>#<clinic>       a lane: what it took of its daily quota, until when new messages wait
    DAY#<day>     <clinic>#<MSH-10>       the outcome of one submission (ADR 0011)
    LATE          <day>                   how often an outcome came when its day was over
    FIND#<shelf>  <search key><MSH-10> …  values that people search by, as keyed hashes (ADR 0011)
    STOPPED       <facility>              a stopped facility; beside them the valve, as "the whole IIS"
    META          patient_key             the secret key of patient groups and search keys
    AUDIT#<day>   <time>#<token>          who read or changed what (audit.py)
    NOTICES       <hour>#<clinic>#<cause> a notice that is due (notices.py)

Three sparse indexes of the submissions (`shared.settings.INDEXES`):

    by_file   file_id          pk             the rows of a file
    worklist  worklist_clinic  worklist_key   what needs a person: <state>#<first cause>#<MSH-10>
    waiting   waiting_shard    waiting_since  the backlog, and the backfills (backlog.py)

The order of the writes makes a crash between any two of them harmless:

    convert ── chart (version n → n+1) ── submission (if absent) ── queue ───┐   the event is delivered again
                                                                             │   and does the rest
    submit ─── claim (QUEUED → SENDING, lease) ── call ── finish (SENDING → outcome, if the claim is still ours)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import settings
from shared.adapters.ledger.backlog import DynamoBackfills, DynamoBacklog
from shared.adapters.ledger.charts import DynamoCharts, DynamoDoseIndex
from shared.adapters.ledger.files import DynamoFiles, DynamoSources
from shared.adapters.ledger.outcomes import DynamoOutcomes, DynamoSearchKeys
from shared.adapters.ledger.secret_key import LedgerKey
from shared.adapters.ledger.stops import DynamoStops
from shared.adapters.ledger.submissions import DynamoSubmissions, DynamoSubmissionStates
from shared.adapters.ledger.table import Table
from shared.adapters.ledger.worklist import DynamoWorklist

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class DynamoLedger:
    """Every port of the ledger on one table; who needs one port is given that one.

    `lease` is how long a claim holds, in seconds.
    """

    def __init__(self, client: DynamoDBClient, table: str, *, lease: int = settings.CLAIM_LEASE) -> None:
        self._table = Table(client, table)
        key = LedgerKey(self._table)
        self.charts = DynamoCharts(self._table)
        self.dose_index = DynamoDoseIndex(self._table)
        self.submissions = DynamoSubmissions(self._table, key)
        self.states = DynamoSubmissionStates(self._table, self.submissions, lease=lease)
        self.backlog = DynamoBacklog(self._table)
        self.backfills = DynamoBackfills(self._table)
        self.worklist = DynamoWorklist(self._table, self.submissions)
        self.sources = DynamoSources(self._table)
        self.files = DynamoFiles(self._table, self.sources)
        self.outcomes = DynamoOutcomes(self._table)
        self.search_keys = DynamoSearchKeys(self._table, key)
        self.stops = DynamoStops(self._table)
