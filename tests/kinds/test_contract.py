"""What every kind must keep, whatever it is: runs over all of them, so that a new file is held to it at once."""

import re
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import UnknownServiceError

from migrate.aws import forbidden_in_a_scan
from migrate.kind import CarryAction, Kind
from migrate.kinds import every_kind

KINDS = [pytest.param(kind, id=name) for name, kind in every_kind().items()]
DATA_READS = {  # what a carrying action may read beyond metadata, each with the kinds that need it
    "secretsmanager.GetSecretValue": {"rds.cluster", "rds.instance", "secretsmanager.secret"},
    "ssm.GetParameter": {"ssm.parameter"},
    "ssm.GetParameters": {"rds.cluster", "rds.instance", "ssm.parameter"},
    "lambda.GetFunction": {"lambda.function"},
    "lambda.GetLayerVersion": {"lambda.layer"},
    "lambda.GetLayerVersionByArn": {"lambda.layer", "lambda.function"},
    "s3.GetObject": {"dynamodb.table", "s3.bucket"},
    "dynamodb.BatchGetItem": {"dynamodb.table"},
    "dynamodb.Scan": {"dynamodb.table"},
    "dynamodbstreams.GetRecords": {"dynamodb.table"},
    "dynamodbstreams.GetShardIterator": {"dynamodb.table"},
    "ecr.BatchCheckLayerAvailability": {"ecr.repository"},
    "ecr.GetDownloadUrlForLayer": {"ecr.repository"},
}


@cache
def operations(service: str) -> frozenset[str]:
    """Every operation that botocore knows of a service."""
    try:
        return frozenset(botocore.session.get_session().get_service_model(service).operation_names)
    except UnknownServiceError:
        return frozenset()


def known(operation: str) -> bool:
    """Whether botocore has `service.Operation`."""
    service, _, name = operation.partition(".")
    return name in operations(service)


PROMISED = """
ec2.vpc ec2.subnet ec2.internet_gateway ec2.nat_gateway ec2.elastic_ip ec2.route_table ec2.network_acl
ec2.security_group ec2.vpc_endpoint iam.role iam.policy iam.instance_profile kms.key secretsmanager.secret
ssm.parameter logs.log_group ecr.repository elbv2.load_balancer elbv2.target_group elbv2.listener elbv2.rule
ecs.cluster ecs.task_definition ecs.service applicationautoscaling.target applicationautoscaling.policy
rds.instance rds.subnet_group rds.parameter_group s3.bucket lambda.function lambda.layer
lambda.event_source_mapping sqs.queue sns.topic sns.subscription events.rule
"""


def test_the_kinds_that_this_version_promises_move() -> None:
    assert [name for name in re.findall(r"\S+", PROMISED) if not every_kind()[name].actions] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_says_what_it_is_and_where_its_facts_come_from(kind: Kind[Any]) -> None:
    assert re.fullmatch(r"[a-z0-9]+\.[a-z_]+", kind.name)
    assert kind.title
    assert (type(kind).__doc__ or "").strip()
    assert "Source:" in (kind.facts.__doc__ or ""), "a facts model names the operations that it is read from"
    assert kind.actions or kind.manual, "what does not move says what a person has to do"


@pytest.mark.parametrize("kind", KINDS)
def test_declared_reads_exist_and_only_look_at_metadata(kind: Kind[Any]) -> None:
    assert kind.reads
    assert [read for read in kind.reads if not known(read)] == []
    assert [read for read in kind.reads if forbidden_in_a_scan(read, {})] == []


@pytest.mark.parametrize("kind", KINDS)
def test_actions_have_names_of_their_own_and_declare_what_they_send(kind: Kind[Any]) -> None:
    names = [action.name for action in kind.actions]

    assert len(set(names)) == len(names)
    for action in kind.actions:
        assert action.title
        assert (type(action).__doc__ or "").strip()
        if isinstance(action, CarryAction):
            assert [write for write in action.writes if not known(write)] == []
            assert [read for read in action.reads if not known(read)] == []
            exposing = {read for read in action.reads if forbidden_in_a_scan(read, {})}
            assert {read for read in exposing if kind.name not in DATA_READS.get(read, set())} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_facts_that_an_action_sets_or_that_may_differ_are_facts(kind: Kind[Any]) -> None:
    fields = set(kind.facts.model_fields)

    assert kind.volatile <= fields
    assert kind.unordered <= fields
    for action in kind.actions:
        assert action.sets <= fields


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_after_names_actions_that_exist(kind: Kind[Any]) -> None:
    there = {f"{other.name}.{action.name}" for other in every_kind().values() for action in other.actions}

    for action in kind.actions:
        assert set(action.after_kinds) <= there
