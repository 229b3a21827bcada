"""Real schedulers and workers for tests, and certificates for them."""

import datetime as dt
import ipaddress
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from service.settings import Settings, environment_of

CODE = "import os, sys; from service.jobs import cluster; from service.settings import load_settings; "
DAYS = dt.timedelta(days=1)


@contextmanager
def role(name: str, settings: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    """`run_scheduler` or `run_workers` in a process of its own; killed at the end with all that it started."""
    code = CODE + f"sys.exit(cluster.{name}(load_settings({{}}, os.environ)))"
    environment = {**os.environ, **environment_of(settings)}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(60)
        finally:
            kill_all(process)


def kill_all(process: "subprocess.Popen[bytes]") -> None:
    """kill -9 a role and whatever it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait(60)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def certificates(folder: Path) -> dict[str, Any]:
    """A certificate authority and a certificate of 127.0.0.1, as settings name them."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    authority = (
        _builder(name, name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    ours = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        _builder(ours, name, key.public_key()).add_extension(here, critical=False).sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files = {"tls_ca": authority.public_bytes(pem), "tls_cert": certificate.public_bytes(pem), "tls_key": private}
    for file, content in files.items():
        (folder / f"{file}.pem").write_bytes(content)
    return {file: str(folder / f"{file}.pem") for file in files}


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(now - DAYS).not_valid_after(now + DAYS)
