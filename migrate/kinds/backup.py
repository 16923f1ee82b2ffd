"""AWS Backup: what is backed up where. The rule: recovery points belong to their account and are copied by a person."""

from collections.abc import Iterator, Mapping
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Facts, Json, Kind, ReadSite

GONE = ("ResourceNotFoundException",)


class VaultFacts(Facts):
    """Source: backup.ListBackupVaults."""

    kms_key: str | None
    locked: bool
    holds_points: bool


class Vault(Kind[VaultFacts]):
    """A vault of AWS Backup. It is not moved; its recovery points can be copied between vaults of one organisation."""

    name = "backup.vault"
    title = "backup vault"
    facts = VaultFacts
    stateful = True
    reads = frozenset({"backup.ListBackupVaults"})
    tagging_types = ("backup:backup-vault",)
    manual = (
        "Make a vault in the target under a key of its own (backup.CreateBackupVault). Recovery points that must be "
        "kept: let the accounts of the organisation copy (backup.UpdateGlobalSettings in the management account, "
        "backup.PutBackupVaultAccessPolicy in the target), then backup.StartCopyJob for each; those under an "
        "AWS-managed key cannot be copied, and a locked vault keeps what it has until its time is over. Done when "
        "backup.ListRecoveryPointsByBackupVault in the target shows each one as COMPLETED."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        listed = list(site.pages("backup.ListBackupVaults", "BackupVaultList", MaxResults=100))
        for one in sorted(listed, key=lambda one: str(one["BackupVaultName"])):
            if only in (None, one["BackupVaultName"]):
                facts = VaultFacts(
                    kms_key=one.get("EncryptionKeyArn") or None,
                    locked=bool(one.get("Locked")),
                    holds_points=bool(one.get("NumberOfRecoveryPoints")),
                )
                yield self.found(site, one["BackupVaultName"], facts, arn=one["BackupVaultArn"])


class PlanFacts(Facts):
    """Source: backup.ListBackupPlans, backup.GetBackupPlan."""

    plan: str
    rules: list[dict[str, Json]]
    """Schedule, vault, retention and copies of each."""


class Plan(Kind[PlanFacts]):
    """A plan of AWS Backup: which rules apply to which resources. It is not moved."""

    name = "backup.plan"
    title = "backup plan"
    facts = PlanFacts
    named = False
    reads = frozenset({"backup.ListBackupPlans", "backup.GetBackupPlan"})
    tagging_types = ("backup:backup-plan",)
    manual = (
        "Make vault, role, plan and selections in the target before anything there counts (backup.CreateBackupVault, "
        "backup.CreateBackupPlan, backup.ListBackupSelections and backup.GetBackupSelection in legacy, "
        "backup.CreateBackupSelection); a selection by tags needs no new ARNs. Done when backup.ListBackupJobs in the "
        "target shows COMPLETED for each resource that legacy's plan covered."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        listed = list(site.pages("backup.ListBackupPlans", "BackupPlansList"))
        found = sorted(
            (one for one in listed if only in (None, one["BackupPlanId"])), key=lambda one: one["BackupPlanId"]
        )

        def rules(one: Mapping[str, Any]) -> list[dict[str, Json]]:
            answer = site.optional("backup.GetBackupPlan", missing=GONE, BackupPlanId=one["BackupPlanId"]) or {}
            listed = answer.get("BackupPlan", {}).get("Rules") or ()
            # AWS numbers rules anew whenever the plan is written.
            return [{key: value for key, value in rule.items() if key != "RuleId"} for rule in listed]

        for one, read in zip(found, site.map(rules, found), strict=True):
            facts = PlanFacts(
                plan=one["BackupPlanName"], rules=sorted(read, key=lambda rule: str(rule.get("RuleName")))
            )
            yield self.found(site, one["BackupPlanId"], facts, arn=one["BackupPlanArn"])


KINDS = (Vault(), Plan())
