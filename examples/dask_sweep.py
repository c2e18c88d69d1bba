"""A sweep on several worker processes of Dask: each takes one partition, `wattline merge` joins them.

    cargo build --release
    python3 -m pip install "dask[distributed]"
    python3 examples/dask_sweep.py s01-headline --parts 8 --out frontier.parquet --check

The partitions are files of one dataset: any engine that runs a shell command can make them, on one machine or many. As a job
array it is one line a job, here for Slurm with `--array=1-8`:

    wattline sweep s01-headline --keep frontier --partition "$SLURM_ARRAY_TASK_ID/8" \\
        --out "part-$SLURM_ARRAY_TASK_ID.parquet" --resume
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from dask.distributed import Client, LocalCluster

WATTLINE = os.environ.get("WATTLINE", str(Path(__file__).resolve().parent.parent / "target/release/wattline"))


def wattline(*arguments):
    """Runs wattline; what it says on stderr is in the exception where it fails."""
    done = subprocess.run([WATTLINE, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"wattline {' '.join(arguments)}: {done.stderr}")


def partition(scenario, part, parts, keep, folder):
    """One part of the space, in the worker's process. `--resume`: a part that was killed is gone on with."""
    out = str(Path(folder) / f"part-{part}.parquet")
    wattline("sweep", scenario, "--keep", keep, "--partition", f"{part}/{parts}", "--out", out, "--resume", "--engine", "cpu")
    return out


def rows(path):
    with open(path, newline="") as file:
        return sorted(tuple(row.items()) for row in csv.DictReader(file))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario")
    parser.add_argument("--parts", type=int, default=8)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--keep", default="frontier", choices=["best", "frontier", "all"])
    parser.add_argument("--out", required=True)
    parser.add_argument("--check", action="store_true", help="sweep in one process as well, and compare row by row")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with LocalCluster(n_workers=arguments.workers, threads_per_worker=1, processes=True) as cluster, Client(cluster) as client:
            jobs = [
                client.submit(partition, arguments.scenario, part, arguments.parts, arguments.keep, folder)
                for part in range(1, arguments.parts + 1)
            ]
            parts = client.gather(jobs)
        wattline("merge", *parts, "--out", arguments.out)
        print(f"{arguments.out}: {arguments.parts} partitions on {arguments.workers} worker processes")
        if arguments.check:
            joined, whole = Path(folder) / "joined.csv", Path(folder) / "whole.csv"
            wattline("merge", *parts, "--out", str(joined))
            wattline("sweep", arguments.scenario, "--keep", arguments.keep, "--out", str(whole), "--engine", "cpu")
            if rows(joined) != rows(whole):
                sys.exit("the joined rows differ from those of one process")
            print(f"the same {len(rows(whole))} rows as one process")


if __name__ == "__main__":
    main()
