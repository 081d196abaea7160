"""Is the effect of η larger than the noise of seeds? The RadialCTC lab over several seeds.

    python benchmarks/radialctc_seeds.py [--seeds 0 1 2] [--profile quick] [--json FILE]

Runs the lab once a seed (resuming nothing: each is a fresh run) and prints mean, smallest and
largest value of each metric, and how often each claim held.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from vidlab.labs.run import run_lab


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--profile", choices=["quick", "full"], default="quick")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    arguments = parser.parse_args()
    console = Console(width=120)

    records = []
    for seed in arguments.seeds:
        console.print(f"seed {seed} ...")
        given = {"seed": seed, "profile": arguments.profile}
        record = run_lab("radialctc", given, out=arguments.out).record
        if record["status"] != "finished":
            raise SystemExit(f"seed {seed}: {record['error']}")
        records.append(record)

    table = Table("metric", "mean", "smallest", "largest")
    for name in records[0]["metrics"]:
        values = [record["metrics"][name] for record in records]
        numbers = (statistics.mean(values), min(values), max(values))
        table.add_row(name, *(f"{number:.3f}" for number in numbers))
    console.print(table)
    verdicts = {
        claim["id"]: Counter(
            {True: "holds", False: "does not hold", None: "not tested"}[other["holds"]]
            for record in records
            for other in record["claims"]
            if other["id"] == claim["id"]
        )
        for claim in records[0]["claims"]
    }
    for claim, counts in verdicts.items():
        console.print(f"{claim}: " + ", ".join(f"{n} x {word}" for word, n in counts.items()))
    if arguments.json:
        result = {
            "lab": "radialctc",
            "profile": arguments.profile,
            "device": records[0]["device"],
            "versions": {k: v for k, v in records[0]["versions"].items() if k != "platform"},
            "seeds": arguments.seeds,
            "metrics": [record["metrics"] for record in records],
            "claims": {claim: dict(counts) for claim, counts in verdicts.items()},
            "timings": [record["timings"] for record in records],
        }
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
