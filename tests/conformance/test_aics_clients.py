"""aics-tlog verifies our log, over HTTP while it grows and offline; aics-witness cosigns it."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.administration import issue_key
from api.composition import running
from domain.tlog.note import parse_verifier_key

WRITERS = 32


def ran(newer: Path, tool: str, *arguments: object) -> tuple[int, dict[str, Any]]:
    command = [newer / tool, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else {
        "out": done.stdout + done.stderr
    }


@contextmanager
def writing(log: Any) -> Iterator[Callable[[], int]]:
    """While the block runs, 32 writers open accounts."""
    stop, written = threading.Event(), [0] * WRITERS

    def write(number: int) -> None:
        while not stop.is_set():
            issue_key(log.ledger, f"w{number}-{written[number]}", "new-area", None, ["recorder"])
            written[number] += 1

    threads = [threading.Thread(target=write, args=[number]) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield lambda: sum(written)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_aics_tlog_verifies_over_http_while_writers_record_and_offline(log: Any, newer: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier"
    source = ("--tiles", log.url, "--log-key", log.key)
    assert ran(newer, "aics-tlog", "verify-checkpoint", *source, "--save-checkpoint", earlier)[0] == 0
    with writing(log) as written:
        while log.ledger.proving.newest().checkpoint.size < 300:
            time.sleep(0.05)
        before = written()
        code, said = ran(
            newer, "aics-tlog", "verify-inclusion", *source, "--index", 7, "--entry-out", tmp_path / "entry"
        )
        assert (code, said.get("ok")) == (0, True), said
        assert (tmp_path / "entry").read_bytes() == log.entry(8)
        code, said = ran(newer, "aics-tlog", "verify-consistency", *source, "--old-checkpoint", earlier)
        assert (code, said.get("ok")) == (0, True), said
        assert written() > before
    log.ledger.tree.export(tmp_path / "out", lambda _: None)
    offline = ("--tiles", tmp_path / "out", "--log-key", log.key)
    for index in (0, 255, 256, log.ledger.proving.newest().checkpoint.size - 1):
        code, said = ran(newer, "aics-tlog", "verify-inclusion", *offline, "--index", index)
        assert (code, said.get("ok")) == (0, True), said


@pytest.mark.parametrize("what", ["entry", "tile", "checkpoint", "signature", "key"])
def test_aics_tlog_refuses_what_was_tampered_with(log: Any, newer: Path, tmp_path: Path, what: str) -> None:
    log.ledger.tree.export(tmp_path, lambda _: None)
    size = log.ledger.proving.newest().checkpoint.size
    key = log.key
    note = (tmp_path / "checkpoint").read_text()
    if what == "entry":
        path = tmp_path / f"tile/entries/000.p/{size}"
        path.write_bytes(path.read_bytes().replace(b'"position":3', b'"position":4', 1))
    elif what == "tile":
        path = tmp_path / f"tile/0/000.p/{size}"
        content = bytearray(path.read_bytes())
        content[70] ^= 1
        path.write_bytes(content)
    elif what == "checkpoint":
        (tmp_path / "checkpoint").write_text(note.replace(f"\n{size}\n", f"\n{size - 1}\n"))
    elif what == "signature":
        head, _, signature = note.strip().rpartition(" ")
        raw = bytearray(base64.b64decode(signature))
        raw[-1] ^= 1
        (tmp_path / "checkpoint").write_text(f"{head} {base64.b64encode(raw).decode()}\n")
    else:
        key = str(parse_verifier_key(log.key)._replace(public_key=bytes([1]) + bytes(30) + bytes([2])))
    code, said = ran(newer, "aics-tlog", "verify-inclusion", "--tiles", tmp_path, "--log-key", key, "--index", 2)
    assert (code != 0, said.get("ok", False)) == (True, False), said


def test_aics_witness_cosigns_and_its_cosignature_is_in_the_checkpoint(
    log: Any, newer: Path, tmp_path: Path, database: Any, serving: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    config = ("--config", tmp_path / "witness.json")
    assert (
        ran(newer, "aics-witness", "init", *config, "--name", "aics.test/w1", "--listen", f"127.0.0.1:{port}")[0] == 0
    )
    assert ran(newer, "aics-witness", "add-log", *config, "--origin", log.origin, "--vkey", log.key)[0] == 0
    with subprocess.Popen([newer / "aics-witness", "serve", *map(str, config)], stderr=subprocess.DEVNULL) as witness:
        try:
            said = ran(newer, "aics-witness", "status", *config)[1]
            (vkey,) = {
                word.strip('",') for word in json.dumps(said).replace("\\n", " ").split() if "aics.test/w1+" in word
            }
            policy = tmp_path / "policy"
            policy.write_text(f"log {log.key}\nwitness w1 {vkey} http://127.0.0.1:{port}\nquorum w1\n")
            with (
                running(log.directory, database, log.ledger.keys, follow=True, witnesses=policy) as ledger,
                serving(ledger) as url,
            ):
                deadline = time.monotonic() + 30
                headers = log.client.headers
                while not (seen := httpx.get(f"{url}/api/v1/log/checkpoint", headers=headers).json()["data"])[
                    "witnessed"
                ]:
                    assert time.monotonic() < deadline, seen
                    time.sleep(0.2)
                assert seen["cosigned_by"] == [vkey]
                code, said = ran(
                    newer, "aics-tlog", "verify-checkpoint", "--tiles", url, "--log-key", log.key,
                    "--witness-key", vkey, "--quorum", 1,
                )  # fmt: skip
                assert (code, said.get("cosignatures")) == (0, 1), said
        finally:
            witness.terminate()
            witness.wait(10)
