"""What is asked of a PostgreSQL catalogue. The rule: definitions name things, never oids, so two servers compare.

Source: PostgreSQL 16 documentation, System Catalogs; the columns used are there since version 12.
"""

SESSION = (
    # Text forms must not depend on a role's or database's own settings.
    "SET LOCAL search_path TO pg_catalog",
    "SET LOCAL timezone TO 'UTC'",
    "SET LOCAL datestyle TO 'ISO, YMD'",
    "SET LOCAL intervalstyle TO 'postgres'",
    "SET LOCAL extra_float_digits TO 3",
    "SET LOCAL bytea_output TO 'hex'",
    "SET LOCAL xmloption TO 'content'",
    "SET LOCAL lc_monetary TO 'C'",
    # With a policy in the way: refuse, do not leave rows out.
    "SET LOCAL row_security TO off",
    "SET LOCAL statement_timeout TO 0",
    "SET LOCAL idle_in_transaction_session_timeout TO 0",
)

DATABASES = """
SELECT datname FROM pg_catalog.pg_database
WHERE datallowconn AND NOT datistemplate AND datname <> 'rdsadmin' ORDER BY 1
"""

_OURS = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_(toast_)?temp_'"
_ACL = "coalesce((SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest({}) AS a), '')"
_NAMED = "format('%s.%s', n.nspname, c.relname)"

STALE_COLLATIONS = (
    (
        0,
        """SELECT format('%s of column %s.%s (made under %s, now %s: REINDEX)', o.collname, a.attrelid::regclass,
            a.attname, o.collversion, coalesce(pg_collation_actual_version(o.oid), 'none'))
        FROM pg_collation o JOIN pg_attribute a ON a.attcollation = o.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'm')
        WHERE o.collversion IS NOT NULL AND o.collversion IS DISTINCT FROM pg_collation_actual_version(o.oid)""",
    ),
    (
        150000,
        """SELECT format('the database (made under %s, now %s: REINDEX)', datcollversion,
            coalesce(pg_database_collation_actual_version(oid), 'none'))
        FROM pg_database WHERE datname = current_database() AND datcollversion IS NOT NULL
        AND datcollversion IS DISTINCT FROM pg_database_collation_actual_version(oid)""",
    ),
)
"""What sorts text otherwise than when its indexes were made, by the server version that can say so: on one side only,
a copy of files came under another library, and its indexes may lie. Source: PostgreSQL 16, ALTER COLLATION."""

GRANTS = f"""
WITH things AS (
    SELECT 'schema ' || n.nspname AS thing, coalesce(n.nspacl, acldefault('n', n.nspowner)) AS acl, n.nspowner AS owner
    FROM pg_namespace n WHERE {_OURS}
    UNION ALL SELECT 'relation ' || {_NAMED},
        coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)), c.relowner
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't' AND {_OURS}
    UNION ALL SELECT format('column %s.%s', {_NAMED}, t.attname), t.attacl, c.relowner
    FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE t.attacl IS NOT NULL AND NOT t.attisdropped AND {_OURS}
    UNION ALL SELECT format('function %s.%s(%s)', n.nspname, f.proname, pg_get_function_identity_arguments(f.oid)),
        coalesce(f.proacl, acldefault('f', f.proowner)), f.proowner
    FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE {_OURS}
    UNION ALL SELECT format('type %s.%s', n.nspname, t.typname), t.typacl, t.typowner
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typacl IS NOT NULL AND {_OURS}
    UNION ALL SELECT 'database ' || d.datname, coalesce(d.datacl, acldefault('d', d.datdba)), d.datdba
    FROM pg_database d WHERE d.datname = current_database()
)
SELECT format('%s to %s', t.thing, CASE WHEN x.grantee = 0 THEN 'everybody' ELSE pg_get_userbyid(x.grantee) END),
    string_agg(x.privilege_type || CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END
        || CASE WHEN x.grantor <> t.owner THEN ' by ' || pg_get_userbyid(x.grantor) ELSE '' END, ', '
        ORDER BY x.privilege_type, x.is_grantable, pg_get_userbyid(x.grantor))
FROM things t CROSS JOIN LATERAL aclexplode(t.acl) AS x GROUP BY 1
UNION ALL SELECT format('role %s to %s', g.rolname, r.rolname),
    'member' || CASE WHEN bool_or(m.admin_option) THEN ' with admin option' ELSE '' END
FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member
WHERE r.rolname !~ '^(pg_|rds)' GROUP BY 1
"""
"""What is granted to whom: `relation public.orders to reader` → `INSERT, SELECT`. A privilege list that is not set is
the same as the default that it stands for. Source: PostgreSQL 16 documentation, 5.7 Privileges."""

SEQUENCES = f"""
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND {_OURS} ORDER BY 1, 2
"""

DEFINITIONS = {
    "schema": f"""
SELECT n.nspname, ROW(pg_get_userbyid(n.nspowner))
FROM pg_namespace n WHERE {_OURS}""",
    "relation": f"""
SELECT {_NAMED}, ROW(c.relkind, c.relpersistence, pg_get_userbyid(c.relowner),
    c.relrowsecurity, c.relforcerowsecurity, c.relreplident, pg_get_partkeydef(c.oid),
    pg_get_expr(c.relpartbound, c.oid), array_to_string(c.reloptions, ','),
    (SELECT string_agg(i.inhparent::regclass::text, ',' ORDER BY i.inhseqno)
     FROM pg_inherits i WHERE i.inhrelid = c.oid))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND c.relpersistence <> 't' AND {_OURS}""",
    "column": f"""
SELECT format('%s.%s', {_NAMED}, t.attname), ROW(
    row_number() OVER (PARTITION BY c.oid ORDER BY t.attnum), format_type(t.atttypid, t.atttypmod), t.attnotnull,
    pg_get_expr(d.adbin, d.adrelid), t.attidentity, t.attgenerated, o.collname, t.attstorage)
FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = t.attnum
LEFT JOIN pg_collation o ON o.oid = t.attcollation
WHERE t.attnum > 0 AND NOT t.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND c.relpersistence <> 't'
AND {_OURS}""",
    "index": f"""
SELECT {_NAMED}, ROW(pg_get_indexdef(c.oid), i.indisvalid, i.indisprimary, i.indisclustered)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_OURS}""",
    "constraint": f"""
SELECT format('%s.%s.%s', n.nspname, c.relname, k.conname), ROW(pg_get_constraintdef(k.oid), k.convalidated)
FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace LEFT JOIN pg_class c ON c.oid = k.conrelid
WHERE {_OURS}""",
    "trigger": f"""
SELECT format('%s.%s', {_NAMED}, g.tgname), ROW(pg_get_triggerdef(g.oid), g.tgenabled)
FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT g.tgisinternal AND {_OURS}""",
    "rule": f"""
SELECT format('%s.%s', {_NAMED}, r.rulename), ROW(pg_get_ruledef(r.oid), r.ev_enabled)
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE r.rulename <> '_RETURN' AND {_OURS}""",
    "policy": f"""
SELECT format('%s.%s', {_NAMED}, p.polname), ROW(p.polcmd, p.polpermissive,
    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid),
    (SELECT string_agg(coalesce(r.rolname, 'public'), ',' ORDER BY r.rolname) FROM unnest(p.polroles) AS x
     LEFT JOIN pg_roles r ON r.oid = x))
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_OURS}""",
    "view": f"""
SELECT {_NAMED}, ROW(c.relkind, c.relispopulated, pg_get_viewdef(c.oid))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND {_OURS}""",
    "sequence": f"""
SELECT {_NAMED}, ROW(format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax,
    s.seqcache, s.seqcycle)
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_OURS}""",
    "function": f"""
SELECT format('%s.%s(%s)', n.nspname, f.proname, pg_get_function_identity_arguments(f.oid)), ROW(f.prokind,
    pg_get_userbyid(f.proowner),
    CASE WHEN f.prokind IN ('f', 'p', 'w') THEN pg_get_functiondef(f.oid) END)
FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE {_OURS}""",
    "type": f"""
SELECT format('%s.%s', n.nspname, t.typname), ROW(t.typtype, pg_get_userbyid(t.typowner), t.typnotnull,
    t.typdefault, CASE WHEN t.typbasetype <> 0 THEN format_type(t.typbasetype, t.typtypmod) END,
    (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
    (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid))
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype IN ('c', 'd', 'e', 'm', 'r') AND {_OURS}
AND NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind <> 'c')""",
    "extension": """
SELECT e.extname, ROW(e.extversion, e.extnamespace::regnamespace::text) FROM pg_extension e""",
    "default privilege": f"""
SELECT concat_ws(' ', pg_get_userbyid(d.defaclrole), nullif(d.defaclnamespace, 0)::regnamespace::text, d.defaclobjtype),
    {_ACL.format("d.defaclacl")} FROM pg_default_acl d""",
    "publication": """
SELECT p.pubname, ROW(p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate,
    (SELECT string_agg(t.schemaname || '.' || t.tablename, ',' ORDER BY t.schemaname, t.tablename)
     FROM pg_publication_tables t WHERE t.pubname = p.pubname))
FROM pg_publication p""",
    "event trigger": """
SELECT e.evtname, ROW(e.evtevent, e.evtfoid::regproc::text, e.evtenabled, array_to_string(e.evttags, ','))
FROM pg_event_trigger e""",
    "database": """
SELECT d.datname, ROW(pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,
    d.datconnlimit) FROM pg_database d WHERE d.datname = current_database()""",
    "setting": """
SELECT concat_ws(' ', coalesce(d.datname, 'every database'), coalesce(r.rolname, 'every role')),
    (SELECT string_agg(s, ',' ORDER BY s) FROM unnest(x.setconfig) AS s)
FROM pg_db_role_setting x LEFT JOIN pg_database d ON d.oid = x.setdatabase LEFT JOIN pg_roles r ON r.oid = x.setrole
WHERE coalesce(r.rolname, '') !~ '^(pg_|rds)'""",
    "role": """
SELECT r.rolname, ROW(r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin,
    r.rolreplication, r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil)
FROM pg_roles r WHERE r.rolname !~ '^(pg_|rds)'""",
}
"""Sort → query of (name, definition). Names alone reach a proof; definitions are digested."""
