"""A made-up plan with every record filled, on an ellipsoid head, for tests of the report and the command line.

Nothing in it is a result: the numbers are placeholders of plausible size.
"""

import hashlib
from pathlib import Path

import nibabel as nib
import numpy as np

from assuage.plan import records as r
from assuage.plan.aim_records import CircuitRecord, HeadRecord, RegionRecord, TargetRecord, TissueRecord
from assuage.plan.distribution_records import (
    AimRecord,
    GainRecord,
    GroupTargetRecord,
    PlaceRecord,
    SpreadRecord,
    TargetDistributionRecord,
)
from assuage.plan.order_records import Rank, Ranking
from assuage.plan.over_words import says
from assuage.safety import Verdict

RADII_MM = np.array([75.0, 95.0, 85.0])
SITES = {  # degrees from the vertex, degrees from the nose towards the left
    "Fpz": (90, 0),
    "Fp1": (90, 18),
    "Fp2": (90, -18),
    "AF7": (90, 36),
    "F7": (90, 54),
    "FT7": (90, 72),
    "T7": (90, 90),
    "TP7": (90, 108),
    "P7": (90, 126),
    "PO7": (90, 144),
    "O1": (90, 162),
    "Oz": (90, 180),
    "O2": (90, -162),
    "P8": (90, -126),
    "T8": (90, -90),
    "F8": (90, -54),
    "AF8": (90, -36),
    "F3": (60, 40),
    "F4": (60, -40),
    "AF3": (76, 26),
    "C3": (45, 90),
    "C4": (45, -90),
    "P3": (60, 140),
    "P4": (60, -140),
    "Fz": (45, 0),
    "Cz": (0, 0),
    "Pz": (45, 180),
    "FC1": (33, 45),
    "F5": (72, 48),
    "FC5": (68, 70),
    "F1": (50, 21),
    "FC3": (50, 62),
}
TARGET = (-38.0, 44.0, 26.0)


def site_mm(name: str) -> tuple[float, float, float]:
    down, left = np.deg2rad(SITES[name])
    x = RADII_MM * [-np.sin(down) * np.sin(left), np.sin(down) * np.cos(left), np.cos(down)]
    return tuple(float(v) for v in x)


def _distribution(techniques) -> TargetDistributionRecord:
    """Where an individual target may lie, with the group target beside it."""

    def spread(expected):
        return SpreadRecord(
            expected_V_per_m=expected, sd_V_per_m=0.1 * expected,
            quantiles_V_per_m={"0.05": 0.8 * expected, "0.5": expected, "0.95": 1.2 * expected},
            objective_V_per_m=expected, target_share=0.62, placement_share=0.03, conductivity_share=0.31,
            joint_share=0.04,
        )  # fmt: skip

    gain = GainRecord(objective_gain=0.043, mean_V_per_m=0.012, sd_V_per_m=0.029, better_share=0.71, worth=False)
    over = [
        AimRecord(
            technique=item.technique, label=item.label, aims_at="distribution",
            because="best expected field over target, placement and conductivity",
            moved_mm=6.2 if item.technique == "tms" else None, made_for="distribution", over=spread(0.41),
            of_mean=spread(0.39), of_group=spread(0.377), in_group_V_per_m=0.35, group_in_group_V_per_m=0.42,
            over_group=gain,
        )
        for item in techniques
    ]  # fmt: skip
    mean = AimRecord(
        technique="ti", label="Temporal interference", aims_at="mean", because="every place would need its own search",
        moved_mm=None, made_for="mean", over=None, of_mean=None, of_group=None, in_group_V_per_m=None,
        group_in_group_V_per_m=None, over_group=None,
    )  # fmt: skip
    made = TargetDistributionRecord(
        method="cluster", minutes=21.5, objective="expected field", quantile=None, mean_mm=TARGET,
        semi_axes_mm=(9.1, 6.0, 4.2), places=(PlaceRecord(center_mm=TARGET, weight=1.0),), within_mm=1.9,
        placements=400, conductivities=64, seed=0, techniques=(*over, mean),
        group=GroupTargetRecord(
            label="dlPFC left", center_mm=(-40.0, 38.0, 30.0), distance_mm=7.5, worth_individualising=False,
            says=("With these data an individual target is not worth more than the group target: halves disagree.",),
        ),
        says=(),
    )  # fmt: skip
    return made.model_copy(update={"says": says(made)})


def example_record(*, circuit: bool = True) -> r.PlanRecord:
    """Build the records; `files` is empty."""
    tms, ring, pads, best = _tms(), _montage("hd_tdcs_4x1", 2e-3), _montage("tdcs", 2e-3), _montage("hd_tdcs", 4e-3)
    techniques = (tms, pads, ring, best)
    return r.PlanRecord(
        title="Emotion regulation: dorsolateral prefrontal cortex L",
        head=_head(),
        target=_target("dorsolateral prefrontal cortex L"),
        circuit=_circuit() if circuit else None,
        techniques=techniques,
        skipped={"hd_tdcs_focal": "no montage keeps the field elsewhere below the limit that was set"},
        ranking=Ranking(
            rule="share of the technique's own reference field, lowered by its error bar",
            ranks=tuple(
                Rank(
                    place=k + 1,
                    technique=t.technique,
                    score=0.9 - 0.1 * k,
                    reasons=("strongest of the techniques against its own reference", "smallest placement error"),
                )
                for k, t in enumerate(techniques)
            ),
        ),
        matrix=_matrix(techniques) if circuit else None,
        target_distribution=None if circuit else _distribution(techniques),
        maps={"coil_center_mm": "coil centres", "site_names": "sites"},
        files=(),
        limits=("tissue is isotropic", "<b>hair thickness</b> is assumed", "blood vessels and dura are not modelled"),
        provenance=r.Provenance(
            created_utc="2026-11-22T20:00:00Z",
            command="assuage plan --head colin27 --target -44,40,29 --out plan",
            assuage="0.1.0",
            versions={"numpy": "2.4.6", "numba": "0.68.1"},
            platform="Linux x86_64, Python 3.11.7",
            seed=0,
            settings={"voxel_mm": 2.0, "hair_mm": 3.0},
            conductor={"nodes": 430_000, "iterations": 17},
            seconds={"set-up": 3.1, "adjoint": 6.2, "search": 12.0},
        ),
    )


def write_example(folder: Path, *, record: r.PlanRecord | None = None, anatomy: nib.Nifti1Image | None = None) -> Path:
    """Write the example as a plan's folder: plan.json, maps.npz and volumes."""
    record = record or example_record()
    folder.mkdir(parents=True, exist_ok=True)
    anatomy = anatomy or _anatomy()
    nib.save(anatomy, folder / "t1.nii.gz")
    shape, affine = anatomy.shape, anatomy.affine
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    distance = np.linalg.norm(index @ affine[:3, :3].T + affine[:3, 3] - np.array(TARGET), axis=-1)
    head = np.asarray(anatomy.dataobj) > 40
    nib.save(nib.Nifti1Image((distance < 10).astype(np.uint8), affine), folder / "target.nii.gz")
    for technique in record.techniques:
        field = technique.dose.magnitude_V_per_m * np.exp(-((distance / 40) ** 2)) * head
        (folder / technique.field_file).parent.mkdir(exist_ok=True)
        nib.save(nib.Nifti1Image(field.astype(np.float32), affine), folder / technique.field_file)
    rng = np.random.default_rng(0)
    rays = rng.normal(size=(1500, 3)) + np.array([0, 0, 0.8])
    centers = RADII_MM * rays / np.linalg.norm(rays, axis=1, keepdims=True)
    near = lambda x: np.exp(-((np.linalg.norm(x - np.array(TARGET), axis=1) / 60) ** 2))  # noqa: E731
    np.savez(
        folder / "maps.npz",
        coil_place_mm=centers,
        coil_best_V_per_m=90 * near(centers),
        electrode_point_mm=centers,
        electrode_score_V_per_m_per_A=200 * (near(centers) - near(centers).mean()),
    )
    files = tuple(
        r.FileRecord(
            path=str(p.relative_to(folder)),
            sha256=hashlib.sha256(p.read_bytes()).hexdigest(),
            bytes=p.stat().st_size,
            says="a part",
        )
        for p in sorted(folder.rglob("*.n*"))
    )
    navigator = r.FileRecord(
        path="navigator/visor2.mrk", sha256="0" * 64, bytes=1, says="visor2.mrk: the associated image must be t1.nii.gz"
    )
    record = record.model_copy(update={"files": (*files, navigator)})
    (folder / "plan.json").write_text(record.model_dump_json(indent=2), encoding="utf-8")
    return folder


def _anatomy() -> nib.Nifti1Image:
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    shape = (42, 52, 48)
    affine[:3, 3] = -2.0 * (np.array(shape) - 1)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    radius = np.linalg.norm((index @ affine[:3, :3].T + affine[:3, 3]) / RADII_MM, axis=-1)
    data = np.select([radius < 0.5, radius < 0.85, radius < 0.93, radius < 1.0], [200, 150, 60, 220], 0)
    return nib.Nifti1Image(data.astype(np.uint8), affine)


def _head() -> HeadRecord:
    tissue = {
        "source": "Somebody 2020, a review",
        "source_level": "abstract",
        "range_source": "",
        "range_source_level": "",
    }
    rows = (
        ("white_matter", 480.0, 0.126, 0.1, 0.3),
        ("grey_matter", 650.0, 0.275, 0.2, 0.4),
        ("skull", 700.0, 0.01, 0.004, 0.02),
    )
    return HeadRecord(
        name="ellipsoid",
        sha256="0" * 64,
        shape=(42, 52, 48),
        voxel_mm=(4.0, 4.0, 4.0),
        affine=((4.0, 0, 0, -82), (0, 4.0, 0, -102), (0, 0, 4.0, -94), (0, 0, 0, 1.0)),
        tissues=tuple(
            TissueRecord(name=n, volume_ml=v, conductivity_S_per_m=s, low_S_per_m=a, high_S_per_m=b, **tissue)
            for n, v, s, a, b in rows
        ),
        fiducials_mm={"Nz": (0.0, 94.0, -10.0)},
        ten_ten_mm={name: site_mm(name) for name in SITES},
        metadata={"origin": "made for tests", "warnings": ["the neck is not on the scan"]},
    )


def _target(name: str) -> TargetRecord:
    return TargetRecord(
        name=name,
        requested_mm=(-41.0, 45.0, 28.0),
        requested_mni_mm=(-44.0, 40.0, 29.0),
        center_mm=TARGET,
        center_mni_mm=(-41.0, 40.0, 27.0),
        snapped_mm=3.2,
        radius_mm=10.0,
        depth_mm=21.0,
        tissues=("grey_matter",),
        volume_mm3=2100.0,
        direction=None,
        normal=(0.5, -0.6, -0.62),
        notes=("moved 3.2 mm to the nearest grey matter",),
    )


def _region(name: str, *, primary: bool, mni: tuple[float, float, float] | None) -> RegionRecord:
    return RegionRecord(
        key=name.replace(" ", "_"),
        label=name,
        role="lower connectivity reported",
        named_by=("guo2024",),
        mni_mm=mni,
        centroid_source="a table" if mni else "",
        techniques_in_principle=("TMS", "tDCS"),
        notes="",
        primary=primary,
        target=_target(name) if mni else None,
        not_planned_because="" if mni else "no centroid in the literature read",
    )


def _circuit() -> CircuitRecord:
    return CircuitRecord(
        domain="emotion_regulation",
        regions=(
            _region("dorsolateral prefrontal cortex L", primary=True, mni=(-44.0, 40.0, 29.0)),
            _region("amygdala R", primary=False, mni=(28.0, -3.0, -20.0)),
            _region("periaqueductal grey", primary=False, mni=None),
        ),
        primary="dorsolateral_prefrontal_cortex_L",
        primary_because="first region of the table that a surface technique reaches in principle.",
    )


def _dose(level: float, intensity: str) -> r.Dose:
    return r.Dose(
        intensity=intensity,
        current_A=None,
        didt_A_per_s=None,
        mean_e_V_per_m=(0.6 * level, 0.3 * level, 0.7 * level),
        magnitude_V_per_m=level,
        component_V_per_m=None,
        normal_V_per_m=-0.4 * level,
        adjoint_V_per_m=level * 1.001,
        e99_V_per_m=1.4 * level,
        target_over_e99=0.71,
        half_max_volume_mm3=41_000.0,
        off_target=(r.OffTarget(region="amygdala_R", magnitude_V_per_m=0.2 * level),),
        reference_V_per_m=1.3 * level,
        relative_to_reference=0.77,
        error=r.ErrorBar(
            conductivity_sd_V_per_m=0.12 * level,
            conductivity_by_tissue=(
                r.TissueShare(tissue="skull", sd_V_per_m=0.1 * level),
                r.TissueShare(tissue="csf", sd_V_per_m=0.05 * level),
            ),
            conductivity_assumption="uniform over the published range of each tissue, independent",
            placement_sd_V_per_m=0.06 * level,
            placement_mean_V_per_m=0.95 * level,
            placement_5_95_V_per_m=(0.82 * level, 1.03 * level),
            placement_assumption="5 mm and 10 degrees, one standard deviation",
            placements=400,
            seed=0,
            combined_sd_V_per_m=0.134 * level,
            left_out="errors of the segmentation",
        ),
    )


def _verdicts() -> tuple[Verdict, ...]:
    rows = (
        ("total_current_A", "within cited range", 2.0, 4.0, "mA", "abstract"),
        ("duration_s", "cannot say", None, 40.0, "min", "abstract"),
        ("brain_density_A_per_m2", "warn", 0.3, 0.2, "A/m^2", "from memory, unverified"),
    )
    return tuple(
        Verdict(
            technique="",
            rule_id=f"rule-{q}",
            quantity=q,
            outcome=o,
            value=v,
            limit=x,
            unit=u,
            population="adult",
            source="Bikson 2016 Brain Stimul 9:641-661",
            source_level=level,
            why="the session keeps to what was reviewed",
        )
        for q, o, v, x, u, level in rows
    )


def _technique(technique: str, label: str, proposal: object, dose: r.Dose) -> r.TechniqueRecord:
    return r.TechniqueRecord(
        technique=technique,
        label=label,
        proposal=proposal,
        dose=dose,
        scaled=(
            r.ScaledDose(
                intensity="half of it",
                current_A=None,
                didt_A_per_s=None,
                magnitude_V_per_m=0.5 * dose.magnitude_V_per_m,
                sd_V_per_m=0.067 * dose.magnitude_V_per_m,
                note="",
            ),
        ),
        verdicts=_verdicts(),
        worst_verdict="warn",
        search=r.SearchRecord(candidates=90_000, evaluated=88_000, seconds=4.0, words="all of the scalp"),
        field_file=f"fields/{technique}.nii.gz",
        notes=(),
    )


def _tms() -> r.TechniqueRecord:
    center = np.array(site_mm("F3")) * 1.08
    z = -center / np.linalg.norm(center)
    y = np.cross(z, np.cross([0.6, 0.8, 0.2], z))
    y /= np.linalg.norm(y)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = np.cross(y, z), y, z, center
    proposal = r.CoilProposal(
        coil="figure of eight, 70 mm",
        coil_origin="built in, winding radii from a data sheet",
        coil_max_didt_A_per_s=1.0e8,
        pose=tuple(tuple(float(v) for v in row) for row in pose),
        hair_mm=3.0,
        lift_mm=1.2,
        scalp_distance_mm=6.6,
        scalp_point_mm=site_mm("F3"),
        nearest_sites=tuple(
            r.SiteDistance(site=s, distance_mm=d) for s, d in (("F3", 4.0), ("F5", 18.0), ("AF3", 22.0))
        ),
        handle_deg=42.0,
        words="coil centre 4 mm behind F3, handle 42 degrees back and to the left",
    )
    return _technique("tms", "TMS", proposal, _dose(92.0, "dI/dt = 100 A/µs"))


def _montage(technique: str, total_A: float) -> r.TechniqueRecord:
    labels = {"tdcs": "tDCS, two pads", "hd_tdcs_4x1": "HD-tDCS, 4x1 ring", "hd_tdcs": "HD-tDCS, optimised"}
    sites = {"tdcs": {"F3": 1.0, "Fp2": -1.0}, "hd_tdcs": {"F3": 0.6, "F5": 0.4, "Fz": -0.7, "AF7": -0.3}}.get(
        technique, {"F3": 1.0, "Fz": -0.25, "C3": -0.25, "F7": -0.25, "Fp1": -0.25}
    )
    electrodes = tuple(
        r.ElectrodeRecord(
            name=n, center_mm=site_mm(n), current_A=f * total_A, shape="disc, 6 mm radius", area_mm2=113.0
        )
        for n, f in sites.items()
    )
    certificate = (
        r.Certificate(
            problem="largest field",
            solver="clarabel",
            status="optimal",
            primal_V_per_m=0.41,
            dual_V_per_m=0.4101,
            gap_V_per_m=1e-4,
            gap_relative=2.4e-4,
            realised_V_per_m=0.409,
            directions=1,
        )
        if technique == "hd_tdcs"
        else None
    )
    proposal = r.MontageProposal(
        electrodes=electrodes,
        total_current_A=total_A,
        largest_current_A=total_A,
        certificate=certificate,
        words=f"anode at F3, {len(electrodes) - 1} return electrodes, {1e3 * total_A:g} mA in total",
    )
    return _technique(technique, labels[technique], proposal, _dose(0.18 * total_A / 1e-3, f"{1e3 * total_A:g} mA"))


def _matrix(techniques: tuple[r.TechniqueRecord, ...]) -> r.Matrix:
    cells = tuple(
        r.MatrixCell(
            technique=t.technique,
            region=region,
            best_V_per_m=share * t.dose.magnitude_V_per_m,
            relative_to_reference=share,
            reached=share > 0.5,
            proposed_V_per_m=0.8 * share * t.dose.magnitude_V_per_m,
        )
        for t in techniques
        for region, share in (("dorsolateral_prefrontal_cortex_L", 1.0), ("amygdala_R", 0.3))
    )
    return r.Matrix(
        criterion="reached: at least half of the technique's own reference field",
        reference="best field in the cortex under C3",
        threshold=0.5,
        cells=cells,
        reached_by_none=("amygdala_R",),
        without_centroid=("periaqueductal_grey",),
    )
