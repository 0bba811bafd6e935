"""The README's example, the file in examples/ and what a fresh clone offers say the same."""

import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def example():
    return (ROOT / "examples" / "plan_in_ten_lines.py").read_text(encoding="utf-8")


def test_readme_example_is_the_file_in_examples():
    shown = blocks("python")[0]
    assert example().endswith(shown)
    statements = [line for line in shown.splitlines() if line.strip()]
    assert len(statements) == 10


def test_readme_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    quick = example().replace("voxel_mm=2.0", "voxel_mm=4.0").replace('["tdcs", "4x1"]', '["tdcs"], voxel_mm=4.0')
    assert quick.count("voxel_mm=4.0") == 2
    exec(compile(quick, "plan_in_ten_lines.py", "exec"), {})
    by_adjoint, by_forward = (
        np.array(line.replace("[", " ").replace("]", " ").split()[:3], dtype=float)
        for line in capsys.readouterr().out.splitlines()[:2]
    )
    assert np.linalg.norm(by_forward) > 0.05
    np.testing.assert_allclose(by_adjoint, by_forward, atol=2e-3 * np.linalg.norm(by_forward))
    assert (tmp_path / "plan" / "plan.json").is_file()


def test_readme_names_two_commands_that_exist():
    commands = re.findall(r"^make (\w+)", blocks("bash")[0], re.M)
    assert commands == ["demo", "test"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{name}:", makefile, re.M) for name in commands)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"`([\w/]+\.(?:md|py|cff))`|\]\(([\w/.]+)\)", README))))
def test_readme_points_at_files_that_exist(link):
    name = link[0] or link[1]
    assert (ROOT / name).is_file()
