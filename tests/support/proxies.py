"""Caddy and nginx with the files of deploy/, in front of a site on this machine, with a self-signed certificate."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from tests import PROJECT
from tests.support import processes
from tests.support.served import free_port

DEPLOY = PROJECT / "deploy"
PATH = f"{os.environ['PATH']}:/usr/sbin"
PROXIES = {name: shutil.which(name, path=PATH) for name in ("caddy", "nginx", "openssl")}


def changed(text: str, *changes: tuple[str, str]) -> str:
    """Return `text` with each (old, new) change made. Raises AssertionError where an old text is missing."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def make_certificate(folder: Path) -> Path:
    """Write a self-signed certificate for localhost and its key into the folder. Returns the certificate's path."""
    certificate = folder / "fullchain.pem"
    make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext"
    files = ["subjectAltName=DNS:localhost", "-keyout", folder / "privkey.pem", "-out", certificate]
    processes.run([PROXIES["openssl"], *make.split(), *files], check=True, capture_output=True)
    return certificate


@contextmanager
def caddy(site: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Run Caddy in front of the site. Yields its https address, and the certificate to trust."""
    port, certificate = free_port(), make_certificate(folder)
    file = folder / "Caddyfile"
    file.write_text(
        changed(
            (DEPLOY / "Caddyfile").read_text(),
            ("\n{\n", "\n{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n"),
            (
                "track.example.com {",
                f"https://localhost:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate} {folder}/privkey.pem",
            ),
            ("127.0.0.1:8000", site.removeprefix("http://")),
            ("lb_try_duration 30s", "lb_try_duration 300ms"),
        )
    )
    command = [PROXIES["caddy"], "run", "--config", file, "--adapter", "caddyfile"]
    with running(command, folder, XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder)):
        yield f"https://localhost:{port}", certificate


@contextmanager
def nginx(site: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Run nginx in front of the site. Yields its https address, and the certificate to trust."""
    port, certificate = free_port(), make_certificate(folder)
    ours = changed(
        (DEPLOY / "nginx.conf").read_text(),
        ("listen [::]:80;", ""),
        ("listen [::]:443 ssl;", ""),
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/letsencrypt/live/track.example.com", str(folder)),
        ("track.example.com", "localhost"),
        ("127.0.0.1:8000", site.removeprefix("http://")),
        ("/var/log/nginx/error.log", f"{folder}/visitors"),
    )
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{name}_temp_path {folder}/{name};\n" for name in kinds)
    user = "user root;" if os.geteuid() == 0 else ""
    file = folder / "nginx.conf"
    file.write_text(
        f"{user}\ndaemon off;\npid {folder}/pid;\nerror_log {folder}/log;\nevents {{}}\nhttp {{\n{temporary}{ours}}}\n"
    )
    command = [PROXIES["nginx"], "-c", file, "-e", folder / "log"]
    processes.run([*command, "-t"], check=True, capture_output=True)
    with running(command, folder):
        yield f"https://localhost:{port}", certificate


@contextmanager
def running(command: list, folder: Path, **environment: str) -> Iterator[None]:
    """Run a proxy while the block lasts, and write its output into the folder."""
    environment |= {"PATH": PATH}
    with (
        (folder / "output").open("w") as output,
        processes.running(command, stdout=output, stderr=output, env=environment),
    ):
        yield


def visitor() -> requests.Session:
    """Return a session that tries again until the proxy listens, and waits for an answer for a minute at most."""
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", _WithTimeout(max_retries=Retry(connect=12, read=0, backoff_factor=0.05)))
    session.mount("http://", _WithTimeout())
    return session


class _WithTimeout(HTTPAdapter):
    def send(self, *arguments: Any, timeout: Any = None, **options: Any) -> requests.Response:
        return super().send(*arguments, timeout=timeout or 60, **options)


SERVERS: dict[str, Callable] = {"caddy": caddy, "nginx": nginx}
