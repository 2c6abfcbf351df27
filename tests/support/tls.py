"""Serve over TLS, with a certificate that nobody trusts by himself."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.index import Index

CERTIFICATE: Final = """\
-----BEGIN CERTIFICATE-----
MIIBojCCAUigAwIBAgIBATAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5waW5zdGFs
bCB0ZXN0czAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowGTEXMBUG
A1UEAwwOcGluc3RhbGwgdGVzdHMwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASk
sUGxQjgKzLIznzHnQoBfDsu2+IAnBphysIYdqwVvYzr0IofGAcnvL3QJls6a9gxq
EQZhxRIUUPlBxNm/uu0Vo38wfTAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQE
AwIChDAdBgNVHQ4EFgQUTRCUgZY8vN3nghSXfYY668Rdhr8wHwYDVR0jBBgwFoAU
TRCUgZY8vN3nghSXfYY668Rdhr8wGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAAB
MAoGCCqGSM49BAMCA0gAMEUCIAZHBk0aVrZ8SnM+cyM8rplAtuhLwDl9nwRaaLnc
veVXAiEA3wv0h6/7MgIouxxhnNP/SiW3YO0biG/riOFKpCgCMBE=
-----END CERTIFICATE-----
"""
"""For `localhost` and 127.0.0.1, self-signed, from 2020 to 2120: `cryptography` and `openssl` are not everywhere."""

KEY: Final = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg5qbIkpiiTtuHuwaT
Zp08Vj7DJ/Ll0JXHXbxnLvMcSFChRANCAASksUGxQjgKzLIznzHnQoBfDsu2+IAn
BphysIYdqwVvYzr0IofGAcnvL3QJls6a9gxqEQZhxRIUUPlBxNm/uu0V
-----END PRIVATE KEY-----
"""
"""Its key, which guards nothing."""


def written(folder: Path) -> Path:
    """Write the certificate alone into the folder, as for `--cert`."""
    path = folder / "certificate.pem"
    path.write_text(CERTIFICATE, encoding="utf-8")
    return path


def written_with_key(folder: Path) -> Path:
    """Write key and certificate into the folder, as for `--client-cert`."""
    path = folder / "client.pem"
    path.write_text(KEY + CERTIFICATE, encoding="utf-8")
    return path


def secure(index: Index, folder: Path, *, clients: bool = False) -> None:
    """Have an index that serves already speak TLS; with `clients` only to those that show the certificate too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(written_with_key(folder))
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=CERTIFICATE)
    index.server.socket = context.wrap_socket(index.server.socket, server_side=True)
    index.root = index.root.replace("http://", "https://")
