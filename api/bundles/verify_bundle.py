"""Checks a bundle of the ledger offline: no database, no server, no trust in whoever handed it over.

One file, for Python 3.11 or later with the package `cryptography`; a copy of it is in every bundle. Take it from
elsewhere than from the bundle where you can: who forges a bundle forges what is beside it.

    python verify_bundle.py BUNDLE.zip --key VKEY [--policy FILE] [--since CHECKPOINT] [--names FILE] [--json]

Ends with 0 where everything holds, 1 where something does not, 2 for a command that makes no sense, 3 where it cannot
tell. It checks, in this order: that the archive is byte for byte what its files make; that the manifest names every
file and nothing else, and is signed; the checkpoint's signature and cosignatures (C2SP tlog-checkpoint,
tlog-cosignature, tlog-policy); each entry's bytes against its `.tlog-proof` (C2SP tlog-proof, RFC 6962); that no entry
of the records concerned is left out, by the map of heads that an entry of the log seals; attachments; the deduction's
points; and which evidence was in the ledger when the deduction was decided.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from api.bundles.archives import TOTAL_LIMIT, Broken, unpacked
from application.sealing import Binding, Unsealable, open_disclosed
from domain.heads import Head, Presence, check_complete
from domain.tlog.checkpoint import Checkpoint, Opened, open_checkpoint
from domain.tlog.lines import Malformed
from domain.tlog.note import Unverified, VerifierKey, parse_note, parse_verifier_key, verified
from domain.tlog.policy import Policy, parse_policy
from domain.tlog.proof import parse_proof
from domain.tlog.tree import Unproven, check_consistency, check_inclusion, leaf_hash

FORMAT = "taizhang-bundle/1"
MANIFEST, SIGNATURE, CHECKPOINT, CONTENT = "manifest.json", "manifest.sig", "checkpoint", "bundle.json"
LEDGER = "ledger/ledger"
NOTE_LIMIT = 64 << 10
"""Bytes of a checkpoint or a policy at most."""


class Untold(Exception):  # noqa: N818  # an answer, not an error
    """What was given does not suffice to tell."""


class Entry(NamedTuple):
    """An entry of the log."""

    position: int
    record: str
    version: int
    event: str
    data: Mapping[str, Any]
    attachments: Sequence[str]
    recorded_by: Mapping[str, Any]


def holds(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the key made the signature (Ed25519, RFC 8032)."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def parse_keys(vkeys: str) -> list[VerifierKey]:
    """The log's keys: one, or after a rotation several. Raises ValueError."""
    keys = [parse_verifier_key(one) for one in vkeys.split()]
    if not keys:
        raise ValueError("a key is needed")
    return keys


def checked_manifest(files: Mapping[str, bytes], keys: Sequence[VerifierKey]) -> None:
    """Raise Broken unless the signed manifest names every file, as it is, and nothing else."""
    try:
        manifest = files[MANIFEST]
        note = parse_note(files[SIGNATURE])
        verified(note, keys, holds)
        listed = {name: one["sha256"] for name, one in json.loads(manifest)["files"].items()}
    except Unverified as fault:
        raise Broken("signature", f"the manifest: {fault}") from None
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as fault:
        raise Broken("manifest", f"no signed manifest: {fault!r}") from None
    if note.text != f"{FORMAT}\n{sha256(manifest).hexdigest()}\n":
        raise Broken("manifest", "the manifest is another than the one that was signed")
    present = {
        name: sha256(content).hexdigest() for name, content in files.items() if name not in {MANIFEST, SIGNATURE}
    }
    for name in sorted(present.keys() | listed.keys()):
        if present.get(name) != listed.get(name):
            raise Broken("manifest", f"{name} is not as the manifest says")


def checked_checkpoint(content: bytes, keys: Sequence[VerifierKey], policy: Policy | None = None) -> Opened:
    """The checkpoint, signed by a key of the log and cosigned as the policy asks. Raises Broken."""
    parties = policy.witnesses.values() if policy else ()
    try:
        opened = open_checkpoint(content, keys, holds, [party.key for party in parties])
    except Malformed as fault:
        raise Broken("checkpoint", f"no checkpoint: {fault}") from None
    except Unverified as fault:
        raise Broken("signature", f"the checkpoint: {fault}") from None
    if policy and policy.logs and not {party.key for party in policy.logs}.intersection(opened.signers):
        raise Broken("policy", "the policy does not name this log")
    if policy and not policy.satisfied({one.key for one in opened.cosigned}):
        seen = ", ".join(one.key.name for one in opened.cosigned)
        raise Broken("unwitnessed", f"cosigned by {seen or 'nobody'}: not the quorum of the policy")
    return opened


def parse_entry(content: bytes) -> Entry:
    """The entry that these bytes are: a header line, and the body it describes. Raises ValueError, KeyError."""
    head, _, body = content.partition(b"\n")
    header, said = json.loads(head), json.loads(body)
    if header["format"] != "taizhang-entry/1" or header["body"] != {
        "length": len(body),
        "sha256": sha256(body).hexdigest(),
    }:
        raise ValueError("the body is not the one that the header describes")
    named: list[str] = [*said.get("evidence", ())]
    if said.get("document", {}).get("sha256"):
        named.append(said["document"]["sha256"])
    place = header["position"], header["record"], header["version"]
    return Entry(*place, header["name"].partition("/")[0], said["data"], named, header["recorded_by"])


def checked_entries(files: Mapping[str, bytes], tree: Checkpoint) -> dict[int, Entry]:
    """The entries by position, each proved to be in the tree. Raises Broken."""
    found: dict[int, Entry] = {}
    for name in sorted({name.rpartition(".")[0] for name in files if name.startswith("entries/")}):
        try:
            content = files[f"{name}.entry"]
            proof = parse_proof(files[f"{name}.tlog-proof"].decode())
            entry = parse_entry(content)
            check_inclusion(leaf_hash(content), proof.leaf_index, tree.size, tree.root_hash, proof.hashes)
        except Unproven as fault:
            raise Broken("proof", f"{name}: {fault}") from None
        except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as fault:
            raise Broken("entry", f"{name} is no entry with its proof: {fault!r}") from None
        if (name, proof.leaf_index) != (f"entries/{entry.position:012d}", entry.position - 1):
            raise Broken("proof", f"{name} is the entry of another position")
        if proof.checkpoint.encode() != files[CHECKPOINT]:
            raise Broken("proof", f"the proof of {name} rests on another checkpoint")
        found[entry.position] = entry
    return found


def by_record(entries: Mapping[int, Entry]) -> dict[str, list[Entry]]:
    """The entries of each record, in the order of the log."""
    found: dict[str, list[Entry]] = {}
    for _, entry in sorted(entries.items()):
        found.setdefault(entry.record, []).append(entry)
    return found


def check_heads(content: Mapping[str, Any], entries: Mapping[int, Entry]) -> None:
    """Raise Broken unless the entries of every record are all that the sealed map of heads knows of it."""
    sealed = entries.get(content["sealed"])
    if sealed is None or (sealed.record, sealed.event) != (LEDGER, "HeadsSealed"):
        raise Broken("heads", "there is no entry that seals the heads of the records")
    size, records, root = (sealed.data[name] for name in ("tree_size", "records", "root_hash"))
    if not content["position"] <= size < sealed.position:
        raise Broken("heads", f"the heads are sealed for {size} entries, and {content['position']} were asked about")
    if any(size < position != sealed.position for position in entries):
        raise Broken("heads", f"there are entries past the {size} that the heads are sealed for")
    found = by_record({position: entry for position, entry in entries.items() if position <= size})
    if LEDGER not in content["heads"]:
        found.pop(LEDGER, None)  # entries of its that are cited stand for themselves
    for record in sorted(found.keys() | content["heads"].keys()):
        told, own = content["heads"].get(record), found.get(record, [])
        if told is None or not own:
            raise Broken("incomplete", f"nothing proves that all entries of {record} are here")
        head = Head(record, len(own), own[-1].position)
        proof = Presence(head, told["leaf_index"], tuple(bytes.fromhex(one) for one in told["path"]))
        places = [(one.version, one.position) for one in own]
        try:
            check_complete(record, places, proof, records=records, root=bytes.fromhex(root))
        except ValueError as fault:
            raise Broken("incomplete", f"an entry of {record} is left out, or its proof is none: {fault}") from None


def said(entries: Sequence[Entry], *events: str) -> Iterator[tuple[Entry, Mapping[str, Any]]]:
    """What entries of these types say, as corrections and retractions leave it."""
    originals: dict[int, int] = {}
    layers: dict[int, dict[int, Mapping[str, Any]]] = {}
    for entry in entries:
        target: int = entry.data.get("version", 0)
        if entry.event == "EventCorrected":
            originals[entry.version] = originals.get(target, target)
            layers.get(originals[entry.version], {})[entry.version] = entry.data["data"]
        elif entry.event == "EventRetracted" and target in originals:
            layers.get(originals[target], {}).pop(target, None)
        elif entry.event == "EventRetracted":
            layers.pop(target, None)
        elif entry.event in events:
            layers[entry.version] = {entry.version: entry.data}
    for version, said_of_it in layers.items():
        yield entries[version - 1], {name: value for data in said_of_it.values() for name, value in data.items()}


def concerned(about: str, entries: Mapping[int, Entry]) -> set[str]:
    """The records that a bundle about this one has to hold whole, as far as its own entries name them."""
    if about.startswith("reports/"):
        return set()
    found, records = {about}, by_record(entries)
    disputed: dict[str, str] = {}
    for _, data in said(records.get(about, ()), "DisputeFiled"):
        disputed[f"assessments/{data['assessment']}"] = data["deduction"]
    for assessment in disputed or ([about] if about.startswith("assessments/") else []):
        found.add(assessment)
        for _, data in said(records.get(assessment, ()), "AssessmentOpened"):
            found |= {f"schemes/{data['scheme']}", f"new-cities/{data['new_city']}"}
        for _, data in said(records.get(assessment, ()), "DeductionImposed"):
            if data["deduction"] == disputed.get(assessment, data["deduction"]):
                found.add(data["about"])
    for one in evidence(about, entries):
        entry = entries.get(one["position"])
        if entry is None:
            raise Broken("incomplete", f"entry {one['position']} is cited and not here")
        found.add(entry.record)
    return found


def evidence(about: str, entries: Mapping[int, Entry]) -> list[dict[str, Any]]:
    """What was cited for and against the deduction disputed, each before or after it was decided, by position."""
    records = by_record(entries)
    for _, filed in said(records.get(about, ()), "DisputeFiled"):
        for imposed, data in said(records.get(f"assessments/{filed['assessment']}", ()), "DeductionImposed"):
            if data["deduction"] == filed["deduction"]:
                cited = [(position, "deduction") for position in data["evidence_positions"]]
                for _, more in said(records[about], "DisputeEvidenceSubmitted"):
                    cited += [(position, more["party"]) for position in more.get("positions") or ()]
                return [
                    {"position": position, "party": party, "known_at_decision": position <= imposed.position}
                    for position, party in dict.fromkeys(cited)
                ]
    return []


def points_of(about: str, entries: Mapping[int, Entry]) -> list[dict[str, Any]]:
    """What the deduction disputed was imposed with and came to, entry by entry."""
    records = by_record(entries)
    for _, filed in said(records.get(about, ()), "DisputeFiled"):
        return [
            {"position": entry.position, "event": entry.event, "points": data.get("points", "0.00")}
            for entry, data in said(
                records.get(f"assessments/{filed['assessment']}", ()),
                "DeductionImposed", "DeductionRevised", "DeductionRevoked",
            )
            if data["deduction"] == filed["deduction"]
        ]  # fmt: skip
    return []


def check_computation(content: Mapping[str, Any], entries: Mapping[int, Entry]) -> None:
    """Raise Broken unless the lines of the computation add up, by the figures of the scheme adopted."""
    told = content.get("computation")
    if told is None:
        return
    for _, scheme in said(by_record(entries).get(f"schemes/{content['scheme']}", ()), "SchemeAdopted"):
        for indicator in scheme["indicators"]:
            if indicator["indicator"] == told["indicator"]:
                cap, uses = Decimal(indicator["points"]), {use["rule"]: use for use in indicator["rules"]}
                break
        else:
            raise Broken("computation", f"the scheme has no indicator {told['indicator']}")
        total = Decimal(0)
        for line in told["lines"]:
            use = uses.get(line["rule"])
            costs = {
                Decimal(0),
                cap if use and use["per_finding"] == "whole" else Decimal(use["per_finding"] if use else 0),
            }
            if Decimal(line["points"]) not in {min(cap, cost) for cost in costs}:
                raise Broken("computation", f"a finding of {line['rule']} does not cost {line['points']}")
            total += Decimal(line["points"])
        if (Decimal(told["cap"]), Decimal(told["total"]), Decimal(told["deducted"])) != (cap, total, min(cap, total)):
            raise Broken("computation", f"the lines come to {total}, of {cap} at most, not to {told['deducted']}")
        return
    raise Broken("computation", "the scheme that judged is not here")


def check_report(files: Mapping[str, bytes], content: Mapping[str, Any], entries: Mapping[int, Entry]) -> None:
    """Raise Broken unless the report is the one that was issued, where one was."""
    report = content.get("report")
    if report is None:
        return
    digest = sha256(files[report["file"]]).hexdigest()
    for position in report["issued"]:
        entry = entries[position]
        if (entry.event, entry.data.get("sha256")) != ("ReportIssued", digest):
            raise Broken("report", f"entry {position} issues another report than {report['file']}")


def check_attachments(files: Mapping[str, bytes], entries: Mapping[int, Entry]) -> None:
    """Raise Broken unless every file that an entry names is here, and is the one that it names."""
    missing = {f"attachments/{one}" for entry in entries.values() for one in entry.attachments} - files.keys()
    if missing:
        raise Broken("attachment", f"{min(missing)} is named and not here")
    for name in files:
        if name.startswith("attachments/") and name != f"attachments/{sha256(files[name]).hexdigest()}":
            raise Broken("attachment", f"{name} is another file than its name says")


def check_since(kept: Checkpoint, tree: Checkpoint, proof: Mapping[str, Any] | None) -> None:
    """Raise Broken unless the log has only grown since the checkpoint kept, Untold where the bundle can't say."""
    path = tuple(bytes.fromhex(one) for one in proof["path"]) if proof and proof["size"] == kept.size else ()
    if kept.size > tree.size or (0 < kept.size < tree.size and not path):
        raise Untold(f"the bundle has no proof from the checkpoint kept: ask for it with since={kept.size}")
    try:
        check_consistency(kept.size, tree.size, kept.root_hash, tree.root_hash, path)
    except Unproven as fault:
        raise Broken("consistency", f"the log was rewritten after the checkpoint kept: {fault}") from None


def opened_names(disclosed: bytes, entries: Mapping[int, Entry]) -> list[dict[str, Any]]:
    """The names that the keys disclosed open, each where it stands. Raises Broken for a key that opens none."""
    names: list[dict[str, Any]] = []
    try:
        for one in json.loads(disclosed)["keys"]:
            entry = entries[one["position"]]
            token: Any = {"data": entry.data, "recorded_by": entry.recorded_by}
            for part in one["field"].split("/")[1:]:
                token = token[int(part) if isinstance(token, list) else part]
            binding = Binding(one["person"], entry.record, entry.version, one["field"])
            name = open_disclosed(bytes.fromhex(one["key"]), binding, token)
            names.append({name: one[name] for name in ("position", "person", "field")} | {"name": name})
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, RecursionError, Unsealable) as fault:
        raise Broken("name", f"a key disclosed opens no name of this bundle: {fault!r}") from None
    return names


def check(
    archive: bytes,
    vkey: str,
    policy: bytes | None = None,
    since: bytes | None = None,
    names: bytes | None = None,
) -> dict[str, Any]:
    """What the bundle shows, everything in it checked.

    Args:
        archive: The bundle.
        vkey: The log's verifier key, from elsewhere than the bundle; after a rotation several, a space between them.
        policy: Which witnesses must have cosigned (C2SP tlog-policy); None asks for none.
        since: A checkpoint of the log that was kept; None asks for none.
        names: Keys that were disclosed apart from the bundle; None opens no name.

    Raises:
        Broken: Something does not hold.
        Untold: The bundle has no proof from the checkpoint kept to its own.
        ValueError: The key, or the policy, is none.
    """
    keys, asked = parse_keys(vkey), None if policy is None else parse_policy(policy)
    files = unpacked(archive)
    checked_manifest(files, keys)
    try:
        content = json.loads(files[CONTENT])
        opened = checked_checkpoint(files[CHECKPOINT], keys, asked)
        tree, about = opened.checkpoint, content["about"]
        if since is not None:
            check_since(checked_checkpoint(since, keys).checkpoint, tree, content["consistency"])
        entries = checked_entries(files, tree)
        check_heads(content, entries)
        check_attachments(files, entries)
        missing = concerned(about, entries) - content["heads"].keys()
        if missing:
            raise Broken("incomplete", f"{min(missing)} is concerned and not here")
        if (evidence(about, entries), points_of(about, entries)) != (content["evidence"], content["points"]):
            raise Broken("evidence", "what was cited, or what was deducted, is not what the entries say")
        check_computation(content, entries)
        check_report(files, content, entries)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as fault:
        raise Broken("content", f"not what a bundle holds: {fault!r}") from fault
    return {
        "about": about,
        "origin": tree.origin,
        "position": content["position"],
        "tree_size": tree.size,
        "root_hash": tree.root_hash.hex(),
        "entries": len(entries),
        "records": sorted(content["heads"]),
        "evidence": content["evidence"],
        "points": content["points"],
        "witnesses": [one.key.name for one in opened.cosigned],
        "names": [] if names is None else opened_names(names, entries),
    }


def main(arguments: Sequence[str]) -> int:
    """Check the bundle that the command line names; returns the exit code."""
    parser = argparse.ArgumentParser(description="Checks a bundle of the ledger offline.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument(
        "--key", required=True, action="append", help="the log's verifier key, from elsewhere; again for a former one"
    )
    parser.add_argument("--policy", type=Path, help="which witnesses must have cosigned (C2SP tlog-policy)")
    parser.add_argument("--since", type=Path, help="a checkpoint that you kept: the log must have grown from it")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--names", type=Path, help="keys of names that were disclosed to you")
    asked = parser.parse_args(arguments)
    code, answer = answered(asked.bundle, " ".join(asked.key), asked.policy, asked.since, asked.names)
    print(json.dumps(answer, ensure_ascii=False) if asked.json else sentence(answer))  # noqa: T201  # its answer
    return code


def answered(
    bundle: Path, key: str, policy: Path | None, since: Path | None, names: Path | None
) -> tuple[int, dict[str, Any]]:
    """The exit code, and what is answered as JSON."""
    try:
        parse_keys(key)
    except ValueError as fault:
        return 2, {"holds": None, "error": "key", "detail": f"--key: {fault}"}
    try:
        archive = _read(bundle, TOTAL_LIMIT)
        shown = check(
            archive,
            key,
            None if policy is None else _read(policy, NOTE_LIMIT),
            None if since is None else _read(since, NOTE_LIMIT),
            None if names is None else _read(names, TOTAL_LIMIT),
        )
    except Broken as fault:
        return 1, {"holds": False, "error": fault.fault, "detail": str(fault)}
    except Untold as fault:
        return 3, {"holds": None, "error": "cannot-tell", "detail": str(fault)}
    except OSError as fault:
        return 3, {"holds": None, "error": "unreadable", "detail": f"{fault.filename}: {fault.strerror}"}
    except ValueError as fault:
        return 2, {"holds": None, "error": "policy", "detail": str(fault)}
    return 0, {"holds": True, **shown}


def sentence(answer: Mapping[str, Any]) -> str:
    """The answer as people read it."""
    if not answer["holds"]:
        return f"{'不成立' if answer['holds'] is False else '无法判断'}（{answer['error']}）：{answer['detail']}"
    before = sum(one["known_at_decision"] for one in answer["evidence"])
    told = [
        f"全部成立：{answer['about']}，截至第{answer['position']}号条目",
        f"台账 {answer['origin']}，共{answer['tree_size']}条，根 {answer['root_hash']}",
        f"{len(answer['records'])}份记录的条目一条不缺，共{answer['entries']}条，逐条证明在账",
    ]
    if answer["evidence"]:
        told.append(f"作出扣分时已在账的证据{before}条，其后入账的{len(answer['evidence']) - before}条")
    told += [f"第{one['position']}号条目 {one['person']}：{one['name']}" for one in answer["names"]]
    told.append(f"见证：{'、'.join(answer['witnesses']) or '未要求'}")
    return "\n".join(told)


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        return file.read(limit + 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
