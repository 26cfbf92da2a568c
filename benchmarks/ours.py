"""Our own ways in: the recorder by itself, the whole command, and HTTP."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Coroutine, Generator, Iterable
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any, Final, cast
from uuid import uuid4

from api.administration import record_as_system
from api.composition import Taizhang
from application.commands import Command, Proposal, proposal
from application.committing import Recorded, Recorder
from application.drafting import Planned
from application.judging import Judge
from application.records_view import RecordsView
from benchmarks.load import Blocking, Load, Submitting, in_callbacks, in_coroutines, in_threads, waiting
from domain.account import AccountOpened
from domain.community import CommunityEstablished
from domain.entry import Entry
from domain.fact import Fact, Person
from domain.new_city import NewCityRegistered
from domain.records import VOCABULARY
from infrastructure.postgres.database import Database
from infrastructure.postgres.embedded import EmbeddedServer
from infrastructure.postgres.log import Log
from infrastructure.postgres.migrating import migrate

COMMUNITIES: Final = 3_200
TOWNSHIP: Final = "610112002"
BASELINE: Final = date(2019, 12, 10)
COUNTED: Final = {"type": "HouseholdsCounted", "effective_on": "2020-06-30", "data": {"households": 1180}}
_TODAY: Final = date(2020, 7, 1)
_BODY: Final = b'{"effective_on":"2020-06-30","data":{"households":1180}}'
_CONTENT: Final = VOCABULARY.content("communities", "HouseholdsCounted/1").model_validate_json(_BODY)
_BY: Final = json.dumps(
    {
        "account": "recorder",
        "person": "recorder",
        "name": f"sealed1.{'x' * 150}",
        "office": f"township:{TOWNSHIP}",
        "roles": ["recorder"],
    },
    separators=(",", ":"),
)


def prepare(ledger: Taizhang) -> None:
    """Record what the commands need: an account, a New City and its communities."""
    opening: list[tuple[str, Fact]] = [
        ("accounts/recorder", AccountOpened(
            person=Person(id="recorder", name="登记员"), office=f"township:{TOWNSHIP}", roles=("recorder",)
        )),
        ("new-cities/fengdong", NewCityRegistered(name="沣东新城", kind="new-city")),
    ]  # fmt: skip
    established = CommunityEstablished(
        name="三桥街社区", origin="existing", township_code=TOWNSHIP, township="三桥街道", new_city="fengdong"
    )
    opening += [(f"communities/c{number}", established) for number in range(COMMUNITIES)]
    record_as_system(ledger.recorder, opening, BASELINE)


def commands(ledger: Taizhang) -> Submitting:
    """Whole commands: fields validated, rights and guards judged, names sealed, bytes written."""
    turns = count()

    def writer(_: int) -> Callable[[], Future[Recorded]]:
        def submit() -> Future[Recorded]:
            asked = proposal(f"communities/c{next(turns) % COMMUNITIES}", COUNTED, today=_TODAY)
            return ledger.recorder.submit(Command("recorder", (asked,)))

        return submit

    return writer


class _Prepared:
    """A judge of whatever stands ready: what is left is the recorder's own work."""

    def prepare(self, commands: Iterable[Command]) -> None:
        pass

    def judge(self, command: Command, first_position: int) -> list[Planned]:  # noqa: ARG002  # stands ready
        return [cast("Planned", item) for item in command.proposals]


@contextmanager
def recorder(server: EmbeddedServer) -> Generator[Submitting]:
    """The recorder with a log of its own, its entries validated and sealed beforehand."""
    base = Database.embedded(server, "prepared")
    migrate(base)
    with ExitStack() as stack:
        log = Log(base)
        stack.callback(log.close)
        running = Recorder(RecordsView(log), cast("Judge", _Prepared()), log)
        stack.callback(running.close)

        def writer(_: int) -> Callable[[], Future[Recorded]]:
            record, versions = f"communities/{uuid4()}", count(1)

            def submit() -> Future[Recorded]:
                version = next(versions)
                entry = Entry(1, record, version, "recorder", None, _CONTENT)
                planned = Planned(entry, _BY, _BODY, ())
                return running.submit(Command("recorder", (cast("Proposal", planned),)))

            return submit

        yield writer


def in_threads_waiting(submitting: Submitting) -> Callable[[int, float], Load]:
    """A thread a writer, each waiting for its future."""
    blocking: Blocking = waiting(submitting)
    return lambda writers, seconds: in_threads(writers, seconds, blocking)


def driven_by_events(submitting: Submitting) -> Callable[[int, float], Load]:
    """No thread a writer: each answer submits its writer's next."""
    return lambda writers, seconds: in_callbacks(writers, seconds, submitting)


@contextmanager
def serving(directory: Path) -> Generator[tuple[str, int]]:
    """`taizhang serve` on the ledger, in a process of its own; gives host and port."""
    with answering("serve", directory) as told:
        host, _, port = str(told["url"]).removeprefix("http://").partition(":")
        yield host, int(port)


@contextmanager
def answering(server: str, directory: Path) -> Generator[dict[str, Any]]:
    """`taizhang serve` or `taizhang demo` in a process of its own; gives what it says once it answers."""
    taizhang = str(Path(sys.executable).with_name("taizhang"))
    command = [taizhang, server, "--data", str(directory), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            if process.stdout is None:
                raise AssertionError
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(60)


def over_http(address: tuple[str, int], key: str) -> Callable[[int, float], Load]:
    """POST …/events, a kept connection a writer; anything but 201 ends the run."""
    body = json.dumps(COUNTED).encode()
    turns = count()

    async def writer(_: int) -> Callable[[], Coroutine[Any, Any, object]]:
        reader, sender = await asyncio.open_connection(*address)

        async def post() -> None:
            head = (
                f"POST /api/v1/communities/c{next(turns) % COMMUNITIES}/events HTTP/1.1\r\nHost: {address[0]}\r\n"
                f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            sender.write(head.encode() + body)
            headers = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
            length = next(int(line[15:]) for line in headers if line.startswith(b"content-length:"))
            answer = await reader.readexactly(length)
            if b" 201 " not in headers[0]:
                raise RuntimeError(answer.decode())

        return post

    return lambda writers, seconds: in_coroutines(writers, seconds, writer)


def entry_size(submitting: Submitting) -> int:
    """The size of an entry that these commands write, in bytes."""
    (stored,) = submitting(0)().result().entries
    return len(stored.entry)
