"""What a pod of ours may not be: the rules of Kubernetes' Pod Security Standard `restricted`, and some more.

    Template --faults--> sentences, none for a pod that is as it should be

restricted: no root, no escalation, no capability, seccomp of the runtime, no namespace, path or port of the host, and
volumes of a few harmless kinds. Beyond it: a root file system that is read-only, no key to the API server but where it
is asked for, limits of memory, no secret in plain text, and for every Ray container a token.
"""

import re
from collections.abc import Iterator

from manifests import Content, Template

_HARMLESS = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
_OF_THE_HOST = ("hostNetwork", "hostPID", "hostIPC", "hostUsers")
_SECRET_NAME = re.compile(r"PASSWORD|TOKEN|SECRET|ACCESS_KEY|CREDENTIAL|API_KEY|PRIVATE")
_NO_SECRETS = ("RAY_AUTH_TOKEN_PATH",)
_USERINFO = re.compile(r"://[^/\s@]*:[^/\s@]*@")
_API_KEY = "/var/run/secrets/kubernetes.io/serviceaccount"


def faults(template: Template) -> list[str]:
    """All of them, each with the container that it is about."""
    spec = template.content["spec"]
    found = [*_of_pod(spec), *_of_volumes(spec)]
    for container in template.containers:
        found += [f"{container['name']}: {fault}" for fault in _of_container(container)]
        if template.ray is not None or template.where.endswith("submitter"):
            found += [f"{container['name']}: {fault}" for fault in _of_ray_container(container)]
    return found


def _of_pod(spec: Content) -> Iterator[str]:
    context = spec.get("securityContext", {})
    if context.get("runAsNonRoot") is not True:
        yield "may be root (runAsNonRoot)"
    if not isinstance(context.get("runAsUser"), int) or context["runAsUser"] < 100:
        yield f"has the user {context.get('runAsUser')}, not a number of its own (runAsUser)"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile of the runtime"
    if spec.get("automountServiceAccountToken") is not False:
        yield "gets a key to the API server (automountServiceAccountToken)"
    for field in _OF_THE_HOST:
        if spec.get(field) not in (None, False):
            yield f"shares with the host: {field}"


def _of_volumes(spec: Content) -> Iterator[str]:
    for volume in spec.get("volumes", []):
        kinds = set(volume) - {"name"}
        if not kinds <= _HARMLESS:
            yield f"has the volume {volume['name']} of the kind {', '.join(kinds)}"
    for source in (
        source for volume in spec.get("volumes", []) for source in volume.get("projected", {}).get("sources", [])
    ):
        if "serviceAccountToken" in source and source["serviceAccountToken"].get("expirationSeconds", 10**9) > 3600:
            yield "has a key to the API server that is good for longer than an hour"


def _of_container(container: Content) -> Iterator[str]:
    context = container.get("securityContext", {})
    capabilities = context.get("capabilities", {})
    if context.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges (allowPrivilegeEscalation)"
    if context.get("privileged"):
        yield "is privileged"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "may write its root file system"
    if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
        yield "has capabilities"
    if context.get("runAsUser") == 0 or context.get("runAsNonRoot") is False:
        yield "is root"
    if "memory" not in container.get("resources", {}).get("limits", {}):
        yield "has no limit of memory"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield "has a port of the host"
    if container["name"] != "autoscaler" and any(m["mountPath"] == _API_KEY for m in container.get("volumeMounts", [])):
        yield "has a key to the API server"
    yield from _plain_secrets(container)


def _plain_secrets(container: Content) -> Iterator[str]:
    for variable in container.get("env", []):
        name, value = variable["name"], variable.get("value")
        if value is not None and ((_SECRET_NAME.search(name) and name not in _NO_SECRETS) or _USERINFO.search(value)):
            yield f"has a secret in plain text: {name}"
    for word in [*container.get("command", []), *container.get("args", [])]:
        if _USERINFO.search(word) or re.search(r"(?i)password=|secret[-_]?key=|token=", word):
            yield "has a secret among its arguments"


def _of_ray_container(container: Content) -> Iterator[str]:
    variables = {variable["name"]: variable for variable in container.get("env", [])}
    if variables.get("RAY_AUTH_MODE", {}).get("value") != "token":
        yield "does not say that Ray wants a token (RAY_AUTH_MODE)"
    if "secretKeyRef" not in variables.get("RAY_AUTH_TOKEN", {}).get("valueFrom", {}):
        yield "has no token by reference (RAY_AUTH_TOKEN)"
    if variables.get("RAY_USAGE_STATS_ENABLED", {}).get("value") != "0":
        yield "reports its usage"
