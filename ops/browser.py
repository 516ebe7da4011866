"""The browser that tests look at the console with: Debian's own, installed where that can be done."""

import functools
import shutil

from ops import debian
from ops.errors import Refusal

PACKAGES = ["chromium", "fonts-dejavu-core"]


@functools.cache
def chromium() -> str:
    """The path of chromium. Raises Refusal TRD18 where it is missing and cannot be installed."""
    found = shutil.which("chromium")
    if found is None and debian.may_install():
        debian.install(*PACKAGES, code="TRD18")
        found = shutil.which("chromium")
    if found is None:
        raise Refusal("TRD18", "chromium is missing", f"apt-get install {' '.join(PACKAGES)}")
    return found
