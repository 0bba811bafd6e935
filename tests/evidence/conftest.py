"""A small valid set of tables, as a user would keep it, and what writes it with changed cells."""

import csv

import pytest

from assuage.evidence.schema import tables

CODED = {"coded_from": "abstract", "coded_by": "A. Coder", "added": "2026-11-01"}
VALID = {
    "studies": {
        "id": "new2024", "citation": "New et al. 2024 J Tests", "year": "2024", "doi": "10.1234/new.2024",
        "pmid": "39000001",
        "population": "adolescents with NSSI vs healthy controls", "age_group": "adolescents", "age_min": "12",
        "age_max": "17", "nssi_sample": "yes", "n_nssi": "30", "n_control": "30", "n_total": "60", "modality": "fMRI",
        "design": "primary", "domain": "reward", **CODED,
    },
    "findings": {
        "id": "new2024-1", "study_id": "new2024", "region": "ventral striatum", "hemisphere": "L",
        "measure": "activation",
        "direction": "decrease", "comparison": "group", "contrast": "NSSI vs HC", "statistic": "t(58)=2.31, p=.024",
        "domain": "reward", **CODED,
    },
    "trials": {
        "id": "trial2024", "report": "trial2024", "citation": "Trial et al. 2024 J Tests", "year": "2024",
        "doi": "10.1234/trial.2024", "registration": "NCT01234567", "nssi_sample": "yes", "technique": "rtms",
        "n_active": "20", "n_control": "20", "n_total": "40", "design": "rct", "outcome": "HAM-D17",
        "effect": "HAM-D17 10.05 (SD 4.10) vs 14.20 (SD 4.30); response 60% vs 35%; OR 2.79 (0.78-9.97), p=0.11",
        **CODED,
    },
    "coordinates": {
        "id": "new2024-p1", "study_id": "new2024", "finding_id": "new2024-1", "table": "Table 2", "x": "-12", "y": "10",
        "z": "-8", "space": "MNI", "direction": "decrease", "comparison": "group", "contrast": "NSSI vs HC",
        "n_subjects": "60", **CODED,
    },
}  # fmt: skip


@pytest.fixture
def write():
    """Return what writes {table: [row, ...]} into a folder as CSV files."""
    return write_tables


def write_tables(folder, rows):
    """Write {table: [row, ...]} as CSV files with all columns of the schema and those that the rows have besides."""
    for name, entries in rows.items():
        extra = [key for entry in entries for key in entry if key not in tables()[name].names]
        heading = [*tables()[name].names, *dict.fromkeys(extra)]
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, heading, restval="")
            writer.writeheader()
            writer.writerows(entries)
    return folder


@pytest.fixture
def valid():
    """Return a fresh copy of the valid rows: {table: [row]}."""
    return {name: [dict(row)] for name, row in VALID.items()}
