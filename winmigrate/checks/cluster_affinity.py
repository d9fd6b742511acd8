"""Which roles of a cluster are to be apart, and which together."""

from __future__ import annotations

from winmigrate.checks.cluster_index import ClusterIndex, Role, among
from winmigrate.checks.cluster_roles import NO_ROLE, is_role, role_of
from winmigrate.checks.clusters import KINDS, NOT_ONE, name_of, one_cluster
from winmigrate.checks.finding import Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, requirement, skipped, unknown
from winmigrate.checks.words import by_hand, name, several
from winmigrate.windows.cluster import AffinityRule, Group

_CLUSTERS = "https://learn.microsoft.com/windows-server/failover-clustering/"


@requirement(
    "cl-anti-affinity",
    "The move keeps roles apart and together as the cluster was told",
    Severity.INFORMS,
    Scope.CANDIDATE,
    kinds=KINDS,
    read_by="Get-ClusterGroup: AntiAffinityClassNames, OwnerNode; Get-ClusterAffinityRule",
    mend="choose another node",
    page=_CLUSTERS + "cluster-affinity",
)
def cl_anti_affinity(ground: Ground) -> Verdict:
    cluster = one_cluster(ground)
    if cluster is None:
        return skipped(NOT_ONE)
    if not is_role(ground):
        return skipped(NO_ROLE)
    role, node = role_of(ground, cluster), name_of(ground.destination, cluster)
    what = f"the roles of {cluster.name}"
    beside = [group for group in known(cluster.groups_on(node), what) if group is not role.group]
    against = _classes(role, beside, what) + _rules(role, cluster, beside)
    if against:
        return failed(
            f"on {node}: {'; '.join(against)}",
            wanted="roles apart and together as the cluster was told",
            remedy=by_hand(
                f"choose another node of {cluster.name} for {name(role.name)}", "whoever writes the playbook"
            ),
        )
    rules = known(cluster.rules_of(role.name), f"the affinity rules of {cluster.name}")
    wide = [known(rule.name, what) for rule in rules if "FaultDomain" in str(rule.rule_type)]
    if wide:
        return unknown(f"{several(map(name, wide))} speaks of fault domains, and which one {node} is in was not asked")
    return passed(f"nothing on {node} is to be apart from {name(role.name)}")


def _classes(role: Role, beside: list[Group], what: str) -> list[str]:
    mine = known(role.group.anti_affinity_class_names, what)
    if not mine:
        return []
    found = []
    for group in beside:
        shared = [each for each in known(group.anti_affinity_class_names, what) or () if among(each, mine)]
        if shared:
            found.append(
                f"{name(known(group.name, what))} is of the anti-affinity class {several(map(name, shared))}, as "
                f"{name(role.name)} is"
            )
    return found


def _rules(role: Role, cluster: ClusterIndex, beside: list[Group]) -> list[str]:
    what = f"the affinity rules of {cluster.name}"
    here = [known(group.name, what) for group in beside]
    found = []
    for rule in known(cluster.rules_of(role.name), what):
        others = [each for each in _groups(rule, what) if each.casefold() != role.name.casefold()]
        kind = known(rule.rule_type, what)
        if kind == "DifferentNode":
            found += [
                f"{name(each)} is there, which {name(known(rule.name, what))} keeps apart"
                for each in others
                if among(each, here)
            ]
        elif kind == "SameNode":
            away = [each for each in others if not among(each, here)]
            found += [f"{name(each)} is not there, which {name(known(rule.name, what))} keeps with it" for each in away]
    return found


def _groups(rule: AffinityRule, what: str) -> tuple[str, ...]:
    return () if rule.groups is None else known(rule.groups, what)
