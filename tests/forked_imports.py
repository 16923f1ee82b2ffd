"""What every command of `migrate` imports sooner or later, and the models of the services that it asks: nothing that
reads the environment while it is imported.

Not the flows: Prefect reads its settings when it is imported.
"""

import botocore.session
import psycopg  # noqa: F401

import migrate.cli
import migrate.database_doctor
import migrate.doctor
import migrate.kinds
import migrate.organisation.kinds
import migrate.progress
import migrate.quotas
import migrate.scan
import migrate.verbs.acting
import migrate.verbs.beginning
import migrate.verbs.gates
import migrate.verbs.organising
import migrate.verbs.outside
import migrate.verbs.planning
import migrate.verbs.telling
from tests import quicker

quicker.enter()
_session = botocore.session.Session()
for _service in sorted({one.partition(".")[0] for kind in migrate.kinds.every_kind().values() for one in kind.reads}):
    _session.create_client(_service, "eu-west-1", aws_access_key_id="nobody", aws_secret_access_key="nobody")
del _session
