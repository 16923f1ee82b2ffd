"""Rules over exports of cost and usage, a service that the emulator lacks whole.

The one rule it keeps: an export is made only into a bucket of the same account whose policy lets the service write.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from migrate.demo import clock
from migrate.demo.strict import strict
from migrate.demo.strict._refusal import Refusal

SERVICE = "bcm-data-exports"
WRITER = "bcm-data-exports.amazonaws.com"
_MODULE = "bcmdataexports"
_HOST = r"https?://bcm-data-exports\.(.+)\.(amazonaws\.com|api\.aws)"
_QUERY = re.compile(r"SELECT [a-z_]+(, [a-z_]+)* FROM [A-Z_0-9]+", re.ASCII)


@strict(
    "bcm-data-exports.exports",
    makes="exports of cost and usage are made, shown, listed and deleted, where the bucket is the account's and its "
    "policy lets the service write; one whose bucket lets it write no more is unhealthy. Simulated: the errors' words; "
    "no file is ever delivered",
    source="bcm-data-exports.CreateExport, GetExport ExportStatus, botocore 1.44.5; AWS Data Exports User Guide, "
    "Setting up an Amazon S3 bucket for data exports, Data query",
)
def exports() -> None:
    """The emulator has no such service: it is given one, found by its host as its own are."""
    import moto.backend_index as index
    from moto.core.base_backend import BackendDict, BaseBackend
    from moto.core.responses import ActionResult, BaseResponse

    if f"moto.{_MODULE}" in sys.modules:
        return

    class DataExportsBackend(BaseBackend):
        """The exports of one account."""

        def __init__(self, region_name: str, account_id: str) -> None:
            super().__init__(region_name, account_id)
            self.exports: dict[str, dict[str, Any]] = {}

        def one(self, arn: str) -> dict[str, Any]:
            """An export by its ARN."""
            if arn not in self.exports:
                raise Refusal("ResourceNotFoundException", f"{arn} does not exist")
            return self.exports[arn]

    class DataExportsResponse(BaseResponse):
        """Its operations."""

        def __init__(self) -> None:
            super().__init__(service_name=SERVICE)

        @property
        def backend(self) -> Any:
            return backends[self.current_account][REGION]

        def create_export(self) -> Any:
            export = self._get_param("Export")
            where = export["DestinationConfigurations"]["S3Destination"]
            if any(one["Export"]["Name"] == export["Name"] for one in self.backend.exports.values()):
                raise Refusal("ValidationException", f"an export called {export['Name']} exists")
            if not _QUERY.fullmatch(export["DataQuery"]["QueryStatement"]):
                raise Refusal("ValidationException", "the query is not SELECT columns FROM a table")
            if not may_write(self.current_account, where["S3Bucket"]):
                raise Refusal("ValidationException", f"{WRITER} may not write into {where['S3Bucket']}")
            arn = f"arn:aws:{SERVICE}:{REGION}:{self.current_account}:export/{export['Name']}-{uuid.uuid4()}"
            kept = {"Export": export | {"ExportArn": arn}, "at": clock.now_s(), "tags": self._get_param("ResourceTags")}
            self.backend.exports[arn] = kept
            return ActionResult({"ExportArn": arn})

        def get_export(self) -> Any:
            one = self.backend.one(self._get_param("ExportArn"))
            return ActionResult({"Export": one["Export"], "ExportStatus": _status(self.current_account, one)})

        def list_exports(self) -> Any:
            listed = [
                {"ExportArn": arn, "ExportName": one["Export"]["Name"],
                 "ExportStatus": _status(self.current_account, one)}
                for arn, one in sorted(self.backend.exports.items())
            ]  # fmt: skip
            return ActionResult({"Exports": listed})

        def list_tags_for_resource(self) -> Any:
            return ActionResult({"ResourceTags": self.backend.one(self._get_param("ResourceArn"))["tags"] or []})

        def delete_export(self) -> Any:
            arn = self._get_param("ExportArn")
            self.backend.one(arn)
            del self.backend.exports[arn]
            return ActionResult({"ExportArn": arn})

    # The emulator finds a service's addresses beside its backend, by the name of the module.
    DataExportsBackend.__module__ = f"moto.{_MODULE}.models"
    root, models, urls = (ModuleType(f"moto.{_MODULE}{part}") for part in ("", ".models", ".urls"))
    urls.__dict__.update(url_bases=[_HOST], url_paths={"{0}/$": DataExportsResponse.dispatch})
    sys.modules |= {module.__name__: module for module in (root, models, urls)}
    backends = BackendDict(DataExportsBackend, SERVICE, use_boto3_regions=False, additional_regions=[REGION])
    for module in (root, models):
        module.__dict__[f"{_MODULE}_backends"] = backends
    index.backend_url_patterns.append((_MODULE, re.compile(_HOST)))


REGION = "us-east-1"


def may_write(account: str, bucket: str) -> bool:
    """Whether the bucket is the account's and its policy lets the service write for that account."""
    from moto.s3.models import s3_backends

    found = s3_backends[account]["aws"].buckets.get(bucket)
    if found is None or not found.policy:
        return False
    for one in json.loads(found.policy)["Statement"]:
        actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
        said = one.get("Condition", {}).get("StringLike", {}).get("aws:SourceAccount", account)
        if one["Effect"] == "Allow" and one["Principal"] == {"Service": WRITER} and "s3:PutObject" in actions:
            return bool(said == account)
    return False


def _status(account: str, one: dict[str, Any]) -> dict[str, Any]:
    at = datetime.fromtimestamp(one["at"], UTC)
    bucket = one["Export"]["DestinationConfigurations"]["S3Destination"]["S3Bucket"]
    is_fine = may_write(account, bucket)
    status = {"StatusCode": "HEALTHY" if is_fine else "UNHEALTHY", "CreatedAt": at, "LastUpdatedAt": at}
    return status | ({} if is_fine else {"StatusReason": "INSUFFICIENT_PERMISSION"})
