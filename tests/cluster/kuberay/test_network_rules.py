"""Each rule of Kubernetes' network policies, alone: what the table of cluster/kuberay/README.md is computed with."""

from typing import Any

import pytest
from network_rules import End, Port, allowed, selects

ASKER = End("10.0.0.1", "lab", {"app": "asker"}, {"name": "lab"})
SERVER = End("10.0.0.2", "lab", {"app": "server"}, {"name": "lab"}, {"http": 80})
STRANGER = End("10.0.1.1", "other", {"app": "asker"}, {"name": "other"})
OUTSIDE = End("203.0.113.7")
HTTP = Port(80)


def policy(selector: dict[str, Any], namespace: str = "lab", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "namespace": namespace}, "spec": {"podSelector": selector, **spec}}


def into(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A policy about what the server takes."""
    return policy({"matchLabels": {"app": "server"}}, policyTypes=["Ingress"], ingress=list(rules), **more)


def out_of(*rules: dict[str, Any]) -> dict[str, Any]:
    """A policy about what the asker sends."""
    return policy({"matchLabels": {"app": "asker"}}, policyTypes=["Egress"], egress=list(rules))


def test_pods_that_no_policy_selects_are_open() -> None:
    assert allowed([policy({"matchLabels": {"app": "nobody"}}, policyTypes=["Ingress", "Egress"])], ASKER, SERVER, HTTP)


def test_a_selected_pod_without_rules_is_closed() -> None:
    assert not allowed([into()], ASKER, SERVER, HTTP)


def test_an_empty_selector_means_all_pods_of_its_namespace_only() -> None:
    closed = [policy({}, policyTypes=["Ingress"])]
    assert (allowed(closed, ASKER, SERVER, HTTP), allowed(closed, SERVER, STRANGER, HTTP)) == (False, True)


def test_ingress_says_nothing_of_what_a_pod_sends() -> None:
    assert allowed([into()], SERVER, ASKER, HTTP)


def test_both_ends_must_agree() -> None:
    takes, sends = into({"from": [{"podSelector": {}}]}), out_of({"to": [{"podSelector": {}}]})
    answers = [allowed(rules, ASKER, SERVER, HTTP) for rules in ([takes, out_of()], [into(), sends], [takes, sends])]
    assert answers == [False, False, True]


def test_policies_add_up() -> None:
    assert allowed([into(), into({"from": [{"podSelector": {}}]})], ASKER, SERVER, HTTP)


def test_an_empty_rule_lets_everybody_in() -> None:
    assert allowed([into({})], OUTSIDE, SERVER, HTTP)


@pytest.mark.parametrize(("types", "sent"), [(["Egress"], False), (["Ingress"], True), (None, True), ([], True)])
def test_without_types_a_policy_without_egress_rules_means_ingress(types: list[str] | None, sent: bool) -> None:
    about = {} if types is None else {"policyTypes": types}
    assert allowed([policy({"matchLabels": {"app": "asker"}}, egress=[], **about)], ASKER, SERVER, HTTP) is sent


def test_without_types_a_policy_with_egress_rules_means_both() -> None:
    rules = [policy({"matchLabels": {"app": "asker"}}, egress=[{"to": [{"podSelector": {"matchLabels": {"a": "b"}}}]}])]
    assert (allowed(rules, ASKER, SERVER, HTTP), allowed(rules, SERVER, ASKER, HTTP)) == (False, False)


def test_a_pod_selector_alone_means_the_own_namespace() -> None:
    rule = into({"from": [{"podSelector": {"matchLabels": {"app": "asker"}}}]})
    assert (allowed([rule], ASKER, SERVER, HTTP), allowed([rule], STRANGER, SERVER, HTTP)) == (True, False)


def test_a_namespace_selector_alone_means_all_its_pods() -> None:
    rule = into({"from": [{"namespaceSelector": {"matchLabels": {"name": "other"}}}]})
    assert (allowed([rule], ASKER, SERVER, HTTP), allowed([rule], STRANGER, SERVER, HTTP)) == (False, True)


def test_two_selectors_of_one_peer_must_both_match() -> None:
    peer = {"namespaceSelector": {"matchLabels": {"name": "other"}}, "podSelector": {"matchLabels": {"app": "boss"}}}
    assert not allowed([into({"from": [peer]})], STRANGER, SERVER, HTTP)


def test_two_peers_of_one_rule_are_alternatives() -> None:
    peers = [
        {"namespaceSelector": {"matchLabels": {"name": "other"}}},
        {"podSelector": {"matchLabels": {"app": "boss"}}},
    ]
    assert allowed([into({"from": peers})], STRANGER, SERVER, HTTP)


def test_an_empty_namespace_selector_means_every_namespace_and_nobody_outside() -> None:
    rule = into({"from": [{"namespaceSelector": {}}]})
    assert (allowed([rule], STRANGER, SERVER, HTTP), allowed([rule], OUTSIDE, SERVER, HTTP)) == (True, False)


@pytest.mark.parametrize(
    ("ports", "is_allowed"),
    [
        ([{"port": 80}], True),
        ([{"port": 81}], False),
        ([{"port": 81}, {"port": 80}], True),
        ([{"protocol": "UDP", "port": 80}], False),
        ([{"protocol": "TCP"}], True),
        ([{"port": 70, "endPort": 80}], True),
        ([{"port": 70, "endPort": 79}], False),
        ([{"port": "http"}], True),
        ([{"port": "https"}], False),
        ([], True),
    ],
)
def test_a_port_matches_by_number_range_name_and_protocol(ports: list[dict[str, Any]], is_allowed: bool) -> None:
    assert allowed([into({"ports": ports})], ASKER, SERVER, HTTP) is is_allowed


def test_a_rule_needs_its_peer_and_its_port() -> None:
    rule = into({"from": [{"podSelector": {"matchLabels": {"app": "asker"}}}], "ports": [{"port": 81}]})
    assert not allowed([rule], ASKER, SERVER, HTTP)


def test_the_named_port_of_an_egress_rule_is_the_targets() -> None:
    assert allowed([out_of({"ports": [{"port": "http"}]})], ASKER, SERVER, HTTP)


@pytest.mark.parametrize(
    ("block", "is_allowed"),
    [
        ({"cidr": "203.0.113.0/24"}, True),
        ({"cidr": "203.0.113.0/24", "except": ["203.0.113.0/28"]}, False),
        ({"cidr": "198.51.100.0/24"}, False),
        ({"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}, True),
    ],
)
def test_a_block_of_addresses_has_holes(block: dict[str, Any], is_allowed: bool) -> None:
    assert allowed([into({"from": [{"ipBlock": block}]})], OUTSIDE, SERVER, HTTP) is is_allowed


def test_a_block_of_addresses_means_pods_too() -> None:
    assert allowed([out_of({"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]})], ASKER, SERVER, HTTP)


def test_a_policy_says_nothing_of_an_end_outside() -> None:
    assert allowed([policy({}, policyTypes=["Egress"])], OUTSIDE, SERVER, HTTP)


def test_a_pod_reaches_itself() -> None:
    assert allowed([into(), out_of()], SERVER, SERVER, HTTP)


@pytest.mark.parametrize(
    ("operator", "values", "meant"),
    [
        ("In", ["asker", "x"], {"asker"}),
        ("NotIn", ["asker"], {"server", "none"}),
        ("Exists", [], {"asker", "server"}),
        ("DoesNotExist", [], {"none"}),
    ],
)
def test_each_operator_of_a_selector(operator: str, values: list[str], meant: set[str]) -> None:
    selector = {"matchExpressions": [{"key": "app", "operator": operator, "values": values}]}
    pods = {"asker": {"app": "asker"}, "server": {"app": "server"}, "none": {"role": "x"}}
    assert {name for name, labels in pods.items() if selects(selector, labels)} == meant


def test_labels_and_expressions_of_a_selector_must_all_match() -> None:
    selector = {"matchLabels": {"app": "asker"}, "matchExpressions": [{"key": "role", "operator": "Exists"}]}
    assert not selects(selector, {"app": "asker"})


def test_an_operator_that_kubernetes_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="Gt"):
        selects({"matchExpressions": [{"key": "app", "operator": "Gt", "values": ["1"]}]}, {})
