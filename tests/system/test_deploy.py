"""Tests that deploy/ and docs/deploying.md agree, that what they name exists, and runs what can be run here."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from django.core.management import get_commands
from lxml import html

from tests.support import processes
from tests.support.proxies import DEPLOY, PROXIES, SERVERS, visitor
from tests.support.served import PROJECT, Balancer, Site, free_port
from tests.support.stories import NUMBER

UNITS = sorted(DEPLOY.glob("systemd/*.service"))
TIMERS = sorted(DEPLOY.glob("systemd/*.timer"))
FILES = sorted(file for file in DEPLOY.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
GUIDE = (PROJECT / "docs" / "deploying.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\w*\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
LINES = [line for block in BLOCKS for line in block.splitlines()]
SETTINGS = set(
    re.findall(r"^\| `([A-Z_]+)` \|", (PROJECT / "docs" / "settings.md").read_text(), re.MULTILINE)
)


def jobs() -> list[str]:
    """The names of the management commands that the timers start."""
    return [
        re.findall(r"^Unit=emsguide-job@(\w+)\.service$", timer.read_text(), re.MULTILINE)[0]
        for timer in TIMERS
    ]


def test_each_file_is_named_in_the_guide() -> None:
    assert [file.name for file in FILES if file.name not in GUIDE] == []


def test_each_file_that_the_guide_names_exists() -> None:
    named = set(re.findall(r"deploy/[\w./-]*\w", GUIDE)) - {"deploy/.env"}
    assert len(named) > 8
    assert [name for name in named if not (PROJECT / name).exists()] == []


def test_each_command_of_the_site_exists() -> None:
    ours = [shlex.split(line)[1] for line in LINES if line.startswith("emsguide ")]
    ours += re.findall(r"manage\.py (\w+)", GUIDE + "".join(file.read_text() for file in FILES))
    assert {"backup", "restore", "migrate", "collectstatic", "watch", "createsuperuser"} <= set(ours)
    assert set(ours) | set(jobs()) <= set(get_commands())


def test_each_timer_has_its_job_and_is_started_by_the_guide() -> None:
    started = {name for line in LINES if line.startswith("systemctl enable") for name in line.split()}
    assert [timer.stem.removeprefix("emsguide-") for timer in TIMERS] == jobs()
    assert {timer.name for timer in TIMERS} | {"emsguide-web.service", "emsguide-watch.service"} <= started


def test_each_job_is_in_the_list_for_cron() -> None:
    assert sorted(re.findall(r" root .* exec -T web python manage\.py (\w+)", GUIDE)) == sorted(jobs())


def test_containers_restore_a_backup_in_the_order_of_the_services() -> None:
    (services,) = [block for block in BLOCKS if "emsguide restore --replace" in block]
    (containers,) = [block for block in BLOCKS if "manage.py restore --replace" in block]
    order = r"\b(stop|restore|migrate|start)\b"
    assert (
        re.findall(order, services)
        == re.findall(order, containers)
        == ["stop", "restore", "migrate", "start"]
    )


def test_each_unit_that_the_guide_names_exists() -> None:
    named = set(re.findall(r"emsguide-\w+@?(?:\w+)?\.(?:service|timer)", GUIDE))
    known = {file.name for file in (*UNITS, *TIMERS)}
    assert {re.sub(r"@\w+", "@", name) for name in named} <= known


def test_each_program_of_the_units_comes_with_the_code() -> None:
    for unit in UNITS:
        (program,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
        python, *arguments = program.split()
        assert python == "/opt/emsguide/.venv/bin/python"
        assert arguments[0] == "manage.py" or arguments == ["-m", "gunicorn", "emsguide.wsgi"]


def test_the_guide_installs_rsync_and_copies_deletions() -> None:
    copying = [shlex.split(line) for line in LINES if line.startswith("rsync ")]
    # Without --delete, old copies stay there for ever.
    assert copying and all("--delete" in words for words in copying)
    (installed,) = [line.split() for line in LINES if line.startswith("apt-get install") and "caddy" in line]
    assert "rsync" in installed  # it runs at both ends


def test_web_machines_listen_where_the_balancer_connects() -> None:
    scaling = (PROJECT / "docs" / "scaling.md").read_text(encoding="utf-8")
    machines = set(re.findall(r"server web\S+ (\S+) ", (DEPLOY / "haproxy.cfg").read_text()))
    assert set(re.findall(r"BIND=([\d.:]+)", scaling)) == machines
    assert set(re.findall(r"BIND=(.+)", (DEPLOY / "emsguide.env").read_text())) <= machines
    assert "BIND" in SETTINGS


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder in place of `/`, with the site installed and a repository from which a new release can be cloned.

    Its `systemctl` and `curl` only note their arguments and the installed release in the file `calls`.
    """
    origin, programs = tmp_path / "origin", tmp_path / "bin"
    left_out = shutil.ignore_patterns(
        ".*", "__pycache__", "staticfiles", "backups", "*.sqlite3*", "img", "tests"
    )
    shutil.copytree(PROJECT, origin, ignore=left_out)
    for folder in ("bin", "etc/systemd/system", "opt"):
        (tmp_path / folder).mkdir(parents=True)
    note = f'echo "$(basename "$0") $*, $(cat {tmp_path}/opt/emsguide/release)" >>{tmp_path}/calls'
    for name, does in {
        "systemctl": note,
        "curl": note,
        "runuser": 'shift 3; exec "$@"',
        "python3": f'[ "$*" = "-m venv .venv" ] && ln -s {sys.prefix} .venv',  # creating one takes too long
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    (programs / "emsguide").symlink_to(tmp_path / "opt/emsguide/deploy/emsguide")
    settings = {
        "SECRET_KEY": "production " * 6,
        "ALLOWED_HOSTS": "localhost",
        "SITE_URL": "https://localhost",
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        "STATIC_ROOT": f"{tmp_path}/static",
        "BACKUP_FOLDER": f"{tmp_path}/backups",
    }
    (tmp_path / "etc/emsguide.env").write_text(
        "".join(f"{name}={value}\n" for name, value in settings.items())
    )
    release(tmp_path, "old")
    run_script(
        tmp_path,
        f"git clone --quiet {origin} /opt/emsguide; cd /opt/emsguide; python3 -m venv .venv;"
        " ln -s /etc/emsguide.env .env; emsguide migrate -v0",
    )
    return tmp_path


def release(machine: Path, name: str) -> None:
    """Commit a release with this name to the machine's repository."""
    (machine / "origin" / "release").write_text(name)
    git = "git -c user.name=a -c user.email=a@example.com"
    commit = f"{git} commit --quiet --message={name}"
    run_script(machine, f"cd {machine}/origin; git init --quiet; git add .; {commit}")


def run_script(machine: Path, script: str) -> None:
    """Run the lines of the guide with the machine's folder in place of `/`."""
    script = re.sub(r"(?<![\w.])/(etc|opt)/", rf"{machine}/\1/", script)
    path = f"{machine}/bin:{os.environ['PATH']}"
    processes.run(
        ["bash", "-euc", script], check=True, cwd=machine, env={"PATH": path}, stdout=subprocess.DEVNULL
    )


def blocks_of(chapter: str) -> list[str]:
    """The blocks of shell commands in a chapter of the guide."""
    found = GUIDE.partition(f"\n## {chapter}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```", found, re.MULTILINE | re.DOTALL)


def test_upgrade_and_roll_back_switch_releases_after_the_stop(
    machine: Path,
) -> None:
    release(machine, "new")
    served = []  # for each chapter: the installed release at each call of systemctl, and of curl at the end
    for chapter in ("Upgrade", "Roll back", "Upgrade"):
        for block in blocks_of(chapter):
            run_script(machine, block)
        served.append([call.split()[-1] for call in (machine / "calls").read_text().splitlines()])
        (machine / "calls").unlink()
    assert served == [["old", "new", "new", "new"], ["new", "old", "old"], ["old", "new", "new", "new"]]
    assert len(list((machine / "backups").iterdir())) == 2
    assert (machine / "etc/systemd/system/emsguide-web.service").is_file()
    assert (machine / "static/staticfiles.json").is_file()


@pytest.mark.parametrize("name", ["emsguide.env", "compose.env"])
def test_each_setting_of_the_examples_exists(name: str) -> None:
    written = set(re.findall(r"^#?([A-Z_]+)=", (DEPLOY / name).read_text(), re.MULTILINE))
    assert {"SECRET_KEY", "ALLOWED_HOSTS", "TRUSTED_PROXIES"} <= written
    assert written <= SETTINGS | {"POSTGRES_PASSWORD"}


def test_gunicorn_reads_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "gunicorn.conf.py").write_text((PROJECT / "gunicorn.conf.py").read_text())
    (tmp_path / ".env").write_text("WEB_CONCURRENCY=7\nBIND=127.0.0.1:8123\n")
    code = "import runpy; c = runpy.run_path('gunicorn.conf.py'); print(c['workers'], c['bind'])"
    done = processes.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["7", "127.0.0.1:8123"]


def test_the_guide_has_ten_steps() -> None:
    assert [int(step) for step in re.findall(r"^\*\*(\d+)\. ", GUIDE, re.MULTILINE)] == list(range(1, 11))


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if " root docker " not in block and "→" not in block]
)
def test_each_block_of_commands_can_be_parsed(block: str) -> None:
    assert processes.run(["bash", "-n"], input=block, text=True).returncode == 0


def test_the_wrapper_can_be_run_and_parsed() -> None:
    assert (DEPLOY / "emsguide").stat().st_mode & 0o111
    assert processes.run(["sh", "-n", DEPLOY / "emsguide"]).returncode == 0


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """Copies of the units, with the path of a Python that exists."""
    program = tmp_path / "emsguide" / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.symlink_to(sys.executable)
    for file in FILES:
        if "systemd" in file.parts:
            copy = tmp_path / file.relative_to(DEPLOY)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(file.read_text().replace("/opt/emsguide", f"{tmp_path}/emsguide"))
    return [tmp_path / "systemd" / unit.name for unit in (*UNITS, *TIMERS)]


@pytest.mark.systemd
def test_systemd_accepts_the_units(units: list[Path]) -> None:
    done = processes.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "emsguide" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.systemd
def test_the_guide_opens_another_backup_folder_to_the_job_only(units: list[Path]) -> None:
    """Run the lines of the guide with a temporary folder in place of /etc/systemd/system."""
    (block,) = [block for block in BLOCKS if "ReadWritePaths=" in block]
    lines = [line for line in block.splitlines() if not line.startswith("systemctl ")]
    here = units[0].parent
    script = "\n".join(lines).replace("/etc/systemd/system", str(here))
    processes.run(["bash", "-euc", script], check=True)
    done = processes.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if "emsguide" in line] == []
    (written,) = here.glob("emsguide-job@.service.d/*.conf")
    assert written.read_text() == "[Service]\nReadWritePaths=/mnt/disk\n"


@pytest.mark.systemd
def test_the_services_are_as_restricted_as_the_guide_says(units: list[Path]) -> None:
    printed = dict(re.findall(r"level for emsguide-(\w+).*: ([\d.]+) OK", GUIDE))
    assert set(printed) == {"web", "watch", "job"}
    for unit in units:
        if unit.suffix == ".service":
            command = ["systemd-analyze", "security", "--offline=true", "--no-pager", unit]
            level = re.findall(
                r"level for .*: ([\d.]+)", processes.run(command, capture_output=True, text=True).stdout
            )
            assert float(level[0]) <= float(printed[re.split(r"[-@.]", unit.name)[1]]) < 2


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    settings = {"ALLOWED_HOSTS": "localhost,127.0.0.1", "MESSAGES_PER_HOUR": 1} | {
        "TRUSTED_PROXIES": 1,
        "SECURE_SSL_REDIRECT": True,
    }
    with Site(folder, f"sqlite:///{folder}/db.sqlite3", **settings) as site:
        yield site


@pytest.mark.proxies
@pytest.mark.parametrize("name", SERVERS)
def test_the_site_trusts_its_proxy_and_no_claim_of_a_visitor(site: Site, name: str, tmp_path: Path) -> None:
    site.python("Message.objects.all().delete(), Allowance.objects.all().delete()")
    with SERVERS[name](site.addresses[0], tmp_path) as (address, certificate), visitor() as session:
        session.verify = str(certificate)
        page = session.get(f"{address}/contact/")
        assert page.status_code == 200
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
        (cookie,) = session.cookies
        assert cookie.secure
        token = html.fromstring(page.text).xpath("string(//input[@name='csrfmiddlewaretoken']/@value)")
        message = {"email": "ann@example.com", "text": "Where is it?", "csrfmiddlewaretoken": token}
        headers = {"Referer": f"{address}/contact/", "Origin": address}
        answers = [
            session.post(f"{address}/contact/", message, headers=headers | {"X-Forwarded-For": claim})
            for claim in ("203.0.113.1", "203.0.113.2")
        ]
        assert [answer.status_code for answer in answers] == [200, 429]
        assert site.python("print(Message.objects.count())") == "1"


class Counting(BaseHTTPRequestHandler):
    """A server that counts its connections and keeps each of them open."""

    protocol_version = "HTTP/1.1"
    connections = 0

    def setup(self) -> None:
        super().setup()
        type(self).connections += 1

    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.proxies
@pytest.mark.parametrize("name", SERVERS)
def test_the_proxy_keeps_its_connection_to_the_site(name: str, tmp_path: Path) -> None:
    class OneServer(Counting):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), OneServer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        site = f"http://127.0.0.1:{server.server_port}"
        try:
            with SERVERS[name](site, tmp_path) as (address, certificate), visitor() as session:
                session.verify = str(certificate)
                assert [session.get(address).status_code for _ in range(5)] == [204] * 5
        finally:
            server.shutdown()
    assert OneServer.connections == 1


LONG = "a" * 3500
LONG_ADDRESSES = {
    f"/services/srv/search/direct?reqCodeNo1={LONG}": 404,
    f"/track/?number={NUMBER}&to={LONG}": 302,
    f"/contact?{LONG}": 301,
    f"/admin/?{LONG}": 302,
    f"/examples/{LONG}": 414,
}


@pytest.mark.proxies
@pytest.mark.parametrize("name", SERVERS)
def test_a_long_address_is_answered_through_the_proxy(site: Site, name: str, tmp_path: Path) -> None:
    with SERVERS[name](site.addresses[0], tmp_path) as (address, certificate), visitor() as session:
        session.verify = str(certificate)
        got = [session.get(address + path, allow_redirects=False).status_code for path in LONG_ADDRESSES]
    assert got == list(LONG_ADDRESSES.values())


@pytest.mark.haproxy
def test_a_long_address_is_answered_through_the_balancer(site: Site, tmp_path: Path) -> None:
    with Balancer(tmp_path, site.addresses * 2) as balancer, visitor() as session:
        address = (
            f"{balancer.address}/track/?number={NUMBER}&to={'%FF' * 2600}"  # three times as long once decoded
        )
        answer = session.get(address, headers={"X-Forwarded-Proto": "https"}, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/track/{NUMBER}/")


@pytest.mark.proxies
@pytest.mark.parametrize("name", SERVERS)
def test_the_proxy_passes_headers_of_6_kb_on(name: str, tmp_path: Path) -> None:
    """Such as a message of the desk, which is a cookie of 2 kB, next to a long Location."""

    class LongHeaders(Counting):
        def end_headers(self) -> None:
            for number in range(3):
                self.send_header("Set-Cookie", f"cookie{number}={'a' * 2000}")
            super().end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), LongHeaders) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        site = f"http://127.0.0.1:{server.server_port}"
        try:
            with SERVERS[name](site, tmp_path) as (address, certificate), visitor() as session:
                session.verify = str(certificate)
                assert session.get(address).status_code == 204
        finally:
            server.shutdown()


CLAIM = {"X-Request-ID": "chosen-by-the-visitor"}


@pytest.mark.proxies
@pytest.mark.parametrize("name", SERVERS)
def test_a_visitor_cannot_choose_a_request_id_through_the_proxy(
    site: Site, name: str, tmp_path: Path
) -> None:
    with SERVERS[name](site.addresses[0], tmp_path) as (address, certificate), visitor() as session:
        session.verify = str(certificate)
        answer = session.get(f"{address}/healthz", headers=CLAIM)
    assert answer.status_code == 200
    assert re.fullmatch("[0-9]{39}", answer.headers["X-Request-ID"])


@pytest.mark.haproxy
def test_a_visitor_cannot_choose_a_request_id_through_the_balancer(site: Site, tmp_path: Path) -> None:
    with Balancer(tmp_path, site.addresses * 2) as balancer, visitor() as session:
        answer = session.get(f"{balancer.address}/healthz", headers=CLAIM)
    assert answer.status_code == 200
    assert re.fullmatch("[0-9]{39}", answer.headers["X-Request-ID"])


@pytest.mark.proxies
@pytest.mark.parametrize("name", SERVERS)
def test_the_proxy_logs_no_tracking_number_while_the_site_is_down(name: str, tmp_path: Path) -> None:
    no_site = f"http://127.0.0.1:{free_port()}"
    with SERVERS[name](no_site, tmp_path) as (address, certificate), visitor() as session:
        session.verify = str(certificate)
        assert session.get(f"{address}/track/{NUMBER}/").status_code == 502
    logs = [file for file in tmp_path.rglob("*") if file.is_file() and b"\0" not in file.read_bytes()]
    assert {"output", "log"} & {file.name for file in logs}
    assert [file.name for file in logs if NUMBER in file.read_text()] == []


@pytest.mark.proxies
def test_caddy_accepts_its_file() -> None:
    validate = [PROXIES["caddy"], "validate", "--config", DEPLOY / "Caddyfile", "--adapter", "caddyfile"]
    done = processes.run(validate, capture_output=True, text=True)
    assert done.returncode == 0 and "Valid configuration" in done.stdout + done.stderr
    formatted = processes.run([PROXIES["caddy"], "fmt", DEPLOY / "Caddyfile"], capture_output=True, text=True)
    assert formatted.stdout == (DEPLOY / "Caddyfile").read_text()
