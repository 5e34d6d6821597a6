"""Compares the rows that Spark reads from Delta Lake tables with the rows of given Parquet files.

Reads and prints the same as compare-delta-readers.py.
"""

import glob
import json
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, greatest, lit, sum


def start_spark():
    settings = {
        "spark.jars": ",".join(glob.glob(sys.prefix + "/jars/*.jar")),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.databricks.delta.snapshotPartitions": "1",
    }
    builder = SparkSession.builder.master("local[1]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def compare(found, wanted):
    """Counts the rows that differ, in one job."""
    both = found.withColumn("count", lit(1)).union(wanted.withColumn("count", lit(-1)))
    differences = both.groupBy(found.columns).agg(sum("count").alias("count"))
    missing, surplus = differences.select(sum(greatest(-col("count"), lit(0))), sum(greatest("count", lit(0)))).first()
    return {"missing": missing or 0, "surplus": surplus or 0}


def main():
    spark = start_spark()
    results = []
    for order in json.load(sys.stdin):
        table = order["table"]
        versions = {int(version): paths for version, paths in order["versions"].items()}
        for version, paths in versions.items():
            reader = spark.read.format("delta")
            # Spark finds the newest version itself.
            found = (reader if version == max(versions) else reader.option("versionAsOf", version)).load(table)
            files = [f"{table}/{path}" for path in paths]
            wanted = spark.read.schema(found.schema).option("basePath", table).parquet(*files) if files else found.limit(0)
            result = {"rows": found.count(), **compare(found, wanted.select(found.columns))}
            results.append({"table": table, "version": version, "reader": "Spark", **result})
    spark.stop()
    json.dump(results, sys.stdout)


main()
