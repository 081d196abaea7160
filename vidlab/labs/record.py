"""The record of a run: one JSON file, always whole and always valid.

Beyond the fields a reader expects (see record.schema.json) it tells who writes it: ``pid`` on
``host``, at ``updated``. With these another process can tell a run at work from one that died.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import secrets
import socket
from datetime import UTC, datetime
from functools import cache
from importlib import metadata, resources
from pathlib import Path

import vidlab

_PACKAGE = Path(vidlab.__file__).parent
LONGEST = 1 << 20  #: bytes of a record; those of our labs have at most ten thousand
DEEPEST = 20  #: lists and objects within each other


class RecordError(ValueError):
    """A record is missing, unreadable or not valid; the message says which and where."""


def now() -> str:
    """The time as the record writes it: UTC, to the millisecond."""
    moment = datetime.now(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def new_record(
    run_id: str, *, lab: str, title: str, paper: str, parameters: dict[str, object]
) -> dict:
    """The record of a run that starts now in this process; everything measured is still empty."""
    moment = now()
    return {
        "schema": 1,
        "run_id": run_id,
        "lab": lab,
        "title": title,
        "paper": paper,
        "profile": parameters["profile"],
        "parameters": dict(parameters),
        "seed": parameters["seed"],
        "device": {"name": parameters["device"], "type": "unknown"},
        "versions": versions(),
        "data": None,
        "metrics": {},
        "claims": [],
        "timings": {"total_s": 0.0, "sections": {}},
        "started": moment,
        "updated": moment,
        "finished": None,
        "status": "running",
        "error": None,
        "resumed": 0,
        "pid": os.getpid(),
        "host": socket.gethostname(),
    }


def versions() -> dict[str, str]:
    """Versions of Python, vidlab, torch and numpy, and the platform. Imports none of them."""
    found = {
        "python": platform.python_version(),
        "vidlab": vidlab.__version__,
        "source": source_digest(),
        "platform": platform.platform(),
    }
    for name in ("torch", "numpy"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def source_digest() -> str:
    """Twelve hexadecimal digits that change with any file of the package's code."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*")):
        if path.suffix in (".py", ".js", ".css", ".json", ".j2"):
            name = path.relative_to(_PACKAGE).as_posix()
            digest.update(f"{name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def write_record(path: Path, record: dict) -> None:
    """Write a record in one step: a reader sees the old one or the new one, never half of one.

    Raises RecordError, and writes nothing, for a record that is not valid or longer than 1 MB.
    """
    check_record(record, str(path))
    try:
        text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError) as error:  # NaN, infinity, or an object that is not JSON
        raise RecordError(f"{path}: {error}.") from None
    if len(text.encode("utf-8", "replace")) >= LONGEST:
        raise RecordError(
            f"{path}: more than {LONGEST >> 20} MB; keep arrays in files of their own."
        )
    write_text(path, text + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step (a hidden file beside it, then a rename)."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def read_record(path: Path) -> dict:
    """Read a record.

    Raises RecordError for one that is missing, not JSON, not valid or longer than 1 MB.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST + 1)
        if len(data) > LONGEST:
            raise RecordError(f"{path}: more than {LONGEST >> 20} MB; this is no record.")
        record = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except RecordError:
        raise
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: not JSON ({error}).") from None
    check_record(record, str(path))
    return record


def check_record(record: object, where: str = "record") -> None:
    """Raises RecordError that names the first field that breaks the schema."""
    from jsonschema.exceptions import best_match

    _check_values(record, where)
    error = best_match(_validator().iter_errors(record))
    if error is not None:
        field = "/".join(str(step) for step in error.absolute_path) or "the record"
        message = error.message if len(error.message) <= 200 else error.message[:199] + "…"
        raise RecordError(f"{where}: {field}: {message}.")
    for field in ("started", "updated", "finished"):
        try:
            datetime.fromisoformat(record[field] or record["started"])
        except ValueError:
            raise RecordError(f"{where}: {field}: {record[field]!r:.80} is no time.") from None
    seen = set()
    for claim in record["claims"]:
        if claim["id"] in seen:
            raise RecordError(f"{where}: claims: the id {claim['id']:.80} is used twice.")
        seen.add(claim["id"])


def _check_values(record: object, where: str) -> None:
    """Refuse, before anything walks through a record, endless depth and numbers without end."""
    left = [(record, 1)]
    while left:
        value, depth = left.pop()
        if isinstance(value, dict | list | tuple):
            if depth > DEEPEST:
                raise RecordError(f"{where}: lists or objects nested deeper than {DEEPEST} levels.")
            items = value.values() if isinstance(value, dict) else value
            left += [(item, depth + 1) for item in items]
        elif isinstance(value, int | float) and not _is_finite(value):
            raise RecordError(f"{where}: holds a number that is not finite or beyond all floats.")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int of more than 308 digits
        return False


def is_alive(record: dict) -> bool | None:
    """Whether the process that wrote a record still runs; None when it ran on another machine."""
    if record["host"] != socket.gethostname():
        return None
    import psutil

    try:
        process = psutil.Process(record["pid"])
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # A process younger than its record only carries the number of one that is gone.
        written = datetime.fromisoformat(record["updated"]).timestamp()
        return process.create_time() <= written + 2.0
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


@cache
def _validator():
    from jsonschema import Draft202012Validator

    text = resources.files(__package__).joinpath("record.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
