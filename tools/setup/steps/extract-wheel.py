"""extract-wheel.py WHEEL FOLDER HEADER_PREFIX... : takes the two TensorFlow libraries and the C headers out of a wheel."""

import os
import shutil
import sys
import zipfile

wheel, folder, *prefixes = sys.argv[1:]
libraries = {
    "tensorflow/libtensorflow_cc.so.2": "lib/libtensorflow_cc.so.2",
    "tensorflow/libtensorflow_framework.so.2": "lib/libtensorflow_framework.so.2",
}
include = "tensorflow/include/"

with zipfile.ZipFile(wheel) as archive:
    for info in archive.infolist():
        target = libraries.pop(info.filename, None)
        if target is None and not info.is_dir() and info.filename.startswith(include):
            name = info.filename[len(include):]
            if name.startswith(tuple(prefixes)):
                target = "include/" + name
        if target is None:
            continue
        target = os.path.join(folder, target)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with archive.open(info) as source, open(target, "wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)

if libraries:
    sys.exit("the wheel lacks " + ", ".join(libraries))
