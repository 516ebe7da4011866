"""The compiler: g++ and OpenSSL's headers, installed where that can be done."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from ops.errors import Refusal
from ops.paths import VAR

PACKAGES = ["g++", "libssl-dev"]


@functools.cache
def compiler() -> str:
    """The path of g++. Raises Refusal TRD20 where it is missing and cannot be installed."""
    if (found := _installed()) is not None:
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Refusal("TRD20", "g++ and OpenSSL's headers are missing", f"apt-get install {' '.join(PACKAGES)}")
    VAR.mkdir(parents=True, exist_ok=True)
    sys.stderr.write(f"installing {' '.join(PACKAGES)}\n")
    with (VAR / "apt.log").open("w") as log:
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
            subprocess.run(
                ["apt-get", "-q", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
                check=False,
            )
    if (found := _installed()) is not None:
        return found
    raise Refusal("TRD20", "g++ and libssl-dev could not be installed", f"see {VAR / 'apt.log'}")


def _installed() -> str | None:
    found = shutil.which("g++")
    return found if found and Path("/usr/include/openssl/ssl.h").exists() else None
