"""Policies: whose signatures make a checkpoint trusted (https://c2sp.org/tlog-policy)."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from domain.tlog.lines import Malformed
from domain.tlog.note import COSIGNATURE, ED25519, VerifierKey, parse_verifier_key

NO_QUORUM = "none"
LINE_LIMIT = 1_000
"""Lines of a policy at most; the specification asks for 32 logs, 32 witnesses and 32 groups."""

_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_NUMBER = re.compile(r"[1-9]\d{0,3}", re.ASCII)


class Party(NamedTuple):
    """A log or a witness of a policy."""

    key: VerifierKey
    url: str | None = None

    def __str__(self) -> str:
        """The words of its line."""
        return str(self.key) if self.url is None else f"{self.key} {self.url}"


class Group(NamedTuple):
    """Members of which so many have to witness."""

    threshold: int
    members: tuple[str, ...]


class Policy(NamedTuple):
    """Whom to believe."""

    logs: tuple[Party, ...]
    witnesses: dict[str, Party]
    """By the name that the policy gives them."""
    groups: dict[str, Group]
    quorum: str
    """A witness, a group, or `none`."""

    def __str__(self) -> str:
        """The policy as it is written; `parse_policy` reads the same one."""
        lines = [f"log {party}" for party in self.logs]
        lines += [f"witness {name} {party}" for name, party in self.witnesses.items()]
        lines += [f"group {name} {one.threshold} {' '.join(one.members)}" for name, one in self.groups.items()]
        return "\n".join([*lines, f"quorum {self.quorum}", ""])

    def satisfied(self, cosigners: AbstractSet[VerifierKey]) -> bool:
        """Whether a checkpoint that these witnesses cosigned is witnessed enough."""
        return self.quorum == NO_QUORUM or self._witnessed(self.quorum, cosigners)

    def _witnessed(self, name: str, cosigners: AbstractSet[VerifierKey]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return self.witnesses[name].key in cosigners
        return sum(self._witnessed(member, cosigners) for member in group.members) >= group.threshold


NOBODY = Policy((), {}, {}, NO_QUORUM)
"""Asks for no witnesses."""


def parse_policy(content: bytes) -> Policy:
    """The policy that is written so. Raises Malformed, naming the line."""
    if content.count(b"\n") > LINE_LIMIT or _CONTROL.search(content) or (content and not content.endswith(b"\n")):
        raise Malformed(f"a policy has {LINE_LIMIT} lines at most, each ended, and no control characters but tabs")
    draft = _Draft([], {}, {}, set(), [])
    # Octets above ASCII are opaque: as Latin-1, each stays itself. Keys alone are UTF-8.
    for number, line in enumerate(content.decode("latin-1").split("\n"), 1):
        try:
            draft.read([word for word in re.split(r"[ \t]+", line) if word])
        except Malformed as fault:
            raise Malformed(f"line {number}: {fault}") from None
    if len(draft.quorum) != 1:
        raise Malformed("a policy has exactly one quorum line")
    return Policy(tuple(draft.logs), draft.witnesses, draft.groups, draft.quorum[0])


class _Draft(NamedTuple):
    logs: list[Party]
    witnesses: dict[str, Party]
    groups: dict[str, Group]
    members: set[str]
    """Every name that is a member already."""
    quorum: list[str]

    def read(self, words: list[str]) -> None:
        match words:
            case []:
                return
            case [first, *_] if first.startswith("#"):
                return
            case ["log", vkey, *url] if len(url) <= 1:
                self.logs.append(self._party(vkey, url, ED25519, self.logs))
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._name(name)
                self.witnesses[name] = self._party(vkey, url, COSIGNATURE, list(self.witnesses.values()))
            case ["group", name, threshold, *members] if members:
                self._name(name)
                self.groups[name] = self._group(threshold, members)
            case ["quorum", name]:
                if name != NO_QUORUM:
                    self._known(name)
                self.quorum.append(name)
            case _:
                raise Malformed("not a line of a policy")

    def _party(self, vkey: str, url: list[str], kind: int, others: list[Party]) -> Party:
        try:
            key = parse_verifier_key(vkey.encode("latin-1").decode())
        except UnicodeDecodeError:
            raise Malformed("a key's name is UTF-8") from None
        if key.kind != kind:
            raise Malformed(f"a key of type {kind} belongs here, not of type {key.kind}")
        if any(other.key.public_key == key.public_key for other in others):
            raise Malformed("the same key twice")
        return Party(key, url[0].encode("latin-1").decode(errors="replace") if url else None)

    def _name(self, name: str) -> None:
        if name == NO_QUORUM or name in self.witnesses or name in self.groups:
            raise Malformed(f"the name {name} is taken")

    def _known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise Malformed(f"{name} is not defined before")

    def _group(self, threshold: str, members: list[str]) -> Group:
        for member in members:
            self._known(member)
            if member in self.members:
                raise Malformed(f"{member} is a member already")
            self.members.add(member)
        counted = {"all": len(members), "any": 1}.get(threshold)
        if counted is None:
            counted = int(threshold) if _NUMBER.fullmatch(threshold) else 0
        if not 1 <= counted <= len(members):
            raise Malformed(f"a threshold is all, any, or 1 to {len(members)}")
        return Group(counted, tuple(members))
