"""The same world in hypothesis's hands: it chooses what happens when, and shrinks what breaks a promise."""

from __future__ import annotations

from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.chaos.mischief import CALM, FAIL_AFTER, FAIL_BEFORE, KILL_AFTER, KILL_BEFORE, PAUSE, TWICE, Mischief
from tests.chaos.world import World
from tests.fakes.iis import EVERY_FAULT

FATES = st.sampled_from((KILL_BEFORE, KILL_AFTER, FAIL_BEFORE, FAIL_AFTER, TWICE, PAUSE))


class AnyOrderOfEvents(RuleBasedStateMachine):
    """Exports come, things break and are mended, time passes, people act; the promises hold at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(Random(0))

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        self.world = World(Random(seed))

    @rule(source=st.integers(0, 1), visits=st.integers(0, 12), again=st.booleans())
    def an_export_arrives(self, source: int, visits: int, again: bool) -> None:
        self.world.export(source, visits, "again.csv" if again else "")

    @rule(seconds=st.sampled_from((1, 60, 300, 3_600, 43_200)))
    def time_passes(self, seconds: float) -> None:
        self.world.run(seconds)

    @rule(fate=FATES, rate=st.sampled_from((0.01, 0.1)), skew=st.sampled_from((0.0, 10.0)))
    def functions_break(self, fate: str, rate: float, skew: float) -> None:
        self.world.mischief = Mischief(fates={fate: rate}, skew=skew, duplicated=0.3, late_events=0.3)

    @rule(fault=st.sampled_from(EVERY_FAULT), rate=st.sampled_from((0.1, 0.5, 1.0)))
    def the_iis_breaks(self, fault: str, rate: float) -> None:
        self.world.mischief = Mischief(iis=rate, faults=(fault,))

    @rule()
    def everything_works_for_a_while(self) -> None:
        self.world.mischief = CALM

    @rule()
    def a_reference_is_lost(self) -> None:
        self.world.lose_a_message()

    @rule()
    def a_person_opens_the_facilities(self) -> None:
        self.world.open_facilities()

    @rule()
    def a_person_closes_the_valve(self) -> None:
        self.world.close_the_valve()

    @rule()
    def a_person_opens_the_valve(self) -> None:
        self.world.open_the_valve()

    @invariant()
    def nothing_was_broken_so_far(self) -> None:
        self.world.watch.check()

    def teardown(self) -> None:
        self.world.calm_down()
        assert self.world.drain(), "it does not drain"
        self.world.watch.at_rest()


TestAnyOrderOfEvents = AnyOrderOfEvents.TestCase
TestAnyOrderOfEvents.settings = settings(
    derandomize=True,
    database=None,
    max_examples=25,
    stateful_step_count=14,
)
