"""The legacy account of a startup named "shop", as its owner would describe it: README.md beside this file lists it.

Rule: `build` only speaks AWS's API and PostgreSQL; nothing here knows what the product will do with the account.
"""

from __future__ import annotations

from pathlib import Path

import boto3

from migrate.demo.legacy import (
    compute,
    data,
    edge,
    events,
    functions,
    identity,
    images,
    network,
    objects,
    rows,
)
from migrate.demo.legacy.site import ENVS, Env, Site

__all__ = ["build"]


def build(session: boto3.Session, tunnels_path: Path | None) -> None:
    """Build the whole legacy account through the session's endpoint.

    `tunnels_path` is a JSON object from `host:port` of a database to the address where it can be reached; without
    one the databases stay empty. Building twice into one account fails at the first name that is taken.
    """
    site = Site.of(session)
    identity.roles(site)
    key_arns = identity.keys(site)
    identity.policies(site, key_arns)
    identity.people(site)
    archive = objects.archive(site, key_arns["prod"])
    next(archive)
    digests = images.push(site)
    events.stack(site)
    networks: dict[Env, network.Network] = {}
    balancers: dict[Env, compute.Balancer] = {}
    databases: dict[Env, data.Database] = {}
    for env in ENVS:
        networks[env] = network.build(site, env)
        databases[env] = db = data.database(site, env, networks[env], key_arns[env])
        secrets = data.secrets(site, env, db, key_arns[env])
        data.parameters(site, env, db, key_arns[env])
        compute.log_groups(site, env)
        events.messaging(site, env)
        functions.build(site, env, networks[env], db)
        balancers[env] = compute.balancer(site, env, networks[env])
        compute.cluster(
            site,
            env,
            network=networks[env],
            db=db,
            secrets=secrets,
            digests=digests,
            groups=balancers[env].target_groups,
        )
        events.rules(site, env, networks[env])
    next(archive)
    objects.build(site, key_arns)
    next(archive, None)
    edge.zone(site, balancers)
    edge.unknown(site, networks)
    if tunnels_path is not None:
        for env in ENVS:
            rows.fill(env, databases[env], tunnels_path)
