"""Replaces this process with Milvus standalone. The command milvus-server would run it as a child, which survives a killed parent.

Arguments: data folder, port."""

import os
import sys

from milvus import MilvusServerConfig, _initialize_data_files

data, port = sys.argv[1:]
# Unpacks the programs, unless they are there.
_initialize_data_files(sys.prefix)
config = MilvusServerConfig(data_dir=data)
config.resolve_storage()
config.set("proxy_port", int(port))
config.write_config()
os.chdir(data)
os.environ.update(DEPLOY_MODE="STANDALONE", LD_LIBRARY_PATH=f"{sys.prefix}/bin")
os.execv(f"{sys.prefix}/bin/milvus", ["milvus", "run", "standalone"])
