"""Things of a legacy account, where each goes, and their names rewritten."""

from typing import Any

from migrate.drafting import places
from migrate.inventory import Resource
from migrate.names import AccountId
from migrate.placement import Placed
from migrate.rewrite import Index, Rewritten, index_of, residue, rewriter
from migrate.values import Json, after
from tests.plans.toys import HERE, KINDS, LEGACY, PROD, config, thing

SQS = f"https://sqs.{HERE}.amazonaws.com"
ECR = f"dkr.ecr.{HERE}.amazonaws.com"
HOST = f"db.abc123xyz.{HERE}.rds.amazonaws.com"
VPC = "vpc-0123456789abcdef0"
SUBNET = "subnet-0123456789abcdef1"

# name → where it goes
WORLD: dict[tuple[str, str], tuple[str, ...]] = {
    ("toy.role", "app"): ("production",),
    ("toy.role", "service"): ("production",),
    ("toy.queue", "orders"): ("production",),
    ("toy.queue", "dev-only"): ("development",),
    ("toy.queue", "both"): ("production", "development"),
    ("toy.queue", "stays"): ("legacy",),
    ("toy.queue", "nowhere"): (),
    ("s3.bucket", "shop-uploads"): ("production",),
    ("s3.bucket", "assets.shop.com"): ("production",),
    ("s3.bucket", "logs"): ("production",),
    ("toy.images", "shop"): ("production",),
    ("toy.images", "shop/api"): ("development",),
    ("toy.secret", "db/password"): ("production",),
    ("toy.database", "db"): ("production",),
    ("toy.network", VPC): ("production",),
    ("toy.subnet", SUBNET): ("production",),
    ("toy.logs", "/app/web"): ("production",),
    ("iam.user", "alice"): (),
    ("iam.user", "bob"): (),
}


class Logs(type(KINDS["toy.role"])):  # type: ignore[misc]
    """Known by its ARN alone."""

    name = "toy.logs"


ALL_KINDS = KINDS | {"toy.logs": Logs()}


def world(**more: Any) -> tuple[list[Resource], Index]:
    things = [thing(kind, name) for kind, name in WORLD]
    placed = {
        resource.ref: Placed(goes, "rule", 1, ())
        for resource, goes in zip(things, WORLD.values(), strict=True)
        if goes
    }  # fmt: skip
    decided = config(**more)
    index = index_of(
        things,
        ALL_KINDS,
        AccountId(LEGACY),
        lambda ref: places(ref, placed, decided),
        lambda ref: ref in placed and placed[ref].accounts == ("legacy",),
    )
    return things, index


INDEX = world()[1]


def rewritten(document: Json, account: str = PROD) -> Rewritten:
    return rewriter(INDEX, AccountId(account))(document)


def clean(document: Json, account: str = PROD) -> Json:
    out = rewritten(document, account)
    assert out.problems == []
    assert residue(out.value, AccountId(LEGACY), out.stays) == []
    return out.value


def made(kind: str, name: str, output: str, account: str = PROD) -> Json:
    return after(f"{account}/{HERE}/{kind}/{name}:create", output)
