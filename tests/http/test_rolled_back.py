"""A database that went back in time is read, and not written to: others have seen what it has lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from api.administration import found, issue_key
from api.composition import running
from domain.refusals import Refused
from infrastructure.keys.key_ring import KeyRing
from infrastructure.postgres.database import Database, create


def test_what_was_published_and_is_gone_stops_recording_with_the_reason(
    server: Any, template: str, tmp_path: Path, serving: Any
) -> None:
    base, older = Database.embedded(server, "restored"), Database.embedded(server, "restored_older")
    create(base, template=template)
    ring = KeyRing.create(tmp_path, "taizhang.test/rolled-back")
    with running(tmp_path, base, ring, follow=False) as ledger:
        found(ledger)
        key = issue_key(ledger, "inspector", "new-area", None, ["inspector"])
        assert ledger.proving.await_sealed(ledger.log.head()[0])
    create(older, template=base.name)
    with running(tmp_path, base, ring, follow=True) as ledger, serving(ledger) as url:
        issue_key(ledger, "recorder", "new-area", None, ["recorder"])
        head = ledger.log.head()[0]
        assert ledger.proving.await_sealed(head)
        assert httpx.get(f"{url}/readyz").status_code == 200
    with running(tmp_path, older, ring, follow=True) as ledger, serving(ledger) as url:
        before = ledger.log.head()[0]
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as client:
            ready = client.get("/readyz")
            reason = f"a checkpoint of {head} entries was published, the database has {before}"
            assert (ready.status_code, ready.json()["writing"]) == (503, {"refused": reason})
            event = {
                "type": "NewCityRegistered",
                "effective_on": "2020-01-01",
                "data": {"name": "新", "kind": "new-city"},
            }
            answer = client.post("/api/v1/new-cities/fengdong/events", json=event)
            assert answer.status_code in {403, 503}
            with pytest.raises(Refused, match="was published") as refusal:
                issue_key(ledger, "recorder", "new-area", None, ["recorder"])
            assert refusal.value.code.slug == "rolled-back"
            with pytest.raises(Refused, match="was published"):
                ledger.heads.seal()
            assert client.get("/api/v1/ledger/ledger").json()["provenance"]["position"] == before
            assert client.get("/checkpoint").status_code == 200
        assert ledger.log.head()[0] == before
