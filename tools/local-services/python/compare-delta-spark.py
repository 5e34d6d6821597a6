"""Compares what Spark reads from a Delta Lake table with the rows of given Parquet files, row by row.

Arguments: the jars of Delta Lake, separated by commas. Input and output are those of compare-delta-readers.py.
"""

import json
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import lit

order = json.load(sys.stdin)
table = order["table"]
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.jars", sys.argv[1])
    .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.shuffle.partitions", "2")
    .getOrCreate()
)


def expected(paths, columns):
    rows = None
    for day in sorted({path.split("/")[0] for path in paths}):
        files = [f"{table}/{path}" for path in paths if path.startswith(day)]
        of_day = spark.read.parquet(*files).withColumn("dt", lit(day[3:]).cast("date")).select(columns)
        rows = of_day if rows is None else rows.union(of_day)
    return rows


results = []
for version, paths in order["versions"].items():
    found = spark.read.format("delta").option("versionAsOf", version).load(table)
    wanted = expected(paths, found.columns)
    rows = found.count()
    missing = 0 if wanted is None else wanted.exceptAll(found).count()
    surplus = rows if wanted is None else found.exceptAll(wanted).count()
    results.append({"version": int(version), "reader": "Spark", "rows": rows, "missing": missing, "surplus": surplus})
spark.stop()
json.dump(results, sys.stdout)
