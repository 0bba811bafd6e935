"""What a plan says of the tensors of its head."""

from assuage.head import Head


def anisotropy_words(head: Head) -> str:
    """Return one sentence on the anisotropic tissue and what was put right in it; "" without any."""
    if head.tensors is None:
        return ""
    found = head.tensors.origin
    share = {key: found[f"{key}_share"] for key in ("isotropic", "clipped", "capped")}
    said = (
        f"{head.tensors.tissue.replace('_', ' ')} is anisotropic by {found['file']} (order {found['order']}, axes "
        f"{found['frame']}, {found['mapping']} mapping, median ratio of the eigenvalues {found['median_ratio']:.2g}); "
        f"isotropic for want of a tensor in {share['isotropic']:.1%} of its voxels, ratio clipped in "
        f"{share['clipped']:.1%}, capped at 2 S/m in {share['capped']:.1%}"
    )
    return "; ".join([said, *found["checks"]["notes"]]) + ". Every other tissue is isotropic, with one value."
