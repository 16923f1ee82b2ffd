"""The database, the secrets and the parameters of one environment.

Rule: the database's address appears where real companies put it: in a secret, in a parameter, in environments.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from migrate.demo.legacy.network import Network
from migrate.demo.legacy.site import DOMAIN, Env, Site, named, pairs

DB_USER = "shop"
DB_NAME = "shop"
STRIPE = {"dev": "sk_test_51EmbeddedDemoKeyDev0000", "prod": "sk_live_51EmbeddedDemoKeyProd111"}


def db_password(env: Env) -> str:
    """The master password; it is in the environment's secret as well."""
    return f"Embedded-{env}-pa55-7Qx"


@dataclass(frozen=True)
class Database:
    """Where an environment's database listens."""

    identifier: str
    host: str
    port: int


def database(site: Site, env: Env, network: Network, key_arn: str) -> Database:
    """Create the PostgreSQL instance with its subnet and parameter group."""
    rds = site.client("rds")
    name = f"shop-{env}"
    rds.create_db_subnet_group(
        DBSubnetGroupName=f"{name}-db",
        DBSubnetGroupDescription=f"private subnets of {name}",
        SubnetIds=list(network.private),
        Tags=pairs(named(f"{name}-db")),
    )
    rds.create_db_parameter_group(
        DBParameterGroupName=f"{name}-postgres16",
        DBParameterGroupFamily="postgres16",
        Description=f"slow statements of {name}",
        Tags=pairs(named(f"{name}-postgres16", env)),
    )
    rds.modify_db_parameter_group(
        DBParameterGroupName=f"{name}-postgres16",
        Parameters=[
            {
                "ParameterName": "log_min_duration_statement",
                "ParameterValue": "250",
                "ApplyMethod": "immediate",
            },
        ],
    )
    rds.create_db_instance(
        DBInstanceIdentifier=name,
        DBName=DB_NAME,
        Engine="postgres",
        EngineVersion="16.4",
        DBInstanceClass="db.t4g.medium" if env == "prod" else "db.t4g.micro",
        AllocatedStorage=20,
        MaxAllocatedStorage=100,
        StorageType="gp3",
        StorageEncrypted=True,
        KmsKeyId=key_arn,
        MasterUsername=DB_USER,
        MasterUserPassword=db_password(env),
        DBSubnetGroupName=f"{name}-db",
        DBParameterGroupName=f"{name}-postgres16",
        VpcSecurityGroupIds=[network.groups["db"]],
        MultiAZ=env == "prod",
        DeletionProtection=env == "prod",
        BackupRetentionPeriod=7 if env == "prod" else 1,
        PreferredBackupWindow="02:10-02:40",
        PreferredMaintenanceWindow="sun:03:30-sun:04:00",
        CopyTagsToSnapshot=True,
        PubliclyAccessible=False,
        EnableCloudwatchLogsExports=["postgresql"],
        Tags=pairs(named(name, env, team="platform")),
    )
    endpoint = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["Endpoint"]
    return Database(identifier=name, host=str(endpoint["Address"]), port=int(endpoint["Port"]))


def secrets(site: Site, env: Env, db: Database, key_arn: str) -> dict[str, str]:
    """Store the environment's secrets; return ARN by last part of the name."""
    login = {
        "username": DB_USER,
        "password": db_password(env),
        "host": db.host,
        "port": db.port,
        "dbname": DB_NAME,
        "engine": "postgres",
    }
    values = {
        "db": ("Login of the database", json.dumps(login)),
        "stripe": ("Payment key", STRIPE[env]),
    }
    return {
        name: str(
            site.client("secretsmanager").create_secret(
                Name=f"shop/{env}/{name}",
                Description=description,
                SecretString=value,
                KmsKeyId=key_arn,
                Tags=pairs(named(f"shop/{env}/{name}", env)),
            )["ARN"]
        )
        for name, (description, value) in values.items()
    }


def parameters(site: Site, env: Env, db: Database, key_arn: str) -> None:
    """Store the environment's parameters: every type, some with names of the legacy account in their values."""
    values = {
        "db/host": ("String", db.host),
        "uploads/bucket-arn": ("String", f"arn:aws:s3:::shop-uploads-{env}"),
        "jobs/queue-url": ("String", site.queue_url(f"shop-{env}-jobs")),
        "orders/topic-arn": ("String", site.arn("sns", f"shop-{env}-orders")),
        "features/enabled": (
            "StringList",
            "checkout-v2,search,größe" if env == "prod" else "checkout-v2,search,größe,beta",
        ),
        "web/log-level": ("String", "info" if env == "prod" else "debug"),
        "web/allowed-hosts": ("StringList", f"api.{env}.{DOMAIN},{env}.{DOMAIN}"),
        "session/signing-key": ("SecureString", f"embedded-signing-key-{env}-9b1d"),
    }
    ssm = site.client("ssm")
    for name, (kind, value) in values.items():
        ssm.put_parameter(
            Name=f"/shop/{env}/{name}",
            Type=kind,
            Value=value,
            Description=f"{name} of {env}",
            **({"KeyId": key_arn} if kind == "SecureString" else {}),
            **({"Tags": pairs({"env": env})} if name.startswith(("db/", "session/")) else {}),
        )
