"""A model as a container: what is written is fit for the public. `make ship` follows the Dockerfile, without an engine."""

import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import groundup
from groundup.__main__ import main
from groundup.commands import models
from groundup.errors import Problem
from groundup.serving.container import program, writing
from groundup.serving.limits import Limits
from tests import dockerfile, serving_example

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return serving_example.model_folder(tmp_path_factory.mktemp("models") / "Aligned_1")


@pytest.fixture(scope="module")
def container(model, tmp_path_factory) -> Path:
    (model / "model.safetensors").chmod(0o600)  # as the library of that name leaves it
    into = tmp_path_factory.mktemp("out") / "container"
    assert main(["export", str(model), "--format", "container", "--into", str(into)]) == 0
    return into


@pytest.fixture(scope="module")
def stages(container) -> list[dockerfile.Stage]:
    return dockerfile.read((container / "Dockerfile").read_text())


def documents(path: Path) -> dict[str, dict]:
    """The parts of a manifest by their kind."""
    return {told["kind"]: told for told in YAML(typ="safe").load_all(path.read_text())}


def document(path: Path) -> dict:
    """A file of one part."""
    return YAML(typ="safe").load(path.read_text())


def test_the_folder_holds_all_that_is_needed(container):
    names = {path.name for path in container.iterdir()}
    wheel = f"groundup-{groundup.__version__}-py3-none-any.whl"
    assert names == {
        *("Dockerfile", ".dockerignore", "compose.yaml", "prometheus.yaml", "kubernetes.yaml", "README.md"),
        *("requirements.txt", "constraints.txt", "models", wheel),
    }
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {
        path.name for path in (container / "models/aligned-1").iterdir()
    }


def test_every_file_can_be_read_by_the_user_of_the_container(container):
    for path in container.rglob("*"):
        assert path.stat().st_mode & stat.S_IROTH, path


def test_the_dockerfile_has_no_faults(stages):
    assert dockerfile.faults(stages) == []
    assert len(stages) == 2 and stages[0].base == stages[1].base and stages[0].base.endswith("-slim")
    assert "/ready" in (stages[-1].last("HEALTHCHECK") or "")


SPOILT = {  # what is found in the file -> what stands there instead, and the fault that this is
    "USER 10001:10001": ("USER root", "run as root"),
    "\nUSER .*": ("", "run as 0"),
    r":\S+-slim AS": (":latest AS", "no fixed version"),
    "EXPOSE": ("RUN apt-get install g++\nEXPOSE", "a compiler in the last stage"),
    "HEALTHCHECK": ("LABEL", "HEALTHCHECK is missing"),
    "ENV PATH": ("ENV API_KEY=canary PATH", "holds a secret"),
    "\nCMD .*": ("\nCMD groundup serve", "CMD is missing"),
    "COPY requirements": ("ADD requirements", "use COPY"),
}


@pytest.mark.parametrize("found", SPOILT)
def test_the_reader_of_dockerfiles_would_find_faults(container, found):
    other, fault = SPOILT[found]
    text, times = re.subn(found, other, (container / "Dockerfile").read_text())
    told = dockerfile.faults(dockerfile.read(text))
    assert times and any(fault in each for each in told), told


def test_nothing_goes_into_the_image_but_what_is_listed(container):
    lines = [line for line in (container / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    listed = {line[1:] for line in lines[1:]}
    assert lines[0] == "*" and listed < {path.name for path in container.iterdir()} and "key.txt" not in listed


def test_compose_shuts_every_door_that_is_not_needed(container):
    told = document(container / "compose.yaml")
    server, prometheus = told["services"]["server"], told["services"]["prometheus"]
    for service in (server, prometheus):
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"] and service["secrets"] == ["groundup_key"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert ":latest" not in service["image"] and ":" in service["image"]
    assert server["tmpfs"] and int(server["stop_grace_period"].rstrip("s")) > Limits().drain_seconds
    assert told["secrets"]["groundup_key"]["file"] == "./key.txt"
    assert "environment" not in server, "a key in the environment is shown by every engine"
    assert prometheus["depends_on"] == {"server": {"condition": "service_healthy"}}
    assert "./prometheus.yaml:/etc/prometheus/prometheus.yaml:ro" in prometheus["volumes"]


def test_prometheus_asks_the_server_with_the_key(container):
    (job,) = document(container / "prometheus.yaml")["scrape_configs"]
    assert job["static_configs"][0]["targets"] == ["server:8000"]
    assert job["authorization"]["credentials_file"] == "/run/secrets/groundup_key"


def test_the_cluster_runs_it_as_nobody_and_waits_for_its_answers(container):
    told = documents(container / "kubernetes.yaml")
    pod = told["Deployment"]["spec"]["template"]["spec"]
    (server,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] == writing.USER
    assert server["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    probes = {name: server[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert probes == {"startup": "/ready", "readiness": "/ready", "liveness": "/health"}
    leave = int(server["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert pod["terminationGracePeriodSeconds"] >= Limits().drain_seconds + leave + 3
    assert server["resources"]["requests"]["memory"] == server["resources"]["limits"]["memory"]
    mounts = {mount["name"] for mount in server["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["volumes"]} == {"tmp", "key"}
    assert server["ports"][0]["name"] == told["Service"]["spec"]["ports"][0]["targetPort"] == "http"


def test_the_cluster_grows_with_the_queue_and_never_empties(container):
    told = documents(container / "kubernetes.yaml")
    assert set(told) == {"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"}
    labels = told["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for selector in (
        told["Deployment"]["spec"]["selector"]["matchLabels"],
        told["Service"]["spec"]["selector"],
        told["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    scaler = told["HorizontalPodAutoscaler"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == told["Deployment"]["metadata"]["name"]
    metric = scaler["metrics"][0]["pods"]["metric"]["name"]
    assert metric == "groundup_num_requests_waiting" and metric in (container / "README.md").read_text()
    assert "groundup:num_requests_waiting" in (container / "README.md").read_text()
    assert scaler["minReplicas"] >= 2 > told["PodDisruptionBudget"]["spec"]["maxUnavailable"]


def test_the_wheel_is_the_running_program(container, tmp_path):
    (path,) = container.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        home = Path(groundup.__file__).parent
        assert wheel.read("groundup/serving/app.py") == (home / "serving/app.py").read_bytes()
        assert {f"groundup/{name}" for name in ("py.typed", "serving/page/index.html", "recipes/tour.yaml")} <= set(
            names
        )
        assert not any("__pycache__" in name for name in names)
        record = wheel.read(f"groundup-{groundup.__version__}.dist-info/RECORD").decode().splitlines()
        assert sorted(line.split(",")[0] for line in record) == sorted(names)
    program.write_wheel(tmp_path)
    assert (tmp_path / path.name).read_bytes() == path.read_bytes(), "equal programs make equal wheels"


def test_what_the_server_needs_is_among_what_the_program_needs():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    known = {re.split(r"[<>=]", each)[0] for each in told}
    assert set(program.SERVING) < known and not {"daft", "pyarrow", "plotly"} & set(program.SERVING)
    pinned = {line.partition("==")[0] for line in program.constraints()}
    assert {"starlette", "llvmlite", "pydantic-core", *program.SERVING} <= pinned
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in program.constraints() + program.requirements())


@pytest.mark.parametrize(("name", "expected"), {"Aligned_1": "aligned-1", "a.b": "a.b", "-x-": "x"}.items())
def test_names_fit_images_and_clusters(name, expected):
    assert writing.slug(name) == expected


@pytest.mark.parametrize("name", ["", "ä", "x" * 60])
def test_names_that_cannot_be_made_fit_are_refused(name):
    with pytest.raises(Problem, match="cannot be the name"):
        writing.slug(name)


def test_a_folder_in_use_and_a_type_are_refused(model, tmp_path, capsys):
    (tmp_path / "in-use").mkdir()
    (tmp_path / "in-use/notes.md").write_text("mine")
    words = ["export", str(model), "--format", "container", "--into"]
    assert main([*words, str(tmp_path / "in-use")]) == 2 and "is a folder that is in use" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "new"), "--type", "q8_0"]) == 2 and "nothing else" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in-use"]


def test_a_key_comes_from_a_file(tmp_path):
    (tmp_path / "key").write_text("secret\n")
    assert models.key_in(tmp_path / "key") == "secret"
    for text in ("", "\n", "two\nlines"):
        (tmp_path / "key").write_text(text)
        with pytest.raises(Problem, match="the key and nothing else"):
            models.key_in(tmp_path / "key")
    with pytest.raises(Problem, match="cannot be read"):
        models.key_in(tmp_path / "nowhere")


def test_compiled_code_is_taken_along_from_a_disk_that_can_only_be_read():
    """As another user where we are root, else from a folder that we have closed to ourselves."""
    program_text = (
        "import os, sys\nfrom groundup.hardware import caches\n"
        "if os.getuid() == 0: os.setuid(10001)\n"
        "print(caches.cache_folder())"
    )
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        baked = Path(place) / "baked"
        (baked / "numba").mkdir(parents=True)
        (baked / "numba/index").write_text("compiled")
        for mode, taken in ((0o555, True), (0o577, False)):  # what others may have written is not taken
            baked.chmod(mode)
            temporary = Path(place) / f"tmp-{mode:o}"
            temporary.mkdir()
            temporary.chmod(0o777)
            env = {**os.environ, "GROUNDUP_CACHE": str(baked), "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
            told = subprocess.run(
                [sys.executable, "-c", program_text], env=env, capture_output=True, text=True, check=True
            )
            folder = Path(told.stdout.strip())
            assert temporary in folder.parents and (folder / "numba/index").exists() == taken, told
            assert all(inner.stat().st_mode & stat.S_IRWXU == stat.S_IRWXU for inner in [folder, *folder.rglob("*")])
        baked.chmod(0o755)


def test_json_in_commands_is_json(stages):
    for word in ("CMD", "HEALTHCHECK"):
        told = stages[-1].last(word) or ""
        assert all(isinstance(each, str) for each in json.loads(told[told.index("[") :]))
