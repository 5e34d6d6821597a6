"""Compares the rows that readers of Delta Lake read from a table with the rows of given Parquet files.

Reads from standard input: {"table": folder, "versions": {version: [path of a file of the table, ...]}}
Prints: [{"version", "reader", "rows", "missing", "surplus"}, ...]
"""

import glob
import json
import sys

import duckdb
from deltalake import DeltaTable

EXTENSION = sys.prefix + "/lib/python*/site-packages/duckdb_ext/extensions/*/*/delta.duckdb_extension"
COLUMNS = (
    "eventId, type, userId, itemId, occurredAt, receivedAt, value, sessionId, recommendationId, position, context, extra, "
    "logSource, logOffset, dt"
)


def expected(table, paths):
    """Returns the SQL of the rows of the files."""
    if not paths:
        return None
    names = ", ".join("'" + f"{table}/{path}".replace("'", "''") + "'" for path in paths)
    return f"SELECT {COLUMNS} FROM read_parquet([{names}], hive_partitioning = true, hive_types = {{'dt': DATE}})"


def compare(connection, version, reader, found, wanted):
    """Counts the rows that differ between two queries. Without `wanted`, every row is surplus."""
    count = lambda sql: connection.execute(f"SELECT count(*) FROM ({sql})").fetchone()[0]
    found = f"SELECT {COLUMNS} FROM {found}"
    rows = count(found)
    missing = 0 if wanted is None else count(f"{wanted} EXCEPT ALL {found}")
    surplus = rows if wanted is None else count(f"{found} EXCEPT ALL {wanted}")
    return {"version": version, "reader": reader, "rows": rows, "missing": missing, "surplus": surplus}


def main():
    order = json.load(sys.stdin)
    table = order["table"]
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"LOAD '{glob.glob(EXTENSION)[0]}'")
    connection.execute("SET TimeZone = 'UTC'")
    results = []
    versions = {int(version): paths for version, paths in order["versions"].items()}
    for version, paths in versions.items():
        wanted = expected(table, paths)
        rows = DeltaTable(table, version=version).to_pyarrow_table()
        connection.register("delta_rows", rows)
        results.append(compare(connection, version, "delta-rs", "delta_rows", wanted))
        connection.unregister("delta_rows")
        name = f"version_{version}"
        connection.execute(f"ATTACH '{table}' AS {name} (TYPE delta, VERSION {version})")
        results.append(compare(connection, version, "DuckDB", name, wanted))
        connection.execute(f"DETACH {name}")
    newest = max(versions)
    found = DeltaTable(table).version()
    if found != newest:
        raise SystemExit(f"delta-rs reads version {found} as the newest instead of {newest}")
    results.append(compare(connection, newest, "DuckDB, newest", f"delta_scan('{table}')", expected(table, versions[newest])))
    json.dump(results, sys.stdout)


main()
