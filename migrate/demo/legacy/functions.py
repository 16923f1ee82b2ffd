"""The functions of one environment: five small programs, one layer, one queue and one topic that call them.

Rule: packages are real archives built from the sources below with fixed times, so their digests never change.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from typing import Any

from migrate.demo.legacy.data import Database
from migrate.demo.legacy.network import Network
from migrate.demo.legacy.site import Env, Site, named

PYTHON = '''"""{purpose}"""
import json
import os


def handler(event, context):
    return {{"purpose": "{name}", "records": len(event.get("Records", [])), "seen": sorted(os.environ)}}
'''
NODE = "exports.handler = async (event) => ({ purpose: '%s', records: (event.Records || []).length });\n"


@dataclass(frozen=True)
class Function:
    """One function as its owner describes it."""

    name: str
    purpose: str
    runtime: str = "python3.12"
    memory_mib: int = 128
    timeout_s: int = 30
    tagged: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


FUNCTIONS = (
    Function(
        "thumbnailer",
        "Shrinks pictures",
        memory_mib=512,
        tagged=True,
        extra={"EphemeralStorage": {"Size": 1024}},
    ),
    Function("order-events", "Reacts to orders", tagged=True, extra={"Architectures": ["arm64"]}),
    Function("nightly-report", "Writes the report of the day", memory_mib=256, timeout_s=300),
    Function("ml-features", "Computes features", memory_mib=1024, timeout_s=120),
    Function("notify", "Tells people", runtime="nodejs20.x", extra={"TracingConfig": {"Mode": "Active"}}),
)


def build(site: Site, env: Env, network: Network, db: Database) -> None:
    """Create the functions with what triggers them."""
    client = site.client("lambda")
    prefix = f"shop-{env}"
    layer = client.publish_layer_version(
        LayerName=f"{prefix}-features",
        Description="numbers",
        Content={"ZipFile": archive({"python/features.py": f"SCALE = {7 if env == 'prod' else 3}\n"})},
        CompatibleRuntimes=["python3.12"],
        LicenseInfo="Apache-2.0",
    )["LayerVersionArn"]
    environments = {
        # The only exact trace from this function to its bucket.
        "thumbnailer": {"BUCKET": f"shop-uploads-{env}", "WIDTHS": "120,480"},
        "order-events": {"QUEUE_URL": site.queue_url(f"{prefix}-orders"), "ENV": env},
        "nightly-report": {"DB_HOST": db.host, "DB_SECRET": f"shop/{env}/db", "ASSETS": "shop-assets-shared"},
        "ml-features": {"DB_HOST": db.host, "TRAINING_BUCKET": "shop-training-data", "STAGE": env},
        "notify": {"TOPIC_ARN": site.arn("sns", f"{prefix}-orders")},
    }
    for function in FUNCTIONS:
        name = f"{prefix}-{function.name}"
        more = dict(function.extra)
        if function.name == "ml-features":
            more["Layers"] = [layer]
            more["VpcConfig"] = {
                "SubnetIds": list(network.private),
                "SecurityGroupIds": [network.groups["lambda"]],
            }
        client.create_function(
            FunctionName=name,
            Runtime=function.runtime,
            Handler="index.handler" if function.runtime.startswith("nodejs") else "app.handler",
            Role=site.role(f"{prefix}-lambda"),
            Code={"ZipFile": code(function, env)},
            Description=function.purpose,
            MemorySize=function.memory_mib,
            Timeout=function.timeout_s,
            Environment={"Variables": environments[function.name]},
            Tags=named(name, env) if function.tagged else {},
            **more,
        )
    client.put_function_concurrency(FunctionName=f"{prefix}-nightly-report", ReservedConcurrentExecutions=1)
    client.create_event_source_mapping(
        FunctionName=f"{prefix}-order-events",
        EventSourceArn=site.arn("sqs", f"{prefix}-orders"),
        BatchSize=5,
        MaximumBatchingWindowInSeconds=2,
        Enabled=True,
    )
    topic = site.arn("sns", f"{prefix}-orders")
    client.add_permission(
        FunctionName=f"{prefix}-notify",
        StatementId="topic",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )
    site.client("sns").subscribe(
        TopicArn=topic, Protocol="lambda", Endpoint=site.arn("lambda", f"function:{prefix}-notify")
    )


def code(function: Function, env: Env) -> bytes:
    """Build a function's package; dev is a version ahead of prod, as in life."""
    release = {"release.txt": f"{function.name} {'1.5.0' if env == 'prod' else '1.6.0-beta'}\n"}
    if function.runtime.startswith("nodejs"):
        return archive({"index.js": NODE % function.name, **release})
    return archive({"app.py": PYTHON.format(name=function.name, purpose=function.purpose), **release})


def archive(files: dict[str, str]) -> bytes:
    """Build a zip whose bytes depend on the files alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, text in sorted(files.items()):
            entry = zipfile.ZipInfo(name, date_time=(2024, 11, 5, 9, 0, 0))
            entry.external_attr = 0o644 << 16
            # Stored, not deflated: the bytes must not depend on the version of zlib.
            entry.compress_type = zipfile.ZIP_STORED
            target.writestr(entry, text)
    return buffer.getvalue()
