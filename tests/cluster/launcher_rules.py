"""What a cluster file must hold so that nobody but its users reaches the cluster, and nothing is paid for unseen.

text, config --problems--> one sentence for each rule that is broken; none for a file that may be shipped
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Config = Mapping[str, Any]
_EVERYWHERE = ("RAY_AUTH_MODE=token", "RAY_AUTH_TOKEN_PATH=", "RAY_USAGE_STATS_ENABLED=0")
_ON_THE_HEAD = (
    "--dashboard-host=127.0.0.1", "--num-cpus=0", "--num-gpus=0", "RAY_JOB_STOP_SIGNAL=SIGINT",
    "RAY_JOB_STOP_WAIT_TIME_S=60", "--autoscaling-config=",
)  # fmt: skip
_SECRETS = {
    "a key of AWS": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY",
    "a long random word": r"\b[0-9a-fA-F]{32,}\b|\b[A-Za-z0-9+/]{60,}={0,2}\b",
    "a password or token with a value": r"(?i)(password|secret|token|credentials)\w*\s*[:=]\s*['\"]?(?![~$.'\"\s])\w",
    "an address with a password": r"://[^/\s:@]+:[^/\s@]+@",
    "the number of an account": r"\b\d{12}\b",
}
_NO_SECRETS = ("RAY_AUTH_MODE=token", "HttpTokens: required")


def problems(text: str, config: Config) -> list[str]:
    """All rules that the file breaks."""
    found = [*_ray(config), *_token(config), *_secrets(text), *_limits(config)]
    provider = config["provider"]["type"]
    if provider in ("aws", "gcp"):
        found += [*_cloud(config), *(_aws(config) if provider == "aws" else _gcp(config))]
    if re.search(r"0\.0\.0\.0(?!\d)|::/0", text):
        found.append("0.0.0.0: open to all")
    return found


def _ray(config: Config) -> Iterator[str]:
    starts = {
        where: [command for command in config[where] if re.search(r"\bray start\b", command)]
        for where in ("head_start_ray_commands", "worker_start_ray_commands")
    }
    for where, commands in starts.items():
        wanted = _EVERYWHERE + (_ON_THE_HEAD if where.startswith("head") else ())
        if not commands:
            yield f"{where}: no ray start"
        for command in commands:
            yield from (f"{where}: no {word}" for word in wanted if word not in command)
            dashboards = re.findall(r"--dashboard-host[= ](\S+)", command)
            yield from (f"{where}: dashboard on {host}" for host in dashboards if host != "127.0.0.1")


def _token(config: Config) -> Iterator[str]:
    if config.get("file_mounts", {}).get("~/.ray/auth_token") != "~/.ray/auth_token":
        yield "file_mounts: no token"
    if not any("chmod 600 ~/.ray/auth_token" in command for command in config["setup_commands"]):
        yield "setup_commands: the token is not made private"
    if not any("--constraint ~/rcflab/source/constraints.txt" in command for command in config["setup_commands"]):
        yield "setup_commands: versions are not pinned"


def _secrets(text: str) -> Iterator[str]:
    for allowed in _NO_SECRETS:
        text = text.replace(allowed, "")
    yield from (f"literal secret: {what}" for what, pattern in _SECRETS.items() if re.search(pattern, text))


def _limits(config: Config) -> Iterator[str]:
    if not config.get("idle_timeout_minutes"):
        yield "idle_timeout_minutes: machines without work stay"
    if config["provider"]["type"] != "local" and not 0 < config.get("max_workers", 0) <= 16:
        yield "max_workers: no bound for the bill"


def _cloud(config: Config) -> Iterator[str]:
    if config["provider"].get("use_internal_ips") is not True:
        yield "provider: use_internal_ips is not set"
    if config["provider"].get("cache_stopped_nodes") is not False:
        yield "provider: stopped machines are kept"
    types, head = config["available_node_types"], config["head_node_type"]
    if any(types[head]["resources"].get(kind) != 0 for kind in ("CPU", "GPU")):
        yield "head: trains too"
    for name, each in types.items():
        if name != head and not each["resources"].get("GPU"):
            yield f"{name}: no GPU"


def _aws(config: Config) -> Iterator[str]:
    if "security_group" in config["provider"]:
        yield "provider: Ray makes a security group, with ssh from everywhere"
    for name, each in config["available_node_types"].items():
        node = each["node_config"]
        if not node.get("SecurityGroupIds"):
            yield f"{name}: no security group, so Ray makes one with ssh from everywhere"
        if not node.get("SubnetIds"):
            yield f"{name}: no subnet"
        if node.get("MetadataOptions", {}).get("HttpTokens") != "required":
            yield f"{name}: IMDSv1 is answered"
        if node.get("MetadataOptions", {}).get("HttpPutResponseHopLimit") != 1:
            yield f"{name}: containers reach the metadata"
        if any(interface.get("AssociatePublicIpAddress") for interface in node.get("NetworkInterfaces", [])):
            yield f"{name}: public address"
        yield from _aws_machine(name, node, is_head=name == config["head_node_type"])


def _aws_machine(name: str, node: Config, is_head: bool) -> Iterator[str]:
    disks = [disk["Ebs"] for disk in node["BlockDeviceMappings"]]
    if not all(disk.get("Encrypted") and disk.get("DeleteOnTermination") for disk in disks):
        yield f"{name}: a disk that is not encrypted, or stays"
    if is_head != ("IamInstanceProfile" in node):
        yield f"{name}: instance profile"
    if is_head == (node.get("InstanceMarketOptions", {}).get("MarketType") == "spot"):
        yield f"{name}: spot is for workers"


def _gcp(config: Config) -> Iterator[str]:
    for name, each in config["available_node_types"].items():
        node = each["node_config"]
        interfaces = node.get("networkInterfaces", [])
        if not interfaces or any("accessConfigs" in interface for interface in interfaces):
            yield f"{name}: public address"
        metadata = {item["key"]: item["value"] for item in node.get("metadata", {}).get("items", [])}
        if metadata.get("block-project-ssh-keys") != "true":
            yield f"{name}: keys of the project open it"
        if not all(disk.get("autoDelete") for disk in node["disks"]):
            yield f"{name}: a disk that stays"
        if "serviceAccounts" in node:
            yield f"{name}: service account"
        is_head = name == config["head_node_type"]
        if is_head == (node.get("scheduling", {}).get("provisioningModel") == "SPOT"):
            yield f"{name}: spot is for workers"
