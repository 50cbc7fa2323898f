"""What is deployed, held to the official schemas, to linters, and to what the product knows."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from detector.shell.config.settings import PREFIX, Settings, variable

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
KUBERNETES = ROOT / "deploy" / "kubernetes"
KUBERNETES_VERSION = "1.33.0"
STOPS_S_MAX = 15  # as long as a transaction may hold a worker up
SCHEMALESS = {
    "Kustomization",
    "Component",
    "ServiceMonitor",
}  # not Kubernetes' own; `make check-deploy` renders the first
SCRIPTS = sorted(
    path
    for path in (ROOT / "deploy").rglob("*")
    if path.is_file() and path.read_bytes().startswith((b"#!/bin/sh", b"#!/usr/bin/env bash"))
)
MANIFESTS = [
    (f"{path.parent.name}/{path.name}", document)
    for path in sorted(KUBERNETES.rglob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]


def place(path):
    """Name a file from the root of the repository."""
    return str(path.relative_to(ROOT))


def installed(program):
    """Find a program that came with a package, in the environment of the tests."""
    found = shutil.which(program, path=str(Path(sys.executable).parent))
    assert found, f"{program} is missing: run `make install`"
    return found


def test_the_compose_file_is_one():
    """It follows the specification of Compose."""
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(COMPOSE)


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_service_is_pinned_and_its_own(name):
    """Each image has a version; ours runs without rights on a file system that it cannot change."""
    service = COMPOSE["services"][name]
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"])
    if "build" in service:
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
    else:
        assert service["healthcheck"]["test"]


def test_every_file_that_compose_mounts_is_there():
    """Docker would make a folder in place of a file that is missing."""
    mounted = [volume for service in COMPOSE["services"].values() for volume in service.get("volumes", ())]
    paths = [volume.split(":")[0] for volume in mounted if volume.startswith("./")]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    "path", [ROOT / "docker-compose.yml", DOCKERFILE, *sorted(KUBERNETES.rglob("*.yaml"))], ids=place
)
def test_every_setting_that_is_set_exists(path):
    """A setting that was renamed would keep a worker from starting."""
    lines = [line.partition(" #")[0] for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    named = set(re.findall(rf"{PREFIX}[A-Z0-9_]+", "\n".join(lines)))
    assert named - {variable(name) for name in Settings.model_fields} == set()


def test_the_dockerfile_is_well_made():
    """By the linter that knows Docker's own advice, with nothing excused."""
    linted = subprocess.run([installed("hadolint"), DOCKERFILE], capture_output=True, text=True, check=False)
    assert linted.stdout == ""
    assert linted.returncode == 0


@pytest.mark.parametrize("path", SCRIPTS, ids=place)
def test_a_shell_script_is_well_made(path):
    """By the linter of shell scripts, with nothing excused but where it says so."""
    linted = subprocess.run([installed("shellcheck"), path], capture_output=True, text=True, check=False)
    assert linted.stdout == ""
    assert linted.returncode == 0


@pytest.mark.parametrize(
    ("place", "manifest"), MANIFESTS, ids=[f"{place}-{found['kind']}" for place, found in MANIFESTS]
)
def test_a_manifest_is_one(place, manifest):
    """It follows the schema of its kind, and names no field that Kubernetes does not know."""
    if manifest["kind"] in SCHEMALESS:
        assert manifest["apiVersion"].partition("/")[0] in {"kustomize.config.k8s.io", "monitoring.coreos.com"}
    else:
        kubernetes_validate.validate(manifest, KUBERNETES_VERSION, strict=True)


@pytest.mark.parametrize(
    "name", ["ghosting-worker", "ghosting-forwarder", "ghosting-topics", "ghosting-receiver", "ghosting-mapper"]
)
def test_a_pod_has_no_rights_and_bounds(name):
    """What the restricted policy of Kubernetes asks for, and limits for what it may use."""
    (workload,) = [
        found for _, found in MANIFESTS if found.get("metadata", {}).get("name") == name and "template" in found["spec"]
    ]
    pod = workload["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
    assert container["resources"]["limits"]["memory"]
    assert "password" not in json.dumps(container.get("env", [])).lower()


def test_a_worker_is_given_the_time_that_it_takes_to_stop():
    """Kubernetes and Compose kill later than the worker would end by itself."""
    (worker,) = [
        found for _, found in MANIFESTS if found["kind"] == "Deployment" and "worker" in found["metadata"]["name"]
    ]
    grace_s = worker["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    compose_s = int(COMPOSE["services"]["worker"]["stop_grace_period"].removesuffix("s"))
    assert min(grace_s, compose_s) > STOPS_S_MAX
