"""Reads one account whole with plain boto3 and psycopg: rows, objects, images, code, documents.

Rule: it shares no code with the product, so it cannot share a mistake with it. What it cannot read it says in place
of the content; the checks then report it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import psycopg
from psycopg import sql

from .documents import read_documents

LEGACY = "111111111111"
ROLE = "OrganizationAccountAccessRole"
ENVS = ("dev", "prod")
Side = dict[str, Any]
CONTENT_HEADERS = (
    "ContentType",
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "WebsiteRedirectLocation",
)
# Text forms that do not depend on who asks; the default of extra_float_digits is exact since PostgreSQL 12.
SESSION_OPTIONS = "-c TimeZone=UTC -c DateStyle=ISO,YMD -c IntervalStyle=iso_8601 -c bytea_output=hex"


def read_legacy(env: str) -> Side:
    """Read the legacy account without what carries the other environment's name."""
    (other,) = (one for one in ENVS if one != env)
    return _read(boto3.Session(), LEGACY, without=re.compile(rf"(?<![a-z]){other}(?![a-z])"))


def read_target(env: str, account: str) -> Side:
    """Read a target account whole, through the role that every member account has."""
    del env  # A target holds one environment: nothing in it may be left out.
    return _read(session_in(account), account, without=None)


def session_in(account: str) -> boto3.Session:
    """Open a session in a target account."""
    given = boto3.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/{ROLE}", RoleSessionName="acceptance"
    )["Credentials"]
    return boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def _read(session: boto3.Session, account: str, *, without: re.Pattern[str] | None) -> Side:
    found = session.client("sts").get_caller_identity()["Account"]
    if found != account:
        raise AssertionError(f"the credentials are of {found}, not of {account}")

    def wanted(name: str) -> bool:
        return without is None or not without.search(name)

    queues = session.client("sqs")
    urls = {url.rpartition("/")[2]: url for page in _pages(queues, "list_queues") for url in page.get("QueueUrls", [])}
    return {
        "account": account,
        "databases": {name: value for name, value in _databases(session).items() if wanted(name)},
        "buckets": {
            bucket["Name"]: _bucket(session.client("s3"), bucket["Name"])
            for bucket in session.client("s3").list_buckets()["Buckets"]
            if wanted(bucket["Name"])
        },
        "images": _images(session.client("ecr")),
        "functions": {
            item["FunctionName"]: _function(session.client("lambda"), item["FunctionName"])
            for page in _pages(session.client("lambda"), "list_functions")
            for item in page["Functions"]
            if wanted(item["FunctionName"])
        },
        "layers": {name: value for name, value in _layers(session.client("lambda")).items() if wanted(name)},
        "queues": {
            name: queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            for name, url in urls.items()
            if wanted(name)
        },
        "documents": {path: text for path, text in read_documents(session).items() if wanted(path)},
    }


def _pages(client: Any, operation: str, **given: Any) -> Any:
    return client.get_paginator(operation).paginate(**given)


# -- rows ------------------------------------------------------------------------------------------------------


def _databases(session: boto3.Session) -> dict[str, Any]:
    """Read each database with the login that the account's own secret gives for its address."""
    secrets = session.client("secretsmanager")
    logins: dict[str, dict[str, Any]] = {}
    for page in _pages(secrets, "list_secrets"):
        for item in page["SecretList"]:
            text = secrets.get_secret_value(SecretId=item["ARN"]).get("SecretString", "")
            if text.startswith("{") and "host" in (value := json.loads(text)):
                logins[value["host"]] = value
    tunnels = json.loads(Path(os.environ["MIGRATE_TUNNELS"]).read_text())
    databases: dict[str, Any] = {}
    for page in _pages(session.client("rds"), "describe_db_instances"):
        for instance in page["DBInstances"]:
            name, endpoint = instance["DBInstanceIdentifier"], instance["Endpoint"]
            login = logins.get(endpoint["Address"])
            address = tunnels.get(f"{endpoint['Address']}:{endpoint['Port']}")
            if login is None:
                databases[name] = {"unreadable": f"no secret names the host {endpoint['Address']}"}
            elif address is None:
                databases[name] = {"unreadable": f"nothing listens for {endpoint['Address']}"}
            else:
                databases[name] = _database(address, login)
    return databases


def _database(address: str, login: dict[str, Any]) -> dict[str, Any]:
    host, _, port = address.rpartition(":")
    try:
        link = psycopg.connect(
            host=host,
            port=int(port),
            user=login["username"],
            password=login["password"],
            dbname=login["dbname"],
            options=SESSION_OPTIONS,
            connect_timeout=10,
        )
    except psycopg.OperationalError as refused:
        return {"unreadable": str(refused)}
    with link:
        own = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname NOT LIKE 'pg_temp%'"
        tables = link.execute(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            f"WHERE c.relkind IN ('r', 'p') AND {own} ORDER BY 1, 2"
        ).fetchall()
        return {
            "tables": {f"{schema}.{table}": _table(link, schema, table) for schema, table in tables},
            "definitions": dict(sorted(link.execute(_DEFINITIONS.format(own=own)).fetchall())),
            "sequences": {
                f"{schema}.{name}": _sequence(link, schema, name)
                for schema, name in link.execute("SELECT schemaname, sequencename FROM pg_sequences").fetchall()
            },
        }


_DEFINITIONS = """
SELECT 'constraint ' || n.nspname || '.' || coalesce(r.relname, '') || '.' || c.conname, pg_get_constraintdef(c.oid)
    FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace LEFT JOIN pg_class r ON r.oid = c.conrelid
    WHERE {own}
UNION ALL SELECT 'index ' || n.nspname || '.' || c.relname, pg_get_indexdef(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'i' AND {own}
UNION ALL SELECT 'view ' || n.nspname || '.' || c.relname, pg_get_viewdef(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND {own}
UNION ALL SELECT 'type ' || n.nspname || '.' || t.typname, string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder)
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_enum e ON e.enumtypid = t.oid
    WHERE {own} GROUP BY n.nspname, t.typname
"""
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
       a.attidentity::text
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


def _table(link: psycopg.Connection[Any], schema: str, table: str) -> dict[str, Any]:
    name = sql.Identifier(schema, table)
    columns = link.execute(_COLUMNS, (name.as_string(link),)).fetchall()
    # A record as text tells NULL from an empty string and keeps every digit.
    rows = link.execute(sql.SQL("SELECT t::text FROM {} t").format(name)).fetchall()
    return {"columns": [list(column) for column in columns], "rows": sorted(row[0] for row in rows)}


def _sequence(link: psycopg.Connection[Any], schema: str, name: str) -> dict[str, Any]:
    last, called = link.execute(  # type: ignore[misc]
        sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(schema, name))
    ).fetchone()
    (step,) = link.execute(  # type: ignore[misc]
        "SELECT increment_by FROM pg_sequences WHERE schemaname = %s AND sequencename = %s", (schema, name)
    ).fetchone()
    owner = link.execute(
        "SELECT n.nspname, c.relname, a.attname FROM pg_depend d JOIN pg_class c ON c.oid = d.refobjid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid "
        "WHERE d.objid = %s::regclass AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')",
        (sql.Identifier(schema, name).as_string(link),),
    ).fetchone()
    highest = None
    if owner:
        query = sql.SQL("SELECT max({}) FROM {}").format(sql.Identifier(owner[2]), sql.Identifier(*owner[:2]))
        (highest,) = link.execute(query).fetchone()  # type: ignore[misc]
    return {"last_value": last, "is_called": called, "increment": step, "highest_in_table": highest}


# -- objects ---------------------------------------------------------------------------------------------------


def _bucket(s3: Any, bucket: str) -> dict[str, Any]:
    """Every version of every key, newest first as S3 lists them, with what a reader of the object would get.

    S3 counts whole seconds and boto3 lists delete markers apart from versions, so a marker's place among the versions
    is kept as a range: [versions that are surely newer, versions that may be newer].
    """
    versions: dict[str, list[dict[str, Any]]] = {}
    markers: dict[str, list[dict[str, Any]]] = {}
    for page in _pages(s3, "list_object_versions", Bucket=bucket):
        for field, kept in (("Versions", versions), ("DeleteMarkers", markers)):
            for item in page.get(field, []):
                kept.setdefault(item["Key"], []).append(item)
    return {
        "versioning": s3.get_bucket_versioning(Bucket=bucket).get("Status", "Off"),
        "history": {
            key: {
                "versions": [_object(s3, bucket, key, item["VersionId"]) for item in versions.get(key, [])],
                "markers": [_place(marker, versions.get(key, [])) for marker in markers.get(key, [])],
            }
            for key in sorted(versions.keys() | markers.keys())
        },
    }


def _place(marker: dict[str, Any], versions: list[dict[str, Any]]) -> list[int]:
    if marker["IsLatest"]:
        return [0, 0]
    surely = sum(item["IsLatest"] or item["LastModified"] > marker["LastModified"] for item in versions)
    return [surely, max(surely, sum(item["LastModified"] >= marker["LastModified"] for item in versions))]


def _object(s3: Any, bucket: str, key: str, version: str) -> dict[str, Any]:
    one = {"Bucket": bucket, "Key": key} | ({} if version == "null" else {"VersionId": version})
    answer = s3.get_object(**one)
    body = answer["Body"].read()
    tags = s3.get_object_tagging(**one)["TagSet"]
    return {
        "sha256": hashlib.sha256(body).hexdigest(),
        "size": len(body),
        "metadata": dict(sorted(answer["Metadata"].items())),
        "headers": {name: answer[name] for name in CONTENT_HEADERS if name in answer},
        "tags": {tag["Key"]: tag["Value"] for tag in sorted(tags, key=lambda tag: str(tag["Key"]))},
    }


# -- images and code -------------------------------------------------------------------------------------------


def _images(ecr: Any) -> dict[str, Any]:
    repositories: dict[str, Any] = {}
    for page in _pages(ecr, "describe_repositories"):
        for repository in page["repositories"]:
            name = repository["repositoryName"]
            images = repositories[name] = {}
            for details in _pages(ecr, "describe_images", repositoryName=name):
                for image in details["imageDetails"]:
                    images[image["imageDigest"]] = _image(ecr, name, image)
    return repositories


def _image(ecr: Any, repository: str, image: dict[str, Any]) -> dict[str, Any]:
    (answer,) = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": image["imageDigest"]}])[
        "images"
    ]
    manifest = json.loads(answer["imageManifest"])
    layers = {}
    for part in [manifest["config"], *manifest["layers"]]:
        url = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=part["digest"])["downloadUrl"]
        layers[part["digest"]] = "sha256:" + hashlib.sha256(_download(url)).hexdigest()
    return {
        "tags": sorted(image.get("imageTags", [])),
        "manifest": "sha256:" + hashlib.sha256(answer["imageManifest"].encode()).hexdigest(),
        "layers": layers,
    }


def _function(client: Any, name: str) -> dict[str, Any]:
    answer = client.get_function(FunctionName=name)
    return {"sha256": hashlib.sha256(_download(answer["Code"]["Location"])).hexdigest()}


def _layers(client: Any) -> dict[str, Any]:
    layers: dict[str, Any] = {}
    for page in _pages(client, "list_layers"):
        for layer in page["Layers"]:
            name, version = layer["LayerName"], layer["LatestMatchingVersion"]["Version"]
            content = client.get_layer_version(LayerName=name, VersionNumber=version)["Content"]
            layers[name] = {"sha256": hashlib.sha256(_download(content["Location"])).hexdigest()}
    return layers


def _download(url: str) -> bytes:
    if not url.startswith(os.environ["AWS_ENDPOINT_URL"]):
        raise AssertionError(f"a download outside the embedded world: {url}")
    with urllib.request.urlopen(url, timeout=30) as answer:
        content: bytes = answer.read()
    return content
