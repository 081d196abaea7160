"""`vidlab.Lab`: what a lab's notebook talks to while it runs."""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from vidlab.labs import cards
from vidlab.labs.catalogue import CatalogueError, LabEntry, find_lab, read_entry, read_notebook
from vidlab.labs.device import device_name, resolve_device
from vidlab.labs.parameters import ParameterError, read_parameters, validate
from vidlab.labs.record import new_record, now, read_record, write_record
from vidlab.labs.runs import new_run_folder
from vidlab.labs.settings import resolve_settings, settings_bag
from vidlab.labs.values import finite_number, plain_json, plain_verdict

if TYPE_CHECKING:
    import torch

    from vidlab.datasets.splits import Split

_METRIC = re.compile(r"[^/\s]+/[^/\s]+")
_DPI = 150
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


class Lab:
    """One run of a lab.

    Args:
        lab_id: the id in the notebook's metadata.
        values: the notebook's ``globals()``; the declared parameters are taken from it.
        profiles: numbers for "quick" and "full", the same names in both. A number counts where
            the parameter of that name is None.

    Everything is checked before anything is done. Raises ParameterError or CatalogueError.
    """

    def __init__(
        self,
        lab_id: str,
        values: Mapping[str, object],
        *,
        profiles: Mapping[str, Mapping[str, object]],
    ):
        self._began = time.monotonic()
        self._unattended = "VIDLAB_RUN_DIR" in os.environ
        entry = _own_entry(lab_id)
        parameters = read_parameters(read_notebook(entry.path), str(entry.path))
        missing = [name for name in parameters if name not in values]
        if missing:
            raise ParameterError(
                f"parameter {missing[0]} is declared but has no value; "
                "run the parameters cell before vidlab.Lab."
            )
        given = validate(parameters, {name: values[name] for name in parameters}, lab_id)
        resolved = resolve_settings(parameters, given, profiles)
        self.settings = settings_bag(resolved)
        self.profile: str = resolved["profile"]
        self.seed: int = resolved["seed"]
        self.data_dir = _existing_folder(resolved["data_dir"])
        self.device = resolve_device(resolved["device"])
        self.run_dir = _run_folder(Path(resolved["output_dir"]), entry.id)
        self.figures_dir = self.run_dir / "figures"
        self.checkpoint_dir = self.run_dir / "checkpoints"
        self.figures_dir.mkdir(exist_ok=True)
        self.checkpoint_dir.mkdir(exist_ok=True)
        _seed_everything(self.seed)
        self._record = self._first_record(entry, resolved)
        self._write()
        atexit.register(self._left_unfinished, os.getpid())

    def data(
        self, *, name: str, source: str, sha256: str | None = None, split: Split | None = None
    ) -> None:
        """Note which data this run used; ``sha256`` is 64 hexadecimal digits, where known.

        ``split`` says how they were split. One that leaks is shown here and wherever the run's
        results are: they are too good. Once in an unattended run: a second call would wipe that
        out; by hand, a cell that is run again replaces it.
        """
        self._open("data")
        if self._record["data"] is not None and self._unattended:
            raise ValueError(f"data {name}: the data of this run were noted before.")
        if sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise ValueError(f"data {name}: sha256 is {sha256!r}, not 64 hexadecimal digits.")
        self._record["data"] = {"name": name, "source": source, "sha256": sha256}
        if split is not None:
            self._record["data"]["split"] = split.record()
        self._write()
        if cards.leak(self._record):
            cards.show(cards.leak_html(self._record), cards.leak(self._record))

    def metric(self, name: str, value: float) -> None:
        """Record a finite number under ``metric/variant``.

        Each name counts once in an unattended run; by hand, a cell that is run again replaces it.
        """
        self._open("metric")
        if not _METRIC.fullmatch(name):
            raise ValueError(f"metric {name!r}: a name reads metric/variant, without spaces.")
        if name in self._record["metrics"] and self._unattended:
            raise ValueError(f"metric {name} was recorded before; a variant needs its own name.")
        self._record["metrics"][name] = finite_number(value, f"metric {name}")
        self._write()

    @property
    def metrics(self) -> Mapping[str, float]:
        """What was recorded so far: a live view, read-only."""
        return MappingProxyType(self._record["metrics"])

    def claim(
        self,
        id: str,
        statement: str,
        *,
        paper: object,
        observed: object,
        holds: bool | None,
        note: str = "",
    ) -> None:
        """Record a claim of the paper with both numbers and the verdict.

        ``paper`` and ``observed`` are a number, a text or a small dict or list of them; ``holds``
        is True, False, or None for "not tested". Each id counts once in an unattended run; by
        hand, a cell that is run again replaces it.
        """
        self._open("claim")
        if not _NAME.fullmatch(id):
            raise ValueError(f"claim {id!r}: an id is small letters, digits, dashes.")
        claims = self._record["claims"]
        if self._unattended and any(claim["id"] == id for claim in claims):
            raise ValueError(f"claim {id} was recorded before; another claim needs its own id.")
        if not isinstance(statement, str) or not statement.strip():
            raise ValueError(f"claim {id}: the statement is empty.")
        claim = {
            "id": id,
            "statement": statement,
            "paper": plain_json(paper, f"claim {id}: paper"),
            "observed": plain_json(observed, f"claim {id}: observed"),
            "holds": plain_verdict(holds, f"claim {id}: holds"),
            "note": str(note),
        }
        places = [i for i, earlier in enumerate(claims) if earlier["id"] == id]
        if places:
            claims[places[0]] = claim
        else:
            claims.append(claim)
        self._write()

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Measure the wall time of a step; the same name again adds to it."""
        self._open("section")
        began = time.monotonic()
        try:
            yield
        finally:
            sections = self._record["timings"]["sections"]
            spent = sections.get(name, 0.0) + time.monotonic() - began
            sections[name] = round(spent, 3)
            self._write()

    def figure(self, fig: object, name: str, caption: str) -> None:
        """Save a matplotlib figure (or Axes) as figures/NAME.png, show it and close it."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"figure {name!r}: a name is small letters, digits, dashes.")
        from matplotlib import pyplot

        # A subfigure of an Axes cannot be saved by itself; its root can.
        root = getattr(fig, "figure", None) or fig
        path = self.figures_dir / f"{name}.png"
        partial = path.with_name(f".{path.name}")
        root.savefig(partial, dpi=_DPI, bbox_inches="tight", format="png")
        os.replace(partial, path)
        pyplot.close(root)
        cards.show(
            cards.figure_html(path.read_bytes(), caption, _DPI), f"[figure {name}] {caption}"
        )

    def path(self, name: str) -> Path:
        """A user's file as an absolute path.

        A relative name counts from where the user called ``vidlab run`` (the kernel works in the
        run's folder), in an open notebook from the notebook's folder.
        """
        return Path(os.environ.get("VIDLAB_CALLED_FROM", "."), Path(name).expanduser()).resolve()

    def generator(self, stream: str) -> torch.Generator:
        """A CPU generator of its own for each use of chance, fixed by (seed, stream)."""
        import torch

        digest = hashlib.sha256(f"{self.seed}/{stream}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)

    def finish(self) -> None:
        """Close the record with status "finished" and show the claims."""
        self._open("finish")
        self._record.update(status="finished", finished=now(), error=None)
        self._write()
        places = [
            ("record", self.run_dir / "record.json"),
            ("figures", self.figures_dir),
        ]
        cards.show(cards.claims_html(self._record, places), cards.claims_text(self._record, places))

    def __repr__(self) -> str:
        return cards.header_text(self._record, self.run_dir)

    def _repr_html_(self) -> str:
        return cards.header_html(self._record, self.run_dir)

    def _first_record(self, entry: LabEntry, resolved: dict[str, object]) -> dict:
        record = new_record(
            self.run_dir.name,
            lab=entry.id,
            title=entry.title,
            paper=entry.paper,
            parameters=resolved,
        )
        record["device"] = {"name": device_name(self.device), "type": self.device.type}
        path = self.run_dir / "record.json"
        if path.exists():  # begun by `vidlab run`, or resumed
            earlier = read_record(path)
            record["started"], record["resumed"] = earlier["started"], earlier["resumed"]
        return record

    def _open(self, what: str) -> None:
        if self._record["status"] != "running":
            raise RuntimeError(
                f"{what}: this run is {self._record['status']}; make a new vidlab.Lab to go on."
            )

    def _write(self) -> None:
        self._record["updated"] = now()
        self._record["timings"]["total_s"] = round(time.monotonic() - self._began, 3)
        write_record(self.run_dir / "record.json", self._record)

    def _left_unfinished(self, pid: int) -> None:
        # Only the process that made the record may close it: a forked worker has a copy of us.
        if self._record["status"] == "running" and os.getpid() == pid and self.run_dir.exists():
            self._record.update(status="interrupted", finished=now())
            message = "the kernel was shut down before lab.finish()"
            self._record["error"] = {"cell": None, "heading": None, "message": message}
            self._write()


def _own_entry(lab_id: str) -> LabEntry:
    """The notebook this kernel runs, as `vidlab run` or JupyterLab tell, else the catalogue's."""
    source = os.environ.get("VIDLAB_NOTEBOOK")
    if source:
        entry = read_entry(Path(source))
        if entry.id != lab_id:
            raise CatalogueError(
                f"vidlab.Lab was called with {lab_id!r}, but the metadata of {source} says "
                f"{entry.id!r}."
            )
        return entry
    session = Path(os.environ.get("JPY_SESSION_NAME", ""))
    if session.suffix == ".ipynb" and session.is_file():
        try:
            entry = read_entry(session)
        except CatalogueError:
            entry = None
        if entry is not None and entry.id == lab_id:
            return entry
    return find_lab(lab_id)


def _existing_folder(name: str | None) -> Path | None:
    if name is None:
        return None
    folder = Path(name).expanduser().resolve()
    if not folder.is_dir():
        raise ParameterError(f"parameter data_dir: got {name!r}, which is not a folder.")
    return folder


def _run_folder(output_dir: Path, lab_id: str) -> Path:
    given = os.environ.get("VIDLAB_RUN_DIR")
    if given:
        return Path(given)
    return new_run_folder(output_dir.expanduser().resolve(), lab_id)


def _seed_everything(seed: int) -> None:
    import random

    import numpy
    import torch

    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)
