"""The parts of `organisation:` that stand for themselves: budgets, quotas, the registry, what is taken away again.

The rule: unknown keys are refused, because a misspelt guard rail guards nothing.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

AccountText = Annotated[str, Field(pattern=r"^[0-9]{12}$", description="twelve digits, quoted")]
Email = Annotated[str, Field(pattern=r"^[^\s@]+@[^\s@]+\.[^\s@]+$", min_length=6, max_length=64)]
"""Source: organizations.CreateAccount Email, pattern and lengths, botocore 1.44.5."""
MOST_QUOTA_REQUESTS = 10
"""In a template. Source: Service Quotas User Guide, "Using Service Quotas request templates" (unverified)."""


def _a_day(said: str) -> str:
    """Refuse the 30th of February. Raises ValueError."""
    date.fromisoformat(said)
    return said


Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_a_day)]
CostText = Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[^\s].*[^\s]$|^[^\s]$")]
"""Source: ce.CreateCostCategoryDefinition Name and Value, botocore 1.44.5."""


class Part(BaseModel):
    """A part of the section: unknown keys are refused, because a misspelt guard rail guards nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _dates_are_text(cls, said: Any) -> Any:
        return _as_text(said)


def _as_text(value: Any) -> Any:
    """YAML reads 2012-10-17 as a date, the version of a policy too, where it stands without quotes."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}
    return [_as_text(item) for item in value] if isinstance(value, list) else value


class MigrationRoles(Part):
    """The role in each target account under which `migrate run` works: it may do what the newest plan sends there."""

    trusted_by: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+$")]
    """ARN of the role or user that types `migrate run`."""
    name: Annotated[str, Field(pattern=r"^[\w+=,.@-]{1,55}$")] = "migrate-run"
    """Its policies are called like it, with a number."""


class CostCategory(Part):
    """Accounts under names of people's own, on the bill."""

    values: dict[CostText, tuple[str, ...]] = Field(min_length=1, max_length=500)
    """Value → aliases; `management` and `legacy` too."""
    default: CostText | None = None
    """The value of all other accounts."""


class CostExport(Part):
    """What everything costs, as files in a bucket of the management account."""

    granularity: Literal["HOURLY", "DAILY", "MONTHLY"] = "DAILY"
    """Of its rows. Source: AWS Data Exports User Guide, "Cost and Usage Report (CUR) 2.0", read 2026-11."""


class Withdrawal(Part):
    """What is taken away again: rights whose last day is over, and what nobody wants any more."""

    unwanted: bool = False
    """Whether rights, groups, people, permission sets and machines that this tool made go once they are not in
    migration.yaml any more."""
    most: Annotated[int, Field(ge=1)] = 5
    """How many one plan may take away: more refuse it, because a slip in migration.yaml looks the same."""


class QuotaRequest(Part):
    """One quota that every account made afterwards asks for. Source: service-quotas
    PutServiceQuotaIncreaseRequestIntoTemplate, botocore 1.44.5."""

    service: Annotated[str, Field(pattern=r"^[a-zA-Z][a-zA-Z0-9-]{1,63}$")]
    """Its code: `vpc`, `lambda`."""
    quota: Annotated[str, Field(pattern=r"^[a-zA-Z][a-zA-Z0-9-]{1,128}$")]
    """Its code: `L-F678F1CE`."""
    region: Annotated[str, Field(pattern=r"^[a-zA-Z][a-zA-Z0-9-]{1,63}$")]
    value: Annotated[float, Field(gt=0, le=10_000_000_000)]


class Registry(Part):
    """The account that images are pushed to, and those in which they appear."""

    account: str
    """Its alias."""
    to: tuple[str, ...] = Field(min_length=1)
    """Aliases of the accounts that get the images."""
    region: str | None = None
    """Legacy's first unless said."""
    immutable_tags: bool = False
    """Of the repositories that replication makes: whether a tag, once pushed, stays where it is."""
    expire_untagged_days: Annotated[int, Field(ge=1)] | None = None
    """Of the same: after how many days an image without a tag is deleted; never unless said."""
