/** Settings of Spark on which the rows depend. Facet sets them for every query, so `dataset.spark.settings` cannot contain them. */
export const sparkSettings = {
  'spark.app.name': 'Facet dataset',
  'spark.sql.catalogImplementation': 'in-memory',
  'spark.sql.session.timeZone': 'UTC',
  'spark.sql.ansi.enabled': 'false',
  'spark.sql.caseSensitive': 'false',
  'spark.sql.groupByAliases': 'true',
  'spark.sql.variable.substitute': 'false',
  'spark.sql.files.ignoreMissingFiles': 'false',
  'spark.sql.files.ignoreCorruptFiles': 'false',
  'spark.sql.parquet.compression.codec': 'zstd',
  'spark.sql.parquet.datetimeRebaseModeInRead': 'CORRECTED',
  'spark.sql.runSQLOnFiles': 'true',
  'spark.sql.defaultCatalog': 'spark_catalog',
  'spark.sql.sources.commitProtocolClass':
    'org.apache.spark.sql.execution.datasources.SQLHadoopMapReduceCommitProtocol',
  'spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version': '1',
} as const;
