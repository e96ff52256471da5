"""Metrics of the nameserver's processes, as each of them last reported over its link."""

from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gslb.nameserver.client import Link
from gslb.nameserver.protocol import buckets


class NameserverCollector(Collector):
    """Reads the links whenever metrics are asked for.

    Args:
        links: by the worker's name.
    """

    def __init__(self, links: Mapping[str, Link]) -> None:
        self._links = links

    def collect(self) -> Iterable[Metric]:
        """What each worker is, and what it has done since it started."""
        connected = GaugeMetricFamily(
            "gslb_nameserver_connected", "1 when the worker can be reached", labels=["worker"]
        )
        generation = GaugeMetricFamily(
            "gslb_nameserver_generation", "Newest generation that the worker confirmed", labels=["worker"]
        )
        for worker, link in self._links.items():
            connected.add_metric([worker], float(link.connected))
            generation.add_metric([worker], float(link.acked or 0))
        return connected, generation, *self._reported(), self._served(), self._latency(), *self._tcp()

    def _latency(self) -> Metric:
        latency = HistogramMetricFamily(
            "gslb_nameserver_latency_seconds",
            "From when a query was read from its UDP socket until it was answered",
            labels=["worker"],
        )
        for worker, link in self._links.items():
            if link.stats is not None and link.stats.latency.counts:
                latency.add_metric([worker], list(buckets(link.stats.latency)), link.stats.latency.seconds)
        return latency

    def _served(self) -> Metric:
        answers = CounterMetricFamily(
            "gslb_nameserver_service_answers",
            "Answers of services by the region they lead to; without a region: no address was answered",
            labels=["worker", "service", "region"],
        )
        for worker, link in self._links.items():
            for service, counts in link.served.items():
                for region, count in counts.items():
                    answers.add_metric([worker, service, region], count)
        return answers

    def _tcp(self) -> tuple[Metric, ...]:
        connections = GaugeMetricFamily("gslb_nameserver_tcp_connections", "Open TCP connections", labels=["worker"])
        accepted = CounterMetricFamily("gslb_nameserver_tcp_accepted", "TCP connections accepted", labels=["worker"])
        closed = CounterMetricFamily(
            "gslb_nameserver_tcp_closed",
            "TCP connections closed to make room or for idling",
            labels=["worker", "reason"],
        )
        refused = CounterMetricFamily(
            "gslb_nameserver_tcp_refused", "TCP connections that could not be accepted at once", labels=["worker"]
        )
        for worker, link in self._links.items():
            if link.stats is None:
                continue
            stats = link.stats.tcp
            connections.add_metric([worker], stats.open)
            accepted.add_metric([worker], stats.accepted)
            closed.add_metric([worker, "room"], stats.closed_for_room)
            closed.add_metric([worker, "idle"], stats.closed_for_idling)
            refused.add_metric([worker], stats.refused)
        return connections, accepted, closed, refused

    def _reported(self) -> tuple[Metric, ...]:
        queries = CounterMetricFamily("gslb_nameserver_queries", "Queries by transport", labels=["worker", "transport"])
        responses = CounterMetricFamily("gslb_nameserver_responses", "Responses by rcode", labels=["worker", "rcode"])
        dropped = CounterMetricFamily("gslb_nameserver_dropped", "Packets not worth an answer", labels=["worker"])
        limited = CounterMetricFamily(
            "gslb_nameserver_limited", "Responses held back or shortened by the rate limit", labels=["worker"]
        )
        unlogged = CounterMetricFamily(
            "gslb_nameserver_unlogged", "Queries that the query log could not keep up with", labels=["worker"]
        )
        unsaved = GaugeMetricFamily(
            "gslb_nameserver_snapshot_unsaved", "1 when the newest snapshot is not on disk", labels=["worker"]
        )
        transfers = CounterMetricFamily(
            "gslb_nameserver_transfers", "Zone transfers by how they ended", labels=["worker", "outcome"]
        )
        overflowed = CounterMetricFamily(
            "gslb_nameserver_overflowed",
            "Packets that came while the buffer of their socket was full",
            labels=["worker"],
        )
        for worker, link in self._links.items():
            if (stats := link.stats) is None:
                continue
            overflowed.add_metric([worker], stats.overflowed)
            for transport, count in stats.queries.items():
                queries.add_metric([worker, transport], count)
            for rcode, count in stats.responses.items():
                responses.add_metric([worker, rcode], count)
            for outcome, count in stats.transfers.items():
                transfers.add_metric([worker, outcome], count)
            dropped.add_metric([worker], stats.dropped)
            limited.add_metric([worker], stats.limited)
            unlogged.add_metric([worker], stats.unlogged)
            unsaved.add_metric([worker], float(stats.save_failed))
        return queries, responses, dropped, limited, unlogged, unsaved, transfers, overflowed
