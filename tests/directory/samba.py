"""A throw-away Active Directory and its KDC: Samba's, on loopback, in a folder of its own.

Needs root and Debian's packages (.ci/run installs them). Nothing of the system's configuration is read or written: the
domain has its own smb.conf, and whoever speaks to it takes :attr:`Directory.environment`. The KDC takes a free port;
LDAP (ports 389, 636, 3268, 3269, which Samba does not let one choose) is served only if asked for.

Names with blanks: Samba's KDC looks up a service principal name in its escaped spelling ("Microsoft\\ Virtual\\ ...").
So that its rules can be asked for the migration service at all, computers here have that name, and may be delegated to
it, in both spellings. Windows knows the plain one only.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

REALM = "CORP.EXAMPLE"
DNS = "corp.example"
NETBIOS = "CORP"
CONTROLLER = f"dc01.{DNS}"
PASSWORD = "Spare key 0x2F!"
MIGRATION = "Microsoft Virtual System Migration Service"
#: A domain controller listens within a second; past this something is wrong: seconds.
_READY_WITHIN = 60.0
#: What a Hyper-V host registers, and what its WinRM is asked for.
SERVICES = ("host", "HTTP", "WSMAN", "cifs", "RestrictedKrbHost", MIGRATION)

_PYTHON = "/usr/bin/python3"
_ACCOUNTS = Path(__file__).with_name("accounts_in_samba.py")


class Refused(Exception):
    """The KDC said no; the text is what it said."""


def escaped(service_name: str) -> str:
    """As Samba's KDC looks it up."""
    return service_name.replace(" ", "\\ ")


def spellings(names: Sequence[str]) -> list[str]:
    """With both spellings of those that have blanks."""
    return sorted({*names, *map(escaped, names)})


def service_names(computer: str) -> list[str]:
    """The service principal names of a Hyper-V host, by short and full name."""
    return [f"{service}/{name}" for service in SERVICES for name in (computer, f"{computer.lower()}.{DNS}")]


class Directory:
    """A served domain. ``environment`` is what a process needs that speaks Kerberos with it."""

    def __init__(self, folder: Path, kdc_port: int) -> None:
        self.folder = folder
        self.kdc_port = kdc_port
        self.configuration = folder / "etc" / "smb.conf"
        self.environment = {**os.environ, "KRB5_CONFIG": str(folder / "krb5.conf"),
                            "KRB5CCNAME": f"FILE:{folder / 'default.ccache'}", "KRB5_KTNAME": f"FILE:{folder}/none",
                            "KRB5RCACHENAME": f"file2:{folder}/replays"}
        self._accounts = subprocess.Popen(
            [_PYTHON, "-I", str(_ACCOUNTS), str(self.configuration)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=self.environment,
        )
        self._answer()

    def change(self, what: str, *arguments: Any) -> Any:
        """Does something to an account (accounts_in_samba.Domain's methods)."""
        assert self._accounts.stdin is not None
        self._accounts.stdin.write(json.dumps([what, *arguments]) + "\n")
        self._accounts.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._accounts.stdout is not None
        assert self._accounts.stderr is not None
        line = self._accounts.stdout.readline()
        if not line:
            raise AssertionError(f"Samba's database cannot be changed: {self._accounts.stderr.read()}")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["ok"]

    def add_host(self, name: str) -> None:
        """A computer account with a host's service principal names."""
        self.change("computer", name, f"{PASSWORD} of {name}", spellings(service_names(name)))

    def keytab(self, path: Path, *principals: str) -> Path:
        """Adds the keys of these principals to a keytab."""
        for principal in principals:
            self.change("keytab", str(path), principal)
        path.chmod(0o600)
        return path

    def host_keytab(self, path: Path, *computers: str) -> Path:
        """The keys by which these hosts accept Kerberos."""
        return self.keytab(path, *(f"{service}/{computer.lower()}.{DNS}" for computer in computers
                                   for service in ("host", "HTTP", "WSMAN")))

    def kinit(self, principal: str, cache: Path, *, password: str | None = None, keytab: Path | None = None,
              lifetime: int | None = None, forwardable: bool = False) -> Mapping[str, str]:
        """Gets a ticket into a new cache; gives the environment of a process that is to use it. Raises Refused."""
        cache.unlink(missing_ok=True)
        environment = {**self.environment, "KRB5CCNAME": f"FILE:{cache}"}
        words = ["kinit", "-c", f"FILE:{cache}", *(["-f"] if forwardable else [])]
        words += ["-l", f"{lifetime}s"] if lifetime is not None else []
        words += ["-k", "-t", str(keytab)] if keytab is not None else []
        _run([*words, principal], environment, None if password is None else f"{password}\n")
        return environment

    def s4u(self, computer: str, keytab: Path, user: str, target: str) -> None:
        """Asks, as a migration service does, for a ticket to ``target`` in the name of ``user``: S4U2Self and then
        S4U2Proxy with the computer's own key. Raises Refused."""
        with tempfile.TemporaryDirectory(dir=self.folder) as fresh:  # tickets are cached, refusals by the KDC not
            # forwardable, or nothing may be delegated; Windows always asks for such a ticket
            environment = self.kinit(f"{computer}$@{REALM}", Path(fresh) / "cc", keytab=keytab, forwardable=True)
            _run(["kvno", "-q", "-k", str(keytab), "-U", user, "-P", target], environment)

    def close(self) -> None:
        """Ends the process that changes accounts."""
        assert self._accounts.stdin is not None
        self._accounts.stdin.close()
        self._accounts.wait(10)
        for pipe in (self._accounts.stdout, self._accounts.stderr):
            if pipe is not None:
                pipe.close()


@contextmanager
def directory(folder: Path, *, users: Sequence[str] = ("ops",), hosts: Sequence[str] = (), ldap: bool = False
              ) -> Iterator[Directory]:
    """Provisions a domain in ``folder`` and serves it meanwhile. ``users`` all have :data:`PASSWORD`."""
    if os.geteuid() != 0:
        raise AssertionError("Samba's domain controller wants root")
    for program in ("samba", "samba-tool", "kinit", "kvno"):
        if shutil.which(program) is None:
            raise AssertionError(f"{program} is not installed; .ci/run says which packages have it")
    port = _free_port()
    _provision(folder)
    _configure(folder, port, ldap)
    process = subprocess.Popen(
        ["samba", "-s", str(folder / "etc" / "smb.conf"), "-i", "-M", "single", "--debug-stdout"],
        stdout=(folder / "samba.log").open("w"), stderr=subprocess.STDOUT, start_new_session=True,
    )
    try:
        for one in [port, *([389, 636] if ldap else [])]:
            _await(one, process, folder)
        served = Directory(folder, port)
        try:
            for user in users:
                served.change("user", user, PASSWORD)
            for host in hosts:
                served.add_host(host)
            yield served
        finally:
            served.close()
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _provision(folder: Path) -> None:
    words = ["samba-tool", "domain", "provision", f"--realm={REALM}", f"--domain={NETBIOS}", "--server-role=dc",
             "--dns-backend=NONE", f"--adminpass={PASSWORD}", f"--targetdir={folder}", "--host-name=dc01",
             "--option=interfaces=lo", "--option=bind interfaces only=yes", f"--option=pid directory={folder}/run",
             f"--option=log file={folder}/log"]
    (folder / "run").mkdir(parents=True, exist_ok=True)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"provisioning failed: {done.stderr[-2000:]}")


def _configure(folder: Path, port: int, ldap: bool) -> None:
    services = "ldap, kdc" if ldap else "kdc"
    if ldap:
        certify(folder)
    (folder / "etc" / "smb.conf").write_text(f"""[global]
    netbios name = DC01
    workgroup = {NETBIOS}
    realm = {REALM}
    server role = active directory domain controller
    server services = {services}
    dcerpc endpoint servers = none
    krb5 port = {port}
    kpasswd port = {_free_port()}
    interfaces = lo
    bind interfaces only = yes
    private dir = {folder}/private
    state directory = {folder}/state
    cache directory = {folder}/cache
    lock directory = {folder}
    pid directory = {folder}/run
    ncalrpc dir = {folder}/run/ncalrpc
    ntp signd socket directory = {folder}/run/ntp
    winbindd socket directory = {folder}/run/winbindd
    log file = {folder}/log
    ldap server require strong auth = allow_sasl_over_tls
    tls certfile = {folder}/dc.pem
    tls keyfile = {folder}/dc.key
    tls cafile = {folder}/dc.pem
""", encoding="utf-8")
    (folder / "krb5.conf").write_text(f"""[libdefaults]
    default_realm = {REALM}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
    kdc_timesync = 1
[realms]
    {REALM} = {{
        kdc = 127.0.0.1:{port}
    }}
[domain_realm]
    .{DNS} = {REALM}
    {DNS} = {REALM}
""", encoding="utf-8")


def certify(folder: Path) -> None:
    """``dc.pem``, which is its own authority, and ``dc.key``: what the controller shows over LDAPS."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, CONTROLLER)])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(CONTROLLER)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "dc.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "dc.key").touch(0o600)
    (folder / "dc.key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    give_up = time.monotonic() + _READY_WITHIN
    while True:
        if process.poll() is not None or time.monotonic() > give_up:
            raise AssertionError(f"no domain controller: {(folder / 'samba.log').read_text()[-2000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.05)  # between two looks; what is waited for is the port


def _run(words: Sequence[str], environment: Mapping[str, str], said: str | None = None) -> None:
    done = subprocess.run(words, env=environment, input=said, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise Refused((done.stderr or done.stdout).strip())
