"""What a survey tells beyond single hosts, as a fabric file writes it: clusters, file servers, delegation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from winmigrate.cli.surveyed_values import Remarks, filled, read, read_rows
from winmigrate.directory import DirectoryFacts
from winmigrate.directory.nouns import TRUSTED_TO_AUTHENTICATE
from winmigrate.facts import Unreadable
from winmigrate.lab.fabric.rights import MASKS
from winmigrate.survey import Roll, Survey
from winmigrate.survey.facts_of_clusters import ClusterFacts
from winmigrate.survey.facts_of_servers import FileServerFacts
from winmigrate.windows.paths import is_unc

#: A size no survey holds: what a share or a CSV has beside the files that are known to lie on it.
_ROOM = 10 * 2**40
_OPEN = {".": {"rules": {"Everyone": "FullControl"}}}
#: Where every node sees its cluster's shared volumes.
STORE = "c:\\clusterstorage\\"
#: Below it are the groups that every domain has.
_FIRST_OWN = 1000
_SERVICES = {"microsoft virtual system migration service": "migration", "cifs": "cifs"}



def wide(survey: Survey, roll: Roll, hosts: Mapping[str, Any], notes: Remarks) -> dict[str, Any]:
    """The keys ``clusters``, ``file_servers`` and ``delegation`` of a fabric that has these hosts."""
    clusters = {name: made for name, facts in survey.clusters.items() if (made := _cluster(facts, roll, hosts, notes))}
    servers = _servers(survey, notes)
    return {
        **({"clusters": clusters} if clusters else {}),
        **({"file_servers": servers} if servers else {}),
        **_groups(survey, servers, hosts, notes),
        "delegation": _delegation(survey.directory, hosts, notes),
    }





# --- clusters --------------------------------------------------------------------------------------------------------


def _cluster(facts: ClusterFacts, roll: Roll, hosts: Mapping[str, Any], notes: Remarks) -> dict[str, Any] | None:
    keys = {str(read(entry.computer)).casefold(): key for key, entry in roll.entries.items() if key in hosts}

    def key_of(node: Any) -> str | None:
        return keys.get(node.casefold()) if isinstance(node, str) else None

    nodes: dict[str, Any] = {}
    for node in read_rows(facts.nodes):
        key = key_of(node.name)
        if key is None:
            notes.add(f"cluster {facts.name}: its node {read(node.name)} is left out, it was not surveyed")
            continue
        drain = read(node.drain_status)
        nodes[key] = filled({"state": read(node.state), "weight": read(node.node_weight),
                               "drain": drain if drain in ("InProgress", "Completed", "Failed") else None})
    if not nodes:
        notes.add(f"cluster {facts.name}: left out, its nodes were not read")
        return None
    notes.add(f"cluster {facts.name}: size and owner of its CSVs beyond what was read, priorities, failback windows")
    csv = _csv(facts, key_of)
    groups = {str(group.name): one for group in read_rows(facts.groups)
              if group.group_type == "VirtualMachine" and isinstance(group.name, str)
              and (one := _group(facts, group, key_of, hosts)) is not None}  # fmt: skip
    affinity = {str(rule.name): filled({"type": read(rule.rule_type), "groups": members})
                for rule in read_rows(facts.affinity_rules)
                if (members := [one for one in read_rows(rule.groups) if one in groups])}  # fmt: skip
    return filled({
        "name": facts.name, "nodes": nodes, "quorum": _quorum(facts), "networks": _networks(facts), "csv": csv,
        "groups": groups, "affinity": affinity,
    })


def _quorum(facts: ClusterFacts) -> dict[str, Any] | None:
    found = read(facts.quorum)
    if found is None or isinstance(found.resource, Unreadable):
        return None
    resource = str(found.resource or "").casefold()
    word = next((word for word in ("disk", "share", "cloud") if word in resource), "none")
    return filled({"type": read(found.quorum_type), "witness": word})


def _csv(facts: ClusterFacts, key_of: Any) -> dict[str, Any]:
    paths = {str(one.shared_volume): str(one.path) for one in read_rows(facts.shared_volume_paths)}
    found: dict[str, Any] = {}
    for volume in read_rows(facts.shared_volumes):
        path = paths.get(str(volume.name), "")
        if not path.lower().startswith(STORE):
            continue
        states = {key: str(state.state_info) for state in read_rows(facts.shared_volume_states)
                  if state.name == volume.name and isinstance(state.state_info, str) and state.state_info != "Direct"
                  and (key := key_of(state.node)) is not None}  # fmt: skip
        found[path[len(STORE):]] = filled({
            "size": _ROOM, "name": read(volume.name), "owner": key_of(volume.owner_node),
            "state": read(volume.state), "nodes": states,
        })  # fmt: skip
    return found


def _group(facts: ClusterFacts, group: Any, key_of: Any, hosts: Mapping[str, Any]) -> dict[str, Any] | None:
    """A machine's group; None where the survey has no machine for it."""
    resources = {str(one.name) for one in read_rows(facts.resources) if one.owner_group == group.name}
    ids = {str(one.vm_id).lower() for one in read_rows(facts.machine_ids) if str(one.resource) in resources}
    machine = next((vm for host in hosts.values() for vm in host.get("vms", ()) if vm["id"].lower() in ids), None)
    if machine is None:
        return None
    preferred = [key for one in read_rows(facts.preferred_owners) if one.of == group.name
                 for node in read_rows(one.nodes) if (key := key_of(node)) is not None]  # fmt: skip
    possible = [[key for node in read_rows(one.nodes) if (key := key_of(node)) is not None]
                for one in read_rows(facts.possible_owners) if str(one.of) in resources]  # fmt: skip
    both = [each for each in (possible[0] if possible else []) if all(each in more for more in possible)]
    # A group that its nodes bring Online by themselves needs no state of its own.
    state = read(group.state)
    return filled({
        "vm": machine["name"], "preferred": preferred, "possible": both or None,
        "state": state if state not in ("Online", "Offline") else None,
        "failback": True if group.auto_failback_type == 1 else None,
        "anti_affinity": list(read_rows(group.anti_affinity_class_names)),
    })  # fmt: skip


def _networks(facts: ClusterFacts) -> dict[str, Any]:
    excluded = next((str(read(one.value) or "") for one in read_rows(facts.migration_parameters)
                     if one.name == "MigrationExcludeNetworks"), "")  # fmt: skip
    found: dict[str, Any] = {}
    for network in read_rows(facts.networks):
        subnet = _subnet(facts, network)
        if subnet is not None and isinstance(network.name, str):
            found[network.name] = filled({
                "id": read(network.id), "subnet": subnet, "role": read(network.role), "state": read(network.state),
                "migration": "exclude" if str(network.id).lower() in excluded.lower() else None,
            })  # fmt: skip
    return found


def _subnet(facts: ClusterFacts, network: Any) -> str | None:
    """The survey has a network's address without its mask: /24, or /64, is assumed with the rest of a cluster."""
    address = read(network.address)
    if not isinstance(address, str) or not address:
        return None
    return f"{address}/{64 if ':' in address else 24}"


# --- file servers ----------------------------------------------------------------------------------------------------


def _servers(survey: Survey, notes: Remarks) -> dict[str, Any]:
    used = _on_shares(survey)
    found = {name: _server(name, facts, used, notes) for name, facts in survey.file_servers.items()
             if not isinstance(facts.shares, Unreadable)}  # fmt: skip
    known = {alias for one in found.values() for alias in one.get("aliases", ())} | {name.casefold() for name in found}
    for server, shares in used.items():
        if server in known or server.partition(".")[0] in known:
            continue
        notes.add(f"file server {server}: not read; its shares have room and let everybody in")
        found[server.partition(".")[0]] = {"kind": "nas", "aliases": [server], "shares": {
            share: {"size": _ROOM, "access": {"Everyone": "Full"}, "ntfs": _OPEN} for share in sorted(shares)}}
    return found


def _on_shares(survey: Survey) -> dict[str, set[str]]:
    """Server -> its shares that files of machines lie on, as paths call them, folded."""
    found: dict[str, set[str]] = {}
    for facts in survey.hosts.values():
        paths = [read(disk.path) for disk in (*read_rows(facts.hard_disks), *read_rows(facts.checkpoint_disks))]
        paths += [read(vm.configuration_location) for vm in read_rows(facts.vms)]
        for path in paths:
            if isinstance(path, str) and is_unc(path):
                server, _, rest = path.removeprefix("\\\\?\\UNC\\").lstrip("\\").partition("\\")
                found.setdefault(server.casefold(), set()).add(rest.partition("\\")[0].casefold())
    return found


def _server(name: str, facts: FileServerFacts, used: Mapping[str, set[str]], notes: Remarks) -> dict[str, Any]:
    system = read(facts.computer_system)
    called = read(system.name) if system is not None else None
    aliases = sorted(server for server in used if server not in (name.casefold(), str(called).casefold()) and
                     server.partition(".")[0] in (name.casefold(), str(called).casefold()))  # fmt: skip
    notes.add(f"file server {name}: its shares have 10 TB each; rights by name, groups of the domain not")
    shares = {}
    for share in read_rows(facts.shares):
        if not isinstance(share.name, str) or share.name.endswith("$") or not isinstance(share.path, str):
            continue
        access = {str(one.account_name): filled({
            "right": read(one.access_right), "kind": "Deny" if one.access_control_type == "Deny" else None})
            for one in read_rows(facts.access_to(share)) if one.access_right in ("Full", "Change", "Read")}  # fmt: skip
        shares[share.name] = filled({
            "path": share.path, "size": _ROOM, "access": access, "ntfs": _ntfs(facts, share.path),
            "continuously_available": read(share.continuously_available), "encrypt": read(share.encrypt_data),
        })  # fmt: skip
    scopes = {str(one.scope_name).casefold() for one in read_rows(facts.shares)}
    return filled({
        "name": called, "version": read(facts.version), "aliases": aliases, "shares": shares,
        "scale_out": True if str(called).casefold() in scopes else None,
        "encrypt": read(facts.smb_server.encrypt_data) if not isinstance(facts.smb_server, Unreadable) else None,
    })  # fmt: skip


#: FileSystemRights by what a fabric file calls them.
_RIGHTS = {MASKS[name]: name for name in ("FullControl", "Modify", "ReadAndExecute", "Write")}


#: What the lab gives the root of every share, as Windows' volumes have it.
_ALWAYS_THERE = frozenset({"nt authority\\system", "builtin\\administrators"})


def _ntfs(facts: FileServerFacts, root: str) -> dict[str, Any]:
    """The rights that were read below a share, those of its own each folder has."""
    found: dict[str, dict[str, Any]] = {}
    inherits: set[str] = set()
    for entry in read_rows(facts.acls):
        folder, right = entry.folder, _RIGHTS.get(read(entry.file_system_rights))
        if not isinstance(folder, str) or not f"{folder}\\".casefold().startswith(f"{root}\\".casefold()):
            continue
        key = folder[len(root):].strip("\\") or "."
        if entry.is_inherited is True:
            inherits.add(key)
        elif right is not None and str(entry.identity_reference).casefold() not in _ALWAYS_THERE:
            deny = entry.access_control_type == "Deny"
            rules = found.setdefault(key, {"rules": {}})["rules"]
            rules[str(entry.identity_reference)] = {"right": right, "kind": "Deny"} if deny else right
    for key, one in found.items():
        if key != "." and key not in inherits:
            one["inherit"] = False
    return found


def _groups(survey: Survey, servers: Mapping[str, Any], hosts: Mapping[str, Any], notes: Remarks) -> dict[str, Any]:
    """The groups of the domain that hosts' accounts are in. Without a directory: those that shares name."""
    found = survey.directory
    if isinstance(found, Unreadable):
        named = {account for server in servers.values() for share in server.get("shares", {}).values()
                 for account in share.get("access", {}) if _is_own(account)}  # fmt: skip
        if named:
            notes.add(f"in {', '.join(sorted(named))}: every host (the directory was not read)")
        computers = [f"{host.get('name') or key}$" for key, host in hosts.items()]
        return {"groups": {account.partition("\\")[2]: computers for account in sorted(named)}} if named else {}
    groups: dict[str, list[str]] = {}
    for host in hosts:
        account = found.account(host)
        if not isinstance(account, Unreadable):
            for sid in read_rows(account.groups):
                name = found.group_names.get(sid)
                if name is not None and int(sid.rpartition("-")[2]) >= _FIRST_OWN:
                    groups.setdefault(name, []).append(account.name)
    return {"groups": groups} if groups else {}


def _is_own(account: str) -> bool:
    """A group that somebody made in the domain? Names of Windows' own have a domain of their own before them."""
    domain, _, name = account.partition("\\")
    built_in = ("domain admins", "domain users", "domain computers", "enterprise admins")
    return (bool(name) and not name.endswith("$") and name.casefold() not in built_in
            and domain.casefold() not in ("builtin", "nt authority"))


# --- delegation ------------------------------------------------------------------------------------------------------


def _delegation(found: DirectoryFacts | Unreadable, hosts: Iterable[str], notes: Remarks) -> Any:
    if isinstance(found, Unreadable):
        notes.add("delegation: every host may act at every other (delegation)")
        return "all"
    made: dict[str, Any] = {}
    names = list(hosts)
    notes.add("delegation: a service counts where the account has the short and the full name of a host")
    for source in names:
        services, account = found.delegated(source), found.account(source)
        if isinstance(services, Unreadable) or isinstance(account, Unreadable):
            notes.add(f"delegation of {source}: none, its account was not read")
            continue
        given = {target: both for target in names if target != source and (both := _granted(found, services, target))}
        common = sorted(set.intersection(*given.values())) if given else []
        if common:
            transition = account.has(TRUSTED_TO_AUTHENTICATE)
            made[source] = {"to": sorted(given), "services": common, "protocol_transition": transition is True}
    return made


def _granted(found: DirectoryFacts, services: Iterable[str], target: str) -> set[str]:
    """The services of a host that are granted by both of its names."""
    account = found.account(target)
    if isinstance(account, Unreadable) or account.dns_name is None:
        return set()
    names = {account.name.rstrip("$").casefold(), account.dns_name.casefold()}
    granted = {tuple(text.casefold().split("/", 1)) for text in services}
    return {word for service, word in _SERVICES.items() if all((service, name) in granted for name in names)}
