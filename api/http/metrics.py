"""Figures for Prometheus, in a registry of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

import psycopg
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds."""


class Metrics:
    """Counts requests and recordings; asks for the positions when it is asked itself."""

    def __init__(self, health: Callable[[], Mapping[str, object]], streams: Callable[[], int]) -> None:
        """`health` tells the positions of head and views, `streams` how many are open."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "taizhang_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "taizhang_request_seconds", "Time to answer.", ("method", "route"), buckets=BUCKETS, registry=self._registry
        )
        self._recordings = Counter(
            "taizhang_recordings", "What recordings came to.", ("outcome",), registry=self._registry
        )
        self._registry.register(_Positions(health, streams))

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request by the template of its route."""
        known = method if method in METHODS else "other"
        self._requests.labels(known, route, status).inc()
        self._seconds.labels(known, route).observe(seconds)

    def recording(self, outcome: str) -> None:
        """Count a recording: recorded, replayed, or the code that it was refused with."""
        self._recordings.labels(outcome).inc()

    def text(self) -> bytes:
        """All figures in Prometheus' text format. Blocks while the database is asked."""
        return generate_latest(self._registry)


class _Positions(Collector):
    def __init__(self, health: Callable[[], Mapping[str, object]], streams: Callable[[], int]) -> None:
        self._health = health
        self._streams = streams

    @override
    def collect(self) -> Iterable[GaugeMetricFamily]:
        yield GaugeMetricFamily("taizhang_streams", "Streams of the log that are open.", self._streams())
        try:
            health = self._health()
        except psycopg.Error:
            yield GaugeMetricFamily("taizhang_database_up", "Whether the database answers.", 0)
            return
        views = cast("Mapping[str, Any]", health["views"])
        yield GaugeMetricFamily("taizhang_database_up", "Whether the database answers.", 1)
        yield GaugeMetricFamily("taizhang_head_position", "The log's last position.", cast("int", health["head"]))
        yield GaugeMetricFamily("taizhang_views_position", "The last position in the views.", views["position"])
        tree = cast("Mapping[str, Any]", health["tree"])
        yield GaugeMetricFamily("taizhang_tree_size", "Entries that the last checkpoint covers.", tree["size"])
        yield GaugeMetricFamily("taizhang_tree_failed", "Whether sealing stopped.", tree["failure"] is not None)
        if tree["witnessed"] is not None:
            yield GaugeMetricFamily(
                "taizhang_tree_witnessed", "Whether witnesses enough signed the last checkpoint.", tree["witnessed"]
            )
        yield GaugeMetricFamily("taizhang_views_failed", "Whether the views stopped.", views["failure"] is not None)
