"""A bundle as an archive: the same bytes for the same position, checkpoint and persons erased."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any, Final

from api.bundles.archives import FILES_LIMIT, TOTAL_LIMIT, packed
from api.bundles.collecting import Collected
from api.bundles.readable import readable
from api.bundles.verify_bundle import CHECKPOINT, CONTENT, FORMAT, MANIFEST, SIGNATURE
from api.reports import page
from domain.policy import SOURCE, SOURCE_SHA256, source
from domain.refusals import Code, Refused
from domain.tlog.proof import SUFFIX, Proof

VERIFIER: Final = "verify_bundle.py"
POLICY: Final = f"policy/{SOURCE}"
TRUST: Final = "trust.policy"

_CARRIED: Final = (
    "domain.tlog.tree",
    "domain.tlog.lines",
    "domain.tlog.note",
    "domain.tlog.checkpoint",
    "domain.tlog.policy",
    "domain.tlog.proof",
    "domain.heads",
    "application.sealing",
    "api.bundles.archives",
)
"""The modules that the check stands on, in the order in which they import each other."""
_LOADER_BEGINS: Final = """
# What the check stands on: the ledger's own modules, as they are. The check itself follows them.

import sys
import types

_SOURCES: dict[str, str] = {}
"""
_LOADER_ENDS: Final = """
for _name, _text in _SOURCES.items():
    sys.modules[_name] = types.ModuleType(_name)
    exec(compile(_text, _name, "exec"), sys.modules[_name].__dict__)
"""

_README: Final = resources.files("api.bundles").joinpath("readme.md").read_text(encoding="utf-8")


@cache
def verifier_source() -> bytes:
    """The file that checks bundles, alone: the product's own modules in one, so that nobody needs the product."""
    carried = [f"_SOURCES[{name!r}] = r'''\n{_source(name)}'''\n" for name in _CARRIED]
    about, future, checks = _source("api.bundles.verify_bundle").partition("from __future__ import annotations\n")
    return "\n".join((about + future, _LOADER_BEGINS, *carried, _LOADER_ENDS, checks)).encode()


def _source(module: str) -> str:
    package, _, name = module.rpartition(".")
    text = resources.files(package).joinpath(f"{name}.py").read_text(encoding="utf-8")
    if "'''" in text:
        raise ValueError(f"{module} can't be carried between three quotes")
    return text


def archive(
    found: Collected,
    verifier_key: str,
    sign: Callable[[str], str],
    trust: str,
    attachment: Callable[[str], bytes | None],
    report: tuple[str, bytes, Iterable[int]] | None = None,
) -> bytes:
    """The bundle.

    Args:
        found: What belongs in it.
        verifier_key: The log's.
        sign: Makes a text a signed note.
        trust: The log's key and its witnesses, as a C2SP tlog-policy.
        attachment: Gives the file with a digest.
        report: The name, the bytes, and the positions at which it was issued, of the report that it is about.

    Raises:
        Refused: It would have more than TOTAL_LIMIT bytes.
    """
    checkpoint = str(found.published.note)
    files: dict[str, bytes] = {
        CHECKPOINT: checkpoint.encode(),
        POLICY: source().encode(),
        TRUST: trust.encode(),
        VERIFIER: verifier_source(),
    }
    for position, stored in found.stored.items():
        name = f"entries/{position:012d}"
        files[f"{name}.entry"] = stored.entry
        proof = Proof(position - 1, tuple(found.paths[position]), checkpoint)
        files[f"{name}{SUFFIX}"] = str(proof).encode()
    for digest in sorted({one for entry in found.entries.values() for one in entry.attachments}):
        content = attachment(digest)
        if content is not None:  # an entry names none that is not there
            files[f"attachments/{digest}"] = content
        _bounded(files)
    told_report: dict[str, Any] | None = None
    if report is not None:
        name, content, issued = report
        files[name] = content
        told_report = {"file": name, "sha256": sha256(content).hexdigest(), "issued": list(issued)}
    files[CONTENT] = _json(_content(found, verifier_key, told_report))
    files["index.html"] = page.html(readable(found, verifier_key, None if report is None else report[0]))
    files["README.md"] = _README.format(
        about=found.about,
        position=found.moment.position,
        key=verifier_key,
        verifier=VERIFIER,
        trust=TRUST,
        policy=POLICY,
        policy_sha256=SOURCE_SHA256,
    ).encode()
    _bounded(files)
    listed = {name: {"sha256": sha256(content).hexdigest(), "size": len(content)} for name, content in files.items()}
    manifest = _json({**_named(found, verifier_key), "files": dict(sorted(listed.items()))})
    files[MANIFEST] = manifest
    files[SIGNATURE] = sign(f"{FORMAT}\n{sha256(manifest).hexdigest()}\n").encode()
    return packed(files)


def _named(found: Collected, verifier_key: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "about": found.about,
        "position": found.moment.position,
        "policy": {"file": POLICY, "sha256": SOURCE_SHA256},
        "verifier_key": verifier_key,
        "scheme": found.scheme,
        "checkpoint": {
            "origin": found.published.checkpoint.origin,
            "size": found.published.checkpoint.size,
            "root_hash": found.published.checkpoint.root_hash.hex(),
        },
    }


def _content(found: Collected, verifier_key: str, report: Mapping[str, Any] | None) -> dict[str, Any]:
    consistency = found.consistency
    return {
        **_named(found, verifier_key),
        "on": found.moment.on.isoformat(),
        "state": found.state,
        "sealed": found.seal.position,
        "heads": {
            record: {"leaf_index": proof.leaf_index, "path": [one.hex() for one in proof.path]}
            for record, proof in sorted(found.heads.items())
        },
        "consistency": None
        if consistency is None
        else {"size": consistency[0], "path": [one.hex() for one in consistency[1]]},
        "points": found.points,
        "computation": found.computation,
        "evidence": found.evidence,
        "report": report,
    }


def _bounded(files: Mapping[str, bytes]) -> None:
    if sum(map(len, files.values())) > TOTAL_LIMIT - len(files) * 400 or len(files) > FILES_LIMIT - 10:
        raise Refused(Code.BUNDLE_TOO_LARGE, f"it would have more than {TOTAL_LIMIT >> 20} MiB")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False).encode() + b"\n"
