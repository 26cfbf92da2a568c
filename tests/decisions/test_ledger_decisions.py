"""What the ledger declares of itself: keys, heads, reports, erasures."""

# fixtures are the callables of conftest.py

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

import pytest
from pydantic import ValidationError

from domain.refusals import Code

LEDGER = "ledger/ledger"
HASH = "c" * 64
REPORT = {"report": "2020年度考核", "parameters": {"year": 2020, "formats": ["pdf", 1.5, None]}, "sha256": HASH}
SEALED = {"tree_size": 9, "root_hash": HASH}


def verifier_key(seed: int, origin="taizhang.example/xixian"):
    public = b"\x01" + bytes([seed]) * 32
    key_id = sha256(origin.encode() + b"\n" + public).hexdigest()[:8]
    return f"{origin}+{key_id}+{b64encode(public).decode()}"


@pytest.fixture
def opened(on):
    return on("2020-01-01", LEDGER, "LedgerOpened", origin="taizhang.example/xixian", key=verifier_key(1))


def test_the_ledger_opens_under_its_origin_and_key_and_names_the_key_of_the_day(given, on, opened):
    world = given(opened).then(LEDGER, status="open", origin="taizhang.example/xixian", key=verifier_key(1))
    world.when(on("2020-02-01", LEDGER, "SigningKeyRotated", key=verifier_key(2), reasons="例行更换")).then(
        LEDGER, key=verifier_key(2)
    )
    assert set(world.state(LEDGER).items("keys")) == {verifier_key(1), verifier_key(2)}


def test_a_key_is_not_used_again_nor_taken_from_another_log(given, on, opened):
    def rotated(key):
        return on("2020-02-01", LEDGER, "SigningKeyRotated", key=key, reasons="例行更换")

    world = given(opened)
    world.when(rotated(verifier_key(1))).refused(Code.ALREADY_STANDING)
    world.when(rotated(verifier_key(2, "other.example"))).refused(Code.NOT_ELIGIBLE)


@pytest.mark.parametrize(
    "key",
    [
        "taizhang.example/xixian",
        verifier_key(1).replace("+", " "),
        verifier_key(1)[:-4],
        verifier_key(1).replace("taizhang", "zhang"),
        "a b" + verifier_key(1),
        "taizhang.example/xixian+00000000+" + verifier_key(1).rpartition("+")[2],
        "taizhang.example/xixian+00000000+====",
    ],
)
def test_a_key_that_could_verify_nothing_is_no_verifier_key(given, on, opened, key):
    with pytest.raises(ValidationError):
        given(opened).when(on("2020-02-01", LEDGER, "SigningKeyRotated", key=key, reasons="更换")).then(LEDGER)


def test_the_first_key_is_the_origins_own(given, on):
    with pytest.raises(ValidationError, match="another origin"):
        given().when(on("2020-01-01", LEDGER, "LedgerOpened", origin="other", key=verifier_key(1))).then(LEDGER)


def test_the_last_sealed_heads_hold(given, on, opened):
    world = given(opened, on("2020-02-01", LEDGER, "HeadsSealed", records=2, **SEALED))
    world.when(on("2020-02-02", LEDGER, "HeadsSealed", records=3, **SEALED)).then(
        LEDGER,
        steps={"HeadsSealed": {"position": 3, "effective_on": "2020-02-02", "records": 3} | SEALED},
    )


def test_a_report_takes_the_place_of_a_report(given, on, opened):
    world = given(opened, on("2020-02-01", LEDGER, "ReportIssued", **REPORT, **SEALED))
    (shown,) = world.state(LEDGER).items("reports").values()
    assert shown.value("parameters") == REPORT["parameters"]
    world.when(on("2020-02-02", LEDGER, "ReportIssued", **REPORT, **SEALED, supersedes=1)).refused(Code.NOT_STANDING)
    world.when(on("2020-02-02", LEDGER, "ReportIssued", **REPORT, **SEALED, supersedes=2)).then(LEDGER)


@pytest.mark.parametrize("missing", ["tree_size", "root_hash"])
def test_a_report_says_which_tree_it_was_made_from(given, on, opened, missing):
    data = {name: value for name, value in (REPORT | SEALED).items() if name != missing}
    with pytest.raises(ValidationError):
        given(opened).when(on("2020-02-01", LEDGER, "ReportIssued", **data)).then(LEDGER)


def test_a_person_is_erased_once(given, on, opened):
    erased = on("2020-02-01", LEDGER, "PersonErased", person="li-1", reasons="本人申请")
    given(opened, erased).when(erased).refused(Code.ALREADY_STANDING, positions=(2,))
