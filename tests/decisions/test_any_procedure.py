"""Deductions and disputes in any order, by anybody: what is refused, and what is taken, is what a plain model says."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from domain.deduction import points as points_of
from domain.refusals import Code, Refused

A = "assessments/2020-fengdong"
RESULT = {"score": "99.00", "computed_at": 3, "tree_size": 4, "root_hash": "ab" * 32}
ARBITERS = [f"arbiter-{number}" for number in range(1, 7)]
PANELS = [ARBITERS[:3], ARBITERS[3:], ARBITERS[1:4], ["inspector", *ARBITERS[:2]], ARBITERS[:2]]
PERSONS = [*ARBITERS, "inspector", "messenger", "clerk"]
DEDUCTIONS = {"k1": "community-size", "k2": "conversion", "k3": "transition"}
"""Each from an indicator of its own."""
TAKEN = ("0.50", "1.00", "1.50", "2.00")
REVIEW_WITHIN = timedelta(days=15)
TURN = {
    "DisputeAccepted": ("filed",),
    "DisputeDeclined": ("filed",),
    "DisputeEvidenceSubmitted": ("filed", "accepted", "review"),
    "HearingHeld": ("accepted", "review"),
    "RulingIssued": ("accepted",),
    "ReviewRequested": ("ruled",),
    "FinalRulingIssued": ("review",),
    "DisputeWithdrawn": ("filed", "accepted"),
}
LEADS_TO = {
    "DisputeAccepted": "accepted",
    "DisputeDeclined": "declined",
    "RulingIssued": "ruled",
    "ReviewRequested": "review",
    "FinalRulingIssued": "final",
    "DisputeWithdrawn": "withdrawn",
}
NEXT = {
    "filed": "DisputeAccepted",
    "accepted": "RulingIssued",
    "ruled": "ReviewRequested",
    "review": "FinalRulingIssued",
}
"""How most disputes go on."""
OUTCOMES = ("upheld", "reduced", "revoked")
BY_ARBITERS = {"DisputeAccepted", "DisputeDeclined", "HearingHeld", "RulingIssued", "FinalRulingIssued"}
SAID = {
    "DisputeDeclined": {"reasons": "不属受理范围"},
    "DisputeEvidenceSubmitted": {"party": "new-city", "statement": "见附件"},
    "HearingHeld": {"minutes": "双方到场"},
    "ReviewRequested": {"grounds": "不服"},
    "DisputeWithdrawn": {"reasons": "和解"},
}


class Plain:
    """A deduction and its dispute, as one would tell them: no fold, no positions."""

    def __init__(self, points, imposer):
        self.disputed = self.stands = Decimal(points)
        self.decided, self.spoke, self.first_panel = {imposer}, set(), set()
        self.stage, self.served, self.heard, self.ruled_on = None, False, False, None

    def faults(self, event, person, day, panel, points):
        """The codes that it may be refused with; none where it must be taken."""
        if self.stage not in TURN[event]:
            return {Code.OUT_OF_ORDER}
        found = set()
        acting = {person, *panel}
        if event in BY_ARBITERS and acting & (self.decided | self.spoke):
            found.add(Code.SEPARATION_OF_DUTIES)
        if event == "ReviewRequested" and day > self.ruled_on + REVIEW_WITHIN:
            found.add(Code.PAST_LIMIT)
        if event in {"RulingIssued", "FinalRulingIssued"}:
            held = self.stands if event == "RulingIssued" else self.disputed
            found |= {Code.NO_HEARING} - ({Code.NO_HEARING} if self.heard else set())
            if len(panel) != 3 or not set(panel) <= set(ARBITERS) or person not in panel:
                found.add(Code.WRONG_PANEL)
            if points is not None and Decimal(points) >= held:
                found.add(Code.HEAVIER)
            if event == "FinalRulingIssued" and self.first_panel & set(panel):
                found.add(Code.SEPARATION_OF_DUTIES)
        return found

    def take(self, event, person, day, panel, outcome, points):
        """Let it happen. Returns whether the points changed."""
        before = self.stands
        self.stage = LEADS_TO.get(event, self.stage)
        if event in {"DisputeEvidenceSubmitted", "ReviewRequested"}:
            self.spoke.add(person)
        self.heard = self.heard or event == "HearingHeld"
        if event == "RulingIssued":
            self.ruled_on, self.first_panel = day, {person, *panel}
        if event in {"RulingIssued", "FinalRulingIssued"}:
            upheld = self.stands if event == "RulingIssued" else self.disputed
            self.stands = {"upheld": upheld, "revoked": Decimal(0)}.get(outcome) if points is None else Decimal(points)
        return self.stands != before


class Procedure(RuleBasedStateMachine):
    """Tries every step in every state; `begun` gives the world and `on` makes events, as the fixtures do."""

    begun, on = None, None

    def __init__(self):
        super().__init__()
        self.world, self.day = self.begun(), date(2021, 1, 10)
        self.plain, self.final = {}, False

    def tried(self, faults, record, event, person, **fields):
        """Whether it was taken; refused with another code, or taken where it must not be, is a failure."""
        asked = self.on(self.day.isoformat(), record, event, person, **fields)
        world = self.world
        kept = dict(world.histories), set(world._named), world._last
        refused = None
        try:
            world.record(asked)
        except Refused as refusal:
            world.histories, world._named, world._last = kept
            refused = refusal.code
        assert (refused in faults) if faults else refused is None, (asked, refused, faults)
        return refused is None

    @rule(days=st.integers(1, 12))
    def time_passes(self, days):
        self.day += timedelta(days=days)

    @precondition(lambda self: not self.final and len(self.plain) < len(DEDUCTIONS))
    @rule(points=st.sampled_from(TAKEN), person=st.sampled_from(["inspector", "arbiter-6"]))
    def deduct(self, points, person):
        key = [*DEDUCTIONS][len(self.plain)]
        self.tried(
            set(), A, "DeductionImposed", person, deduction=key, indicator=DEDUCTIONS[key], points=points,
            about="communities/c1", grounds="户数不足", evidence_positions=[9], computed_at=11,
        )  # fmt: skip
        self.plain[key] = Plain(points, person)

    @precondition(lambda self: self.plain)
    @rule(data=st.data(), person=st.sampled_from(["messenger", "arbiter-5"]))
    def notify(self, data, person):
        key = data.draw(st.sampled_from(sorted(self.plain)))
        one = self.plain[key]
        if self.final or one.stage is not None:
            return
        told = {"recipient": {"id": "clerk", "name": "某"}, "states_right": True}
        dispute_by = (self.day + timedelta(days=15)).isoformat()
        faults = {Code.ALREADY_STANDING} if one.served else set()
        if self.tried(faults, A, "NoticeServed", person, deduction=key, dispute_by=dispute_by, **told):
            one.served = True
            one.decided.add(person)

    @precondition(lambda self: self.plain)
    @rule(data=st.data(), person=st.sampled_from(["clerk", "arbiter-4"]))
    def dispute(self, data, person):
        key = data.draw(st.sampled_from(sorted(self.plain)))
        one = self.plain[key]
        again = one.stage is not None
        record = f"disputes/{key}{'-again' if again else ''}"
        filed = {"assessment": "2020-fengdong", "deduction": key, "grounds": "已达标"}
        if self.tried({Code.ALREADY_DISPUTED} if again else set(), record, "DisputeFiled", person, **filed):
            one.stage = "filed"
            one.spoke.add(person)

    def step(self, key, event, person, panel, outcome, points):
        """Try one step of a dispute, and let the model take it where it is taken."""
        one, fields = self.plain[key], dict(SAID.get(event, {}))
        is_ruling = event in {"RulingIssued", "FinalRulingIssued"}
        taken = points if is_ruling and outcome == "reduced" else None
        if is_ruling:
            fields = {"outcome": outcome, "reasons": "经合议", "panel": [{"id": p, "name": "某"} for p in panel]}
            fields |= {} if taken is None else {"points": taken}
        members = panel if is_ruling else []
        faults = one.faults(event, person, self.day, members, taken)
        if self.tried(faults, f"disputes/{key}", event, person, **fields):
            changed = one.take(event, person, self.day, members, outcome, taken)
            self.final = self.final and not changed

    @precondition(lambda self: any(one.stage for one in self.plain.values()))
    @rule(
        data=st.data(), event=st.sampled_from(sorted(TURN)), person=st.sampled_from(PERSONS),
        panel=st.sampled_from(PANELS), outcome=st.sampled_from(OUTCOMES), points=st.sampled_from(TAKEN),
    )  # fmt: skip
    def somebody_tries(self, data, event, person, panel, outcome, points):
        key = data.draw(st.sampled_from(sorted(key for key, one in self.plain.items() if one.stage)))
        self.step(key, event, person, panel, outcome, points)

    @precondition(lambda self: any(one.stage in NEXT for one in self.plain.values()))
    @rule(
        data=st.data(),
        panel=st.sampled_from(PANELS[:3]),
        outcome=st.sampled_from(OUTCOMES),
        points=st.sampled_from(TAKEN),
    )
    def it_goes_on(self, data, panel, outcome, points):
        key = data.draw(st.sampled_from(sorted(key for key, one in self.plain.items() if one.stage in NEXT)))
        one = self.plain[key]
        event = NEXT[one.stage] if one.heard or one.stage != "accepted" else "HearingHeld"
        self.step(key, event, panel[0] if event in BY_ARBITERS else "clerk", panel, outcome, points)

    @precondition(lambda self: self.plain and not self.final)
    @rule()
    def finalise(self):
        if self.tried(set(), A, "ResultPublished", "inspector", **RESULT):
            self.final = self.tried(set(), A, "AssessmentFinalised", "inspector")

    @invariant()
    def the_deductions_take_what_the_model_says(self):
        items = self.world.state(A).items("deductions")
        assert {key: points_of(item) for key, item in items.items()} == {
            key: one.stands for key, one in self.plain.items()
        }
        assert (self.world.state(A).status == "finalised") is self.final
        for key, one in self.plain.items():
            if one.stage is not None:
                assert self.world.state(f"disputes/{key}").status == one.stage


def test_any_procedure_goes_as_a_plain_model_of_it_does(given, assessed, on):
    made = {"begun": staticmethod(lambda: given(*assessed)), "on": staticmethod(on)}
    run_state_machine_as_test(
        type("Any", (Procedure,), made), settings=settings(max_examples=150, stateful_step_count=50, deadline=None)
    )
