"""kill -9 of server and database under load: what was acknowledged is there, and nothing is missing between."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

COMMAND = str(Path(sys.executable).with_name("taizhang"))
WRITERS = 32
COMMUNITY = "communities/610112002001"


class Ledger:
    def __init__(self, directory):
        self.directory = directory
        self.environment = {name: value for name, value in os.environ.items() if name != "TAIZHANG_DATABASE_URL"}
        self.ask("init")
        divisions = directory.parent / "divisions.csv"
        divisions.write_text(
            "code,name,kind,township_code,township,new_city,new_city_name\n"
            "610112002001,三桥火车站社区居委会,community,610112002,三桥街道,fengdong,沣东新城\n",
            encoding="utf-8",
        )
        self.ask("import", divisions)
        issued = self.ask("key", "add", "--account", "sanqiao", "--office", "township:610112002", "--role", "recorder")
        self.key = issued["key"]

    def ask(self, *words):
        done = subprocess.run(
            [COMMAND, *map(str, words), "--data", self.directory, "--json"],
            env=self.environment, capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        return json.loads(done.stdout)

    @contextmanager
    def serving(self):
        with subprocess.Popen(
            [COMMAND, "serve", "--port", "0", "--json", "--data", self.directory],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        ) as process:  # fmt: skip
            try:
                yield process, json.loads(process.stdout.readline())["url"]
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(30)

    def kill(self, process):
        postmaster = int((self.directory / "postgresql/cluster/postmaster.pid").read_text().splitlines()[0])
        process.kill()
        psutil.Process(postmaster).kill()

    def client(self, url):
        return httpx.Client(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {self.key}"}, timeout=60)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger")


def write(ledger, url, writer, acknowledged, enough):
    with ledger.client(url) as client:
        for number in range(1_000):
            body = {"type": "HouseholdsCounted", "effective_on": "2020-06-30", "data": {"households": number}}
            key = {"Idempotency-Key": f"{writer}-{number}"}
            try:
                answer = client.post(f"/{COMMUNITY}/events", json=body, headers=key)
            except httpx.TransportError:
                return
            if answer.status_code == httpx.codes.CREATED:
                acknowledged.append((answer.json(), body, key))
                if len(acknowledged) >= 400:
                    enough.set()


def test_what_was_acknowledged_outlives_kill_9_of_server_and_database(ledger):
    acknowledged, enough = [], threading.Event()
    with ledger.serving() as (process, url):
        writers = [
            threading.Thread(target=write, args=(ledger, url, writer, acknowledged, enough))
            for writer in range(WRITERS)
        ]
        for writer in writers:
            writer.start()
        assert enough.wait(60)
        ledger.kill(process)
        for writer in writers:
            writer.join(60)
    assert len(acknowledged) >= 400

    with ledger.serving() as (_, url), ledger.client(url) as client:
        entries, after = [], 0
        while True:
            page = client.get("/log/entries", params={"after": after, "limit": 500}).json()
            entries += page["data"]
            if page["next"] is None:
                break
            after = page["next"]
        by_position = {entry["position"]: entry for entry in entries}
        for entry, _, _ in acknowledged:
            assert by_position[entry["position"]] == entry
        recorded = [entry for entry in entries if entry["record"] == COMMUNITY]
        assert [entry["version"] for entry in recorded] == list(range(1, len(recorded) + 1))
        positions = [entry["position"] for entry in recorded if entry["version"] > 1]
        assert positions == list(range(positions[0], positions[0] + len(positions)))

        entry, body, key = acknowledged[-1]
        again = client.post(f"/{COMMUNITY}/events", json=body, headers=key)
        assert (again.status_code, again.json()) == (httpx.codes.CREATED, entry)
