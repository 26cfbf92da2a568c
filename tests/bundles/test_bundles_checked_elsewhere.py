"""Whoever has the bundle, Python and `cryptography` checks it: with the file in it, or with the command, alike."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from api.bundles.archives import unpacked
from api.command_line import main
from tests.bundles.conftest import ORIGIN, Files, Ledger, Signer


@pytest.fixture
def bundle_path(tmp_path: Path, bundle: bytes) -> Path:
    path = tmp_path / "bundle.zip"
    path.write_bytes(bundle)
    return path


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with `cryptography` and nothing of ours."""
    found = tmp_path / "packages"
    found.mkdir()
    for name in ("cryptography", "cffi", "_cffi_backend"):
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        path = Path(spec.origin)
        taken = path.parent if path.name == "__init__.py" else path
        (found / taken.name).symlink_to(taken)
    return found


def run(script: bytes, elsewhere: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    path = elsewhere.parent / "verify_bundle.py"
    path.write_bytes(script)
    done = subprocess.run(
        [sys.executable, "-S", str(path), *arguments, "--json"],
        env={"PYTHONPATH": str(elsewhere)}, cwd=elsewhere.parent, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert not done.stderr, done.stderr.decode()
    answer: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, answer


def test_the_file_in_the_bundle_checks_it_without_the_product(
    ledger: Ledger, files: Files, bundle_path: Path, elsewhere: Path
) -> None:
    script = files["verify_bundle.py"]
    code, answer = run(script, elsewhere, str(bundle_path), "--key", str(ledger.signer.key))
    assert code == 0
    assert answer == {"holds": True, **ledger.check(bundle_path.read_bytes())}
    bundle_path.write_bytes(bundle_path.read_bytes().replace(b'"households"', b'"Households"', 1))
    code, answer = run(script, elsewhere, str(bundle_path), "--key", str(ledger.signer.key))
    assert (code, answer["holds"]) == (1, False)


def asked(*arguments: str) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(main, ["verify-bundle", *arguments, "--json"])
    answer: dict[str, Any] = json.loads(done.stdout)
    return done.exit_code, answer


def test_the_command_tells_what_holds_what_does_not_and_what_it_can_not_tell(
    ledger: Ledger, bundle_path: Path, tmp_path: Path
) -> None:
    key = str(ledger.signer.key)
    assert asked(str(bundle_path), "--key", key)[0] == 0
    code, answer = asked(str(bundle_path), "--key", str(Signer(ORIGIN).key))
    assert (code, answer["error"]) == (1, "signature")
    code, answer = asked(str(bundle_path), "--key", "no key")
    assert (code, answer["error"]) == (2, "key")
    code, answer = asked(str(tmp_path / "absent.zip"), "--key", key)
    assert (code, answer["error"]) == (3, "unreadable")
    kept = tmp_path / "kept"
    kept.write_text(ledger.checkpoint(10))
    code, answer = asked(str(bundle_path), "--key", key, "--since", str(kept))
    assert (code, answer["error"]) == (3, "cannot-tell")
    policy = tmp_path / "policy"
    policy.write_text("quorum two\n")
    code, answer = asked(str(bundle_path), "--key", key, "--policy", str(policy))
    assert (code, answer["error"]) == (2, "policy")


def test_people_get_sentences(ledger: Ledger, bundle_path: Path) -> None:
    done = CliRunner().invoke(main, ["verify-bundle", str(bundle_path), "--key", str(ledger.signer.key)])
    assert "全部成立" in done.stdout
    assert "作出扣分时已在账的证据1条，其后入账的1条" in done.stdout


def test_what_people_read_is_in_it_and_no_name(bundle: bytes) -> None:
    files = unpacked(bundle)
    page = files["index.html"].decode()
    assert "<script" not in page
    for shown in ("证据", "其后入账", "已在账", "社区规模", "户数：1180", "合计"):
        assert shown in page
    assert "sealed1." not in page
    readme = files["README.md"].decode()
    assert "python3 verify_bundle.py" in readme
    assert "{" not in readme
