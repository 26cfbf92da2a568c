"""A scheme says by what it judges: every figure with its basis, every rule with examples, versions side by side."""

# fixtures are the callables of conftest.py

from __future__ import annotations

from domain.rules import RULES


def test_every_rule_comes_with_its_worked_examples(client):
    scheme = client("new-city").get("schemes/opinions-2019").json()["data"]
    uses = [use for indicator in scheme["indicators"] for use in indicator["rules"]]
    assert {use["rule"] for use in uses} == set(RULES)
    for use in uses:
        assert use["title"] == RULES[use["rule"]].zh
        assert len(use["examples"]) == len(RULES[use["rule"]].examples) > 0
        for example in use["examples"]:
            positions = {given["position"] for given in example["given"]}
            assert all(set(finding["evidence"]) <= positions for finding in example["then"])
        for figure in use["parameters"].values():
            assert figure["basis"] == "assumed" or (figure["clause"] and figure["quote"])


def test_versions_are_compared_figure_by_figure(client, second_scheme):
    adopted_at = second_scheme("2021-01-01")
    inspector = client("inspector")
    answer = inspector.get("schemes/opinions-2019/diff", params={"to": "opinions-2021"}).json()
    changes = {one["field"]: one for one in answer["data"]["changes"]}
    figure = "indicators/community-size/rules/community-size/1/parameters/minimum"
    assert set(changes) == {figure, "effective_from"}
    assert [changes[figure][side]["value"] for side in ("from", "to")] == [1000, 2000]
    assert [changes[figure][side]["basis"] for side in ("from", "to")] == ["policy", "assumed"]
    assert changes[figure]["entries"] == [adopted_at]
    assert (answer["data"]["from"]["scheme"], answer["provenance"]["scheme"]) == ("opinions-2019", "opinions-2021")
    back = inspector.get("schemes/opinions-2021/diff", params={"to": "opinions-2019"}).json()["data"]["changes"]
    assert [(one["from"], one["to"]) for one in back] == [(one["to"], one["from"]) for one in changes.values()]


def test_a_version_is_known_from_its_adoption_on(client, second_scheme):
    adopted_at = second_scheme("2021-01-01")
    inspector = client("inspector")
    asked = {"to": "opinions-2021", "known_at": adopted_at - 1}
    assert inspector.get("schemes/opinions-2019/diff", params=asked).status_code == 422
    assert inspector.get("schemes/opinions-2021/diff", params={"to": "opinions-2019"}).status_code == 200
    assert inspector.get("schemes/nowhere/diff", params={"to": "opinions-2019"}).status_code == 404
    assert inspector.get("schemes/opinions-2019/diff", params={"from_known_at": 1}).json()["data"]["changes"]
