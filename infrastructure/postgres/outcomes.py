"""What an append or a read of the log can come to, besides its result: the application's own answers."""

from application.committing import Behind, Unsettled
from application.moments import FutureInstant

__all__ = ["Behind", "FutureInstant", "Unsettled"]
