"""Days at their edges: the due day is in time, the next one isn't; late counts for the year in which it fell due."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from domain.rules import RULES
from domain.state_council_calendar import STATE_COUNCIL_1
from domain.working_days import UnknownYear, day_after

PLACE = {"township_code": "610112002", "township": "三桥街道", "new_city": "fengdong"}
COMMUNITY = ("communities/a", "2019-12-10", "CommunityEstablished", {"name": "甲", "origin": "existing", **PLACE})
ESTATE = (
    "estates/x", "2018-01-01", "EstateRegistered",
    {"name": "乙", "developer": {"name": "某"}, "households_planned": 100, **PLACE},
)  # fmt: skip
VILLAGE = ("villages/v", "2019-12-10", "VillageRegistered", {"name": "丙", **PLACE})
CERTIFICATE = {"person": {"id": "p-1", "name": "一"}, "level": "senior", "certificate": "zs"}
GATES = [
    ESTATE,
    ("estates/x", "2018-02-01", "PremisesTermsSet", {"contract": "款"}),
    ("estates/x", "2018-03-01", "MasterPlanReviewed", {"agreed": True, "area": "9", "location": "东", "opinion": "可"}),
    ("estates/x", "2018-04-01", "PresaleExclusionRecorded", {"permit": "一", "area": "9"}),
    ("estates/x", "2018-05-01", "CommitmentCertified", {"certificate": "证"}),
]
PROPOSED = [
    (
        "conversion-cases/c",
        "2020-01-01",
        "ConversionProposed",
        {"village": "v", "community": "a", "community_name": "甲"},
    )
]

# rule → what had happened, what began the time on 1 March 2020, what ends it
ON_TIME = {
    "community-due/1": ([ESTATE], ("OccupancyCounted", {"households": 50}), [
        ("CommunityAssigned", {"community": "a"})
    ]),
    "conversion-due/1": ([VILLAGE], ("VillageDemolished", {}), [("VillageConverted", {"case": "c", "community": "a"})]),
    "filing/1": (PROPOSED, ("ConversionApproved", {}), [("ConversionSubmittedForFiling", {})]),
    "seal/1": (PROPOSED, ("ConversionApproved", {}), [("OldSealCollected", {}), ("NewSealIssued", {})]),
    "equal-treatment/1": (PROPOSED, ("ConversionApproved", {}), [
        ("EqualTreatmentGranted", {"service": one})
        for one in ("education", "medical-care", "health-and-family-planning", "elderly-care", "subsistence-allowance")
    ]),
    "premises-gates/1": (GATES, ("CompletionAccepted", {"acceptance": "备"}), [
        ("PremisesHandedOver", {"premises": "1", "area": "9"})
    ]),
    "reward/1": ([COMMUNITY], ("CertificateRegistered", CERTIFICATE), [
        ("RewardPaid", {"person": "p-1", "certificate": "zs", "level": "senior", "amount": "5000.0"})
    ]),
    "three-without/1": ([ESTATE], ("ThreeWithoutFound", {"description": "无"}), [
        ("ThreeWithoutResolved", {"description": "有"})
    ]),
}  # fmt: skip
BEGUN, DUE = date(2020, 3, 1), date(2020, 3, 31)
LATE = DUE + timedelta(days=1)
OTHER_FIGURES = {
    "community-due/1": {"occupancy_percent": "50"},
    "reward/1": {"senior": "5000", "social_worker": "3000", "assistant": "2000"},
}
every_deadline = pytest.mark.parametrize("name", ON_TIME)


@pytest.fixture
def judge(world_of, said):
    def judged(name, done_on, year=2020, on=None):
        before, begins, ends = ON_TIME[name]
        record = before[0][0]
        facts = [*before, (record, BEGUN.isoformat(), *begins)]
        facts += [(record, done_on.isoformat(), *end) for end in ends if done_on]
        figures = RULES[name].read({"grace_days": 30, "days_are": "calendar", **OTHER_FIGURES.get(name, {})})
        (finding,) = RULES[name].judge(world_of(said(facts)).city(year, on), figures)
        return finding

    return judged


@every_deadline
def test_until_the_due_day_it_is_pending(name, judge):
    finding = judge(name, None, on=DUE)
    assert (finding.outcome, finding.since) == ("met", None)
    assert (finding.figures["due_on"], finding.figures["pending"]) == (DUE.isoformat(), True)


@every_deadline
def test_from_the_next_day_it_is_found_and_says_what_is_missing(name, judge):
    for on in (LATE, date(2020, 12, 31)):
        finding = judge(name, None, on=on)
        assert (finding.outcome, finding.since) == ("found", LATE)
        assert finding.missing
        assert "done_on" not in finding.figures
    assert judge(name, None, year=2021).outcome == "found"


@every_deadline
def test_done_on_the_due_day_is_in_time(name, judge):
    finding = judge(name, DUE)
    assert (finding.outcome, finding.figures["done_on"]) == ("met", DUE.isoformat())
    assert "pending" not in finding.figures


@every_deadline
def test_done_late_counts_for_the_year_in_which_it_fell_due_alone(name, judge):
    finding = judge(name, LATE)
    assert (finding.outcome, finding.since, finding.missing) == ("found", LATE, ())
    assert finding.figures["done_on"] == LATE.isoformat()
    assert judge(name, LATE, year=2021).outcome == "met"


@every_deadline
def test_done_in_a_later_year_is_found_in_each_year_until_then(name, judge):
    done_on = date(2022, 5, 5)
    assert [judge(name, done_on, year=year).outcome for year in (2020, 2021, 2022)] == ["found", "found", "met"]
    assert judge(name, done_on, year=2022, on=date(2022, 5, 4)).outcome == "found"


def test_what_was_due_on_a_years_last_day_and_is_done_in_january_counts_for_neither_year(world_of, said):
    rule = RULES["renovation/1"]
    figures = rule.read({
        "square_metres_per_100_households": "30", "due_on": "2020-12-31", "in_force_from": "2019-12-10"
    })  # fmt: skip
    short = [
        ("communities/a", "2019-06-01", "CommunityEstablished", COMMUNITY[3] | {"households": 1200}),
        ("communities/a", "2019-06-01", "PremisesProvided",
         {"premises": "1", "area": "200", "address": "一号", "how": "built"}),
    ]  # fmt: skip
    renovated = ("communities/a", "2021-01-25", "RenovationCompleted", {})

    def judged(facts, year, on):
        (finding,) = rule.judge(world_of(said(facts)).city(year, date.fromisoformat(on)), figures)
        return finding.outcome, finding.since, finding.figures.get("pending"), finding.figures.get("done_on")

    assert judged([*short, renovated], 2020, "2021-03-01") == ("met", None, True, None)
    assert judged([*short, renovated], 2021, "2021-01-24") == ("found", date(2021, 1, 1), None, None)
    assert judged([*short, renovated], 2021, "2021-12-31") == ("met", None, None, "2021-01-25")
    assert judged(short, 2021, "2021-12-31") == ("found", date(2021, 1, 1), None, None)


@pytest.mark.parametrize(("households", "outcome"), [(999, "found"), (1000, "met"), (4999, "met"), (5000, "found")])
def test_five_thousand_households_are_too_many_and_a_thousand_enough(households, outcome, world_of, said):
    counted = ("communities/a", "2020-06-30", "HouseholdsCounted", {"households": households})
    figures = RULES["community-size/1"].read({"minimum": 1000, "maximum": 5000, "recommended": 3000})
    (finding,) = RULES["community-size/1"].judge(world_of(said([COMMUNITY, counted])).city(2020), figures)
    assert finding.outcome == outcome


@pytest.mark.parametrize(
    ("counts", "short"),
    [
        ([("2019-12-09", "100"), ("2019-12-10", "900")], True),
        ([("2019-12-09", "900"), ("2020-02-01", "-")], False),
        ([("2019-12-10", "100"), ("2020-02-01", "900")], True),
        ([("2020-02-01", "900"), ("2020-03-01", "-")], False),
    ],
)
def test_premises_were_short_as_counted_last_before_the_policy_or_first_after(counts, short, world_of, said):
    facts = [("communities/a", "2019-01-01", "CommunityEstablished", COMMUNITY[3] | {"households": 1000})]
    for key, (day, area) in enumerate(counts):
        if area == "-":
            facts.append(("communities/a", day, "PremisesWithdrawn", {"premises": "0", "reason": "拆"}))
        else:
            provided = {"premises": str(key), "area": area, "address": "号", "how": "built"}
            facts.append(("communities/a", day, "PremisesProvided", provided))
    figures = {"in_force_from": "2019-12-10", "due_on": "2020-12-31", "square_metres_per_100_households": "30"}
    said_of = list(RULES["renovation/1"].judge(world_of(said(facts)).city(2021), RULES["renovation/1"].read(figures)))
    assert [finding.outcome for finding in said_of] == (["found"] if short else [])


@pytest.mark.parametrize(
    ("day", "expires_on", "ended", "outcome"),
    [
        ("2020-07-05", None, None, "found"),
        ("2020-07-06", None, None, "met"),
        ("2019-06-01", "2020-06-28", None, "found"),
        ("2019-06-01", "2020-06-27", None, "met"),
        ("2019-06-01", None, "2020-06-29", "found"),
        ("2019-06-01", None, "2020-06-28", "met"),
    ],
)
def test_an_agreement_counts_from_180_days_in_force_in_the_year_on(day, expires_on, ended, outcome, world_of, said):
    signed = {"agreement": "gj", "organisation": {"name": "厂"}} | ({"expires_on": expires_on} if expires_on else {})
    facts = [("communities/a", "2019-01-01", *COMMUNITY[2:]), ("communities/a", day, "PartnershipSigned", signed)]
    if ended:
        facts.append(("communities/a", ended, "PartnershipEnded", {"agreement": "gj", "reason": "止"}))
    figures = RULES["partnership/1"].read({"projects_a_year": 1, "minimum_days_in_force": 180})
    (finding,) = RULES["partnership/1"].judge(world_of(said(facts)).city(2020), figures)
    assert finding.outcome == outcome


def test_one_reward_a_person_and_level_wherever_they_serve(world_of, said):
    place = COMMUNITY[3]
    paid = {"person": "p-1", "certificate": "zs-2", "level": "senior", "amount": "5000"}
    facts = [
        COMMUNITY,
        ("communities/b", "2019-12-10", "CommunityEstablished", place),
        ("communities/b", "2020-02-01", "CertificateRegistered", CERTIFICATE | {"certificate": "zs-2"}),
        ("communities/a", "2020-01-01", "CertificateRegistered", CERTIFICATE),
        ("communities/b", "2020-01-30", "RewardPaid", paid),
    ]
    figures = {"grace_days": 30, "days_are": "calendar", **OTHER_FIGURES["reward/1"]}
    (finding,) = RULES["reward/1"].judge(world_of(said(facts)).city(2020), RULES["reward/1"].read(figures))
    assert (finding.about, finding.outcome, finding.evidence) == ("communities/a", "met", (4, 5))


def test_working_days_follow_the_state_council():
    assert day_after(date(2020, 1, 20), 10, "working") == date(2020, 2, 11)  # the holiday was prolonged to 2 February
    assert day_after(date(2019, 9, 27), 2, "working") == date(2019, 9, 30)  # Sunday 29 September was worked
    assert day_after(date(2019, 9, 30), 1, "working") == date(2019, 10, 8)
    assert day_after(date(2020, 1, 20), 10, "calendar") == date(2020, 1, 30)
    assert day_after(date(2020, 10, 1), 0, "working") == date(2020, 10, 1)


def test_a_year_that_the_calendar_does_not_know_is_never_guessed():
    last = max(STATE_COUNCIL_1)
    assert day_after(date(last, 12, 25), 10, "working") == UnknownYear(last + 1)
    assert day_after(date(2003, 12, 31), 1, "working") == UnknownYear(2003)
    assert list(STATE_COUNCIL_1) == list(range(2004, last + 1))
