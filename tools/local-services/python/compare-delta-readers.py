"""Compares the rows that delta-rs, pandas, Polars and DuckDB read from Delta Lake tables with the rows of given Parquet files.

Reads from standard input: [{"table": folder, "versions": {version: [path of a file of the table, ...]}}, ...]
Prints: [{"table", "version", "reader", "rows", "missing", "surplus"}, ...]
"""

import glob
import json
import sys

import duckdb
import pandas
import polars
import pyarrow
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


def compare(connection, found, wanted):
    """Counts the rows that differ between two queries. Without `wanted`, every row is surplus."""
    count = lambda sql: connection.execute(f"SELECT count(*) FROM ({sql})").fetchone()[0]
    found = f"SELECT {COLUMNS} FROM {found}"
    rows = count(found)
    missing = 0 if wanted is None else count(f"{wanted} EXCEPT ALL {found}")
    surplus = rows if wanted is None else count(f"{found} EXCEPT ALL {wanted}")
    return {"rows": rows, "missing": missing, "surplus": surplus}


def readings(table, version):
    """Yields the name of each reader in Python and the Arrow table that it reads."""
    delta = DeltaTable(table, version=version)
    yield "delta-rs", delta.to_pyarrow_table()
    yield "pandas", pyarrow.Table.from_pandas(delta.to_pandas(types_mapper=pandas.ArrowDtype), preserve_index=False)
    yield "Polars", polars.read_delta(table, version=version).to_arrow()


def compare_table(connection, table, versions):
    """Yields the comparisons of a table."""
    for version, paths in versions.items():
        wanted = expected(table, paths)
        of_version = {"table": table, "version": version}
        for reader, rows in readings(table, version):
            connection.register("delta_rows", rows)
            yield {**of_version, "reader": reader, **compare(connection, "delta_rows", wanted)}
            connection.unregister("delta_rows")
        connection.execute(f"ATTACH '{table}' AS at_version (TYPE delta, VERSION {version})")
        yield {**of_version, "reader": "DuckDB", **compare(connection, "at_version", wanted)}
        connection.execute("DETACH at_version")
    newest = max(versions)
    found = DeltaTable(table).version()
    if found != newest:
        raise SystemExit(f"delta-rs reads version {found} of {table} as the newest instead of {newest}")
    result = compare(connection, f"delta_scan('{table}')", expected(table, versions[newest]))
    yield {"table": table, "version": newest, "reader": "DuckDB, newest", **result}


def main():
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"LOAD '{glob.glob(EXTENSION)[0]}'")
    connection.execute("SET TimeZone = 'UTC'")
    results = []
    for order in json.load(sys.stdin):
        versions = {int(version): paths for version, paths in order["versions"].items()}
        results += compare_table(connection, order["table"], versions)
    json.dump(results, sys.stdout)


main()
