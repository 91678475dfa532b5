"""What NetworkPolicies allow, by the rules that Kubernetes documents: a pure function of YAML, pods and a port.

    policies --allowed(source, target, port)--> True   source may send it there, and target may take it from there
                                                False  a policy selects one of the two, and no rule of any names this

- Policies only allow. A pod that no policy selects in a direction is open in it; one that is selected is closed but for
  what some rule of some of those policies names. Both ends must agree.
- Without `policyTypes` a policy means Ingress, and Egress where it has egress rules.
- A rule without (or with an empty list of) peers means all peers; without ports, all ports. A rule needs one peer and
  one port; a peer with podSelector and namespaceSelector needs both; podSelector alone means the own namespace.
- An ipBlock is compared with addresses, of pods too, since most network plug-ins do so: nothing passes here that a
  stricter one would refuse, unless it is by an address.
- A pod reaches itself whatever is said, and so does the kubelet of its node: port-forward and probes are not seen here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, Literal

Rule = Mapping[str, Any]
Direction = Literal["Ingress", "Egress"]
_PEERS: dict[Direction, str] = {"Ingress": "from", "Egress": "to"}


@dataclass(frozen=True, slots=True)
class End:
    """One end of a connection: a pod, or an address outside where `namespace` is None."""

    address: str
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    namespace_labels: Mapping[str, str] = field(default_factory=dict[str, str])
    named_ports: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Port:
    """Where a connection goes to."""

    number: int
    protocol: str = "TCP"


def allowed(policies: Iterable[Mapping[str, Any]], source: End, target: End, port: Port) -> bool:
    """Whether a connection comes about."""
    if source == target:
        return True
    kept = list(policies)
    return _agrees(kept, "Egress", source, target, port, target) and _agrees(
        kept, "Ingress", target, source, port, target
    )


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector means something with these labels; an empty one means everything."""
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        _expression(expression, labels) for expression in selector.get("matchExpressions", [])
    )


def _expression(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values", [])
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values  # also where the key is missing
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case other:
            raise ValueError(f"matchExpressions: got the operator {other!r}; wanted In, NotIn, Exists or DoesNotExist")


def _agrees(
    policies: list[Mapping[str, Any]], direction: Direction, pod: End, peer: End, port: Port, target: End
) -> bool:
    """Whether `pod` takes (Ingress) or sends (Egress) this; `target` is whose named ports count."""
    if pod.namespace is None:
        return True
    meant = [policy for policy in policies if _means(policy, pod) and direction in _directions(policy["spec"])]
    if not meant:
        return True
    return any(
        _peer_matches(rule.get(_PEERS[direction]), peer, policy["metadata"]["namespace"])
        and _port_matches(rule.get("ports"), port, target)
        for policy in meant
        for rule in policy["spec"].get(direction.lower()) or []
    )


def _means(policy: Mapping[str, Any], pod: End) -> bool:
    return policy["metadata"]["namespace"] == pod.namespace and selects(
        policy["spec"].get("podSelector", {}), pod.labels
    )


def _directions(spec: Mapping[str, Any]) -> list[str]:
    if spec.get("policyTypes"):
        return list(spec["policyTypes"])
    return ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]  # as the API server fills it in


def _peer_matches(peers: list[Rule] | None, end: End, own_namespace: str) -> bool:
    return not peers or any(_is_peer(peer, end, own_namespace) for peer in peers)


def _is_peer(peer: Rule, end: End, own_namespace: str) -> bool:
    if "ipBlock" in peer:
        block, address = peer["ipBlock"], ip_address(end.address)
        inside = address in ip_network(block["cidr"])
        return inside and not any(address in ip_network(hole) for hole in block.get("except", []))
    if end.namespace is None:
        return False
    if "namespaceSelector" in peer:
        in_namespace = selects(peer["namespaceSelector"], end.namespace_labels)
    else:
        in_namespace = end.namespace == own_namespace
    return in_namespace and selects(peer.get("podSelector", {}), end.labels)


def _port_matches(ports: list[Rule] | None, port: Port, target: End) -> bool:
    return not ports or any(_is_port(rule, port, target) for rule in ports)


def _is_port(rule: Rule, port: Port, target: End) -> bool:
    if rule.get("protocol", "TCP") != port.protocol:
        return False
    number = rule.get("port")
    if number is None:
        return True
    if isinstance(number, str):
        return target.named_ports.get(number) == port.number
    return number <= port.number <= rule.get("endPort", number)
