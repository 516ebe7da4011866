"""The compiler: g++ and OpenSSL's headers, installed where that can be done."""

import functools
import shutil
from pathlib import Path

from ops import debian
from ops.errors import Refusal

PACKAGES = ["g++", "libssl-dev"]


@functools.cache
def compiler() -> str:
    """The path of g++. Raises Refusal TRD20 where it is missing and cannot be installed."""
    found = _installed()
    if found is None and debian.may_install():
        debian.install(*PACKAGES, code="TRD20")
        found = _installed()
    if found is None:
        raise Refusal("TRD20", "g++ and OpenSSL's headers are missing", f"apt-get install {' '.join(PACKAGES)}")
    return found


def _installed() -> str | None:
    found = shutil.which("g++")
    return found if found and Path("/usr/include/openssl/ssl.h").exists() else None
