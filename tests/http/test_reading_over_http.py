"""Reading answers at any time asked about, page by page, for whoever may read, and only what was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from application import moments

COMMUNITY = "/api/v1/communities/610112002001"
LISTS = ["/api/v1/communities", f"{COMMUNITY}/events", "/api/v1/log/entries"]
READS = [*LISTS, COMMUNITY, "/api/v1/log/entries/1"]

Body = Callable[..., dict[str, Any]]
Clients = Callable[..., httpx.Client]


@pytest.fixture(scope="module")
def counts(township: httpx.Client, counted: Body) -> list[dict[str, Any]]:
    """Three counts in a community, each later than the one before, the last recorded late."""
    days = ["2020-06-30", "2020-12-31", "2020-03-31"]
    bodies = [counted(2000 + number, day) for number, day in enumerate(days)]
    return [township.post(f"{COMMUNITY}/events", json=body).json() for body in bodies]


def test_a_record_is_answered_as_known_then_and_as_of_that_day(
    inspector: httpx.Client, counts: list[dict[str, Any]]
) -> None:
    def households(**asked: object) -> object:
        return inspector.get(COMMUNITY, params={name: str(value) for name, value in asked.items()}).json()["data"][
            "households"
        ]

    first, second, late = (entry["position"] for entry in counts)
    assert households() == 2001
    assert households(on="2020-07-01") == 2000
    assert households(on="2020-05-01") == 2002
    assert households(on="2020-05-01", known_at=second) != 2002
    assert households(known_at=first) == 2000
    assert households(known_at=counts[1]["recorded_at"]) == 2001
    assert households(known_at=late, on="2020-04-01", min_position=late) == 2002


def test_every_read_says_what_it_rests_on(inspector: httpx.Client, counts: list[dict[str, Any]]) -> None:
    position = counts[1]["position"]
    first = {"known_at": position}
    checkpoint = inspector.get("/api/v1/log/entries/1", params=first).json()["provenance"]["checkpoint"]
    assert checkpoint["size"] >= position
    for path in READS:
        answer = inspector.get(path, params={"known_at": position, "on": "2020-12-31"}).json()
        assert answer["provenance"] == {
            "position": position,
            "known_at": counts[1]["recorded_at"],
            "on": "2020-12-31",
            "scheme": None,
            "checkpoint": checkpoint,
        }


def test_an_answer_about_the_past_repeats_byte_for_byte(
    inspector: httpx.Client, township: httpx.Client, counted: Body, counts: list[dict[str, Any]]
) -> None:
    asked = {"known_at": str(counts[0]["position"]), "on": "2020-12-31"}
    before = {path: inspector.get(path, params=asked).content for path in READS}
    assert township.post(f"{COMMUNITY}/events", json=counted(2004, "2020-01-01")).status_code == 201
    assert {path: inspector.get(path, params=asked).content for path in READS} == before


def test_only_the_present_has_an_etag_and_it_saves_reading_again(inspector: httpx.Client) -> None:
    answer = inspector.get(COMMUNITY)
    tag = answer.headers["etag"]
    assert tag == f'"{answer.json()["data"]["version"]}"'
    for given in (tag, f"W/{tag}", f'"0", {tag}', "*"):
        unchanged = inspector.get(COMMUNITY, headers={"If-None-Match": given})
        assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    assert inspector.get(COMMUNITY, headers={"If-None-Match": '"0"'}).status_code == 200
    for asked in ({"on": "2020-12-31"}, {"known_at": str(answer.json()["provenance"]["position"])}):
        past = inspector.get(COMMUNITY, params=asked, headers={"If-None-Match": "*"})
        assert past.status_code == 200
        assert "etag" not in past.headers


@pytest.mark.usefixtures("counts")
@pytest.mark.parametrize("path", LISTS)
def test_pages_make_up_the_whole(inspector: httpx.Client, path: str) -> None:
    asked = {"known_at": str(inspector.get(COMMUNITY).json()["provenance"]["position"])}
    whole = inspector.get(path, params={**asked, "limit": "500"}).json()
    assert whole["next"] is None
    found: list[object] = []
    page: dict[str, Any] = {"next": ""}
    while page["next"] is not None:
        cursor = {"cursor": page["next"]} if page["next"] else {}
        page = inspector.get(path, params={**asked, "limit": "2", **cursor}).json()
        assert len(page["data"]) <= 2
        found += page["data"]
    assert found == whole["data"]
    assert len(found) >= 3


def test_lists_are_narrowed_to_what_is_asked(inspector: httpx.Client) -> None:
    def ids(**asked: str) -> list[str]:
        return [one["id"] for one in inspector.get("/api/v1/communities", params=asked).json()["data"]]

    assert ids() == ["610112002001", "610112002002", "610112003001"]
    assert ids(new_city="fengxi") == ["610112003001"]
    assert ids(township="610112002", q="天台") == ["610112002002"]
    assert ids(status="dissolved") == []
    assert ids(q="") == ids()
    assert ids(on="2019-12-09") == []


@pytest.mark.parametrize("path", READS)
def test_what_nobody_asked_for_is_refused(inspector: httpx.Client, path: str) -> None:
    for asked, code, status in [
        ({"nonsense": "1"}, "unknown-parameter", 422),
        ({"KNOWN_AT": "1"}, "unknown-parameter", 422),
        ({"known_at": "2021-03-01T09:00:00"}, "bad-time", 400),
        ({"known_at": "2999-01-01T00:00:00Z"}, "bad-time", 400),
        ({"known_at": "0"}, "bad-time", 400),
        ({"known_at": "9" * 20}, "bad-time", 400),
        ({"known_at": "9" * 5_000}, "bad-time", 400),
        ({"known_at": "1\n"}, "bad-time", 400),
        ({"known_at": ""}, "bad-time", 400),
        ({"on": "2020-02-30"}, "bad-time", 400),
        ({"on": "today"}, "bad-time", 400),
        ({"min_position": "-1"}, "bad-time", 400),
        ({"min_position": "1.5"}, "bad-time", 400),
        ({"min_position": "٣"}, "bad-time", 400),
    ]:
        answer = inspector.get(path, params=asked)
        assert (answer.status_code, answer.json()["code"]) == (status, code), asked
        assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(asked))}"


@pytest.mark.parametrize("path", LISTS)
def test_pages_are_refused_that_are_none(inspector: httpx.Client, path: str) -> None:
    for limit in ("0", "501", "-1", "1.0", "x", "", "٣", "9" * 5_000):
        answer = inspector.get(path, params={"limit": limit})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-parameter"), limit
    for cursor in ("x", "注", "%00", "a b", "", "AAAAAAAAAAAA"):
        answer = inspector.get(path, params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad-cursor"), cursor


def test_an_answer_takes_account_of_the_position_asked_for(
    inspector: httpx.Client, township: httpx.Client, counted: Body
) -> None:
    for number in range(5):
        entry = township.post(f"{COMMUNITY}/events", json=counted(2100 + number)).json()
        for path in ("/api/v1/communities", COMMUNITY):
            answer = inspector.get(path, params={"min_position": entry["position"]}).json()
            found = answer["data"] if path == COMMUNITY else answer["data"][0]
            assert answer["provenance"]["position"] == entry["position"]
            assert found["version"] == entry["version"]


def test_a_position_that_never_comes_is_waited_for_and_then_put_off(
    inspector: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert moments.WAIT_FOR_POSITION == 5
    monkeypatch.setattr(moments, "WAIT_FOR_POSITION", 0.1)
    answer = inspector.get(COMMUNITY, params={"min_position": "999999999"})
    assert (answer.status_code, answer.json()["code"]) == (503, "not-caught-up")
    assert int(answer.headers["retry-after"]) > 0


def test_a_difference_names_the_entries_that_made_it(inspector: httpx.Client, counts: list[dict[str, Any]]) -> None:
    asked = {"from_known_at": counts[0]["position"], "to_known_at": counts[1]["position"], "to_on": "2020-12-31"}
    found = inspector.get(f"{COMMUNITY}/diff", params=asked).json()["data"]
    assert found["changes"] == [
        {"field": "households", "from": 2000, "to": 2001, "entries": [counts[1]["position"]]},
    ]
    refused = inspector.get(f"{COMMUNITY}/diff", params={"to_on": "x"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/to_on")
    assert inspector.get(f"{COMMUNITY}/diff", params={"on": "2020-01-01"}).status_code == 422


def test_readers_see_their_own_new_city_and_the_log_without_what_they_may_not_read(
    clients: Clients, inspector: httpx.Client, counts: list[dict[str, Any]]
) -> None:
    other = clients("other-city")
    refused = other.get(COMMUNITY)
    assert (refused.status_code, refused.json()["code"]) == (403, "not-readable")
    assert [one["id"] for one in other.get("/api/v1/communities").json()["data"]] == ["610112003001"]
    seen: list[str] = []
    page: dict[str, Any] = {"next": "0"}
    while page["next"] is not None:
        page = other.get("/api/v1/log/entries", params={"cursor": page["next"], "limit": 3}).json()
        seen += [entry["record"] for entry in page["data"]]
    assert set(seen) == {
        "ledger/ledger", "new-area/xixian", "schemes/opinions-2019", "new-cities/fengdong", "new-cities/fengxi",
        "communities/610112003001",
    }  # fmt: skip
    hidden = f"/api/v1/log/entries/{counts[0]['position']}"
    assert (inspector.get(hidden).status_code, other.get(hidden).status_code) == (200, 404)
    assert other.get(hidden, headers={"Accept": "application/octet-stream"}).status_code == 404


@pytest.mark.parametrize("position", ["0", "-1", "x", "1.0", "999999999", "9" * 30, "%00", "٣"])
def test_an_entry_that_is_not_there_is_not_found(inspector: httpx.Client, position: str) -> None:
    answer = inspector.get(f"/api/v1/log/entries/{position}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_an_entry_recorded_later_was_not_known_before(inspector: httpx.Client, counts: list[dict[str, Any]]) -> None:
    path = f"/api/v1/log/entries/{counts[1]['position']}"
    assert inspector.get(path, params={"known_at": counts[0]["position"]}).status_code == 404
    assert inspector.get(path, params={"known_at": counts[1]["position"]}).status_code == 200


def test_the_log_is_read_on_after_a_position(inspector: httpx.Client, counts: list[dict[str, Any]]) -> None:
    after = counts[0]["position"]
    page = inspector.get("/api/v1/log/entries", params={"after": after, "limit": 2}).json()
    assert [entry["position"] for entry in page["data"]] == [after + 1, after + 2]
    beyond = inspector.get("/api/v1/log/entries", params={"after": "999999999"}).json()
    assert (beyond["data"], beyond["next"]) == ([], None)
    for asked in ({"after": "-1"}, {"after": "x"}, {"after": "9" * 20}, {"after": "1", "cursor": "1"}):
        assert inspector.get("/api/v1/log/entries", params=asked).status_code == 422


@pytest.mark.parametrize("path", [*READS, f"{COMMUNITY}/diff", "/healthz", "/readyz", "/login", "/api/v1/log/stream"])
def test_head_is_get_without_the_body(inspector: httpx.Client, path: str) -> None:
    answer = inspector.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    if path != "/api/v1/log/stream":
        assert answer.headers["content-type"] == inspector.get(path).headers["content-type"]


@pytest.mark.parametrize("record", ["nowhere", "x" * 65, "%00", "a%20b", "..", "注", "system"])
def test_a_record_that_is_not_there_is_not_found(inspector: httpx.Client, record: str) -> None:
    for path in (f"/api/v1/communities/{record}/events", f"/api/v1/communities/{record}/diff"):
        assert inspector.get(path).status_code == 404
    early = inspector.get(COMMUNITY, params={"on": "2019-12-09"})
    assert (early.status_code, early.json()["code"]) == (404, "not-yet")
