"""`make bench`: speed and memory of the field stage as ratios measured side by side in one run.

Each line names the bound and the regression it guards. Timings are the best of a few repetitions after one warm-up,
which also compiles; run on a quiet machine. `--quick` leaves out the 1 mm grid.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyamg
from scipy import sparse

import assuage
from assuage.field.conductor import Conductor
from assuage.field.elements import multiscale_table
from assuage.field.lead_field import solve_lead_field
from assuage.field.solver import RELATIVE_TOLERANCE, solve
from assuage.sources import Disc, Electrode, place
from assuage.techniques.electrodes import electrode_set
from assuage.techniques.hd_tdcs import DISC
from assuage.techniques.scalp import Scalp


def best(action: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """Return the least wall time of a few runs, s, and the last result; one run before is not counted."""
    action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = action()
        times.append(time.perf_counter() - start)
    return min(times), result


def line(name: str, value: float, relation: str, bound: float, guards: str) -> bool:
    """Print one measurement against its bound."""
    holds = value >= bound if relation == ">=" else value <= bound
    print(
        f"{'ok  ' if holds else 'MISS'} {name:50s} {value:8.2f}  ({relation} {bound:g})  guards: {guards}", flush=True
    )
    return holds


def matrix(conductor: Conductor) -> tuple[sparse.csr_array, np.ndarray]:
    """Return the conductor's matrix over its active nodes and their flat indices."""
    level = conductor.hierarchy.levels[0]
    nodes = np.flatnonzero(level.active)
    row = np.full(level.size, -1)
    row[nodes] = np.arange(len(nodes))
    rows, columns, values = [], [], []
    for o, shift in enumerate(level.shifts):
        other = row[nodes + shift]
        here = np.flatnonzero((other >= 0) & (level.w[o, nodes] != 0))
        rows.append(here)
        columns.append(other[here])
        values.append(-level.w[o, nodes[here]].astype(float))
    upper = sparse.coo_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(len(nodes),) * 2
    ).tocsr()
    full = upper + upper.T
    return (full - sparse.diags_array(full.sum(1))).tocsr(), nodes


def against_pyamg(conductor: Conductor, b: np.ndarray) -> list[bool]:
    """Set-up and solve against smoothed aggregation with conjugate gradients on the same 2 mm system."""
    A, nodes = matrix(conductor)
    right = b[0, nodes] - b[0, nodes].mean()
    ours_setup, hierarchy = best(conductor.build_hierarchy, 2)
    ours_solve, ours = best(lambda: solve(hierarchy, b[:1]))
    peer_setup, peer = best(lambda: pyamg.smoothed_aggregation_solver(A), 1)
    residuals: list[float] = []
    peer_solve, x = best(lambda: peer.solve(right, tol=RELATIVE_TOLERANCE, accel="cg", residuals=residuals), 1)
    print(
        f"     {len(nodes)} nodes: set-up {ours_setup:.2f} s against {peer_setup:.2f} s, solve {ours_solve:.2f} s "
        f"({ours.iterations} iterations) against {peer_solve:.2f} s"
    )
    difference = np.linalg.norm((x - x.mean()) - (ours.x[0, nodes] - ours.x[0, nodes].mean())) / np.linalg.norm(x)
    return [
        line("set-up, PyAMG over ours, 2 mm", peer_setup / ours_setup, ">=", 3, "Galerkin coarsening"),
        line("solve, PyAMG over ours, 2 mm", peer_solve / ours_solve, ">=", 3, "V-cycle and smoother"),
        line("difference of the two solutions, %", 100 * difference, "<=", 0.1, "correctness of the comparison"),
    ]


def elements(conductor: Conductor) -> Any:
    """Build the multiscale elements of a conductor anew."""
    tensors = conductor.tensors
    h = conductor.grid.voxel_m
    return multiscale_table(conductor.tissue, conductor.sigma_S_per_m, h, tensors.slot, tensors.values)


def main() -> int:
    """Run all benchmarks; exit 1 if any bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--memory", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    head = assuage.load_head("colin27")
    sites = head.ten_ten_mm
    montage = assuage.Montage({"F3": 2e-3, "Fp2": -2e-3})
    if options.memory:
        assuage.Conductor(head, options.memory).solve(montage)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
        return 0
    held = []
    conductor = assuage.Conductor(head, 2.0)
    b = currents(conductor, ["F3", "C3", "Pz", "Fp2"])
    held += against_pyamg(conductor, b)
    single, one = best(lambda: solve(conductor.hierarchy, b[:1]))
    triple, _ = best(lambda: solve(conductor.hierarchy, b))
    held.append(line("three right-hand sides over one", triple / single, "<=", 1.8, "batching over one stencil pass"))
    built, _ = best(lambda: elements(conductor), 2)
    held.append(line("multiscale elements over one solve, 2 mm", built / single, "<=", 3, "element kernels"))
    target = assuage.Target.sphere(sites["F3"] * 0.7, 10.0, tissue="auto")
    scape = conductor.adjoint(target)
    coil = assuage.Coil.figure_of_eight()
    light = coil.condensed()
    pose = np.array([[-1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 115.0], [0, 0, 0, 1]])
    poses = np.repeat(pose[None], 100_000, 0)
    poses[:, :3, 3] += np.random.default_rng(0).uniform([-30, -30, 10], [30, 30, 70], (len(poses), 3))
    scored, _ = best(lambda: scape.coil(light, poses, didt_A_per_s=1e6), 1)
    print(
        f"     100,000 poses of {len(coil.positions_mm)} dipoles ({len(light.positions_mm)} condensed): {scored:.1f} s"
    )
    held.append(line("1e5 poses over one 2 mm solve", scored / single, "<=", 5, "pose kernel"))
    held.append(whole_lead_field(conductor, montage))
    if not options.quick:
        held += fine_grid(head, one.iterations, single, int(conductor.active.sum()))
    print(f"{held.count(False)} of {len(held)} bounds missed")
    return int(not all(held))


def whole_lead_field(conductor: Conductor, montage: assuage.Montage) -> bool:
    """Lead field of a disc on every 10-10 site over one montage's solution, side by side and not from disk."""
    contacts = electrode_set(Scalp(conductor.head), DISC).contacts
    solve_lead_field(conductor, contacts[:4])
    one, _ = best(lambda: conductor.solve(montage))
    start = time.perf_counter()
    solve_lead_field(conductor, contacts)
    ratio = (time.perf_counter() - start) / one
    return line(
        f"lead field of {len(contacts)} over one solve, 2 mm",
        ratio,
        "<=",
        90,
        "batches, recovery of chosen voxels",
    )


def fine_grid(head: Any, iterations: int, single: float, nodes: int) -> list[bool]:
    """Growth from 2 mm to 1 mm, and peak memory in a process of its own."""
    conductor = assuage.Conductor(head, 1.0)
    b = currents(conductor, ["F3", "Fp2"])
    time_fine, fine = best(lambda: solve(conductor.hierarchy, b), 1)
    fine_nodes = int(conductor.active.sum())
    growth = (time_fine / fine_nodes / fine.iterations) / (single / nodes / iterations)
    memory = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--memory", "1.0"], capture_output=True, text=True, check=True
    )
    print(f"     1 mm: {fine_nodes} nodes, {fine.iterations} iterations, {time_fine:.1f} s")
    return [
        line("iterations, 1 mm over 2 mm", fine.iterations / iterations, "<=", 1.4, "coarse operators"),
        line("cost per node and iteration, 1 mm over 2 mm", growth, "<=", 1.4, "memory traffic"),
        line("peak memory at 1 mm, GiB", float(memory.stdout.split()[-1]), "<=", 5, "storage"),
    ]


def currents(conductor: Conductor, names: list[str]) -> np.ndarray:
    """Return nodal currents (n - 1, nodes) of 1 A from each named site to the last."""
    b = np.zeros((len(names), conductor.active.size))
    for row, name in zip(b, names, strict=True):
        contact = place(Electrode(name=name, current_A=1.0, shape=Disc(10.0)), conductor.head)
        nodes, share = conductor.injection(contact)
        row[nodes] = share
    return b[:-1] - b[-1]


if __name__ == "__main__":
    raise SystemExit(main())
