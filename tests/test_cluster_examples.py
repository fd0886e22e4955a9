"""Manifests are whole, of the locked version, and say what the commands understand; no cluster is asked."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from studies.compare import app_of

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "cluster"
COMPARISON = re.compile(r"loss-search compare (.*)")


def text(name):
    return (FOLDER / name).read_text(encoding="utf-8")


def test_the_job_of_slurm_is_a_script():
    subprocess.run(["bash", "-n", str(FOLDER / "slurm.sh")], check=True)


def test_the_job_of_kuberay_has_the_version_that_is_locked_and_one_image():
    claim, job = yaml.safe_load_all(text("kuberay.yaml"))
    cluster = job["spec"]["rayClusterSpec"]
    assert f"\nray=={cluster['rayVersion']}\n" in (ROOT / "constraints.txt").read_text(encoding="utf-8")
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    pods = [group["template"]["spec"] for group in groups]
    assert len({container["image"] for pod in pods for container in pod["containers"]}) == 1
    assert {one["persistentVolumeClaim"]["claimName"] for pod in pods for one in pod["volumes"]} == {
        claim["metadata"]["name"]
    }


@pytest.mark.parametrize("name", ["kuberay.yaml", "slurm.sh"])
def test_what_a_job_runs_is_understood(name):
    pytest.importorskip("ray")
    (line,) = COMPARISON.findall(text(name))
    typed = shlex.split(line)
    _, bound, _ = app_of(typed).parse_args(typed, exit_on_error=False, print_error=False)
    assert bound.arguments


def test_no_secret_of_the_server_is_written_down_or_in_a_command():
    services = yaml.safe_load(text("compose.yaml"))["services"]
    secrets = {
        name: value
        for one in services.values()
        for name, value in one["environment"].items()
        if "PASS" in name or "KEY" in name
    }
    assert len(secrets) == 4
    assert all(re.fullmatch(r"\$\{\w+:\?\}", value) for value in secrets.values()), (
        "they come from outside, or it fails"
    )
    assert "$" not in " ".join(services["mlflow"]["command"]).replace("${MLFLOW_HOSTS", "")
    assert re.findall(r"://\w+:[^@/\s]+@", text("compose.yaml")) == []
