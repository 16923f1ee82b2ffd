"""What is sealed and what stays readable, and that equal values stay equal."""

import pytest

from migrate.sealing import Sealer, looks_secret

KEY = b"0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "hunter2"),
        ("DB_PASSWORD", "db.example.com"),
        ("dbPassword", "Correct-Horse"),
        ("POSTGRES_PWD", "x"),
        ("STRIPE_API_KEY", "abcdef"),
        ("API_TOKEN", "t0k3n"),
        ("JWT_SECRET", "changeme"),
        ("CLIENT_SECRET_2", "changeme"),
        ("PRIVATE_KEY", "MIIEvQIBADAN"),
        ("SESSION_SECRET_BASE", "q8Zr2LkP0vXw9TtYbN4mHc7s"),
        ("KEY", "AKIAIOSFODNN7EXAMPLE"),
        ("NOTE", "use ASIAIOSFODNN7EXAMPLE for now"),
        ("AWS", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("DATABASE_URL", "postgres://shop:s3cr3t@db.internal:5432/shop"),
        ("REDIS_URL", "redis://:s3cr3t@cache:6379/0"),
        ("CERT", "-----BEGIN RSA PRIVATE KEY-----\nMII"),
        ("X", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc"),
        ("GITHUB", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
        ("CONNECTION", "Server=db;User Id=shop;Password=s3cr3t;"),
        ("CONFIG", '{"user": "shop", "password": "s3cr3t"}'),
    ],
)
def test_credentials_are_sealed(name: str, value: str) -> None:
    sealed = Sealer(KEY)(name, value)

    assert set(sealed) - {"mentions"} == {"$sealed", "length"}
    assert sealed["length"] == len(value)
    assert value not in str(sealed)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "arn:aws:secretsmanager:eu-west-1:111111111111:secret:db-AbCdEf"),
        ("TASK", '[{"valueFrom": "arn:aws:secretsmanager:eu-west-1:111111111111:secret:db-AbCdEf"}]'),
        ("DB_PASSWORD", ""),
        ("DB_SECRET", "prod/shop/db"),
        ("TOKEN_PARAMETER", "/prod/shop/token"),
        ("SECRET_BUCKET", "shop-prod-secrets"),
        ("TOKEN_URL", "https://auth.example.com/oauth/token"),
        ("AUTH_TOKEN_HOST", "auth.example.com"),
        ("TOKEN_TTL", "3600"),
        ("PASSWORD_MIN_LENGTH", "12"),
        ("DATABASE_URL", "postgres://db.internal:5432/shop"),
        ("BUCKET", "shop-prod-uploads"),
        ("QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/111111111111/shop-prod-jobs"),
        ("GIT_SHA", "9fceb02d0ae598e95dc970b74767f19372d61af8"),
        ("COMPASS_DIRECTION", "north"),
        ("IMAGE", "111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.2.3"),
        ("KEYBOARD", "qwerty"),
    ],
)
def test_references_and_settings_stay_readable(name: str, value: str) -> None:
    assert not looks_secret(name, value)
    assert Sealer(KEY)(name, value) == value


def test_equal_values_are_equal_under_one_key_and_not_under_another() -> None:
    assert Sealer(KEY)("A_TOKEN", "same") == Sealer(KEY)("B_SECRET", "same")
    assert Sealer(KEY)("A_TOKEN", "same") != Sealer(KEY)("A_TOKEN", "other")
    assert Sealer(KEY)("A_TOKEN", "same") != Sealer(KEY[::-1])("A_TOKEN", "same")


def test_only_a_remembering_sealer_can_unseal() -> None:
    remembering, forgetful = Sealer(KEY, remember=True), Sealer(KEY)
    sealed = remembering("DB_PASSWORD", "hunter2")
    forgetful("DB_PASSWORD", "hunter2")

    assert remembering.unseal(sealed["$sealed"]) == "hunter2"
    with pytest.raises(KeyError):
        forgetful.unseal(sealed["$sealed"])


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Sealer(b"short")


def test_a_sealed_address_still_says_which_database_it_is_for() -> None:
    host = "shop.c1a2b3.eu-west-1.rds.amazonaws.com"

    sealed = Sealer(KEY)("DATABASE_URL", f"postgres://shop:hunter2@{host}:5432/shop")

    assert sealed["mentions"] == [host]
    assert "hunter2" not in str(sealed)
