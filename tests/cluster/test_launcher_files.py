"""The cluster files: Ray takes them, none goes out half filled in, and each rule of security is one that can break."""

import copy
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from .launcher_files import MARK, NAMES, but_one_filled, config_of, shipped
from .launcher_rules import problems

_CLOUD = ("aws.yaml", "gcp.yaml")
_WORDS = {
    "onprem.yaml": ["head_ip", "worker_ips", "ssh_user", "MLFLOW_TRACKING_URI", "/shared"],
    "aws.yaml": ["ImageId", "SubnetIds", "SecurityGroupIds", "MLFLOW_TRACKING_URI", "/shared"],
    "gcp.yaml": ["project_id", "subnetwork", "ssh-ed25519", "sourceImage", "MLFLOW_TRACKING_URI", "/shared"],
}
"""What only its user knows."""


@pytest.mark.parametrize("name", NAMES)
def test_ray_takes_the_file_once_it_is_filled_in(repository: Path, name: str) -> None:
    prepared = prepare_config(config_of(shipped(repository, name)))
    validate_config(prepared)
    assert prepared["head_setup_commands"][: len(prepared["setup_commands"])] == prepared["setup_commands"]


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_would_refuse_a_word_that_ray_does_not_know(repository: Path, name: str) -> None:
    prepared = prepare_config(config_of(shipped(repository, name)))
    prepared["idle_minutes"] = 3
    with pytest.raises(Exception, match="idle_minutes"):
        validate_config(prepared)


@pytest.mark.parametrize("name", NAMES)
def test_what_only_its_user_knows_is_marked(repository: Path, name: str) -> None:
    text = shipped(repository, name)
    lines = [line for line in text.splitlines() if MARK in line]
    assert [word for word in _WORDS[name] if not any(word in line for line in lines)] == []
    assert len(lines) == len(_WORDS[name])


@pytest.mark.parametrize("name", NAMES)
def test_one_mark_that_is_left_stops_ray_at_its_line(repository: Path, name: str) -> None:
    for line, text in but_one_filled(shipped(repository, name)):
        with pytest.raises(yaml.scanner.ScannerError) as refused:  # one of the two that `ray up` has words for
            yaml.safe_load(text)
        assert refused.value.problem_mark is not None
        assert refused.value.problem_mark.line + 1 == line
        assert MARK.strip() in str(refused.value)


def test_ray_up_shows_the_line_that_is_not_filled_in(repository: Path, tmp_path: Path) -> None:
    environment = os.environ | {"HOME": str(tmp_path)}
    command = [str(Path(sys.executable).with_name("ray")), "up", "-y", str(repository / "cluster" / "aws.yaml")]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    said = told.stdout + told.stderr
    assert told.returncode == 1
    assert "ImageId: @FILL-IN" in said and "Traceback" not in said


@pytest.mark.parametrize("name", NAMES)
def test_no_rule_is_broken(repository: Path, name: str) -> None:
    text = shipped(repository, name)
    assert problems(text, config_of(text)) == []


_MUTATIONS = [
    *((name, old, new, said) for name in NAMES for old, new, said in [
        ("do\n    RAY_AUTH_MODE=token ", "do\n    ", "worker_start_ray_commands: no RAY_AUTH_MODE=token"),
        ("RAY_AUTH_MODE=token RAY_AUTH", "RAY_AUTH_MODE=disabled RAY_AUTH", "no RAY_AUTH_MODE=token"),
        ("RAY_AUTH_TOKEN_PATH=~/.ray/auth_token", "RAY_AUTH_TOKEN=abc", "literal secret: a password or token"),
        ("--dashboard-host=127.0.0.1", "--dashboard-host=0.0.0.0", "open to all"),
        ("--dashboard-host=127.0.0.1", "--dashboard-host=10.0.0.10", "dashboard on 10.0.0.10"),
        (" --dashboard-host=127.0.0.1", "", "no --dashboard-host=127.0.0.1"),
        (" --num-cpus=0", "", "no --num-cpus=0"),
        ("RAY_JOB_STOP_SIGNAL=SIGINT ", "", "no RAY_JOB_STOP_SIGNAL"),
        ("    RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=~/.ray/auth_token RAY_USAGE_STATS_ENABLED=0\n    ray start",
         "    RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=~/.ray/auth_token\n    ray start", "no RAY_USAGE_STATS"),
        ("  ~/.ray/auth_token: ~/.ray/auth_token\n", "", "file_mounts: no token"),
        (" && chmod 600 ~/.ray/auth_token\n", "\n", "not made private"),
        ("--constraint ~/rcflab/source/constraints.txt", "", "not pinned"),
        ("http://10.0.0.10:5000", "http://me:hidden@10.0.0.10:5000", "an address with a password"),
        ("cluster_name: rcflab\n", "cluster_name: rcflab # AKIAABCDEFGHIJKLMNOP\n", "a key of AWS"),
        ("cluster_name: rcflab\n", "cluster_name: rcflab # MY_PASSWORD=hunter2\n", "a password or token"),
        ("cluster_name: rcflab\n", f"cluster_name: rcflab # {'0f' * 32}\n", "a long random word"),
        ("cluster_name: rcflab\n", "cluster_name: rcflab # account 123456789012\n", "number of an account"),
        ("idle_timeout_minutes", "upscaling_speed", "without work stay"),
    ]),
    *((name, old, new, said) for name in _CLOUD for old, new, said in [
        ("use_internal_ips: true", "use_internal_ips: false", "use_internal_ips"),
        ("  cache_stopped_nodes: false", "  cache_stopped_nodes: true", "stopped machines"),
        ("max_workers: 4\nidle", "max_workers: 400\nidle", "no bound"),
        ("{CPU: 0, GPU: 0}", "{CPU: 4, GPU: 0}", "head: trains too"),
        ("{CPU: 8, GPU: 1}", "{CPU: 8}", "gpu: no GPU"),
    ]),
    ("aws.yaml", "HttpTokens: required", "HttpTokens: optional", "IMDSv1"),
    ("aws.yaml", "HttpPutResponseHopLimit: 1", "HttpPutResponseHopLimit: 2", "containers"),
    ("aws.yaml", "    SecurityGroupIds: [@FILL-IN sg-0123456789abcdef0]\n", "", "no security group"),
    ("aws.yaml", "  use_internal", "  security_group: {GroupName: open}\n  use_internal", "makes a security group"),
    ("aws.yaml", "    InstanceInit", "    NetworkInterfaces: [{AssociatePublicIpAddress: true}]\n    InstanceInit",
     "public address"),
    ("aws.yaml", "Encrypted: true", "Encrypted: false", "not encrypted"),
    ("aws.yaml", "DeleteOnTermination: true", "DeleteOnTermination: false", "or stays"),
    ("aws.yaml", "MarketType: spot", "MarketType: capacity-block", "spot is for workers"),
    ("aws.yaml", "      IamInstanceProfile: {Name: rcflab-head}\n", "", "head: instance profile"),
    ("gcp.yaml", "        - subnetwork", "        - accessConfigs: [{type: ONE_TO_ONE_NAT}]\n          subnetwork",
     "public address"),
    ("gcp.yaml", 'ssh-keys, value: "true"', 'ssh-keys, value: "false"', "keys of the project"),
    ("gcp.yaml", "autoDelete: true", "autoDelete: false", "a disk that stays"),
    ("gcp.yaml", "provisioningModel: SPOT", "provisioningModel: STANDARD", "spot is for workers"),
    ("gcp.yaml", "      scheduling", "      serviceAccounts: [{email: all}]\n      scheduling", "service account"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "said"), _MUTATIONS)
def test_a_file_that_breaks_a_rule_is_told(repository: Path, name: str, old: str, new: str, said: str) -> None:
    text = shipped(repository, name)
    assert old in text
    changed = text.replace(old, new)
    assert [each for each in problems(changed, config_of(changed)) if said in each] != []


def test_what_all_three_say_they_say_in_the_same_words(repository: Path) -> None:
    aws, gcp, onprem = (config_of(shipped(repository, name)) for name in NAMES)
    for key in ("file_mounts", "rsync_exclude", "worker_start_ray_commands"):
        assert aws[key] == gcp[key] == onprem[key]
    assert aws["head_start_ray_commands"] == gcp["head_start_ray_commands"]
    # The hosts of one's own are the same, but for the autoscaler that does not start workers there.
    older = [command.replace(" RAY_enable_autoscaler_v2=0", "") for command in onprem["head_start_ray_commands"]]
    assert older == aws["head_start_ray_commands"] != onprem["head_start_ray_commands"]
    common = [each for each in onprem["setup_commands"] if "/shared" not in each]
    assert [each for each in aws["setup_commands"] if "shared" not in each and "apt-get" not in each] == common
    assert [each for each in gcp["setup_commands"] if "shared" not in each and "apt-get" not in each] == common


@pytest.mark.parametrize("name", NAMES)
def test_what_is_copied_is_there_and_holds_nothing_private(repository: Path, name: str) -> None:
    mounts = dict(config_of(shipped(repository, name))["file_mounts"])
    assert mounts.pop("~/.ray/auth_token") == "~/.ray/auth_token"
    assert [local for local in mounts.values() if not (repository / local).exists()] == []
    assert not {".", "runs", ".git", ".venv"} & set(mounts.values())


@pytest.mark.parametrize("name", NAMES)
def test_the_file_opens_with_command_size_cost_and_what_is_left(repository: Path, name: str) -> None:
    head = shipped(repository, name).partition("cluster_name:")[0]
    assert re.search(rf"^#   ray up cluster/{re.escape(name)} ", head, re.MULTILINE)
    for word in ("# Size ", "# Cost ", "# After ", f"`ray down cluster/{name}`", "Left"):
        assert word in head
    sums = re.findall(r"(\d+\.\d+) \+ 4 x (\d+\.\d+)\s*(?:#\s*)?= (\d+\.\d+)", head)
    assert len(sums) == (0 if name == "onprem.yaml" else 1)
    for idle, each, total in sums:
        assert float(total) == pytest.approx(float(idle) + 4 * float(each))


def test_ray_starts_the_machines_of_aws_as_they_are_written(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray's own code against a simulated EC2: private, IMDSv2, spot workers, and no group or role of Ray's making."""
    moto = pytest.importorskip("moto")
    import boto3
    from ray.autoscaler._private import providers

    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    with moto.mock_aws():
        client: Any = boto3.client("ec2", region_name="us-east-1")
        vpc = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = client.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1a")
        subnet_id = subnet["Subnet"]["SubnetId"]
        group = client.create_security_group(GroupName="rcflab", Description="rcflab", VpcId=vpc)["GroupId"]
        image = client.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        iam: Any = boto3.client("iam", region_name="us-east-1")
        iam.create_instance_profile(InstanceProfileName="rcflab-head")
        own = {"ami-0123456789abcdef0": image, "subnet-0123456789abcdef0": subnet_id, "sg-0123456789abcdef0": group}
        text = shipped(repository, "aws.yaml")
        for example, value in own.items():
            text = text.replace(example, value)
        provider_class = providers._NODE_PROVIDERS["aws"]({"type": "aws"})
        config = provider_class.bootstrap_config(prepare_config(config_of(text)))
        provider = provider_class(config["provider"], config["cluster_name"])
        for kind, each in config["available_node_types"].items():
            role = "head" if kind == config["head_node_type"] else "worker"
            node = {**copy.deepcopy(config["head_node"] if role == "head" else {}), **each["node_config"]}
            provider.create_node(node, {"ray-node-type": role, "ray-launch-config": kind}, 1)
        found = [each for one in client.describe_instances()["Reservations"] for each in one["Instances"]]
        machines = {each["InstanceType"]: each for each in found}
        assert set(machines) == {"m6i.xlarge", "g6.2xlarge"}
        for each in machines.values():
            assert each["MetadataOptions"]["HttpTokens"] == "required"
            assert each["SubnetId"] == subnet_id and [one["GroupId"] for one in each["SecurityGroups"]] == [group]
        assert machines["g6.2xlarge"].get("InstanceLifecycle") == "spot"
        assert machines["m6i.xlarge"].get("InstanceLifecycle") != "spot"
        assert "IamInstanceProfile" in machines["m6i.xlarge"] and "IamInstanceProfile" not in machines["g6.2xlarge"]
        names = {each["GroupName"] for each in client.describe_security_groups()["SecurityGroups"]}
        assert not [name for name in names if name.startswith("ray-")]
        assert iam.list_roles()["Roles"] == []
