"""What is published is what the log says: filled in where it is left out, checked where it is sent, never simulated."""

# fixtures are the callables of conftest.py

from __future__ import annotations

import itertools

import pytest

from domain.tlog.tree import root_of

RESULT = "assessments/2020-fengdong/events"
REPORT = "ledger/ledger/events"
DIGEST = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
_keys = itertools.count(1)


@pytest.fixture
def publish(client):
    """Posts a result as an account; returns the answer."""

    def post(account="inspectorate", key=None, **said):
        body = {"type": "ResultPublished", "effective_on": "2021-03-01", "data": said}
        headers = {} if key is None else {"Idempotency-Key": key}
        return client(account).post(RESULT, json=body, headers=headers)

    return post


@pytest.fixture
def issue(client):
    def post(parameters, account="inspectorate", **said):
        data = {"report": "assessment", "parameters": parameters, "sha256": DIGEST, **said}
        body = {"type": "ReportIssued", "effective_on": "2021-03-01", "data": data}
        return client(account).post(REPORT, json=body)

    return post


def root(offices, size):
    return root_of(one.leaf_hash for one in offices.ledger.log.entries(0, size)).hex()


@pytest.mark.usefixtures("opened")
def test_what_is_left_out_is_filled_in(offices, publish):
    answer = publish()
    assert answer.status_code == 201, answer.text
    said = answer.json()["data"]
    assert said["computed_at"] == said["tree_size"] < answer.json()["position"]
    assert said["score"] == "100.00"
    assert said["root_hash"] == root(offices, said["tree_size"])


def test_what_is_sent_is_checked(offices, publish, opened):
    size = offices.head
    wrong = [
        {"score": "99.00"}, {"root_hash": "0" * 64}, {"tree_size": size, "root_hash": root(offices, size - 1)},
        {"computed_at": 999_999}, {"tree_size": 999_999}, {"computed_at": opened, "tree_size": opened - 1},
    ]  # fmt: skip
    for said in wrong:
        answer = publish(**said)
        assert (answer.status_code, answer.json()["code"]) == (409, "check-failed"), said
        assert answer.json()["errors"]
    assert offices.state("assessments/2020-fengdong")["version"] == 1
    right = {"score": "100.00", "computed_at": opened, "tree_size": size, "root_hash": root(offices, size)}
    answer = publish(**right)
    assert (answer.status_code, answer.json()["data"]) == (201, right)


@pytest.mark.usefixtures("opened")
def test_an_account_that_may_not_publish_learns_nothing_from_the_checks(publish):
    for said in ({}, {"score": "99.00"}, {"score": "100.00"}):
        assert publish("new-city", **said).status_code == 403


def test_no_result_without_an_assessment(publish):
    answer = publish()
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.mark.usefixtures("opened")
def test_the_same_key_gets_the_same_answer_whatever_the_log_says_by_then(offices, publish):
    key = f"k-{next(_keys)}"
    first = publish(key=key, score="100.00")
    offices.record(
        "inspectorate", "assessments/2020-fengdong", "CriticismIssued", "2021-03-02", title="通报", reasons="迟"
    )
    again = publish(key=key, score="100.00")
    assert (again.status_code, again.json()) == (201, first.json())
    assert publish(key=key, score="99.00").status_code in {409, 422}


@pytest.mark.usefixtures("opened")
def test_a_result_in_a_batch_is_filled_in_too(client):
    said = {"record": "assessments/2020-fengdong", "type": "ResultPublished", "effective_on": "2021-03-01"}
    answer = client("inspectorate").post("batches", json={"entries": [{**said, "data": {}}]})
    assert answer.status_code == 201
    refused = client("inspectorate").post("batches", json={"entries": [{**said, "data": {"score": "1.00"}}]})
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["pointer"] == "/entries/0/data/score"


def test_a_report_says_the_logs_tree(offices, issue):
    answer = issue({"year": 2020, "scheme": "opinions-2019"})
    assert answer.status_code == 201, answer.text
    said = answer.json()["data"]
    assert said["root_hash"] == root(offices, said["tree_size"])
    assert issue({"year": 2020}, root_hash="0" * 64).status_code == 409
    assert issue({"year": 2020}, "new-city").status_code == 403


def test_a_simulation_is_never_issued_nor_published(issue, publish, second_scheme, opened):
    second_scheme("2021-01-01")
    for parameters in ({"year": 2020, "scheme": "opinions-2021"}, {"year": 2020, "simulated": True}):
        answer = issue(parameters)
        assert (answer.status_code, answer.json()["code"]) == (409, "check-failed"), parameters
    assert publish(scheme="opinions-2021").status_code == 422
    assert opened
