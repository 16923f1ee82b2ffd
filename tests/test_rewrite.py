"""Legacy names → target names, token by token."""

import json

import pytest

from migrate.kind import STEP_TAG
from migrate.names import AccountId
from migrate.rewrite import Index, Rewriter, residue, rewriter
from migrate.values import after, as_json, join
from tests.plans.toys import DEV, HERE, LEGACY, PARTNER, PROD
from tests.rewriting import ECR, HOST, INDEX, SQS, SUBNET, VPC, clean, made, rewritten


@pytest.mark.parametrize(
    ("legacy", "target"),
    [
        # ARNs, with sub-resources, wildcards and versions
        (f"arn:aws:iam::{LEGACY}:role/app", f"arn:aws:iam::{PROD}:role/app"),
        (f"arn:aws:iam::{LEGACY}:root", f"arn:aws:iam::{PROD}:root"),
        (f"arn:aws:sts::{LEGACY}:assumed-role/app/session", f"arn:aws:sts::{PROD}:assumed-role/app/session"),
        (f"arn:aws:sqs:{HERE}:{LEGACY}:orders", f"arn:aws:sqs:{HERE}:{PROD}:orders"),
        (f"arn:aws:sqs:{HERE}:{LEGACY}:shop-*", f"arn:aws:sqs:{HERE}:{PROD}:shop-*"),
        (f"arn:aws:sqs:*:{LEGACY}:*", f"arn:aws:sqs:*:{PROD}:*"),
        (f"arn:aws:logs:{HERE}:{LEGACY}:log-group:/app/web:*", f"arn:aws:logs:{HERE}:{PROD}:log-group:/app/web:*"),
        (
            f"arn:aws:logs:{HERE}:{LEGACY}:log-group:/app/web:log-stream:a/b",
            f"arn:aws:logs:{HERE}:{PROD}:log-group:/app/web:log-stream:a/b",
        ),
        ("arn:aws:s3:::shop-uploads", f"arn:aws:s3:::shop-uploads-{PROD}"),
        ("arn:aws:s3:::shop-uploads/*", f"arn:aws:s3:::shop-uploads-{PROD}/*"),
        ("arn:aws:s3:::shop-uploads/a b/c", f"arn:aws:s3:::shop-uploads-{PROD}/a b/c"),
        (
            f"arn:aws:s3:::shop-uploads/AWSLogs/{LEGACY}/*",
            f"arn:aws:s3:::shop-uploads-{PROD}/AWSLogs/{PROD}/*",
        ),
        (f"arn:aws:rds:{HERE}:{LEGACY}:db:db", f"arn:aws:rds:{HERE}:{PROD}:db:db"),
        (
            f"arn:aws:iam::{LEGACY}:user/${{aws:username}}",
            f"arn:aws:iam::{PROD}:user/${{aws:username}}",
        ),
        (
            f"arn:aws:iam::{LEGACY}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
            f"arn:aws:iam::{PROD}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        ),
        (f"arn:aws:kms:{HERE}:{LEGACY}:alias/aws/rds", f"arn:aws:kms:{HERE}:{PROD}:alias/aws/rds"),
        # images, with tag and digest
        (f"{LEGACY}.{ECR}/shop", f"{PROD}.{ECR}/shop"),
        (f"{LEGACY}.{ECR}/shop:v1.2", f"{PROD}.{ECR}/shop:v1.2"),
        (f"{LEGACY}.{ECR}/shop@sha256:{'ab' * 32}", f"{PROD}.{ECR}/shop@sha256:{'ab' * 32}"),
        (f"https://{LEGACY}.{ECR}/shop:latest", f"https://{PROD}.{ECR}/shop:latest"),
        (f"{LEGACY}.{ECR}", f"{PROD}.{ECR}"),
        # URLs and buckets
        (f"{SQS}/{LEGACY}/orders", f"{SQS}/{PROD}/orders"),
        (f"{SQS}/{LEGACY}/orders?Action=X", f"{SQS}/{PROD}/orders?Action=X"),
        (f"{SQS}/{LEGACY}/orders,{SQS}/{LEGACY}/orders", f"{SQS}/{PROD}/orders,{SQS}/{PROD}/orders"),
        (f"see {SQS}/{LEGACY}/orders.", f"see {SQS}/{PROD}/orders."),
        ("shop-uploads", f"shop-uploads-{PROD}"),
        ("s3://shop-uploads/a/b", f"s3://shop-uploads-{PROD}/a/b"),
        ("s3a://shop-uploads", f"s3a://shop-uploads-{PROD}"),
        ("https://shop-uploads.s3.eu-west-1.amazonaws.com/k", f"https://shop-uploads-{PROD}.s3.eu-west-1.amazonaws.com/k"),
        ("shop-uploads.s3.amazonaws.com", f"shop-uploads-{PROD}.s3.amazonaws.com"),
        ("https://s3.eu-west-1.amazonaws.com/shop-uploads/k", f"https://s3.eu-west-1.amazonaws.com/shop-uploads-{PROD}/k"),
        (f"https://{LEGACY}.signin.aws.amazon.com/console", f"https://{PROD}.signin.aws.amazon.com/console"),
        # accounts
        (LEGACY, PROD),
        (f"{LEGACY}:{HERE}", f"{PROD}:{HERE}"),
    ],
)  # fmt: skip
def test_a_name_is_rewritten_whole(legacy: str, target: str) -> None:
    assert clean(legacy) == target
    assert clean({"Statement": [{"Resource": [legacy]}]})["Statement"][0]["Resource"] == [target]


@pytest.mark.parametrize(
    "text",
    [
        f"arn:aws:iam::{PARTNER}:role/app",
        f"arn:aws:iam::{PARTNER}:root",
        PARTNER,
        f"{PARTNER}.{ECR}/shop:v1",
        f"https://{PARTNER}.{ECR}/v2/shop",
        f"{SQS}/{PARTNER}/orders",
        "arn:aws:iam::aws:policy/AdministratorAccess",
        "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
        "arn:aws:lambda:eu-west-1:580247275435:layer:LambdaInsightsExtension:21",
        "arn:aws:s3:::partner-bucket/*",
        f"arn:aws:s3:::partner-9{LEGACY}/AWSLogs/{LEGACY}0/*",
        "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1",
        f"9{LEGACY}",
        f"{LEGACY}0",
        f"order {LEGACY}00 of 1{LEGACY}",
        "my-shop-uploads",
        "shop-uploads-old",
        "shop-uploads/",
        "the logs",
        "logstash",
        "not-db.abc123xyz.example.com",
        "https://assets.shop.com/index.html",
        "orders",
        "version 1.2.3",
        "ünïcode ☃ 漢字",
        "",
    ],
)
def test_what_is_not_ours_stays(text: str) -> None:
    out = rewritten({"a": [text]})
    assert out.value == {"a": [text]}
    assert out.problems == []
    assert out.mentions == set()


def test_what_aws_invents_becomes_a_placeholder_within_its_text() -> None:
    host = made("toy.database", "db", "host")
    assert clean(HOST) == host
    assert clean(f"postgres://app@{HOST}:5432/shop?sslmode=require") == join(
        "postgres://app@", host, ":5432/shop?sslmode=require"
    )
    assert clean(f"http://{HOST}:8080/x") == join("http://", host, ":8080/x")
    assert clean(f"{HOST.upper()}:5432") == join(host, ":5432")
    assert clean(f"replica.{HOST}") == join("replica.", host)
    arn = f"arn:aws:secretsmanager:{HERE}:{LEGACY}:secret:db/password"
    assert clean(f"{arn}-a1B2c3") == made("toy.secret", "db/password", "arn")
    assert clean(f"{arn}-a1B2c3:user::") == join(made("toy.secret", "db/password", "arn"), ":user::")
    assert clean(arn) == arn.replace(LEGACY, PROD)
    assert clean(f"{arn}-??????") == f"{arn}-??????".replace(LEGACY, PROD)
    assert clean({"SubnetIds": [SUBNET]}) == {"SubnetIds": [made("toy.subnet", SUBNET, "id")]}
    assert clean(f"arn:aws:toy:{HERE}:{LEGACY}:network/{VPC}/acl") == join(
        f"arn:aws:toy:{HERE}:{PROD}:network/", made("toy.network", VPC, "id"), "/acl"
    )


def test_what_was_rewritten_is_known_to_be_needed() -> None:
    out = rewritten([f"{SQS}/{LEGACY}/orders", SUBNET, "shop-uploads"])
    assert {(ref.kind, ref.name) for ref in out.mentions} == {
        ("toy.queue", "orders"), ("toy.subnet", SUBNET), ("s3.bucket", "shop-uploads")
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        f"arn:aws:iam::{LEGACY}:role/unknown",
        # a name with slashes is not the beginning of a longer one
        f"arn:aws:iam::{LEGACY}:role/service/worker",
        f"{LEGACY}.{ECR}/shop/web:v1",
        f"arn:aws:ecr:{HERE}:{LEGACY}:repository/shop/web",
        f"{SQS}/{LEGACY}/orders-dlq",
        f"https://{HERE}.queue.amazonaws.com/{LEGACY}/orders",
        "sg-0123456789abcdef0",
        f"arn:aws:iam::{PARTNER}:role/for-{LEGACY}",
        f"arn:aws:sqs:{HERE}:{LEGACY}:nowhere",
        f"arn:aws:iam::{LEGACY}:user/alice",
    ],
)
def test_what_must_be_ours_and_is_nothing_that_goes_anywhere_is_a_problem(text: str) -> None:
    out = rewritten({"Policy": {"List": ["x", f"{text}"]}})
    assert len(out.problems) == 1
    assert out.problems[0].startswith("Policy.List[1]: ")


def test_another_accounts_name_that_carries_our_id_is_not_touched() -> None:
    text = f"arn:aws:iam::{PARTNER}:role/for-{LEGACY}"
    assert rewritten(text).value == text


def test_a_resource_of_another_target_account_is_named_there() -> None:
    assert clean(f"arn:aws:sqs:{HERE}:{LEGACY}:dev-only") == f"arn:aws:sqs:{HERE}:{DEV}:dev-only"
    assert clean(f"{LEGACY}.{ECR}/shop/api:v1") == f"{DEV}.{ECR}/shop/api:v1"


def test_a_resource_in_several_accounts_is_named_in_the_own_one() -> None:
    for account in (PROD, DEV):
        assert clean(f"arn:aws:sqs:{HERE}:{LEGACY}:both", account) == f"arn:aws:sqs:{HERE}:{account}:both"


def test_a_resource_in_several_other_accounts_is_a_problem() -> None:
    out = rewriter(INDEX, AccountId("444444444444"))(f"arn:aws:sqs:{HERE}:{LEGACY}:both")
    assert "2 accounts and not in this one" in out.problems[0]


def test_what_stays_in_legacy_keeps_its_name_and_is_no_residue() -> None:
    text = f"arn:aws:sqs:{HERE}:{LEGACY}:stays"
    out = rewritten([text, f"{SQS}/{LEGACY}/stays"])
    assert out.value == [text, f"{SQS}/{LEGACY}/stays"]
    assert out.problems == []
    assert residue(out.value, AccountId(LEGACY), out.stays) == []
    assert residue([*out.value, f"arn:aws:sqs:{HERE}:{LEGACY}:left"], AccountId(LEGACY), out.stays) == ["[2]"]


def test_a_name_that_two_resources_claim_is_a_problem_where_it_is_used() -> None:
    index = Index(AccountId(LEGACY))
    first, second = INDEX.known["shop-uploads"], INDEX.known["logs"]
    index.add("alias/key", first)
    index.add("alias/key", second)
    index.add("arn:x", first)
    index.add("arn:x", first)
    out = Rewriter(index, AccountId(PROD))(["alias/key", "arn:x"])
    assert [problem for problem in out.problems if "may be any of" in problem] == out.problems
    assert len(out.problems) == 1


def test_a_bucket_named_like_an_ordinary_word_counts_only_where_it_can_be_one() -> None:
    bare = {
        "Tags": [{"Key": "purpose", "Value": "logs"}],
        "tags": {"purpose": "logs"},
        "Label": {"Key": "purpose", "Value": "logs"},
        "FunctionName": "logs",
        "name": "logs",
        "family": "logs",
        "DBInstanceIdentifier": "logs",
    }
    assert clean(bare) == bare
    named = {"Bucket": "logs", "BucketName": "logs", "BUCKET": "logs", "Args": ["--to", "logs"]}
    assert clean(named) == json.loads(json.dumps(named).replace('"logs"', f'"logs-{PROD}"'))
    attribute = {"Key": "access_logs.s3.bucket", "Value": "logs"}
    assert clean({"Attributes": [attribute]}) == {"Attributes": [attribute | {"Value": f"logs-{PROD}"}]}


@pytest.mark.parametrize("name", ["DB_USER", "Username", "login", "DB_NAME", "DATABASE", "PGDATABASE", "db", "schema"])
def test_a_database_or_a_user_that_is_called_as_a_bucket_keeps_its_name(name: str) -> None:
    variables = [{"name": name, "value": "logs"}]
    assert clean({"environment": variables}) == {"environment": variables}
    assert clean({name: "logs"}) == {name: "logs"}
    others = [{"name": "ARCHIVE", "value": "logs"}, {"name": f"{name}_BUCKET", "value": "logs"}]
    assert clean({"environment": others}) == {"environment": [one | {"value": f"logs-{PROD}"} for one in others]}


def test_arns_in_tags_are_rewritten() -> None:
    tags = [{"Key": "reader", "Value": f"arn:aws:iam::{LEGACY}:role/app"}]
    assert clean({"Tags": tags})["Tags"][0]["Value"] == f"arn:aws:iam::{PROD}:role/app"


def test_our_own_stamp_is_not_rewritten() -> None:
    stamp = f"{PROD}/{HERE}/toy.subnet/{SUBNET}:create"
    for tags in ({STEP_TAG: stamp}, [{"Key": STEP_TAG, "Value": stamp}]):
        assert clean({"Tags": tags}) == {"Tags": tags}


def test_json_inside_a_text_keeps_its_form() -> None:
    text = (
        f'{{ "queue": "{SQS}/{LEGACY}/orders",\n "bucket":"shop-uploads", "name":"logs", "shop-uploads": ["{HOST}"] }}'
    )
    assert clean(text) == join(
        f'{{ "queue": "{SQS}/{PROD}/orders",\n "bucket":"shop-uploads-{PROD}", "name":"logs", "shop-uploads": ["',
        made("toy.database", "db", "host"),
        '"] }',
    )
    nested = json.dumps({"a": json.dumps({"arn": f"arn:aws:iam::{LEGACY}:role/app"})})
    assert clean(nested) == nested.replace(LEGACY, PROD)
    assert clean("{not json: shop-uploads}") == "{not json: shop-uploads}"


def test_documents_that_become_json_text_are_rewritten_inside() -> None:
    document = as_json({"Resource": f"arn:aws:iam::{LEGACY}:role/app"})
    assert clean({"Policy": document}) == {"Policy": as_json({"Resource": f"arn:aws:iam::{PROD}:role/app"})}


def test_tuples_are_lists_to_aws_and_rewritten_as_such() -> None:
    assert clean({"Ids": (SUBNET,)}) == {"Ids": [made("toy.subnet", SUBNET, "id")]}


def test_a_key_that_names_something_of_legacy_is_a_problem_and_stays() -> None:
    for key in (LEGACY, f"arn:aws:iam::{LEGACY}:role/app", SUBNET):
        out = rewritten({"Map": {key: "x"}})
        assert out.value == {"Map": {key: "x"}}
        assert f"Map.{key}: the key {key}" in out.problems[0]
    assert rewritten({"shop-uploads": 1, "a.b": 2, f"9{LEGACY}": 3}).problems == []


def test_residue_finds_every_place_where_the_legacy_account_is_left() -> None:
    document = {"a": [{"b": f"x:{LEGACY}"}], LEGACY: 1, "c": f"1{LEGACY}", "d": as_json({"e": LEGACY})}
    assert residue(document, AccountId(LEGACY)) == ["a[0].b", f"{LEGACY} (the key)", "d.$json.e"]
    assert residue({"x": after(f"{PROD}/{HERE}/s3.bucket/data-{LEGACY}:create", "id")}, AccountId(LEGACY)) == []


def test_nothing_is_searched_for_for_ever() -> None:
    text = f"https://{PARTNER}.{ECR}/a/b " * 50 + "https://a.b/?u=https://c.d/?u=https://e.f/" * 50
    assert rewritten(text).value == text
