"""What may be recorded of a community, and what it leaves. Clauses 1, 2.2, 2.3 and 4–8.1."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import pytest

from domain.refusals import Code

C = "communities/c1"
LI = {"id": "li-1", "name": "李"}
AGREED = {"agreement": "xy-1", "organisation": {"name": "某厂"}}
HOUSE = {"premises": "yf-1", "area": "320.5", "address": "三桥街1号", "how": "built"}
CERTIFICATE = {"person": LI, "level": "senior", "certificate": "zs-1"}


@pytest.fixture
def established(on):
    return on(
        "2020-01-01", C, "CommunityEstablished",
        name="甲社区", origin="existing", township_code="610112002", township="三桥街道", new_city="fengdong",
    )  # fmt: skip


def test_an_established_community_is_active_and_unsaid_fields_are_null(given, established):
    given().when(established).then(C, status="active", name="甲社区", households=None, posts=[], steps={})


def test_a_name_and_a_count_stand_on_the_entry_that_said_them_last(given, on, established):
    given(established, on("2020-02-01", C, "CommunityRenamed", name="乙社区")).when(
        on("2020-03-01", C, "HouseholdsCounted", households=1180)
    ).then(C, name="乙社区", households=1180).then(C, on="2020-02-28", name="乙社区", households=None)


def test_a_community_is_established_once(given, established):
    given(established).when(established).refused(Code.ALREADY_OPEN)


def test_nothing_is_dated_before_the_community_was_established(given, on, established):
    given(established).when(on("2019-12-31", C, "HouseholdsCounted", households=1)).refused(Code.BEFORE_OPENING)


def test_an_establishment_can_not_be_moved_behind_what_follows_it(given, on, established, corrected):
    given(established, on("2020-02-01", C, "HouseholdsCounted", households=1)).when(
        corrected(C, 1, effective_on="2020-03-01")
    ).refused(Code.STANDS_IN_THE_WAY, positions=(2,))


@pytest.mark.parametrize(
    ("event", "data", "status"),
    [
        ("CommunitySplit", {"into": ["c2", "c3"]}, "split"),
        ("CommunityMerged", {"into": "c2"}, "merged"),
        ("CommunityDissolved", {"reason": "拆迁"}, "dissolved"),
    ],
)
def test_an_ended_community_takes_nothing_later_but_the_filing_of_its_end(given, on, established, event, data, status):
    ended = given(established, on("2020-06-01", C, event, **data)).then(C, status=status)
    ended.when(on("2020-05-31", C, "HouseholdsCounted", households=900)).then(C, households=900)
    ended.when(on("2020-07-01", C, "AdjustmentFiled", act="拆并")).then(C, status=status)
    ended.when(on("2020-06-01", C, "HouseholdsCounted", households=901)).refused(Code.CLOSED)


def test_what_is_recorded_first_on_the_day_of_the_end_stands_before_it(given, on, established):
    given(established, on("2020-06-01", C, "HouseholdsCounted", households=901)).when(
        on("2020-06-01", C, "CommunityDissolved", reason="拆迁")
    ).then(C, status="dissolved", households=901)


def test_a_community_can_not_end_before_what_is_already_recorded(given, on, established):
    given(established, on("2020-06-01", C, "HouseholdsCounted", households=901)).when(
        on("2020-05-01", C, "CommunityDissolved", reason="拆迁")
    ).refused(Code.STANDS_IN_THE_WAY, positions=(2,))


@pytest.mark.parametrize(("event", "into"), [("CommunitySplit", ["c2", "c1"]), ("CommunityMerged", "c1")])
def test_a_community_goes_into_others_than_itself(given, on, established, event, into):
    given(established).when(on("2020-06-01", C, event, into=into)).refused(Code.INVALID_FIELDS)


def test_one_person_may_hold_several_posts_but_none_twice(given, on, established):
    def post(day, body, role):
        return on(day, C, "PostFilled", person=LI, body=body, role=role)

    held = given(established, post("2020-02-01", "party", "secretary"))
    held.when(post("2020-02-01", "residents-committee", "director")).then(C)
    assert len(held.state(C).items("posts")) == 2
    held.when(post("2020-03-01", "party", "secretary")).refused(Code.ALREADY_STANDING, positions=(2,))


def test_a_post_is_vacated_by_whoever_holds_it_on_that_day(given, on, established):
    left = {"person": "li-1", "body": "party", "role": "secretary"}
    world = given(established, on("2020-02-01", C, "PostFilled", person=LI, body="party", role="secretary"))
    world.when(on("2020-03-01", C, "PostVacated", **left)).then(C, posts=[])
    world.when(on("2020-01-15", C, "PostVacated", **left)).refused(Code.NOT_STANDING)


def test_a_vacated_post_may_be_filled_again(given, on, established):
    filled = {"person": LI, "body": "party", "role": "secretary"}
    given(
        established,
        on("2020-02-01", C, "PostFilled", **filled),
        on("2020-03-01", C, "PostVacated", **(filled | {"person": "li-1"})),
    ).when(on("2020-04-01", C, "PostFilled", **filled)).then(C)


def test_a_body_formed_again_begins_another_term(given, on, established):
    world = given(established, on("2020-02-01", C, "BodyFormed", body="party", term_ends_on="2023-02-01"))
    world.when(on("2020-05-01", C, "BodyFormed", body="party")).then(
        C, bodies=[{"body": "party", "term_ends_on": None, "position": 3, "effective_on": "2020-05-01"}]
    )


def test_a_certificate_is_registered_once_and_its_reward_stands_by_person_and_certificate(given, on, established):
    paid = {"person": "li-1", "certificate": "zs-1", "level": "senior", "amount": "5000.00"}
    world = given(established, on("2020-02-01", C, "CertificateRegistered", **CERTIFICATE))
    world.when(on("2020-03-01", C, "RewardPaid", **paid)).then(
        C, rewards=[paid | {"position": 3, "effective_on": "2020-03-01"}]
    )
    world.when(on("2020-03-02", C, "CertificateRegistered", **CERTIFICATE)).refused(Code.ALREADY_STANDING)


def test_premises_stand_until_they_are_withdrawn_with_their_title(given, on, established):
    world = given(established, on("2020-02-01", C, "PremisesProvided", **HOUSE))
    title = {"premises": "yf-1", "title": "陕(2020)001号"}
    world.when(on("2020-03-01", C, "PremisesTitleRegistered", **title)).then(
        C,
        premises=[
            HOUSE
            | {"title": "陕(2020)001号", "position": 2, "effective_on": "2020-02-01"}
            | {"steps": {"PremisesTitleRegistered": title | {"position": 3, "effective_on": "2020-03-01"}}}
        ],
    )
    world.when(on("2020-04-01", C, "PremisesWithdrawn", premises="yf-1", reason="到期")).then(C, premises=[])
    world.when(on("2020-05-01", C, "PremisesProvided", **HOUSE)).then(C)


@pytest.mark.parametrize(
    ("event", "data"),
    [("PremisesWithdrawn", {"reason": "到期"}), ("PremisesTitleRegistered", {"title": "陕(2020)001号"})],
)
def test_premises_that_do_not_stand_have_neither_title_nor_withdrawal(given, on, established, event, data):
    given(established).when(on("2020-03-01", C, event, premises="yf-1", **data)).refused(Code.NOT_STANDING)


def test_premises_are_provided_once(given, on, established):
    given(established, on("2020-02-01", C, "PremisesProvided", **HOUSE)).when(
        on("2020-03-01", C, "PremisesProvided", **HOUSE)
    ).refused(Code.ALREADY_STANDING)


def test_a_partnership_has_projects_while_it_stands(given, on, established):
    project = {"agreement": "xy-1", "project": "xm-1"}
    year = {"year": 2020, "title": "义诊"}
    world = given(established, on("2020-02-01", C, "PartnershipSigned", **AGREED))
    world.when(on("2020-02-02", C, "PartnershipSigned", **AGREED)).refused(Code.ALREADY_STANDING)
    world = given(
        established,
        on("2020-02-01", C, "PartnershipSigned", **AGREED),
        on("2020-03-01", C, "PartnershipProjectAgreed", **project, **year),
        on("2020-04-01", C, "PartnershipProjectCompleted", **project),
    )
    item = world.state(C).items("projects")["xy-1", "xm-1"]
    assert item.value("title") == "义诊"
    assert item.later["PartnershipProjectCompleted"].position == 4
    world.when(on("2020-05-01", C, "PartnershipProjectAgreed", **project, **year)).refused(Code.ALREADY_STANDING)


def test_an_ended_agreement_is_kept_with_its_end_and_has_no_more_projects(given, on, established):
    world = given(
        established,
        on("2020-02-01", C, "PartnershipSigned", **AGREED),
        on("2020-05-01", C, "PartnershipEnded", agreement="xy-1", reason="搬迁"),
    )
    world.then(C, agreements=[]).then(C, on="2020-04-30", ended_agreements=[])
    (ended,) = world.state(C).items("ended_agreements").values()
    assert str(ended.opened.effective_on) == "2020-02-01"
    assert str(ended.later["PartnershipEnded"].effective_on) == "2020-05-01"
    world.when(
        on("2020-06-01", C, "PartnershipProjectAgreed", agreement="xy-1", project="xm-1", year=2020, title="义诊")
    ).refused(Code.NOT_STANDING)


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("PartnershipProjectAgreed", {"project": "xm-1", "year": 2020, "title": "义诊"}),
        ("PartnershipProjectCompleted", {"project": "xm-1"}),
        ("PartnershipEnded", {"reason": "搬迁"}),
    ],
)
def test_an_agreement_that_was_never_signed_has_no_projects_and_no_end(given, on, established, event, data):
    given(established).when(on("2020-03-01", C, event, agreement="xy-1", **data)).refused(Code.NOT_STANDING)


@pytest.mark.parametrize(
    ("gained", "lost", "name"),
    [
        ("ConvenienceCircleRecognised", "ConvenienceCircleLost", "convenience_circle"),
        ("DemonstrationGranted", "DemonstrationWithdrawn", "demonstration"),
    ],
)
def test_a_recognition_stands_until_it_is_lost(given, on, established, gained, lost, name):
    data = {"title": "示范样板"} if gained == "DemonstrationGranted" else {}
    world = given(established)
    world.when(on("2020-03-01", C, lost, reason="不达标")).refused(Code.NOT_STANDING)
    world = given(established, on("2020-02-01", C, gained, **data))
    assert len(world.state(C).items(name)) == 1
    world.when(on("2020-03-01", C, lost, reason="不达标")).then(C, **{name: []})


def test_a_reserved_id_is_not_established_by_hand_while_its_case_is_undecided(given, on, established):
    proposal = on(
        "2020-01-01", "conversion-cases/aj-1", "ConversionProposed",
        village="v1", community="c1", community_name="甲社区",
    )  # fmt: skip
    village = on(
        "2019-01-01", "villages/v1", "VillageRegistered",
        name="甲村", township_code="610112002", township="三桥街道", new_city="fengdong",
    )  # fmt: skip
    ready = [
        on("2019-02-01", "villages/v1", "EconomicOrganizationFounded", organisation={"name": "甲社"}),
        on("2019-02-01", "villages/v1", "AssetsVerified", total="1.00"),
        on("2019-02-01", "villages/v1", "EquityQuantified", shareholders=1, shares=1),
    ]
    given(village, *ready, proposal).when(established).refused(Code.ALREADY_CLAIMED, saying="conversion-cases/aj-1")
    withdrawn = on("2020-01-02", "conversion-cases/aj-1", "ConversionWithdrawn", reasons="另议")
    given(village, *ready, proposal, withdrawn).when(established).then(C, status="active")
