"""Compile an MQL5 program with g++: its own C++ from the rewriter, and the runtime, which is compiled once."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from ops.errors import Refusal
from ops.mql5.compiler import compiler
from ops.mql5.rewrite import RUNTIME, rewrite
from ops.paths import VAR

CACHE = VAR / "mql5"
# Left out of -Wall -Wextra is what g++ guesses about bounds: arrays check every index when it is used, which it cannot
# see. Local variables start as rubbish, so that nothing lives on zeros that MetaTrader does not promise.
FLAGS = [
    "-std=c++20", "-Wall", "-Wextra", "-Werror", "-Wno-array-bounds", "-Wno-stringop-overflow",
    "-Wno-stringop-overread", "-ftrivial-auto-var-init=pattern", "-fno-strict-aliasing", "-g1", "-pthread",
]  # fmt: skip
SANITIZE = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"]
LIBRARIES = ["-lssl", "-lcrypto"]


def build(source: Path, *, sanitize: bool = False) -> Path:
    """The executable of a .mq5 file, new or from the cache; `sanitize` adds AddressSanitizer and UBSan.

    Raises Refusal TRD21 with what g++ says, which names the .mq5 and .mqh files.
    """
    program = rewrite(source)
    flags = [*FLAGS, *(SANITIZE if sanitize else ["-O2"])]
    with _runtime(flags) as runtime:
        digest = _digest(program.cpp, runtime.name)
        executable = CACHE / f"{source.stem}-{digest}"
        with _locked(executable):
            if not executable.exists():
                cpp = CACHE / f"{source.stem}-{digest}.cpp"
                cpp.write_text(program.cpp)
                partial = executable.with_suffix(".partial")
                objects = sorted(str(path) for path in runtime.glob("*.o"))
                _run(
                    [compiler(), *flags, f"-I{runtime}", "-Winvalid-pch", "-rdynamic",
                     str(cpp), *objects, *LIBRARIES, "-o", str(partial)],
                    source.name,
                )  # fmt: skip
                partial.rename(executable)
    return executable


@contextmanager
def _runtime(flags: list[str]) -> Iterator[Path]:
    """The folder with the runtime's objects and its precompiled header."""
    files = sorted(path for path in RUNTIME.iterdir() if path.suffix in (".hpp", ".cpp"))
    digest = _digest(*flags, compiler(), *(path.name + path.read_text() for path in files))
    folder = CACHE / f"runtime-{digest}"
    with _locked(folder):
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            for path in files:
                if path.suffix == ".hpp":
                    shutil.copy(path, partial)
            header = [compiler(), *flags, "-x", "c++-header", str(partial / "mql5.hpp")]
            jobs = [header] + [
                [compiler(), *flags, "-c", str(path), "-o", str(partial / f"{path.stem}.o")]
                for path in files
                if path.suffix == ".cpp"
            ]
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(lambda job: _run(job, "the runtime"), jobs))
            partial.rename(folder)
    yield folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One builds, the others wait."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refusal("TRD21", f"g++ does not take {what}:\n{done.stderr.strip()}", "lines are of the MQL5 files")


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{build(Path(sys.argv[1]), sanitize='--sanitize' in sys.argv[2:])}\n")
    except Refusal as refusal:
        sys.exit(str(refusal))
