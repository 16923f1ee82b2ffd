"""Before anything starts in the target: whether legacy's table took items since its copy was proved."""

from collections.abc import Mapping, Sequence

from migrate.carry import items, items_stream
from migrate.kind import Carrier, It, Json, Proof
from migrate.kinds._last_look import LastLook
from migrate.kinds.dynamodb_table.exporting import tables_of
from migrate.kinds.dynamodb_table.facts import TableFacts


class LookAgain(LastLook[TableFacts]):
    """By legacy's stream where it has one that knows everything since the copy; else every item of both tables."""

    how = "the keys of which legacy's stream speaks; without a stream every item of both tables, read once more"
    reads = items_stream.READS
    writes = items.WRITES

    def look(self, it: It[TableFacts], to: Carrier) -> Sequence[str]:
        return items_stream.written_late(to, tables_of(it, to))

    def bring(self, it: It[TableFacts], to: Carrier) -> Mapping[str, Json]:
        return items_stream.catch_up(to, tables_of(it, to))

    def prove_brought(self, it: It[TableFacts], to: Carrier) -> Proof:
        return items.prove_items(to, tables_of(it, to))
