"""年度考核: one a New City and year, published, finalised, and reopened. Clause 8.4."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from application.correcting import correction_target
from domain.corrections import EventCorrected, EventRetracted
from domain.offices import Authority
from domain.records import VOCABULARY
from domain.refusals import Code, Refused
from domain.schemes import first_scheme

A = "assessments/2020-fengdong"
RESULT = {"score": "97.40", "computed_at": 3, "tree_size": 4, "root_hash": "ab" * 32}
FINAL = {"AssessmentFinalised": {}, "AssessmentReopened": {"reasons": "数据有误"}}
CRITICISED = {"title": "关于社区用房的通报", "reasons": "推动不力"}


@pytest.fixture
def opened(on):
    def opening(record=A, **changes):
        fields = {"year": 2020, "new_city": "fengdong", "scheme": "opinions-2019"} | changes
        return on("2021-01-04", record, "AssessmentOpened", **fields)

    return opening


@pytest.fixture
def until(on, opened):
    along = [
        opened(),
        on("2021-02-01", A, "ResultPublished", **RESULT),
        on("2021-03-01", A, "AssessmentFinalised"),
        on("2021-04-01", A, "AssessmentReopened", reasons="数据有误"),
    ]
    reached = {"open": 1, "published": 2, "finalised": 3, "reopened": 4}

    def events(status):
        return along[: reached[status]]

    return events


def test_an_assessment_is_opened_by_a_version_of_the_scheme(given, opened):
    given().when(opened()).then(
        A, status="open", year=2020, new_city="fengdong", scheme="opinions-2019", criticisms=[], steps={}
    )


@pytest.mark.parametrize("record", ["assessments/2021-fengdong", "assessments/2020-fengxi"])
def test_the_id_is_that_of_the_year_and_the_new_city(given, opened, record):
    given().when(opened(record)).refused(Code.BAD_RECORD_ID, saying="2020-fengdong")


def test_only_the_scheme_in_force_on_the_years_last_day_opens_an_assessment(given, on, opened, corrected):
    first = first_scheme().model_dump(mode="json", exclude_none=True)
    for number in range(6):
        person = {"id": f"arbiter-{number}", "name": "某人"}
        account = {"person": person, "office": "new-area", "roles": ["arbiter"]}
        first.setdefault("arbiters", []).append(on("2020-01-01", f"accounts/{number}", "AccountOpened", **account))
    arbiters = first.pop("arbiters")
    second = first | {"effective_from": "2020-12-31"}
    world = given(
        on("2019-12-10", "schemes/opinions-2019", "SchemeAdopted", **first),
        *arbiters,
        on("2020-11-01", "schemes/second", "SchemeAdopted", **second),
    )
    world.when(opened()).refused(Code.SCHEME_NOT_IN_FORCE, saying="2020 is judged by second")
    world.when(opened(scheme="second")).then(A, scheme="second")
    before = "assessments/2019-fengdong"
    world.when(opened(before, year=2019, scheme="second")).refused(Code.SCHEME_NOT_IN_FORCE, saying="opinions-2019")
    world.when(opened(before, year=2019)).then(before, scheme="opinions-2019")
    world.when(opened("assessments/2018-fengdong", year=2018)).refused(Code.NO_SCHEME, saying="2018-12-31")
    world.when(corrected(A, 1, scheme="opinions-2019")).refused(Code.SCHEME_NOT_IN_FORCE)
    world.record(on("2020-11-02", "schemes/second", "SchemeRepealed", **{"from": "2020-12-31", "reason": "另行制定"}))
    world.when(opened("assessments/2020-fengxi", new_city="fengxi")).then("assessments/2020-fengxi", status="open")


def test_a_result_is_published_and_published_anew_until_it_is_final(given, on, until):
    world = given(*until("published")).then(A, status="published")
    world.when(on("2021-02-05", A, "ResultPublished", **(RESULT | {"score": "96.40"}))).then(A, status="published")
    assert world.state(A).steps["ResultPublished"].fact.value("score") == "96.40"
    world.when(on("2021-03-01", A, "AssessmentFinalised")).then(A, status="finalised")
    world.when(on("2021-03-02", A, "ResultPublished", **RESULT)).refused(Code.CLOSED)


def test_what_is_reopened_is_published_before_it_is_final_again(given, on, until):
    world = given(*until("reopened")).then(A, status="open").then(A, on="2021-03-31", status="finalised")
    world.when(on("2021-04-02", A, "AssessmentFinalised")).refused(Code.OUT_OF_ORDER, saying="must be published")
    world.when(on("2021-04-02", A, "ResultPublished", **RESULT)).then(A, status="published")
    world.when(on("2021-04-03", A, "AssessmentFinalised")).then(A, status="finalised")


@pytest.mark.parametrize(
    ("status", "event"),
    [
        ("open", "AssessmentFinalised"),
        ("open", "AssessmentReopened"),
        ("published", "AssessmentReopened"),
        ("finalised", "AssessmentFinalised"),
        ("reopened", "AssessmentReopened"),
    ],
)
def test_a_step_out_of_turn_is_refused(given, on, until, status, event):
    given(*until(status)).when(on("2021-05-01", A, event, **FINAL[event])).refused(Code.OUT_OF_ORDER)


def test_criticism_is_kept_in_order_and_not_issued_once_the_result_is_final(given, on, until):
    world = given(*until("published"), on("2021-02-02", A, "CriticismIssued", **CRITICISED)).then(A, status="published")
    (criticism,) = world.state(A).items("criticisms").values()
    assert (criticism.value("title"), criticism.opened.position) == ("关于社区用房的通报", 3)
    given(*until("finalised")).when(on("2021-03-02", A, "CriticismIssued", **CRITICISED)).refused(Code.CLOSED)
    given(*until("finalised")).when(on("2021-02-28", A, "CriticismIssued", **CRITICISED)).then(A, status="finalised")


def test_a_reopening_that_names_a_ruling_is_the_systems_own(given, on, until, corrected):
    reopened = on("2021-04-01", A, "AssessmentReopened", reasons="裁定", ruling="ss-1")
    given(*until("finalised")).when(reopened).refused(Code.SYSTEM_ONLY)
    world = given(*until("finalised"))
    world.record(reopened, causation=1)
    world.then(A, status="open")
    fact = VOCABULARY.fact("assessments", "AssessmentReopened")
    assert fact(reasons="裁定", ruling="ss-1").authorities(None) == (Authority("system"),)
    assert fact(reasons="裁定").authorities(None) == (Authority("inspectorate"),)
    given(*until("reopened")).when(corrected(A, 4, ruling="ss-1")).refused(Code.SYSTEM_ONLY)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("correction", [EventCorrected, EventRetracted])
def test_a_published_and_a_final_result_are_not_corrected(given, until, version, correction):
    with pytest.raises(Refused) as caught:
        correction_target(given(*until("reopened")).history(A), correction(version=version, reasons="误"))
    assert caught.value.code is Code.NOT_CORRECTABLE


@pytest.mark.parametrize("field", ["year", "new_city"])
def test_year_and_new_city_decide_whose_assessment_it_is(given, until, field):
    value = {"year": 2021, "new_city": "fengxi"}[field]
    with pytest.raises(Refused) as caught:
        correction_target(
            given(*until("open")).history(A), EventCorrected(version=1, data={field: value}, reasons="误")
        )
    assert caught.value.code is Code.NOT_CORRECTABLE


def test_a_published_result_is_not_pulled_from_under_what_is_final(given, until, retracted):
    given(*until("finalised")).when(retracted(A, 1)).refused(Code.STANDS_IN_THE_WAY, positions=(2, 3))


@pytest.mark.parametrize(
    "changes",
    [
        {"score": "100.01"},
        {"score": "-1.00"},
        {"score": "97.4"},
        {"score": 97},
        {"computed_at": 0},
        {"tree_size": -1},
        {"root_hash": "AB" * 32},
    ],
)
def test_a_result_is_exact(given, on, until, changes):
    with pytest.raises(ValidationError):
        given(*until("open")).when(on("2021-02-01", A, "ResultPublished", **(RESULT | changes))).then(A)


@pytest.mark.parametrize("score", ["0.00", "5.25", "97.40", "100.00"])
def test_a_score_is_of_a_hundred_points(given, on, until, score):
    given(*until("open")).when(on("2021-02-01", A, "ResultPublished", **(RESULT | {"score": score}))).then(
        A, status="published"
    )
