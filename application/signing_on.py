"""Signing on elsewhere: what is asked of an identity provider, and what its answer can come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol


class Begun(NamedTuple):
    """A login that was sent to the provider; all but the address stays with the browser that began it."""

    address: str
    """Where the browser goes."""
    state: str
    nonce: str
    verifier: str


class NotSignedOn(Exception):  # noqa: N818  # an answer, not an error
    """The provider says no, or what came back is not the answer to what was asked."""


class SignOn(Protocol):
    """Lets a provider's subjects log in. Raises ConnectionError where the provider doesn't answer as one."""

    def begin(self, callback: str) -> Begun:
        """A login that comes back to an address of ours."""
        ...

    def finish(self, callback: str, answered: Mapping[str, str], begun: Begun) -> str | None:
        """The account of the subject who logged in; None where it is linked to none. Raises NotSignedOn.

        `answered` is the query of the address that the browser came back to.
        """
        ...
