"""OpenSearch domains: what they publish of themselves.

The one rule it keeps: a domain of this world holds no documents, and says so.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from migrate.demo.strict import override, strict


@strict(
    "opensearch.publishes-documents",
    makes="a domain publishes how many documents it holds: none, once, when it is made",
    source="OpenSearch Service developer guide, Monitoring cluster metrics, SearchableDocuments, unverified",
)
def documents() -> None:
    """The emulator's domains publish nothing. AWS publishes every minute."""
    from moto.cloudwatch.models import cloudwatch_backends
    from moto.core.utils import utcnow
    from moto.opensearch.models import OpenSearchServiceBackend

    @override(OpenSearchServiceBackend, "create_domain")
    def create_domain(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        domain = old(self, *words, **named)
        known = {"DomainName": domain.domain_name, "ClientId": self.account_id}
        point = {
            # A minute ago: the emulator shows nothing of the second that a question ends in.
            "MetricName": "SearchableDocuments", "Value": 0, "Timestamp": utcnow() - timedelta(minutes=1),
            "Dimensions": [{"Name": name, "Value": value} for name, value in known.items()],
        }  # fmt: skip
        cloudwatch_backends[self.account_id][self.region_name].put_metric_data("AWS/ES", [point])
        return domain
