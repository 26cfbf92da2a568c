"""The tree is served as C2SP has it: what was published stays as it is, and nothing is there before it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from api.composition import Taizhang
from domain.tlog.checkpoint import Checkpoint, open_checkpoint
from domain.tlog.note import parse_verifier_key
from domain.tlog.proof import parse_proof
from domain.tlog.tile import Tile, TileTree, check_bundle, tiles
from domain.tlog.tree import check_consistency, check_inclusion, leaf_hash, root_of
from infrastructure.keys.signing import verify

EVENTS = "/api/v1/communities/610112002001/events"
Body = Callable[..., dict[str, Any]]


@pytest.fixture
def head(ledger: Taizhang, nobody: httpx.Client) -> Checkpoint:
    assert ledger.proving.await_sealed(ledger.log.head()[0])
    return checkpoint(ledger, nobody)


def checkpoint(ledger: Taizhang, client: httpx.Client) -> Checkpoint:
    answer = client.get("/checkpoint")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    key = parse_verifier_key(ledger.keys.signing_key.verifier_key)
    return open_checkpoint(answer.content, [key], verify).checkpoint


def fetched(client: httpx.Client) -> Callable[[list[Tile]], list[bytes]]:
    def fetch(wanted: list[Tile]) -> list[bytes]:
        answers = [client.get(f"/{tile.path}") for tile in wanted]
        assert {answer.status_code for answer in answers} <= {200}
        return [answer.content for answer in answers]

    return fetch


def test_tiles_and_bundles_hold_against_the_checkpoint(
    nobody: httpx.Client, inspector: httpx.Client, head: Checkpoint
) -> None:
    tree = TileTree(head.size, head.root_hash, fetched(nobody))
    entries: list[bytes] = []
    for tile in tiles(0, head.size):
        answer = nobody.get(f"/{tile.path}")
        assert answer.content == tree.tile(tile)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        if tile.level == 0:
            bundle = inspector.get(f"/{tile._replace(level=None).path}")
            assert bundle.headers["cache-control"].startswith("private")
            entries += check_bundle(bundle.content, answer.content)
    assert root_of(map(leaf_hash, entries)) == head.root_hash
    asked = {"Accept": "application/octet-stream"}
    assert entries[2] == inspector.get("/api/v1/log/entries/3", headers=asked).content


def test_partial_tiles_are_there_for_every_size_that_was_published_and_none_beyond(
    ledger: Taizhang, nobody: httpx.Client, township: httpx.Client, counted: Body, head: Checkpoint
) -> None:
    width = head.size % 256
    partial = f"/{Tile(0, head.size // 256, width).path}"
    before = nobody.get(partial).content
    beyond = nobody.get(f"/{Tile(0, head.size // 256, width + 1).path}")
    assert (beyond.status_code, beyond.headers["cache-control"]) == (404, "no-store")
    position = township.post(f"{EVENTS}?wait=sealed", json=counted()).json()["position"]
    assert checkpoint(ledger, nobody).size >= position
    assert nobody.get(partial).content == before
    assert nobody.get(f"/{Tile(0, head.size // 256, width + 1).path}").content.startswith(before)


@pytest.mark.parametrize(
    "path",
    ["0/x000/000", "0/0", "0/000.p/0", "0/000.p/256", "0/999", "8/000", "00/000", "-1/000", "0/", "0/000/", "x/000",
     "entries/000.p/256", "0/000.p/01"],
)  # fmt: skip
def test_what_names_no_tile_is_not_there(inspector: httpx.Client, path: str) -> None:
    assert inspector.get(f"/tile/{path}").status_code == 404


def test_bundles_are_for_those_who_read_everything(
    nobody: httpx.Client, township: httpx.Client, ledger: Taizhang, serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert nobody.get("/tile/entries/000.p/1").status_code == 401
    assert township.get("/tile/entries/000.p/1").status_code == 403
    monkeypatch.setenv("TAIZHANG_PUBLIC_ENTRIES", "1")
    with serving(ledger) as url:
        answer = httpx.get(f"{url}/tile/entries/000.p/1")
    assert (answer.status_code, answer.headers["cache-control"][:6]) == (200, "public")


def test_proofs_as_json_prove(inspector: httpx.Client, head: Checkpoint) -> None:
    def asked(path: str, **parameters: int) -> dict[str, Any]:
        answer = inspector.get(f"/api/v1/log/{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    published = asked("checkpoint")
    assert (published["size"], published["origin"]) == (head.size, head.origin)
    assert published["root_hash"] == head.root_hash.hex()
    for position, size in ((1, 1), (3, 7), (7, head.size), (head.size, head.size)):
        proof = asked("proofs/inclusion", position=position, size=size)
        entry = inspector.get(f"/api/v1/log/entries/{position}").json()["data"]
        assert proof["leaf_hash"] == entry["leaf_hash"]
        hashes = [bytes.fromhex(one) for one in proof["hashes"]]
        check_inclusion(
            bytes.fromhex(entry["leaf_hash"]), position - 1, size, bytes.fromhex(proof["root_hash"]), hashes
        )
    proof = asked("proofs/consistency", **{"from": 7})
    assert proof["to_root_hash"] == head.root_hash.hex()
    roots = (bytes.fromhex(proof[name]) for name in ("from_root_hash", "to_root_hash"))
    check_consistency(7, head.size, *roots, [bytes.fromhex(one) for one in proof["hashes"]])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("inclusion?position=0", 404), ("inclusion?position=9&size=8", 404), ("inclusion?position=1&size=999999", 404),
        ("inclusion", 422), ("inclusion?position=x", 422), ("inclusion?position=1&what=2", 422),
        ("consistency?from=8&to=7", 404), ("consistency?from=1&to=999999", 404), ("consistency", 422),
    ],
)  # fmt: skip
def test_what_can_not_be_proved_is_refused(inspector: httpx.Client, path: str, status: int) -> None:
    assert inspector.get(f"/api/v1/log/proofs/{path}").status_code == status


def test_a_recording_may_wait_for_its_proof(
    ledger: Taizhang, township: httpx.Client, inspector: httpx.Client, counted: Body
) -> None:
    sent = {"Idempotency-Key": "sealed-once"}
    first = township.post(f"{EVENTS}?wait=sealed", json=counted(1207), headers=sent)
    entry = first.json()
    key = parse_verifier_key(ledger.keys.signing_key.verifier_key)
    proof = parse_proof(entry["sealed"]["proof"])
    assert proof.leaf_index == entry["sealed"]["index"] == entry["position"] - 1
    raw = inspector.get(f"/api/v1/log/entries/{entry['position']}", headers={"Accept": "application/octet-stream"})
    opened = proof.check(leaf_hash(raw.content), [key], verify)
    assert entry["sealed"]["size"] == opened.checkpoint.size >= entry["position"]
    assert township.post(f"{EVENTS}?wait=sealed", json=counted(1207), headers=sent).content == first.content
    assert "sealed" not in township.post(EVENTS, json=counted(1208)).json()
    assert township.post(f"{EVENTS}?wait=seal", json=counted()).status_code == 422


def test_a_read_at_an_explicit_time_names_the_first_checkpoint_that_covers_it_for_ever(
    inspector: httpx.Client, township: httpx.Client, counted: Body
) -> None:
    position = township.post(EVENTS, json=counted(1209)).json()["position"]
    asked = {"known_at": str(position)}
    first = inspector.get("/api/v1/communities/610112002001", params=asked)
    assert first.json()["provenance"]["checkpoint"]["size"] >= position
    township.post(f"{EVENTS}?wait=sealed", json=counted(1210))
    later = inspector.get("/api/v1/communities/610112002001", params=asked)
    assert later.json()["provenance"] == first.json()["provenance"] | {"on": later.json()["provenance"]["on"]}
