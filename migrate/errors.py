"""Everything that can go wrong, one tree. Each error says what happened and what to do next.

MigrateError                1
├── UsageError             64   the command line or a file's name
├── ConfigError             1   migration.yaml or a runbook: file, line, field
├── FileError               1   a file that cannot be read, or is not what it says; 64 where it is not there
├── AccessError             1   AWS said no, or a wrong account answered
├── GuardError              1   a call that nobody declared, stopped before it was sent
├── PlanRefused             1   gaps, conflicts, unresolved references
├── GateClosed              3   a person is needed
├── StaleError              4   plan stale, tampered with or not approved
├── Conflict                1   the thing is there and not ours, or was changed by someone
├── StepFailed              1   AWS refused a step; nothing after it was done
├── LockedError             1   another run holds this migration
├── VerificationFailed      5   the target is not what legacy is
└── Incomplete              6   gaps under --strict, failures tolerated
"""


class Lost(Exception):
    """The answer to a write never came: done or not, nobody knows. Look; never send it again blindly."""


class MigrateError(Exception):
    """Root of every error that a person is shown.

    `do` is the next thing to type or to change. Nothing was written unless the subclass says otherwise.
    """

    exit_code = 1

    def __init__(self, what: str, *, do: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.do = do

    def __str__(self) -> str:
        return f"{self.what}\n  do: {self.do}" if self.do else self.what


class UsageError(MigrateError):
    """The command line asks for something that is not there."""

    exit_code = 64


class ConfigError(MigrateError):
    """migration.yaml or a runbook is wrong; the message names file, line and field."""


class FileError(MigrateError):
    """A file of the migration cannot be read, or its content is not what its digest says."""


class FileMissing(FileError):
    """A file that was named is not there."""

    exit_code = 64


class Tampered(FileError):
    """What a run wrote down is not what it wrote. Nothing was written."""

    exit_code = 4


class AccessError(MigrateError):
    """AWS refused, could not be reached, or another account answered than the one expected."""


class GuardError(MigrateError):
    """A call that the current verb or step did not declare; it was stopped before a byte was sent."""


class PlanRefused(MigrateError):
    """The plan cannot be made as things stand: gaps, conflicts of placement, unresolved references."""


class GateClosed(MigrateError):
    """The run stands at a gate; a person has to answer it. Everything before it is done and stays done."""

    exit_code = 3


class StaleError(MigrateError):
    """What was approved is not what stands there now. Nothing was written."""

    exit_code = 4


class Conflict(MigrateError):
    """The thing a step would make exists and is not ours, or was changed since. Nothing was changed."""


class StepFailed(MigrateError):
    """A step was refused or could not be proved. Steps before it stay; steps after it did not start."""


class LockedError(MigrateError):
    """Another process holds this migration."""


class VerificationFailed(MigrateError):
    """Fresh reads of both sides differ; each difference is named."""

    exit_code = 5


class Incomplete(MigrateError):
    """Done, but not whole: there are gaps or tolerated failures."""

    exit_code = 6
