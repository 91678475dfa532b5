"""What `kubectl apply -k` would make: every image by its content, every name that is referred to there, one description
of a Ray pod for the standing cluster and for jobs."""

from pathlib import Path
from typing import Any

import pytest
from kustomizing import DIGEST, IMAGES, Kustomize
from manifests import Content

PLACES = (".", "job", "object-storage", "fill")


def _found(node: Any, key: str) -> list[Any]:
    """All values below a key, however deep."""
    if isinstance(node, list):
        return [value for each in node for value in _found(each, key)]
    if not isinstance(node, dict):
        return []
    here = [node[key]] if key in node else []
    return here + [value for each in node.values() for value in _found(each, key)]


def _one(documents: list[Content], kind: str) -> Content:
    (found,) = [document for document in documents if document["kind"] == kind]
    return found


@pytest.mark.parametrize("place", PLACES)
def test_without_digests_nothing_is_started(unpinned: Kustomize, place: str) -> None:
    done = unpinned.run(place)
    assert (done.returncode != 0, "local" in done.stderr, done.stdout) == (True, True, "")


@pytest.mark.parametrize("place", PLACES)
def test_every_image_is_named_by_its_content(kustomize: Kustomize, place: str) -> None:
    images = {image for image in _found(kustomize.built(place), "image") if isinstance(image, str)}
    assert {image for image in images if not image.endswith(f"@{DIGEST}")} == set()


def test_every_image_of_the_list_is_used(kustomize: Kustomize) -> None:
    images = {image for image in _found(kustomize.built("."), "image") if isinstance(image, str)}
    assert images == {f"r.example/{name}@{DIGEST}" for name in IMAGES}


@pytest.mark.parametrize("place", PLACES)
def test_all_of_it_is_in_one_namespace(kustomize: Kustomize, place: str) -> None:
    namespaces = {document["metadata"].get("namespace", document["kind"]) for document in kustomize.built(place)}
    assert namespaces - {"Namespace"} == {"rcflab"}


@pytest.mark.parametrize("place", [".", "object-storage"])
def test_every_volume_and_file_that_a_pod_mounts_is_made(kustomize: Kustomize, place: str) -> None:
    documents = kustomize.built(place)
    made = {(each["kind"], each["metadata"]["name"]) for each in documents}
    asked = {("PersistentVolumeClaim", claim["claimName"]) for claim in _found(documents, "persistentVolumeClaim")}
    asked |= {("ConfigMap", each["name"]) for each in _found(documents, "configMap") if not each.get("optional")}
    assert asked - made == {("ConfigMap", "kube-root-ca.crt")}, "Kubernetes makes that one in each namespace"


@pytest.mark.parametrize("place", PLACES)
def test_every_secret_that_is_referred_to_is_made_by_the_script(
    kustomize: Kustomize, kuberay: Path, place: str
) -> None:
    asked = {each["name"] for each in _found(kustomize.built(place), "secretKeyRef")}
    asked |= {options["secretName"] for options in _found(kustomize.built(place), "authOptions")}
    names = next(line for line in (kuberay / "secrets.sh").read_text().splitlines() if line.startswith("names=("))
    assert asked - set(names.removeprefix("names=(").rstrip(")").split()) == set()


def test_a_job_brings_its_own_cluster_and_its_experiment_and_nothing_else(kustomize: Kustomize) -> None:
    assert sorted(document["kind"] for document in kustomize.built("job")) == ["ConfigMap", "RayJob"]


def test_the_pods_of_a_job_are_those_of_the_standing_cluster(kustomize: Kustomize) -> None:
    job = _one(kustomize.built("job"), "RayJob")["spec"]["rayClusterSpec"]
    assert job == _one(kustomize.built("."), "RayCluster")["spec"]


def test_a_job_ends_with_its_cluster_and_pays_for_none_that_hangs(kustomize: Kustomize) -> None:
    spec = _one(kustomize.built("job"), "RayJob")["spec"]
    asked = {name: spec[name] for name in ("shutdownAfterJobFinishes", "backoffLimit", "ttlSecondsAfterFinished")}
    assert asked == {"shutdownAfterJobFinishes": True, "backoffLimit": 3, "ttlSecondsAfterFinished": 600}
    assert spec["activeDeadlineSeconds"] > 0


def test_the_driver_of_a_job_finds_its_experiment(kustomize: Kustomize) -> None:
    documents = kustomize.built("job")
    spec = _one(documents, "RayJob")["spec"]
    path = Path(spec["entrypoint"].split()[-1])
    head = spec["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    mounts = {mount["mountPath"]: mount["name"] for mount in head["containers"][0]["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in head["volumes"]}
    files = _one(documents, "ConfigMap")
    assert volumes[mounts[str(path.parent)]]["configMap"]["name"] == files["metadata"]["name"]
    assert path.name in files["data"]


def test_with_an_object_store_no_pod_has_a_volume_of_runs(kustomize: Kustomize) -> None:
    documents = kustomize.built("object-storage")
    claims = {claim["claimName"] for claim in _found(documents, "persistentVolumeClaim")}
    assert (claims, "runs" in {each["metadata"]["name"] for each in documents}) == ({"data"}, False)


def test_with_an_object_store_head_and_workers_have_its_address_and_keys(kustomize: Kustomize) -> None:
    spec = _one(kustomize.built("object-storage"), "RayCluster")["spec"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        variables = {each["name"]: each for each in group["template"]["spec"]["containers"][0]["env"]}
        assert variables["RCFLAB_RUNS"]["value"] == "s3://runs"
        assert variables["AWS_ENDPOINT_URL"]["value"] == "http://object-store.rcflab.svc.cluster.local:8333"
        assert "secretKeyRef" in variables["AWS_SECRET_ACCESS_KEY"]["valueFrom"]


def test_the_patch_of_the_object_store_refuses_a_cluster_that_has_changed(unpinned: Kustomize, tmp_path: Path) -> None:
    copied = Kustomize(unpinned.folder, tmp_path)
    copied.pin()
    cluster = copied.folder / "ray" / "ray-cluster.yaml"
    cluster.write_text(cluster.read_text().replace("- {name: RAY_JOB_STOP_SIGNAL, value: SIGINT}\n", "\n"))
    assert "test" in copied.run("object-storage").stderr


def test_the_block_of_the_page_that_fits_it_to_a_cluster_does(
    unpinned: Kustomize, kuberay: Path, tmp_path: Path
) -> None:
    written = (kuberay / "README.md").read_text().partition("<!-- patches: begin -->\n```yaml\n")[2].partition("```")[0]
    copied = Kustomize(unpinned.folder, tmp_path)
    copied.pin()
    with (copied.folder / "kustomization.yaml").open("a") as file:
        file.write(written)
    documents = copied.built(".")
    workers = _one(documents, "RayCluster")["spec"]["workerGroupSpecs"][0]
    pods = workers["template"]["spec"]
    assert (workers["maxReplicas"], pods["nodeSelector"]["nvidia.com/gpu.product"]) == (16, "NVIDIA-L4")
    assert [each["key"] for each in pods["tolerations"]] == ["nvidia.com/gpu", "spot"]
    claims = [each for each in documents if each["kind"] == "PersistentVolumeClaim"]
    assert {each["spec"]["storageClassName"] for each in claims} == {"efs"}


def test_jobs_with_an_object_store_are_one_more_line(unpinned: Kustomize, tmp_path: Path) -> None:
    copied = Kustomize(unpinned.folder, tmp_path)
    copied.pin()
    with (copied.folder / "job" / "filled" / "kustomization.yaml").open("a") as file:
        file.write("components: [../../object-storage/ray-pods]\n")
    job = _one(copied.built("job"), "RayJob")["spec"]["rayClusterSpec"]
    assert job == _one(copied.built("object-storage"), "RayCluster")["spec"]
